//! Compatibility: two schemas are judged, and what is called compatible is.

use std::collections::BTreeSet;

use serde_json::Value;
use transect_config::SchemaFamily;
use transect_core::check::Checker;
use transect_core::compat::{Language, Mode, Version, breaks};

use crate::common::{LIMITS, two};

/// Whether the new schema takes what the old one allows, as far as is known; None if one is no schema.
fn is_backward(language: Language, old: &Value, new: &Value) -> Option<bool> {
    let family = SchemaFamily::default();
    let mode = Mode { backward: true, forward: true, transitive: false };
    let old = Version { name: "old", schema: old, family: &family };
    let new = Version { name: "new", schema: new, family: &family };
    let found = breaks(language, &old, &new, mode).ok()?;
    assert!(found.iter().all(|found| !found.message.is_empty()));
    let directions = mode.directions().collect::<Vec<_>>();
    assert!(found.iter().all(|found| directions.contains(&found.direction)));
    Some(found.iter().all(|found| found.direction != directions[0]))
}

fn schemas(data: &[u8]) -> Option<(Value, Value, &[u8])> {
    let (old, rest) = two(data)?;
    let (new, documents) = two(rest).unwrap_or((rest, b""));
    Some((serde_json::from_slice(old).ok()?, serde_json::from_slice(new).ok()?, documents))
}

/// Two schemas and documents, with zero bytes between; a document a line.
pub fn json(data: &[u8]) {
    let Some((old, new, documents)) = schemas(data) else { return };
    if is_backward(Language::JsonSchema, &old, &new) != Some(true) {
        return;
    }
    // Of data it is assumed that they have no member which only the other version names (docs/compatibility.md).
    let (mut of_old, mut of_new) = (BTreeSet::new(), BTreeSet::new());
    names(&old, "", &mut of_old);
    names(&new, "", &mut of_new);
    let new_names: BTreeSet<String> = of_new.difference(&of_old).map(|(_, name)| name.clone()).collect();
    let family = SchemaFamily::default();
    let checker = |schema| Checker::new(schema, &family, &LIMITS);
    let (Ok(mut old), Ok(mut new)) = (checker(&old), checker(&new)) else { return };
    for document in documents.split(|byte| *byte == b'\n').take(8) {
        let value = serde_json::from_slice(document).unwrap_or_default();
        if old.check(document).is_empty() && !has(&value, &new_names) {
            let found = new.check(document);
            assert!(found.is_empty(), "called compatible, but: {found:?}");
        }
    }
}

/// The names that any `properties` in a schema has, each with its place.
fn names(value: &Value, place: &str, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (keyword, value) in members {
                let place = format!("{place}/{keyword}");
                if let ("properties", Value::Object(members)) = (keyword.as_str(), value) {
                    found.extend(members.keys().map(|name| (place.clone(), name.clone())));
                }
                names(value, &place, found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| names(item, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

/// Whether a document has a member of one of these names.
fn has(value: &Value, names: &BTreeSet<String>) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, value)| names.contains(name) || has(value, names))
        }
        Value::Array(items) => items.iter().any(|item| has(item, names)),
        _ => false,
    }
}

/// Two schemas with a zero byte between.
pub fn avro(data: &[u8]) {
    let Some((old, new, _)) = schemas(data) else { return };
    is_backward(Language::Avro, &old, &new);
}
