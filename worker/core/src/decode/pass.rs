//! The one pass over an event's bytes: reads tokens, walks the plan's nodes, checks, and appends to the columns.
//!
//! The event is read to its end even where it breaks its schema, so that a syntax error is always found; of several
//! violations the first one counts, and nothing is appended after it.

use std::ops::RangeInclusive;

use super::columns::Columns;
use super::content::{self, Content, ContentKey, Word};
use super::extra::Extra;
use super::names::Names;
use super::number::Literal;
use super::reader::{Reader, SyntaxError, Text};
use super::time;
use super::violation::Violation;
use crate::plan::Plan;
use crate::plan::node::{Node, NodeColumn, Property, Types};
use crate::plan::number::Num;
use crate::reject::{Reject, RejectReason};

/// Why an event can't be read on.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Box<Reject>);

impl From<Box<SyntaxError>> for Stop {
    fn from(error: Box<SyntaxError>) -> Self {
        Self::new(RejectReason::Malformed, error.offset, error.message)
    }
}

impl Stop {
    #[cold]
    pub(crate) fn new(reason: RejectReason, offset: usize, message: String) -> Self {
        let (pointer, keyword) = Default::default();
        Self(Box::new(Reject { reason, pointer, keyword, message, offset: u32::try_from(offset).ok() }))
    }
}

/// One step from a value to a part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'p> {
    /// No step: the event itself.
    Event,
    /// A member that the schema names.
    Named(&'p Property),
    /// Another member, whose name begins here.
    Other(usize),
    Item(usize),
}

/// Where a value stands in the event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) parent: Option<&'p Place<'p>>,
    pub(crate) step: Step<'p>,
    /// The path as a number, for the content.
    pub(crate) path: u64,
}

impl<'p> Place<'p> {
    /// The event itself.
    pub(crate) fn event(path: u64) -> Self {
        Self { parent: None, step: Step::Event, path }
    }

    /// A part of the value here.
    #[inline]
    pub(crate) fn part(&'p self, step: Step<'p>, path: u64) -> Place<'p> {
        Place { parent: Some(self), step, path }
    }
}

/// What is noted of a value that a field of the event leads to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    /// Its bounds in the event's text; both zero if it was not there.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The time, if it was read as one already.
    pub(crate) micros: Option<i64>,
}

/// What a pass needs beside the event, kept from one to the next.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) columns: Columns,
    pub(crate) extra: Extra,
    pub(crate) names: Names,
    /// What is noted of the values of the plan's slots.
    pub(crate) slots: Vec<Slot>,
    /// The text of a string that holds escapes.
    pub(crate) unescaped: String,
    /// A string on its way to the `jsonschema` crate.
    pub(crate) scratch: serde_json::Value,
}

/// A pass over one event.
pub(crate) struct Pass<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) plan: &'a Plan,
    pub(crate) key: &'a ContentKey,
    pub(crate) work: &'a mut Workspace,
    pub(crate) content: Content,
    /// The number of arrays and objects that are open.
    pub(crate) depth: u32,
    pub(crate) violation: Option<Box<Violation>>,
}

impl<'a> Pass<'a> {
    /// Reads the event from its first byte to its last.
    pub(crate) fn event(&mut self) -> Result<(), Stop> {
        self.work.extra.clear();
        self.work.names.clear();
        self.work.slots.fill(Slot::default());
        let plan = self.plan;
        self.reader.space();
        self.value(&plan.root, &Place::event(self.key.root()))?;
        self.reader.space();
        if self.reader.peek().is_some() {
            return Err(self.reader.error("expected nothing after the event").into());
        }
        if self.violation.is_none() {
            let extra = self.work.extra.text();
            if extra.is_empty() {
                self.work.columns.null(plan.extra);
            } else {
                self.work.columns.text(plan.extra, extra);
            }
        }
        Ok(())
    }

    /// Reads a value for which there is a node.
    #[inline]
    pub(crate) fn value(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.peek() {
            Some(b'"') => self.string(node, place)?,
            Some(b'{') => self.object(node, place)?,
            Some(b'[') => self.array(node, place)?,
            Some(b'n') => self.null(node, place)?,
            Some(b't') => self.boolean(node, place, true)?,
            Some(b'f') => self.boolean(node, place, false)?,
            _ => self.number(node, place)?,
        }
        if node.whole {
            self.whole(node, place, start);
        }
        Ok(())
    }

    /// What is left once a value has been read: its bytes go to a JSON column, and what failed within a union is the
    /// union's failure.
    fn whole(&mut self, node: &Node, place: &Place<'_>, start: usize) {
        if let NodeColumn::Json(id) = node.column {
            match self.reader.slice(start, self.reader.pos()) {
                "null" => self.work.columns.null(id),
                text => self.work.columns.text(id, text),
            }
        }
        if let (Some(keyword), Some(violation)) = (node.union, &mut self.violation)
            && violation.offset >= start
        {
            violation.pointer = super::violation::pointer(&self.reader, place);
            violation.keyword = keyword.into();
        }
    }

    #[inline]
    fn string(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.plain_string() {
            Some(value) => self.string_value(node, place, start, value),
            None => self.escaped_string(node, place)?,
        }
        Ok(())
    }

    #[cold]
    fn escaped_string(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        let text = self.reader.string()?;
        let mut held = std::mem::take(&mut self.work.unescaped);
        let value = self.reader.value(text, &mut held);
        self.string_value(node, place, start, value);
        self.work.unescaped = held;
        Ok(())
    }

    fn string_value(&mut self, node: &Node, place: &Place<'_>, start: usize, value: &str) {
        self.content.text(self.key, place.path, value);
        if node.never || !node.types.has(Types::STRING) {
            return self.mistyped(node, place, start);
        }
        for check in &node.strings {
            if !check.accepts(value, &mut self.work.scratch) {
                return self.violate(place, check.keyword, &check.expected, start);
            }
        }
        let mut position = None;
        for set in node.values.iter().rev() {
            position = set.text(value);
            if position.is_none() {
                return self.violate(place, set.keyword, &set.expected, start);
            }
        }
        let NodeColumn::Typed(id) = node.column else { return };
        match position {
            Some(position) => self.work.columns.key(id, position),
            None if node.moment => self.moment(place, id, start, value),
            None => self.work.columns.text(id, value),
        }
    }

    /// A string that must be a time, for a column of times. What the column can't hold goes to `extra` as well.
    #[inline]
    fn moment(&mut self, place: &Place<'_>, id: usize, start: usize, value: &str) {
        let Some(moment) = time::parse_rfc3339(value.as_bytes()) else {
            return self.violate(place, "format", "a string in the format `date-time`", start);
        };
        if let Step::Named(Property { slot: Some(slot), .. }) = place.step {
            self.work.slots[*slot].micros = Some(moment.micros);
        }
        let micros = moment.in_column();
        match micros {
            Some(micros) => self.work.columns.int(id, micros),
            None => self.work.columns.null(id),
        }
        if micros.is_none() || moment.truncated {
            self.work.extra.add(&self.reader, place, self.reader.slice(start, self.reader.pos()));
        }
    }

    #[inline(always)]
    fn number(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.short_number() {
            Some(literal) => self.number_value(node, place, start, literal),
            None => self.long_number(node, place),
        }
    }

    #[inline(never)]
    fn long_number(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        let literal = self.reader.number()?;
        self.number_value(node, place, start, literal)
    }

    #[inline(always)]
    fn number_value(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        start: usize,
        literal: Literal,
    ) -> Result<(), Stop> {
        let (reader, end) = (self.reader, self.reader.pos());
        let text = || reader.slice(start, end);
        let Some(num) = literal.num(text) else { return Err(beyond_double(start)) };
        let float = num.to_f64();
        self.content.number(self.key, place.path, &literal, float, text);
        if node.never || !takes_number(node, num) {
            self.mistyped(node, place, start);
        } else if let Some((keyword, expected)) = failed(node, num) {
            self.violate(place, keyword, expected, start);
        } else if let NodeColumn::Typed(id) = node.column {
            let kept = if self.work.columns.float(id, float) {
                !literal.is_inexact_integer()
            } else if let Some(int) = literal.int(text) {
                self.work.columns.int(id, int);
                true
            } else {
                self.work.columns.null(id);
                false
            };
            if !kept {
                self.work.extra.add(&self.reader, place, text());
            }
        }
        Ok(())
    }

    fn null(&mut self, node: &Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        self.reader.word("null")?;
        self.content.word(self.key, place.path, Word::Null);
        if !node.takes_null() {
            match node.values.iter().find(|set| !set.has_null()) {
                Some(set) if !node.never && node.types.has(Types::NULL) => {
                    self.violate(place, set.keyword, &set.expected, start);
                }
                _ => self.mistyped(node, place, start),
            }
        } else if let NodeColumn::Typed(id) = node.column {
            self.work.columns.null(id);
        }
        Ok(())
    }

    fn boolean(&mut self, node: &Node, place: &Place<'_>, value: bool) -> Result<(), Stop> {
        let start = self.reader.pos();
        self.reader.word(if value { "true" } else { "false" })?;
        self.content.word(self.key, place.path, if value { Word::True } else { Word::False });
        if node.never || !node.types.has(Types::BOOLEAN) {
            self.mistyped(node, place, start);
        } else if let Some(set) = node.values.iter().find(|set| !set.has_boolean(value)) {
            self.violate(place, set.keyword, &set.expected, start);
        } else if let NodeColumn::Typed(id) = node.column {
            self.work.columns.boolean(id, value);
        }
        Ok(())
    }

    /// Takes an opening bracket.
    pub(crate) fn enter(&mut self, place: &Place<'_>, word: Word) -> Result<(), Stop> {
        let limit = self.plan.limits.depth;
        if self.depth >= limit {
            let message =
                format!("expected at most {limit} arrays and objects within each other, found more");
            let mut stop = Stop::new(RejectReason::TooDeep, self.reader.pos(), message);
            stop.0.pointer = super::violation::pointer(&self.reader, place);
            return Err(stop);
        }
        self.depth += 1;
        self.content.word(self.key, place.path, word);
        self.reader.take(if matches!(word, Word::Array) { b'[' } else { b'{' });
        self.reader.space();
        Ok(())
    }

    /// Takes a name and its colon.
    pub(crate) fn name(&mut self) -> Result<Text, Stop> {
        if self.reader.peek() != Some(b'"') {
            return Err(self.reader.error("expected the name of a member, in quotes").into());
        }
        Ok(self.reader.string()?)
    }

    /// Reads a value that may be anything.
    pub(crate) fn skip(&mut self, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.peek() {
            Some(b'"') => {
                let text = self.reader.string()?;
                let value = self.reader.value(text, &mut self.work.unescaped);
                self.content.text(self.key, place.path, value);
            }
            Some(b'{') => self.skip_object(place)?,
            Some(b'[') => self.skip_array(place)?,
            Some(b'n') => {
                self.reader.word("null")?;
                self.content.word(self.key, place.path, Word::Null);
            }
            Some(b't') => {
                self.reader.word("true")?;
                self.content.word(self.key, place.path, Word::True);
            }
            Some(b'f') => {
                self.reader.word("false")?;
                self.content.word(self.key, place.path, Word::False);
            }
            _ => {
                let reader = self.reader;
                let literal = self.reader.number()?;
                let end = self.reader.pos();
                let text = || reader.slice(start, end);
                let Some(float) = literal.float(text) else { return Err(beyond_double(start)) };
                self.content.number(self.key, place.path, &literal, float, text);
            }
        }
        Ok(())
    }

    pub(crate) fn skip_object(&mut self, place: &Place<'_>) -> Result<(), Stop> {
        self.enter(place, Word::Object)?;
        let names = self.work.names.begin();
        let mut more = !self.reader.take(b'}');
        while more {
            let name = self.name()?;
            let hash = self.key.name(self.reader.value(name, &mut self.work.unescaped));
            self.work.names.note(hash, name);
            self.reader.colon()?;
            self.skip(&place.part(Step::Other(name.start - 1), content::member(place.path, hash)))?;
            more = self.reader.more(b'}')?;
        }
        self.depth -= 1;
        self.end_names(names)
    }

    pub(crate) fn skip_array(&mut self, place: &Place<'_>) -> Result<(), Stop> {
        self.enter(place, Word::Array)?;
        let mut more = !self.reader.take(b']');
        let mut index = 0;
        while more {
            self.skip(&place.part(Step::Item(index), content::item(place.path, index)))?;
            index += 1;
            more = self.reader.more(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Ends the list of an object's names.
    pub(crate) fn end_names(&mut self, begin: usize) -> Result<(), Stop> {
        match self.work.names.end(begin, &self.reader) {
            Some(name) => Err(self.repeated(name)),
            None => Ok(()),
        }
    }

    /// A member that an object has twice.
    #[cold]
    pub(crate) fn repeated(&self, name: Text) -> Stop {
        let shown = super::violation::cut(self.reader.raw(name));
        let message = format!("expected each member once, found `{shown}` twice in one object");
        Stop::new(RejectReason::Malformed, name.start - 1, message)
    }
}

/// Whether a number's type is right.
#[inline(always)]
fn takes_number(node: &Node, num: Num) -> bool {
    // A node that takes both need not know whether it is an integer.
    match (node.types.has(Types::INTEGER), node.types.has(Types::FRACTION)) {
        (true, true) => true,
        (false, false) => false,
        (integer, _) => integer == num.is_integer(node.integers_as_written),
    }
}

/// The first check of numbers that one fails.
#[inline(always)]
fn failed(node: &Node, num: Num) -> Option<(&'static str, &str)> {
    let within = |range: &RangeInclusive<f64>| num.exact_f64().is_some_and(|float| range.contains(&float));
    if !node.range.as_ref().is_some_and(within) {
        if let Some(check) = node.numbers.iter().find(|check| !check.accepts(num)) {
            return Some((check.keyword, &check.expected));
        }
    }
    if node.values.is_empty() {
        return None;
    }
    let listed = node.values.iter().find(|set| !set.has_number(num));
    listed.map(|set| (set.keyword, set.expected.as_str()))
}

#[cold]
fn beyond_double(offset: usize) -> Stop {
    Stop::new(RejectReason::Malformed, offset, "expected a number within the range of a double".to_owned())
}
