//! The versions of a schema beside the newest, and the names that fields had in them.

use serde::{Deserialize, Serialize};

use crate::{Pointer, SchemaFamily};

/// What schemas are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SchemaFormat {
    /// JSON Schema, of each document's own draft.
    #[default]
    JsonSchema,
    /// Apache Avro.
    Avro,
}

impl SchemaFormat {
    pub(crate) fn is_json_schema(&self) -> bool {
        *self == Self::JsonSchema
    }
}

/// A version before the newest, by which events may still be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OlderVersion {
    /// Its number.
    pub version: u32,
    /// The schema document.
    pub schema: serde_json::Value,
    /// The documents that the schema refers to, directly or through others.
    #[serde(default, skip_serializing_if = "SchemaFamily::is_empty")]
    pub family: SchemaFamily,
}

/// A field that has another name since a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rename {
    /// The first version with the new name.
    pub version: u32,
    /// The field by the names of the version before it.
    pub from: Pointer,
    /// The field by the names of the version itself; in the same object.
    pub to: Pointer,
}
