//! How personal fields are treated before anything is kept.

use serde::{Deserialize, Serialize};

use crate::Pointer;

/// One personal field, and what is done to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrivacyRule {
    /// The field; `*` stands for every item of an array.
    pub field: Pointer,
    /// What is done to it.
    pub treatment: Treatment,
}

/// What is done to a personal field. A closed set: each goes its own way through the columns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Treatment {
    /// Its column goes.
    Drop {},
    /// Each character of a text becomes `*`, but for some at the end.
    Mask {
        /// How many stay.
        keep_last: u32,
    },
    /// A number is rounded down to a multiple.
    Step {
        /// Of this, in the field's own unit; more than 0.
        step: f64,
    },
    /// A time is cut.
    Cut {
        /// To the beginning of its unit, UTC.
        unit: TimeUnit,
    },
    /// A text keeps its beginning.
    KeepFirst {
        /// So many characters.
        characters: u32,
    },
    /// A keyed hash takes its place, the same for the same value.
    Pseudonymise {},
    /// It is sealed with the key of its participant.
    Encrypt {},
}

impl Treatment {
    /// The word for it in a manifest.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Drop {} => "Drop",
            Self::Mask { .. } => "Mask",
            Self::Step { .. } | Self::Cut { .. } | Self::KeepFirst { .. } => "Generalise",
            Self::Pseudonymise {} => "Pseudonymise",
            Self::Encrypt {} => "Encrypt",
        }
    }
}

/// A unit to which times are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeUnit {
    /// To the hour.
    Hour,
    /// To the day, UTC.
    Day,
    /// To the month, UTC.
    Month,
    /// To the year, UTC.
    Year,
}
