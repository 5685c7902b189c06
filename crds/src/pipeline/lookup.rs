//! Tables that rules look values up in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{ConfigMapKeyRef, SecretRef};
use crate::shape;

/// One table. Rules ask whether an event's value is one of its keys, `event.station in lookup.stations`, and read the
/// cells of its row, `lookup.stations[event.station].opened`. It is read at the start, before the first event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[
    (
        "",
        "[has(self.configMapKeyRef), has(self.file), has(self.objectStore)].exists_one(is, is)",
        "has not exactly one place; write one of configMapKeyRef, file and objectStore",
    ),
    (
        "",
        "!has(self.schema) || has(self.field)",
        "says of which schema, but not of which field; write field, or leave schema out",
    ),
    (
        ".key",
        "!has(self.key.type) || self.key.type in ['Text', 'Number']",
        "is neither a text nor a number; write Text or Number",
    ),
    (
        ".columns",
        "!has(self.columns) || !self.columns.exists(column, column.name == self.key.name)",
        "has the key again; leave it out",
    ),
])))]
pub struct Lookup {
    /// Its name in rules: `lookup.NAME`. Example: `stations`.
    #[schemars(schema_with = "shape::table")]
    pub name: String,
    /// The column by whose values rows are found. Each is there once, and none is empty. Example: `{name: station_id}`.
    pub key: LookupColumn,
    /// The columns that rules may read; the others may be there, and are not kept. Default: none: then rules ask only
    /// whether a key is there. Example: `[{name: opened, type: Time}, {name: elevation, type: Number}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub columns: Vec<LookupColumn>,
    /// How the table is written: `Csv` (with a header line) or `Json` (one object a line). Default: `Json` where the name of
    /// the file or key ends in `.json`, `.jsonl` or `.ndjson`, otherwise `Csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LookupFormat")]
    pub format: Option<LookupFormat>,
    /// The table is in a ConfigMap. Example: `{name: stations, key: stations.csv}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
    /// The table is a local file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<LookupFile>,
    /// The table is a file in an object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<LookupObject>,
    /// JSON Pointer to a field of events: the columns of its row are added to each event, as an object of the table's name.
    /// Default: none. Example: `/station`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub field: Option<String>,
    /// The event type of these events: a name in `schemas`. Default: the only one. Example: `air-reading`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::name")]
    pub schema: Option<String>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookupColumn {
    /// Its name in the table. Example: `opened`.
    #[schemars(schema_with = "shape::word")]
    pub name: String,
    /// What its cells are: `Text`, `Number`, `Boolean` (true or false) or `Time` (RFC 3339 with an offset). Default: `Text`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LookupType")]
    pub kind: Option<LookupType>,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LookupType {
    /// Any text.
    #[default]
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A time with an offset, by RFC 3339.
    Time,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LookupFormat {
    /// Comma-separated values (RFC 4180) with a header line.
    Csv,
    /// One JSON object a line.
    Json,
}

/// A local file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookupFile {
    /// The file. A relative path is taken from the manifest's folder. Example: `stations.csv`.
    #[schemars(schema_with = "shape::path")]
    pub path: String,
}

/// A file in an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookupObject {
    /// The file: `s3://`, `gs://`, `az://` or `file:///`; no credentials in it. Example: `s3://bucket/stations.csv`.
    #[schemars(schema_with = "shape::store_url")]
    pub url: String,
    /// Secret with the credentials, keys as for `sources[].objectStore`. Default: those of the ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}
