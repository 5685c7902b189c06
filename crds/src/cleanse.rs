//! What a StudySchema says of cleansing: repairs of single fields, made before validation.

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
    /// JSON Pointer to the field, by the names that the steps before have left; `*` stands for every item of an array.
    /// Example: `/pm25`.
    #[schemars(schema_with = "shape::pointer")]
    pub field: String,
    /// Removes white space at both ends of a text. Example: `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
    /// Writes a text in `Lower` or `Upper` case. Example: `Lower`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TextCase")]
    pub case: Option<TextCase>,
    /// Values that stand for nothing and become null. Example: `[-999, "NA"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::free_values")]
    pub null_if: Option<Vec<Value>>,
    /// Turns a text, number or boolean into a `String`, an `Integer`, a `Number` or a `Boolean`. Example: `Number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CastType")]
    pub cast: Option<CastType>,
    /// Converts a number to another unit. Example: `{from: "[degF]", to: Cel}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convert: Option<ConvertUnits>,
    /// The field's new name. Example: `pm25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub rename: Option<String>,
    /// Writes other values in the place of some. Example: `{values: [{from: 1, to: female}, {from: 2, to: male}]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapValues>,
    /// Reads a time and writes it as RFC 3339 in UTC. Example: `{formats: ["%d/%m/%Y %H:%M"], timeZone: Europe/Berlin}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parse_time: Option<ParseTime>,
    /// The text, number or boolean of a field that is absent or null. Example: `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::free_value")]
    pub default: Option<Value>,
}

/// Removes white space at both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trim {}

/// How the letters of a text are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TextCase {
    /// In lower case.
    Lower,
    /// In upper case.
    Upper,
}

/// What a value is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// From one unit to another of the same kind. Units are UCUM codes (case-sensitive).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "has(self.from) != has(self.fromField)",
    "has not exactly one unit to convert from; write one of from (the unit) and fromField (the field that holds it)",
)])))]
pub struct ConvertUnits {
    /// The unit that events carry. Example: `[degF]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub from: Option<String>,
    /// JSON Pointer to the text in the event that says its unit; it stays as it is. Example: `/temperature_unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub from_field: Option<String>,
    /// The unit that the table has. Example: `Cel`.
    #[schemars(schema_with = "shape::word")]
    pub to: String,
}

/// Which values are written in the place of which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MapValues {
    /// The values and what they become. Example: `[{from: 1, to: female}]`.
    #[schemars(length(min = 1, max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<MappedValue>,
    /// What becomes of a value that is not listed: `Keep` leaves it, `MakeNull` makes it null, `Reject` rejects the event.
    /// Default: `Keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Unlisted")]
    pub otherwise: Option<Unlisted>,
}

/// A value and what it becomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MappedValue {
    /// The text, number or boolean of the event; numbers by value, so that `1` is `1.0`. Example: `1`.
    #[schemars(schema_with = "shape::free_value")]
    pub from: Value,
    /// The text, number or boolean in its place. Example: `female`.
    #[schemars(schema_with = "shape::free_value")]
    pub to: Value,
}

/// What becomes of a value that is not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unlisted {
    /// It stays.
    #[default]
    Keep,
    /// It becomes null.
    MakeNull,
    /// Its event is rejected.
    Reject,
}

/// How a time is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParseTime {
    /// In `strftime` words; the first that fits counts. Example: `["%Y-%m-%d %H:%M:%S", "%d/%m/%Y"]`.
    #[schemars(schema_with = "shape::time_formats")]
    pub formats: Vec<String>,
    /// IANA time zone of times without an offset. Default: `UTC`. Example: `America/New_York`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub time_zone: Option<String>,
    /// A local time that is there twice, as clocks are set back: the `Earlier` or the `Later` of the two, or `Reject` the event.
    /// Default: `Reject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LocalTime")]
    pub ambiguous: Option<LocalTime>,
    /// A local time that is not there, as clocks are set forward: by the offset from after the change, which makes it
    /// `Earlier`, or from before, which makes it `Later`; or `Reject` the event. Default: `Reject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LocalTime")]
    pub skipped: Option<LocalTime>,
}

/// What becomes of a local time that is there twice or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LocalTime {
    /// The earlier of the two times that may be meant.
    Earlier,
    /// The later of the two.
    Later,
    /// Its event is rejected.
    #[default]
    Reject,
}
