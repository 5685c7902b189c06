//! Windows over event time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape;

/// One window definition: a name, exactly one kind, and what is computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "[has(self.tumbling), has(self.sliding), has(self.session)].filter(x, x).size() == 1",
    "has not exactly one kind of window; write one of tumbling, sliding and session",
)])))]
pub struct Window {
    /// Its name; also that of its output. Example: `hourly`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// The event type whose events it gathers: a name in `schemas`. Default: the only one. Example: `air-reading`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::name")]
    pub schema: Option<String>,
    /// Windows of one size, end to end, aligned to 1970-01-01T00:00:00Z. Example: `{size: 1h}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tumbling: Option<Tumbling>,
    /// Windows of one size that begin at every multiple of `every`. Example: `{size: 1h, every: 10m}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding: Option<Sliding>,
    /// Windows that end after a silence of the group. Example: `{gap: 30m}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// The fields by which events are grouped. Default: none; all events are one group. Example: `[/station]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::pointers")]
    pub group_by: Vec<String>,
    /// How long after its end a window still takes events in and is issued again. Default: `0s`. Example: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::duration")]
    pub allowed_lateness: Option<String>,
    /// What is computed of each group. Example: `[{name: readings, function: Count}]`.
    #[schemars(
        length(min = 1, max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub aggregates: Vec<Aggregate>,
}

/// Windows end to end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tumbling {
    /// Length of a window. Example: `1h`.
    #[schemars(schema_with = "shape::positive_duration")]
    pub size: String,
}

/// Windows that overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".every",
    "duration(self.every) <= duration(self.size)",
    "is longer than size, so that events would fall between windows; write at most size",
)])))]
pub struct Sliding {
    /// Length of a window. Example: `1h`.
    #[schemars(schema_with = "shape::positive_duration")]
    pub size: String,
    /// Distance between two beginnings. Example: `10m`.
    #[schemars(schema_with = "shape::positive_duration")]
    pub every: String,
}

/// Windows that end after a silence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".gap",
    "duration(self.gap) <= duration(has(self.max) ? self.max : '24h')",
    "is longer than max (24h, if not given); write at most max",
)])))]
pub struct Session {
    /// The silence that ends a session. Example: `30m`.
    #[schemars(schema_with = "shape::positive_duration")]
    pub gap: String,
    /// Greatest length of a session; what goes on for longer is cut. Default: `24h`. Example: `12h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub max: Option<String>,
}

/// One computed column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".field",
    "self.__function__ == 'Count' || has(self.field)",
    "is missing; write the JSON Pointer of the field to compute, such as /pm25 (only Count goes without)",
), (
    ".q",
    "(self.__function__ == 'Quantile') == has(self.q)",
    "doesn't go with the function; write q, such as 0.95, with function Quantile, and only there",
), (
    ".name",
    "!(self.name in ['window_start', 'window_end', 'revision', 'final', 'replaced_by'])",
    "is the name of a column that every window has; choose another",
)])))]
pub struct Aggregate {
    /// Name of the output column. Example: `pm25_mean`.
    #[schemars(schema_with = "shape::column")]
    pub name: String,
    /// `Count` (of events, or of the field's non-null values), `Sum`, `Mean`, `Min`, `Max`, `StdDev` (of the sample),
    /// `Quantile` and `Distinct` (sketches, within their stated error), `First` and `Last` (by event time).
    pub function: AggregateFunction,
    /// JSON Pointer to the field. Default: none, for Count only. Example: `/pm25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub field: Option<String>,
    /// For `Quantile`: the rank, 0 to 1. Example: `0.95`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub q: Option<f64>,
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AggregateFunction {
    /// Number of events, or of non-null values.
    Count,
    /// Sum.
    Sum,
    /// Arithmetic mean.
    Mean,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Sample standard deviation.
    StdDev,
    /// The q-quantile.
    Quantile,
    /// Number of distinct values.
    Distinct,
    /// Value of the earliest event.
    First,
    /// Value of the latest event.
    Last,
}
