//! The tables.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use transect_config::SchemaFamily;
use transect_core::compat::{Language, Version};

const TABLES: [(&str, &str); 8] = [
    ("types", include_str!("types.yaml")),
    ("numbers", include_str!("numbers.yaml")),
    ("strings", include_str!("strings.yaml")),
    ("objects", include_str!("objects.yaml")),
    ("arrays", include_str!("arrays.yaml")),
    ("combined", include_str!("combined.yaml")),
    ("references", include_str!("references.yaml")),
    ("avro", include_str!("avro.yaml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    draft: Option<u32>,
    old: Value,
    new: Value,
    #[serde(default)]
    old_with: BTreeMap<String, Value>,
    #[serde(default)]
    new_with: BTreeMap<String, Value>,
    backward: Vec<String>,
    forward: Vec<String>,
}

/// Two versions and what breaks.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) language: Language,
    pub(crate) schemas: [Value; 2],
    pub(crate) families: [SchemaFamily; 2],
    pub(crate) backward: Vec<String>,
    pub(crate) forward: Vec<String>,
}

impl Pair {
    pub(crate) fn older(&self) -> Version<'_> {
        Version { name: "the old version", schema: &self.schemas[0], family: &self.families[0] }
    }

    pub(crate) fn newer(&self) -> Version<'_> {
        Version { name: "the new version", schema: &self.schemas[1], family: &self.families[1] }
    }
}

/// All pairs of all tables.
pub(crate) fn pairs() -> Vec<Pair> {
    let mut all = Vec::new();
    for (table, text) in TABLES {
        let rows: Vec<Row> = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{table}: {error}"));
        all.extend(rows.into_iter().map(|row| pair(table, row)));
    }
    all
}

fn pair(table: &str, row: Row) -> Pair {
    let language = if table == "avro" { Language::Avro } else { Language::JsonSchema };
    let schema = |mut schema: Value| {
        let draft = match row.draft {
            None => None,
            Some(4) => Some("http://json-schema.org/draft-04/schema#"),
            Some(6) => Some("http://json-schema.org/draft-06/schema#"),
            Some(7) => Some("http://json-schema.org/draft-07/schema#"),
            Some(2019) => Some("https://json-schema.org/draft/2019-09/schema"),
            Some(other) => panic!("draft {other}"),
        };
        if let Some(draft) = draft {
            schema["$schema"] = draft.into();
        }
        match schema.get("r") {
            Some(fields) if language == Language::Avro => {
                json!({"type": "record", "name": "R", "fields": fields})
            }
            _ => schema,
        }
    };
    let family = |documents| SchemaFamily { name: "schema.json".to_owned(), documents };
    Pair {
        name: format!("{table}: {}", row.name),
        language,
        schemas: [schema(row.old), schema(row.new)],
        families: [family(row.old_with), family(row.new_with)],
        backward: row.backward,
        forward: row.forward,
    }
}
