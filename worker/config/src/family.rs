//! The documents beside a schema to which its references may lead. Nothing else is ever read for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The documents beside a schema, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemaFamily {
    /// The name of the schema itself, from which relative references start; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The others by name: paths with `/`, such as `common/unit.json`, or absolute URIs. References find them relative to
    /// the document that refers, and by `$id`.
    pub documents: BTreeMap<String, serde_json::Value>,
}

impl SchemaFamily {
    /// Whether there is no other document.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }
}
