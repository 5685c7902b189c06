//! Detectors of anomalies.

use serde::{Deserialize, Serialize};

use crate::{Pointer, Span};

/// One detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DetectorConfig {
    /// Its name, unique in the pipeline; on every alert.
    pub name: String,
    /// What it watches.
    pub watched: Watched,
    /// The fields by which values are told apart, each a scalar; they contain the event type's key. Of a window's aggregate,
    /// the window's groups.
    pub by: Vec<Pointer>,
    /// How far back it looks, by event time; of silence, how long is too long.
    pub over: Span,
}

/// What a detector watches. A closed set: each needs its own way through the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Watched {
    /// A number of accepted events.
    Field {
        /// Their event type.
        event_type: String,
        /// The number.
        field: Pointer,
        /// How it is judged.
        judge: Judge,
    },
    /// Whether accepted events come at all.
    Silence {
        /// Their event type.
        event_type: String,
    },
    /// A number of final windows.
    Aggregate {
        /// The window's name.
        window: String,
        /// The aggregate's name.
        aggregate: String,
        /// How it is judged.
        judge: Judge,
    },
}

/// How a value is judged against those before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judge {
    /// How the distance from what was expected is measured.
    pub method: Method,
    /// From which distance on a value is anomalous; of `Method::Threshold`, from which value on.
    pub threshold: f64,
    /// On which side.
    pub side: Side,
    /// How many values must be remembered before one is judged.
    pub min_count: u32,
}

/// How the distance of a value from what was expected is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// From the threshold, in the field's own unit.
    Threshold,
    /// From the mean, in sample standard deviations.
    ZScore,
    /// From the median, in scaled median absolute deviations.
    RobustZScore,
    /// From the exponentially weighted mean, in exponentially weighted standard deviations.
    Ewma {
        /// The weight of the newest value, above 0 and below 1.
        alpha: f64,
    },
    /// From the nearer quartile, in interquartile ranges.
    Iqr,
}

impl Method {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Threshold => "Threshold",
            Self::ZScore => "ZScore",
            Self::RobustZScore => "RobustZScore",
            Self::Ewma { .. } => "Ewma",
            Self::Iqr => "Iqr",
        }
    }
}

/// Which side of the normal is anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Greater values.
    Above,
    /// Lesser values.
    Below,
    /// Both.
    Both,
}
