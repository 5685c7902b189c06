//! Avro: whether data written with one schema can be read with another, by the rules of schema resolution in the
//! specification (1.12).
//!
//! Beyond those, decimals must have the same precision and scale, and a logical type must not become another one: the
//! bytes could be read, but would mean something else.

mod record;

use std::collections::BTreeSet;

use apache_avro::schema::{EnumSchema, FixedSchema, Schema};

use super::{Aspect, Break, CompatError, Direction, Mode, Rule, Version};
use crate::avro::{Parsed, Shape, logical_type};
use crate::plan::source::escape;

/// Types nest no deeper than this.
const DEPTH_MAX: usize = 128;
/// More types than this are not compared.
const COMPARISONS_MAX: usize = 20_000;

/// See [`super::breaks`].
pub(super) fn breaks(old: &Version<'_>, new: &Version<'_>, mode: Mode) -> Result<Vec<Break>, CompatError> {
    let parse = |version: &Version<'_>, is_new| {
        Parsed::read(version.schema, version.family).map_err(|error| CompatError { is_new, error })
    };
    let (of_old, of_new) = (parse(old, false)?, parse(new, true)?);
    let mut all = Vec::new();
    for direction in mode.directions() {
        let (reader, writer) = match direction {
            Direction::Backward => ((new, &of_new), (old, &of_old)),
            Direction::Forward => ((old, &of_old), (new, &of_new)),
        };
        let mut comparison = Comparison {
            direction,
            of_reader: reader.1,
            of_writer: writer.1,
            reader: reader.0.name,
            writer: writer.0.name,
            open: BTreeSet::new(),
            depth: 0,
            comparisons: 0,
            breaks: Vec::new(),
        };
        comparison.compare(&reader.1.root, &writer.1.root, "");
        all.append(&mut comparison.breaks);
    }
    Ok(all)
}

/// A comparison in the making.
struct Comparison<'s> {
    direction: Direction,
    of_reader: &'s Parsed,
    of_writer: &'s Parsed,
    /// What the reading version is called.
    reader: &'s str,
    /// What the writing version is called.
    writer: &'s str,
    /// The pairs of records that are being compared, or were.
    open: BTreeSet<(String, String)>,
    depth: usize,
    comparisons: usize,
    breaks: Vec<Break>,
}

impl<'s> Comparison<'s> {
    /// Whether data of one schema can be read with another; notes what breaks.
    fn compare(&mut self, reader: &'s Schema, writer: &'s Schema, pointer: &str) {
        self.comparisons += 1;
        if self.depth > DEPTH_MAX || self.comparisons > COMPARISONS_MAX {
            let what =
                "the types nest too deeply, or unions within unions multiply, so that they were not compared";
            return self.report(Aspect::TooComplex, pointer, what.to_owned());
        }
        self.depth += 1;
        let (reader, writer) = (self.of_reader.resolve(reader), self.of_writer.resolve(writer));
        match (Shape::of(reader), Shape::of(writer)) {
            (_, Shape::Union(writers)) => {
                for branch in writers {
                    self.branch(reader, branch, pointer);
                }
            }
            (Shape::Union(readers), _) => self.union_takes(readers, writer, pointer),
            _ => self.plain(reader, writer, pointer),
        }
        self.depth -= 1;
    }

    /// One branch of a writer's union.
    fn branch(&mut self, reader: &'s Schema, branch: &'s Schema, pointer: &str) {
        let branch = self.of_writer.resolve(branch);
        match Shape::of(reader) {
            Shape::Union(readers) => self.union_takes(readers, branch, pointer),
            shape if shape.kind() == Shape::of(branch).kind() => self.plain(reader, branch, pointer),
            _ => {
                let found = self.trial(|this| this.plain(reader, branch, pointer));
                if !found.is_empty() {
                    self.no_branch(&describe(reader), branch, pointer);
                }
            }
        }
    }

    /// A type into a union: one branch must take it. Of one that is meant by name or kind, it is said what breaks in it.
    fn union_takes(&mut self, readers: &'s [Schema], writer: &'s Schema, pointer: &str) {
        let mut meant = None;
        for branch in readers {
            let branch = self.of_reader.resolve(branch);
            let found = self.trial(|this| this.plain(branch, writer, pointer));
            if found.is_empty() {
                return;
            }
            let (shape, other) = (Shape::of(branch), Shape::of(writer));
            if shape.kind() == other.kind()
                && shape.name().map(|name| name.name()) == other.name().map(|name| name.name())
            {
                meant = meant.or(Some(found));
            }
        }
        match meant {
            Some(found) => self.breaks.extend(found),
            None => {
                let all: Vec<String> = readers.iter().map(describe).collect();
                self.no_branch(&format!("the union of {}", all.join(", ")), writer, pointer);
            }
        }
    }

    fn no_branch(&mut self, reader: &str, branch: &Schema, pointer: &str) {
        let what = format!(
            "{} has {reader}, which doesn't take the {} that {} may write",
            self.reader,
            describe(branch),
            self.writer
        );
        self.report(Aspect::UnionBranch, pointer, what);
    }

    /// Two types of which neither is a union.
    fn plain(&mut self, reader: &'s Schema, writer: &'s Schema, pointer: &str) {
        let (reads, writes) = (Shape::of(reader), Shape::of(writer));
        match (reads, writes) {
            (Shape::Record(reads), Shape::Record(writes)) => self.record(reads, writes, pointer),
            (Shape::Enum(reads), Shape::Enum(writes)) => self.symbols(reads, writes, pointer),
            (Shape::Fixed(reads), Shape::Fixed(writes)) => self.fixed(reads, writes, pointer),
            (Shape::Array(reads), Shape::Array(writes)) | (Shape::Map(reads), Shape::Map(writes)) => {
                self.compare(reads, writes, &format!("{pointer}/*"));
            }
            (Shape::Primitive(reads), Shape::Primitive(writes)) if reads.takes(writes) => {}
            // Neither is a union here, unless a union holds one, which the parser refuses.
            _ => {
                let (to, from) = (describe(reader), describe(writer));
                let what = format!(
                    "{} has {to}, {} has {from}, which can't be read as that",
                    self.reader, self.writer
                );
                return self.report(Aspect::TypeChanged, pointer, what);
            }
        }
        self.meaning(reader, writer, pointer);
    }

    fn symbols(&mut self, reads: &EnumSchema, writes: &EnumSchema, pointer: &str) {
        self.same_name(&reads.name, reads.aliases.as_ref(), &writes.name, pointer);
        let lacking: Vec<&str> = writes
            .symbols
            .iter()
            .filter(|symbol| !reads.symbols.contains(symbol))
            .map(String::as_str)
            .collect();
        if !lacking.is_empty() && reads.default.is_none() {
            let what = format!(
                "the enum `{}` of {} lacks {}, which {} may write, and has no default",
                reads.name.name(),
                self.reader,
                lacking.join(", "),
                self.writer
            );
            self.report(Aspect::Symbol, pointer, what);
        }
    }

    fn fixed(&mut self, reads: &FixedSchema, writes: &FixedSchema, pointer: &str) {
        self.same_name(&reads.name, reads.aliases.as_ref(), &writes.name, pointer);
        if reads.size != writes.size {
            let what =
                format!("{} has {} bytes, {} writes {}", self.reader, reads.size, self.writer, writes.size);
            self.report(Aspect::FixedSize, pointer, what);
        }
    }

    /// Whether the same bytes mean the same.
    fn meaning(&mut self, reader: &Schema, writer: &Schema, pointer: &str) {
        if let (Schema::Decimal(reads), Schema::Decimal(writes)) = (reader, writer) {
            let (to, from) = ((reads.precision, reads.scale), (writes.precision, writes.scale));
            if to != from {
                let what = format!(
                    "{} has decimals of precision {} and scale {}, {} writes precision {} and scale {}",
                    self.reader, to.0, to.1, self.writer, from.0, from.1
                );
                self.report(Aspect::Decimal, pointer, what);
            }
        } else if let (Some("uuid"), None) = (logical_type(reader), logical_type(writer)) {
            let what = format!("{} wants UUIDs, {} may write other values", self.reader, self.writer);
            self.report(Aspect::LogicalType, pointer, what);
        } else if let (Some(reads), Some(writes)) = (logical_type(reader), logical_type(writer))
            && reads != writes
        {
            let what = format!("{} reads as {reads} what {} writes as {writes}", self.reader, self.writer);
            self.report(Aspect::LogicalType, pointer, what);
        }
    }

    /// What breaks if this is compared, without noting it.
    fn trial(&mut self, compare: impl FnOnce(&mut Self)) -> Vec<Break> {
        let before = std::mem::take(&mut self.breaks);
        let open = self.open.clone();
        compare(self);
        // What held only in a trial may not be taken to hold later.
        self.open = open;
        std::mem::replace(&mut self.breaks, before)
    }

    fn report(&mut self, aspect: Aspect, pointer: &str, what: String) {
        let found = Break {
            pointer: pointer.to_owned(),
            rule: Rule { aspect, direction: self.direction },
            direction: self.direction,
            message: what,
            fix: aspect.fix(self.direction),
            place: None,
        };
        if !self.breaks.contains(&found) {
            self.breaks.push(found);
        }
    }
}

fn describe(schema: &Schema) -> String {
    match (Shape::of(schema).name(), schema) {
        (_, Schema::Ref { name }) => format!("`{name}`"),
        (Some(name), _) => format!("{} `{}`", Shape::of(schema).kind(), name.name()),
        (None, schema) => logical_type(schema).unwrap_or_else(|| Shape::of(schema).kind()).to_owned(),
    }
}

/// The pointer to a field.
fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escape(name))
}
