//! What a StudySchema says beyond the schema document, other than cleansing: rules and privacy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape;

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
