//! Anomalies: what to raise alerts on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape;

/// What to raise alerts on: a field of events, or an aggregate of a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "self.method == 'Missing' ? !has(self.field) && !has(self.aggregate) : has(self.field) != has(self.aggregate)",
    "doesn't watch exactly one thing; write one of field and aggregate, or neither with method Missing",
), (
    ".window",
    "has(self.window) == has(self.aggregate)",
    "and aggregate belong together; write both or neither",
), (
    ".by",
    "!has(self.window) || !has(self.by)",
    "doesn't go with a window, whose values are told apart by its groupBy; leave it out",
), (
    ".schema",
    "!has(self.window) || !has(self.schema)",
    "doesn't go with a window, which has a schema of its own; leave it out",
), (
    ".threshold",
    "(self.method == 'Missing') != has(self.threshold)",
    "doesn't go with the method; write threshold with every method but Missing",
), (
    ".threshold",
    "!has(self.threshold) || double(self.threshold) > 0.0 || (self.method == 'Threshold' && (!has(self.side) || self.side != 'Both'))",
    "must be more than 0 here; only method Threshold with side Above or Below takes any number",
), (
    ".side",
    "self.method != 'Missing' || !has(self.side)",
    "doesn't go with method Missing; leave it out",
), (
    ".minCount",
    "!(self.method in ['Missing', 'Threshold']) || !has(self.minCount)",
    "doesn't go with the method; write minCount only with ZScore, RobustZScore, Ewma and Iqr",
), (
    ".alpha",
    "self.method == 'Ewma' || !has(self.alpha)",
    "doesn't go with the method; write alpha only with Ewma",
)])))]
pub struct Anomaly {
    /// Its name, on every alert. Example: `spike`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// The event type that is watched: a name in `schemas`. Default: the only one. Example: `air-reading`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::name")]
    pub schema: Option<String>,
    /// JSON Pointer to the number that is watched. Example: `/pm25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub field: Option<String>,
    /// The window of which an aggregate is watched: a name in `windows`. Example: `hourly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::name")]
    pub window: Option<String>,
    /// The aggregate that is watched: a name in that window's `aggregates`. Example: `pm25_mean`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::column")]
    pub aggregate: Option<String>,
    /// `Threshold` (the value itself), `ZScore` (mean and standard deviation), `RobustZScore` (median and MAD), `Ewma`, `Iqr`,
    /// or `Missing` (no event for as long as `over`, by event time).
    pub method: AnomalyMethod,
    /// How far back the detector looks, by event time; with `Missing`, the silence that is too long. Default: `24h`.
    /// Example: `6h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub over: Option<String>,
    /// The fields by which values are told apart; they contain the schema's key. Default: the key; of a window, its groups.
    /// Example: `[/station]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::pointers")]
    pub by: Vec<String>,
    /// From where on a value is anomalous: for `Threshold` in the field's own unit, for `Iqr` in interquartile ranges
    /// beyond the quartiles, else in (robust) standard deviations. Example: `6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Which side is anomalous: `Above`, `Below` or `Both`. Default: `Above` for Threshold, else `Both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AnomalySide")]
    pub side: Option<AnomalySide>,
    /// How many values of the look-back a value is judged against at least; before there are so many, none is anomalous.
    /// Default: `10`. Example: `30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 2048))]
    pub min_count: Option<u32>,
    /// For `Ewma`: the weight of the newest value in the mean, 0.001 to 0.99. Default: `0.2`. Example: `0.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 0.99))]
    pub alpha: Option<f64>,
}

/// How a value is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AnomalyMethod {
    /// By the value itself.
    Threshold,
    /// By its distance from the mean, in standard deviations.
    ZScore,
    /// By its distance from the median, in scaled median absolute deviations.
    RobustZScore,
    /// By its distance from an exponentially weighted mean.
    Ewma,
    /// By its distance from the quartiles, in interquartile ranges.
    Iqr,
    /// By the absence of events.
    Missing,
}

/// Which side of the normal is anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AnomalySide {
    /// Greater values.
    Above,
    /// Lesser values.
    Below,
    /// Both.
    Both,
}
