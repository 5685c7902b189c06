//! Cleansing: repairs of single fields, made in order before validation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Pointer;

/// One repair of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CleanseStep {
    /// The field, by the names that the steps before have left. A step `*` stands for every item of an array.
    pub field: Pointer,
    /// What is done to it.
    pub action: CleanseAction,
}

/// What is done to a field. All but `Default` leave absent and null fields as they are; `Rename` moves null too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum CleanseAction {
    /// Removes white space at both ends of a text.
    Trim,
    /// Writes a text in one case.
    Case(TextCase),
    /// Makes these scalars null.
    NullIf(Vec<Value>),
    /// Turns a scalar into another type.
    Cast(CastType),
    /// Converts a number to another unit.
    Convert {
        /// The unit before.
        from: FromUnit,
        /// The unit after, a UCUM code.
        to: String,
    },
    /// Gives the field another name.
    Rename(String),
    /// Writes other scalars in the place of some.
    Map {
        /// Scalars and what they become.
        values: Vec<(Value, Value)>,
        /// What becomes of all others.
        otherwise: Unlisted,
    },
    /// Reads a time and writes it as RFC 3339 in UTC.
    ParseTime {
        /// `strftime` formats; the first that fits counts.
        formats: Vec<String>,
        /// IANA time zone of times without an offset.
        time_zone: String,
        /// A local time that is there twice.
        ambiguous: LocalTime,
        /// A local time that is not there.
        skipped: LocalTime,
    },
    /// The scalar of a field that is absent or null.
    Default(Value),
}

/// The case of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextCase {
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
}

/// What a scalar is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CastType {
    /// Text.
    String,
    /// A number without fraction.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
}

/// The unit of a number before it is converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum FromUnit {
    /// The same for all events: a UCUM code.
    Code(String),
    /// The event says it here.
    Field(Pointer),
}

/// What becomes of a value that a map doesn't list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unlisted {
    /// It stays.
    Keep,
    /// It becomes null.
    Null,
    /// Its event is rejected.
    Reject,
}

/// What becomes of a local time that is there twice or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocalTime {
    /// The earlier of the two times that may be meant.
    Earlier,
    /// The later of the two.
    Later,
    /// Its event is rejected.
    Reject,
}
