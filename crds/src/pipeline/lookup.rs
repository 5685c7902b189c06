//! Tables by which events are enriched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{ConfigMapKeyRef, SecretRef};
use crate::shape;

/// One table: for each event, the row whose `key` equals the event's `field` adds its `columns` to the event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "has(self.configMapKeyRef) != has(self.objectStore)",
    "has not exactly one place; write one of configMapKeyRef and objectStore",
)])))]
pub struct Lookup {
    /// Its name; the columns are added as an object of that name. Example: `stations`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// The event type that is enriched: a name in `schemas`. Default: the only one. Example: `air-reading`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::name")]
    pub schema: Option<String>,
    /// JSON Pointer to the field that is looked up. Example: `/station`.
    #[schemars(schema_with = "shape::pointer")]
    pub field: String,
    /// The column of the table that it equals. Default: the first. Example: `station_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub key: Option<String>,
    /// The columns to add. Default: all but `key`. Example: `[elevation, land_use]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::words")]
    pub columns: Vec<String>,
    /// The table is CSV with a header line in a ConfigMap. Example: `{name: stations, key: stations.csv}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
    /// The table is a CSV or Parquet file in an object store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<LookupFile>,
}

/// A file in an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookupFile {
    /// The file: `s3://`, `gs://`, `az://` or `file:///`; no credentials in it. Example: `s3://bucket/stations.parquet`.
    #[schemars(schema_with = "shape::store_url")]
    pub url: String,
    /// Secret with the credentials, keys as for `sources[].objectStore`. Default: those of the ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// How often it is read again. Default: `1h`. Example: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub refresh: Option<String>,
}
