//! Tables that rules look values up in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One table: rows found by their key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookupConfig {
    /// Its name, unique in the pipeline; rules call it `lookup.NAME`.
    pub name: String,
    /// The column whose values are unique.
    pub key: LookupColumn,
    /// The further columns that rules may read; of others nothing is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<LookupColumn>,
    /// How the table is written.
    pub format: LookupFormat,
    /// Where it is.
    pub place: LookupPlace,
}

/// A column, and the type of its cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookupColumn {
    /// Its name in the table.
    pub name: String,
    /// What its cells are.
    #[serde(rename = "type")]
    pub kind: LookupType,
}

/// What cells are. Keys are texts or numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookupType {
    /// Any text.
    #[default]
    Text,
    /// A finite number; a double.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A time with an offset, by RFC 3339.
    Time,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookupFormat {
    /// Comma-separated values (RFC 4180) with a header line.
    Csv,
    /// NDJSON: one object a line.
    Json,
}

/// Where a table is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum LookupPlace {
    /// Here: it stands in a ConfigMap.
    Text(String),
    /// In a file, which is read at the start.
    File(PathBuf),
}
