//! The part of the pass that reads objects and arrays for which there is a node.

use super::content::{self, Word};
use super::pass::{Pass, Place, Step, Stop};
use super::reader::Text;
use crate::plan::Layout;
use crate::plan::node::{ArrayNode, Bounds, Node, NodeColumn, ObjectNode, Rest, Types};

/// A member's name.
enum Name {
    /// Of a property, by its position.
    Known(usize),
    /// Another one.
    Other(Text),
}

/// Which of an object's properties have been met.
#[derive(Default)]
struct Seen {
    first: u64,
    others: Vec<u64>,
    count: usize,
}

impl Seen {
    #[inline]
    fn new(properties: usize) -> Self {
        let mut seen = Self::default();
        if properties > 64 {
            seen.others.resize(properties.div_ceil(64) - 1, 0);
        }
        seen
    }

    /// Adds one; false if it was there.
    #[inline]
    fn add(&mut self, at: usize) -> bool {
        let word = if at < 64 { &mut self.first } else { &mut self.others[at / 64 - 1] };
        let bit = 1 << (at % 64);
        let new = *word & bit == 0;
        *word |= bit;
        self.count += 1;
        new
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        let word = if at < 64 { self.first } else { self.others[at / 64 - 1] };
        word & 1 << (at % 64) != 0
    }
}

impl<'a> Pass<'a> {
    pub(crate) fn object(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        if node.never || !node.types.has(Types::OBJECT) {
            self.mistyped(node, place, start);
        }
        match &node.object {
            Some(object) => self.members(object, node, place)?,
            None => self.skip_object(place)?,
        }
        self.listed(node, place, start);
        Ok(())
    }

    pub(crate) fn array(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        if node.never || !node.types.has(Types::ARRAY) {
            self.mistyped(node, place, start);
        }
        match &node.array {
            Some(array) => self.items(array, node, place)?,
            None => self.skip_array(place)?,
        }
        self.listed(node, place, start);
        Ok(())
    }

    /// Checks an array or object against `enum` and `const`.
    fn listed(&mut self, node: &Node, place: &Place<'_>, start: usize) {
        for set in &node.values {
            let text = self.reader.slice(start, self.reader.pos());
            if self.violation.is_none()
                && !set.has_composite(|| serde_json::from_str(text).unwrap_or_default())
            {
                self.violate(place, set.keyword, &set.expected, start);
            }
        }
    }

    fn members(&mut self, object: &'a ObjectNode, node: &Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        self.enter(place, Word::Object)?;
        let names = self.work.names.begin();
        let mut seen = Seen::new(object.properties.len());
        let (mut count, mut next) = (0, 0);
        // Members without a column of their own go to `extra` where the object is a struct.
        let keep = matches!(node.column, NodeColumn::Typed(_)) || place.parent.is_none();
        let mut more = !self.reader.take(b'}');
        while more {
            count += 1;
            let start = self.reader.pos();
            let name = match object.properties.get(next) {
                // Most often it is the next one of the schema.
                Some(property) if self.reader.take_token(&property.token) => {
                    self.reader.space();
                    Name::Known(next)
                }
                _ => self.find(object)?,
            };
            match name {
                Name::Known(at) => {
                    if !seen.add(at) {
                        return Err(self.repeated(self.reader.string_at(start)));
                    }
                    next = at + 1;
                    self.known(object, at, start, place, keep)?;
                }
                Name::Other(name) => self.unknown(object, name, place, keep)?,
            }
            more = self.reader.more(b'}')?;
        }
        self.depth -= 1;
        self.end_names(names)?;
        if seen.count < object.properties.len() {
            self.absent(object, &seen, place, start);
        }
        self.counted(object.count, count, ["minProperties", "maxProperties"], place, start);
        if keep {
            self.work.extra.leave(self.depth);
        }
        if let NodeColumn::Typed(id) = node.column {
            self.work.columns.close(id);
        }
        Ok(())
    }

    /// Takes a member's name and colon; its property, if it is one.
    fn find(&mut self, object: &ObjectNode) -> Result<Name, Stop> {
        let name = self.name()?;
        self.reader.colon()?;
        let value = self.reader.value(name, &mut self.work.unescaped);
        let at = if object.index.is_empty() {
            object.properties.iter().position(|property| *property.name == *value)
        } else {
            object.index.get(value).copied()
        };
        Ok(at.map_or(Name::Other(name), Name::Known))
    }

    /// Reads a member that the schema names; its own name begins at `name`.
    #[inline]
    fn known(
        &mut self,
        object: &'a ObjectNode,
        at: usize,
        name: usize,
        place: &Place<'_>,
        keep: bool,
    ) -> Result<(), Stop> {
        let property = &object.properties[at];
        if !object.names.is_empty() {
            self.check_name(object, self.reader.string_at(name), place);
        }
        if let Some(keyword) = property.forbidden {
            self.superfluous(place, keyword, self.reader.string_at(name));
        }
        let start = self.reader.pos();
        let path = content::member(place.path, self.key.property(property.number));
        let part = place.part(Step::Named(property), path);
        self.value(&property.node, &part)?;
        let end = self.reader.pos();
        if let Some(slot) = property.slot {
            let slot = &mut self.work.slots[slot];
            (slot.start, slot.end) = (start, end);
        }
        if keep && property.node.column == NodeColumn::None {
            self.work.extra.add(&self.reader, &part, self.reader.slice(start, end));
        }
        Ok(())
    }

    /// Reads a member that the schema doesn't name.
    fn unknown(
        &mut self,
        object: &'a ObjectNode,
        name: Text,
        place: &Place<'_>,
        keep: bool,
    ) -> Result<(), Stop> {
        let value = self.reader.value(name, &mut self.work.unescaped);
        let hash = self.key.name(value);
        let rest = match &object.pattern {
            Some((pattern, rest)) if pattern.accepts_text(value, &mut self.work.scratch) => rest,
            _ => &object.rest,
        };
        self.work.names.note(hash, name);
        if !object.names.is_empty() {
            self.check_name(object, name, place);
        }
        let start = self.reader.pos();
        let part = place.part(Step::Other(name.start - 1), content::member(place.path, hash));
        match rest {
            Rest::Any => self.skip(&part)?,
            Rest::Checked(node) => self.value(node, &part)?,
            Rest::Closed(keyword) => {
                self.superfluous(place, keyword, name);
                self.skip(&part)?;
            }
        }
        if keep {
            self.work.extra.add(&self.reader, &part, self.reader.slice(start, self.reader.pos()));
        }
        Ok(())
    }

    /// A member that must not be there.
    #[cold]
    fn superfluous(&mut self, place: &Place<'_>, keyword: &'static str, name: Text) {
        let shown = super::violation::cut(self.reader.raw(name)).into_owned();
        let message = || format!("expected no members but those of the schema, found `{shown}`");
        self.violate_with(place, keyword, name.start - 1, message);
    }

    /// Checks a member's name.
    #[cold]
    fn check_name(&mut self, object: &ObjectNode, name: Text, place: &Place<'_>) {
        let value = self.reader.value(name, &mut self.work.unescaped);
        let failed = object.names.iter().find(|check| !check.accepts(value, &mut self.work.scratch));
        if let Some(check) = failed {
            let shown = super::violation::cut(self.reader.raw(name)).into_owned();
            let message = || format!("expected {}, found `{shown}`", check.expected);
            self.violate_with(place, check.keyword, name.start - 1, message);
        }
    }

    /// Sees to the properties that were not there.
    fn absent(&mut self, object: &ObjectNode, seen: &Seen, place: &Place<'_>, start: usize) {
        for (at, property) in object.properties.iter().enumerate() {
            if seen.has(at) {
                continue;
            }
            if property.required {
                let message =
                    || format!("expected the member `{}`, found an object without it", property.name);
                self.violate_with(place, "required", start, message);
            }
            if let Some(id) = property.node.column.id() {
                self.work.columns.null(id);
            }
        }
    }

    /// Checks the number of members or items.
    #[inline]
    fn counted(
        &mut self,
        bounds: Bounds,
        count: u64,
        keywords: [&'static str; 2],
        place: &Place<'_>,
        start: usize,
    ) {
        let kind = if keywords[0] == "minItems" { "items" } else { "members" };
        if let Some(min) = bounds.min.filter(|min| count < *min) {
            let message = || format!("expected at least {min} {kind}, found {count}");
            self.violate_with(place, keywords[0], start, message);
        }
        if let Some(max) = bounds.max.filter(|max| count > *max) {
            let message = || format!("expected at most {max} {kind}, found {count}");
            self.violate_with(place, keywords[1], start, message);
        }
    }

    fn items(&mut self, array: &'a ArrayNode, node: &Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        self.enter(place, Word::Array)?;
        let mut more = !self.reader.take(b']');
        let mut index = 0;
        while more {
            let part = place.part(Step::Item(index), content::item(place.path, index));
            match (array.prefix.get(index), &array.rest) {
                (Some(node), _) => self.value(node, &part)?,
                (None, Rest::Checked(node)) => self.value(node, &part)?,
                (None, Rest::Any) => self.skip(&part)?,
                (None, Rest::Closed(keyword)) => {
                    let most = array.prefix.len();
                    let message = || format!("expected at most {most} items, found more");
                    self.violate_with(place, keyword, self.reader.pos(), message);
                    self.skip(&part)?;
                }
            }
            index += 1;
            more = self.reader.more(b']')?;
        }
        self.depth -= 1;
        self.counted(array.count, index as u64, ["minItems", "maxItems"], place, start);
        if let Some(unique) = array.unique.as_ref().filter(|_| index > 1 && self.violation.is_none()) {
            let text = self.reader.slice(start, self.reader.pos());
            if !unique.accepts(&serde_json::from_str(text).unwrap_or_default()) {
                self.violate(place, "uniqueItems", "items that all differ", start);
            }
        }
        if let NodeColumn::Typed(id) = node.column
            && matches!(self.plan.layouts[id], Layout::List(_))
        {
            self.work.extra.leave(self.depth);
            self.work.columns.close(id);
        }
        Ok(())
    }
}
