//! What a draft says of each place in events.

use transect_config::Pointer;

use super::seen::Seen;
use super::words;

/// So many fields can have their missing-value codes taken out; a StudySchema has at most 64 steps of cleansing.
const STEPS_MAX: usize = 48;
/// Below this depth a draft says nothing but the type.
const DEPTH_MAX: usize = 20;
/// An object with more names, of which each is rare, has data for names.
const NAMES_MAX: usize = 64;
/// A list of values is proposed only if each came about so often.
const EACH_MIN: u64 = 4;
/// And only if there were so many texts.
const TEXTS_MIN: u64 = 20;
/// No pointer in a manifest is longer.
const POINTER_BYTES_MAX: usize = 256;

/// What a draft says of one place in events.
#[derive(Debug)]
pub(super) struct Part<'s> {
    pub(super) name: &'s str,
    /// None within arrays.
    pub(super) pointer: Option<Pointer>,
    pub(super) seen: &'s Seen,
    /// How often it could have been there.
    pub(super) of: u64,
    /// Whether all events have it.
    pub(super) in_all: bool,
    pub(super) types: Vec<&'static str>,
    pub(super) format: Option<&'static str>,
    /// All its texts, where it looks like a choice among few.
    pub(super) values: Option<&'s [String]>,
    /// Texts for missing values, which cleansing takes out.
    pub(super) null_if: Vec<&'static str>,
    pub(super) members: Vec<Self>,
    pub(super) items: Option<Box<Self>>,
    /// Whether it is an object whose members' names are data.
    pub(super) is_map: bool,
}

struct Maker {
    cells: bool,
    steps: usize,
}

impl<'s> Part<'s> {
    /// The event as a whole. `cells` says that texts are cells of CSV, which become what the draft says.
    pub(super) fn root(seen: &'s Seen, cells: bool) -> Self {
        let mut maker = Maker { cells, steps: STEPS_MAX };
        let mut root = maker.part("", Some(Pointer::default()), seen, seen.count, true, 0);
        root.types = vec!["object"];
        root
    }

    pub(super) fn is_required(&self) -> bool {
        self.seen.count == self.of
    }

    /// Whether all its values are of this one type.
    pub(super) fn is_only(&self, kind: &str) -> bool {
        self.types == [kind] && self.null_if.is_empty()
    }

    /// Whether anything is said of what is in it, so that it takes several lines.
    pub(super) fn is_block(&self) -> bool {
        !self.members.is_empty() || self.items.as_ref().is_some_and(|items| items.is_block())
    }

    /// All parts that a pointer leads to, the event itself left out, in order.
    pub(super) fn fields(&self) -> Vec<&Self> {
        let mut fields = Vec::new();
        for member in &self.members {
            if member.pointer.is_some() {
                fields.push(member);
            }
            fields.extend(member.fields());
        }
        fields
    }
}

/// What a place's values are.
#[derive(Default)]
struct Kind {
    types: Vec<&'static str>,
    format: Option<&'static str>,
    null_if: Vec<&'static str>,
}

impl Maker {
    fn part<'s>(
        &mut self,
        name: &'s str,
        pointer: Option<Pointer>,
        seen: &'s Seen,
        of: u64,
        in_all: bool,
        depth: usize,
    ) -> Part<'s> {
        let pointer = pointer.filter(|pointer| pointer.to_string().len() <= POINTER_BYTES_MAX);
        let Kind { types, format, null_if } = self.kind(seen, pointer.is_some());
        let is_map = depth > 0 && is_map(seen);
        let mut part = Part {
            name,
            seen,
            of,
            in_all,
            values: None,
            format,
            null_if,
            members: Vec::new(),
            items: None,
            is_map,
            types,
            pointer,
        };
        part.values = choice(&part);
        if depth == DEPTH_MAX || is_map {
            return part;
        }
        if let Some(object) = &seen.object {
            // Of a field that is an object only at times, nothing is in all events.
            let in_all = in_all && object.count == seen.count;
            part.members = Vec::with_capacity(object.members.len());
            for (name, member) in &object.members {
                let pointer = part.pointer.as_ref().map(|pointer| pointer.child(name));
                let in_all = in_all && member.count == object.count;
                part.members.push(self.part(name, pointer, member, object.count, in_all, depth + 1));
            }
        }
        if let Some(items) = seen.array.as_ref().and_then(|array| array.items.as_deref()) {
            let items = self.part("", None, items, items.count, false, depth + 1);
            part.items = Some(Box::new(items));
        }
        part
    }

    /// The types of all values, and of which missing-value codes are taken out for that.
    fn kind(&mut self, seen: &Seen, has_pointer: bool) -> Kind {
        let texts = &seen.texts;
        let of_texts = if texts.count == 0 {
            None
        } else if self.cells && texts.are_booleans() {
            Some("boolean")
        } else if self.cells && texts.are_numbers() {
            Some("number")
        } else if texts.plain() == 0 && seen.numbers.count + seen.booleans > 0 {
            None
        } else {
            Some("string")
        };
        let mut format = texts.format().filter(|_| of_texts == Some("string"));
        let (codes, mut null_if) = (texts.codes(), Vec::new());
        let mut is_text = of_texts == Some("string");
        if !codes.is_empty() && (!is_text || format.is_some()) {
            if has_pointer && self.steps > 0 {
                self.steps -= 1;
                null_if = codes;
            } else {
                (is_text, format) = (true, None);
            }
        }
        let numbers = seen.numbers.count > 0 || of_texts == Some("number");
        let integers =
            seen.numbers.are_integers() && (of_texts != Some("number") || texts.numbers.are_integers());
        let found = [
            (seen.booleans > 0 || of_texts == Some("boolean"), "boolean"),
            (numbers && integers, "integer"),
            (numbers && !integers, "number"),
            (is_text, "string"),
            (seen.array.is_some(), "array"),
            (seen.object.is_some(), "object"),
            (seen.nulls > 0 || !null_if.is_empty(), "null"),
        ];
        let types = found.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        Kind { types, format, null_if }
    }
}

/// Whether the names of an object's members are data: many, and each in few.
fn is_map(seen: &Seen) -> bool {
    let Some(object) = &seen.object else { return false };
    let names = object.members.len() as u64;
    let times: u64 = object.members.iter().map(|(_, member)| member.count).sum();
    names > NAMES_MAX as u64 && times < names * object.count / 4
}

/// The texts of a field that looks like a choice among few.
fn choice<'s>(part: &Part<'s>) -> Option<&'s [String]> {
    let texts = &part.seen.texts;
    let only_text = part.types.iter().all(|kind| matches!(*kind, "string" | "null"));
    let values =
        texts.few.values().filter(|_| only_text && part.format.is_none() && part.null_if.is_empty())?;
    let often = texts.count >= TEXTS_MIN && texts.count >= EACH_MIN * values.len() as u64;
    (often && values.len() > 1 && words::privacy(part.name, None).is_none()).then_some(values)
}
