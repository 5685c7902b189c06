//! JSON Schema: whether one version takes every document that another allows.
//!
//! The comparison is by structure and errs to the safe side: what it can't show is a break. One thing is assumed of data:
//! that it has no member which its own version doesn't name and the other one does. So an optional property may be added
//! to an open object.

mod array;
mod combined;
mod facts;
mod members;
mod multiple;
mod object;
mod part;
mod same;
mod scalar;
mod types;

use std::collections::BTreeSet;

use jsonschema::Draft;
use serde_json::Value;

use super::{Aspect, Break, CompatError, Direction, Mode, Rule, Version};
use crate::plan;
use crate::plan::family::Family;
use crate::plan::source::Source;
use facts::Facts;
use part::{All, Part, Place};
use types::Types;

/// More subschemas than this are not compared: alternatives within alternatives multiply.
const COMPARISONS_MAX: usize = 20_000;
/// Subschemas nest no deeper than this, as each level takes some stack.
const DEPTH_MAX: usize = 64;

/// See [`super::breaks`].
pub(super) fn breaks(old: &Version<'_>, new: &Version<'_>, mode: Mode) -> Result<Vec<Break>, CompatError> {
    let families = (documents(old, false)?, documents(new, true)?);
    let are_same = texts(&families.0) == texts(&families.1);
    let root = |family, is_new| {
        let source = Source::new(family);
        Part { source, is_new, at: source.root() }
    };
    let (old_root, new_root) = (root(&families.0, false), root(&families.1, true));
    let mut all = Vec::new();
    for direction in mode.directions() {
        let (reader, writer) = match direction {
            Direction::Backward => ((new, &new_root), (old, &old_root)),
            Direction::Forward => ((old, &old_root), (new, &new_root)),
        };
        let mut comparison = Comparison::new(direction, reader.0.name, writer.0.name, are_same);
        comparison.whole(reader.1, writer.1);
        all.append(&mut comparison.breaks);
    }
    Ok(all)
}

fn documents<'s>(version: &Version<'s>, is_new: bool) -> Result<Family<'s>, CompatError> {
    plan::documents(version.schema, version.family).map_err(|error| CompatError { is_new, error })
}

impl Break {
    /// Whether it is by another type at this very place.
    fn is_type_of(&self, pointer: &str) -> bool {
        self.pointer == pointer && self.rule.aspect == Aspect::TypeChanged
    }
}

/// The documents that a schema is made of, by name.
fn texts<'s>(family: &Family<'s>) -> Vec<(&'s str, &'s Value)> {
    family.documents.iter().map(|document| (document.name, document.value)).collect()
}

/// A comparison in the making.
struct Comparison<'s> {
    direction: Direction,
    /// What the reading version is called.
    reader: &'s str,
    /// What the writing version is called.
    writer: &'s str,
    /// All documents of both versions are the same.
    are_same: bool,
    /// Nothing is assumed of data.
    is_strict: bool,
    /// What is being compared: where recursion comes back to it, it is taken to hold.
    open: BTreeSet<(Place, BTreeSet<Place>, Types, bool)>,
    comparisons: usize,
    breaks: Vec<Break>,
}

impl<'s> Comparison<'s> {
    fn new(direction: Direction, reader: &'s str, writer: &'s str, are_same: bool) -> Self {
        Self {
            direction,
            reader,
            writer,
            are_same,
            is_strict: false,
            open: BTreeSet::new(),
            comparisons: 0,
            breaks: Vec::new(),
        }
    }

    fn whole(&mut self, reader: &Part<'s>, writer: &Part<'s>) {
        if [reader, writer].iter().all(|part| part.draft() != Draft::Unknown) {
            self.accepts(reader, std::slice::from_ref(writer), Types::ALL, "");
        } else if !self.are_same {
            // Which keywords constrain is for a meta-schema of one's own to say.
            let what = "a meta-schema of its own says what the keywords mean, so that they can't be compared";
            self.report(Aspect::NotComparable, "", None, what.to_owned());
        }
        if self.comparisons > COMPARISONS_MAX {
            self.too_complex();
        }
        // Alternatives may break by the same.
        let mut seen = BTreeSet::new();
        self.breaks.retain(|found| seen.insert((found.pointer.clone(), found.rule)));
    }

    /// Whether the reader takes everything of these types that all parts of the writer allow; notes what breaks.
    fn accepts(&mut self, reader: &Part<'s>, writer: &[Part<'s>], mask: Types, pointer: &str) {
        if reader.takes_all() || writer.iter().any(|part| part.is_same(reader, self.are_same)) {
            return;
        }
        // Recursion comes back to what is referred to, and not to the reference.
        let reader = &reader.meant();
        let writer: Vec<Part<'s>> = writer.iter().map(Part::meant).collect();
        let places: BTreeSet<Place> = writer.iter().map(Part::place).collect();
        let key = (reader.place(), places, mask, self.is_strict);
        if self.open.contains(&key) {
            return;
        }
        self.comparisons += 1;
        if self.comparisons > COMPARISONS_MAX || self.open.len() > DEPTH_MAX {
            return self.too_complex();
        }
        self.open.insert(key.clone());
        let all = All::of(std::slice::from_ref(reader));
        let (start, mut possible, mut of_other_type) = (self.breaks.len(), 0, 0);
        for alternative in All::alternatives(&writer) {
            let facts = Facts::of(&alternative, mask);
            if !facts.are_impossible() {
                let before = self.breaks.len();
                self.all_accept(&all, &alternative, &facts, pointer);
                possible += 1;
                of_other_type +=
                    usize::from(self.breaks[before..].iter().any(|found| found.is_type_of(pointer)));
            }
        }
        // One alternative of another type narrows the types, where others are taken.
        if of_other_type < possible {
            let changed = self.breaks[start..].iter_mut().filter(|found| found.is_type_of(pointer));
            changed.for_each(|found| found.rule.aspect = Aspect::Type);
        }
        self.open.remove(&key);
    }

    /// The same for parts of a reader that all must take it, and one alternative of a writer.
    fn all_accept(&mut self, reader: &All<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        if let Some(nothing) = &reader.nothing {
            let what = format!(
                "{} takes no value here, {} takes {}",
                self.reader,
                self.writer,
                facts.types.describe()
            );
            return self.report(Aspect::Nothing, pointer, Some(nothing), what);
        }
        if let Some((part, text)) = &reader.lost {
            let what =
                format!("the reference `{text}` of {} can't be followed for a comparison", self.reader);
            self.report(Aspect::Reference, pointer, Some(part), what);
        }
        for part in &reader.parts {
            if writer.parts.iter().any(|known| known.is_same(part, self.are_same)) {
                continue;
            }
            let before = self.breaks.len();
            self.scalars(part, writer, facts, pointer);
            // Where the types differ, there is nothing more to say.
            if self.breaks[before..].iter().any(|found| found.is_type_of(pointer)) {
                continue;
            }
            if facts.types.has(Types::OBJECT) {
                self.objects(part, reader, writer, facts, pointer);
            }
            if facts.types.has(Types::ARRAY) {
                self.arrays(part, writer, pointer);
            }
            self.combined(part, writer, facts, pointer);
            self.others(part, writer, pointer);
        }
    }

    /// Keywords that are compared by text only.
    fn others(&mut self, part: &Part<'s>, writer: &All<'s>, pointer: &str) {
        for (keyword, value) in part.map().into_iter().flatten() {
            let unknown = match keyword.as_str() {
                "contentEncoding" | "contentMediaType" => true,
                "$dynamicRef" | "$recursiveRef" => !self.are_same,
                _ => false,
            };
            let says = part.get(keyword).is_some() && unknown;
            let is_same = !keyword.starts_with('$')
                && writer.parts.iter().any(|known| known.get(keyword) == Some(value));
            if says && !is_same {
                let what = format!("`{keyword}` of {} can't be compared", self.reader);
                self.report(Aspect::NotComparable, pointer, part.keyword(keyword).as_ref(), what);
            }
        }
    }

    /// What breaks if this is compared, without noting it.
    fn trial(&mut self, compare: impl FnOnce(&mut Self)) -> Vec<Break> {
        let before = std::mem::take(&mut self.breaks);
        compare(self);
        std::mem::replace(&mut self.breaks, before)
    }

    /// Whether nothing breaks, with nothing assumed of data.
    fn holds(&mut self, compare: impl FnOnce(&mut Self)) -> bool {
        let was_strict = std::mem::replace(&mut self.is_strict, true);
        let found = self.trial(compare);
        self.is_strict = was_strict;
        found.is_empty()
    }

    /// Notes a break: what changed, at a place of the schema of either version.
    fn report(&mut self, aspect: Aspect, pointer: &str, part: Option<&Part<'s>>, what: String) {
        let place = part.filter(|part| part.is_new).map(Part::place);
        let place = place.filter(|(_, document, _)| *document == 0).map(|(_, _, pointer)| pointer);
        self.breaks.push(Break {
            pointer: pointer.to_owned(),
            rule: Rule { aspect, direction: self.direction },
            direction: self.direction,
            message: what,
            fix: aspect.fix(self.direction),
            place,
        });
    }

    fn too_complex(&mut self) {
        let what = format!(
            "the two nest so many alternatives that comparing them was given up after {COMPARISONS_MAX} steps"
        );
        self.report(Aspect::TooComplex, "", None, what);
    }
}
