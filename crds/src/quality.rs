//! What a StudySchema says beyond the schema document: cleansing, rules and privacy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::shape;

/// One repair of one field, made before validation: `field` and exactly one of the others.
// The number of fields is bounded instead of a rule in CEL, because CEL can't see `nullIf`: its values have any type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 2, "maxProperties" = 2))]
pub struct CleanseStep {
    /// JSON Pointer to the field. Example: `/pm25`.
    #[schemars(schema_with = "shape::pointer")]
    pub field: String,
    /// Removes white space at both ends of a text. Example: `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
    /// Values that stand for nothing and become null. Example: `[-999, "NA"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::free_values")]
    pub null_if: Option<Vec<Value>>,
    /// Converts a number to another unit. Example: `{from: degF, to: degC}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convert: Option<ConvertUnits>,
    /// The field's new name. Example: `pm25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub rename: Option<String>,
    /// Reads a time and writes it as RFC 3339. Example: `{format: "%d/%m/%Y %H:%M", timeZone: Europe/Berlin}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse_time: Option<ParseTime>,
}

/// Removes white space at both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trim {}

/// From one unit to another of the same kind. Units are UCUM symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConvertUnits {
    /// The unit that events carry. Example: `degF`.
    #[schemars(schema_with = "shape::word")]
    pub from: String,
    /// The unit that the table has. Example: `degC`.
    #[schemars(schema_with = "shape::word")]
    pub to: String,
}

/// How a time is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParseTime {
    /// In `strftime` words. Example: `%Y-%m-%d %H:%M:%S`.
    #[schemars(schema_with = "shape::sentence")]
    pub format: String,
    /// IANA time zone of times without an offset. Default: `UTC`. Example: `America/New_York`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub time_zone: Option<String>,
}

/// One check that an event must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QualityRule {
    /// Its name, in reports and metrics. Example: `plausible-pm25`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// A CEL expression over `event` that is true of good events; all numbers are doubles. Over an absent or null
    /// field it is not evaluated, unless it uses `has()`. Example: `event.pm25 >= 0.0 && event.pm25 < 2000.0`.
    #[schemars(length(min = 1, max = 4096))]
    pub expression: String,
    /// What becomes of events of which it is false: `Reject`, or `Flag` to keep and mark them. Default: `Reject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Otherwise")]
    pub otherwise: Option<Otherwise>,
    /// What to tell who sent the event. Default: the expression. Example: `pm25 is in µg/m³, from 0 to 2000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::sentence")]
    pub message: Option<String>,
}

/// What becomes of events that break a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Otherwise {
    /// They are rejected.
    #[default]
    Reject,
    /// They are kept and marked.
    Flag,
}

/// How one personal field is minimised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".generalise",
    "(self.treatment == 'Generalise') == has(self.generalise)",
    "doesn't go with the treatment; write generalise with treatment Generalise, and only there",
), (
    ".keepLast",
    "self.treatment == 'Mask' || !has(self.keepLast)",
    "doesn't go with the treatment; write keepLast only with treatment Mask",
)])))]
pub struct PrivacyRule {
    /// JSON Pointer to the field. Example: `/participant`.
    #[schemars(schema_with = "shape::pointer")]
    pub field: String,
    /// `Drop` removes it, `Mask` hides its characters, `Generalise` makes it coarser, `Pseudonymise` replaces it by a
    /// keyed hash that is the same for the same value, `Encrypt` seals it for holders of the key.
    pub treatment: Treatment,
    /// For `Mask`: how many characters at the end stay. Default: `0`. Example: `4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 64))]
    pub keep_last: Option<u32>,
    /// For `Generalise`: how coarse. Example: `{step: 0.1}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generalise: Option<Generalise>,
}

/// What is done to a personal field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Treatment {
    /// Removes it.
    Drop,
    /// Hides its characters.
    Mask,
    /// Makes it coarser.
    Generalise,
    /// Replaces it by a keyed hash.
    Pseudonymise,
    /// Seals it.
    Encrypt,
}

/// How coarse a field becomes: exactly one of the ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "[has(self.step), has(self.timeUnit), has(self.keepFirst)].filter(x, x).size() == 1",
    "has not exactly one way; write one of step (numbers), timeUnit (times) and keepFirst (texts)",
)])))]
pub struct Generalise {
    /// Numbers are rounded down to a multiple of this, in the field's own unit. Example: `0.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.000_000_001))]
    pub step: Option<f64>,
    /// Times are cut to this unit: `Hour`, `Day`, `Month` or `Year`. Example: `Month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TimeUnit")]
    pub time_unit: Option<TimeUnit>,
    /// Texts keep this many characters from the beginning, such as those of a postcode. Example: `3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub keep_first: Option<u32>,
}

/// A unit to which times are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
