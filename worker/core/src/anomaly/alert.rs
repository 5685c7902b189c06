//! What is told of an anomaly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::input::{EventBatch, Place};

/// An anomaly, as it is kept and shown: one value, what was expected, and where the row stands. Nothing else of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Name of the detector.
    pub detector: String,
    /// Its method.
    pub method: String,
    /// Whether something begins or ends.
    pub state: AlertState,
    /// The event type, of a detector that watches events.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_type: Option<String>,
    /// JSON Pointer to the field, of a detector that watches one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Name of the window, of a detector that watches an aggregate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub window: Option<String>,
    /// Name of the aggregate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aggregate: Option<String>,
    /// The values by which the group is told apart, by their pointers.
    pub group: BTreeMap<String, Value>,
    /// Event time, RFC 3339: of the event, of the window's end, or when a silence became too long.
    pub time: String,
    /// The value; of a silence, its length in seconds: up to `time`.
    pub value: f64,
    /// What was expected: the threshold, mean, median or nearest quartile; of a silence, its greatest length in seconds.
    pub expected: f64,
    /// How far the value lies from that in the method's own unit, negative below; of a silence, in seconds.
    pub distance: f64,
    /// Of a silence, the time of the last event before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// Where the row stands.
    #[serde(skip_serializing_if = "Origin::is_none", default)]
    pub origin: Origin,
}

/// Whether an alert tells of a beginning or an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlertState {
    /// A value is anomalous, or a silence has become too long.
    Raised,
    /// A silence is over.
    Ended,
}

/// Where the row of an alert stands: the same words as the table's provenance columns, or a window's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Name of the source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// The file, for events from files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// The offset of the raw record, for events from the gateway.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// The index in the raw record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<u32>,
    /// Start of the window, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub window_start: Option<String>,
    /// End of the window, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub window_end: Option<String>,
}

impl Origin {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The place of one of a batch's events.
    pub(crate) fn of_event(batch: &EventBatch, event: u32) -> Self {
        let index = batch.events.get(event as usize).map_or(0, |span| span.index);
        let source = Some(batch.source.to_string());
        match &batch.place {
            Place::File { file, line } => {
                let (file, line) = (Some(file.to_string()), Some(line + u64::from(index)));
                Self { source, file, line, ..Self::default() }
            }
            Place::Record { offset, .. } => {
                Self { source, offset: Some(*offset), index: Some(index), ..Self::default() }
            }
        }
    }
}
