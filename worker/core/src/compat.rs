//! Whether data of one version of a schema can be read with another, and if not, what breaks where.
//!
//! Both languages have one question below: does the reading version take everything that the writing version allows?
//! Backward compatibility lets the new version read, forward compatibility the old one. What can't be shown is a break.

mod avro;
mod json;
mod rule;

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;
use transect_config::SchemaFamily;

use crate::plan::PlanError;

pub use rule::{Aspect, Bound, Rule};

/// What schemas are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JSON Schema, of each schema's own draft.
    JsonSchema,
    /// Apache Avro.
    Avro,
}

/// Which version reads data of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The new one reads data of the old one.
    Backward,
    /// The old one reads data of the new one.
    Forward,
}

/// What is promised of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// A new version reads data of older ones.
    pub backward: bool,
    /// Older versions read data of a new one.
    pub forward: bool,
    /// All older versions count, and not only the one before.
    pub transitive: bool,
}

impl Mode {
    /// The directions that are promised.
    pub fn directions(self) -> impl Iterator<Item = Direction> {
        let directions = [(self.backward, Direction::Backward), (self.forward, Direction::Forward)];
        directions.into_iter().filter(|(promised, _)| *promised).map(|(_, direction)| direction)
    }
}

/// One version of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Version<'s> {
    /// What it is called in messages, such as `version 2`.
    pub name: &'s str,
    /// The schema.
    pub schema: &'s Value,
    /// The documents to which it may refer.
    pub family: &'s SchemaFamily,
}

/// One thing by which two versions break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The field in an event: a JSON Pointer, in which `*` stands for every item or unnamed member; empty for the whole.
    pub pointer: String,
    /// The rule.
    #[serde(serialize_with = "by_name")]
    pub rule: Rule,
    /// Which promise is broken.
    pub direction: Direction,
    /// What changed, and which data would be refused.
    pub message: String,
    /// How to fix it.
    pub fix: &'static str,
    /// JSON Pointer into the new version's schema, to the place that is the matter; None where it lies in another
    /// document of the family, or isn't known.
    #[serde(skip)]
    pub place: Option<String>,
}

fn by_name<S: Serializer>(rule: &Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(rule)
}

impl Break {
    /// The field, for people.
    pub fn field(&self) -> &str {
        if self.pointer.is_empty() { "the whole event" } else { &self.pointer }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}; {}", self.field(), self.rule, self.message, self.fix)
    }
}

/// A schema that can't be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct CompatError {
    /// Whether it is the new one.
    pub is_new: bool,
    /// What is wrong with it.
    pub error: PlanError,
}

/// All that breaks between two versions; nothing if the one reads all data of the other, in each direction that is promised.
pub fn breaks(
    language: Language,
    old: &Version<'_>,
    new: &Version<'_>,
    mode: Mode,
) -> Result<Vec<Break>, CompatError> {
    match language {
        Language::JsonSchema => json::breaks(old, new, mode),
        Language::Avro => avro::breaks(old, new, mode),
    }
}
