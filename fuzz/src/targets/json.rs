//! Events as JSON: the compiled plan says what the `jsonschema` crate says, and nothing hangs on the events before.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use transect_config::SchemaFamily;
use transect_core::check::{Checker, Finding};
use transect_core::events::EventType;
use transect_core::format::Format;

use crate::common::{LIMITS, config, decode, decoder_of, event_type, single};

/// What is no document at all is not for the crate to judge.
fn is_unreadable(found: &[Finding]) -> bool {
    found.iter().any(|finding| ["malformed", "tooDeep", "tooLarge"].contains(&finding.keyword.as_str()))
}

/// Holds the two verdicts on a document against each other.
fn agree(checker: &mut Checker, document: &[u8]) {
    let found = checker.check(document);
    if is_unreadable(&found) {
        return;
    }
    let value: Value = serde_json::from_slice(document).unwrap_or_else(|error| panic!("taken, but: {error}"));
    let by_the_crate = checker.by_the_crate(&value);
    assert_eq!(found.is_empty(), by_the_crate.is_empty(), "{found:?} and {by_the_crate:?}");
}

/// Several schemas, closed and open, of every kind of column.
pub fn schemas() -> Vec<Value> {
    let time = json!({"type": "string", "format": "date-time"});
    vec![
        json!({
            "type": "object", "required": ["t", "id"], "additionalProperties": false,
            "properties": {
                "t": time, "id": {"type": "string", "minLength": 1, "maxLength": 8}, "n": {"type": "integer", "minimum": -5},
                "x": {"type": ["number", "null"], "exclusiveMaximum": 1e3, "multipleOf": 0.5}, "b": {"type": "boolean"},
                "k": {"enum": ["a", "é", null, 1, 1.5]},
                "o": {"type": "object", "required": ["p"], "properties": {"p": {"type": "string", "pattern": "^[a-z]+$"}}},
                "l": {"type": "array", "maxItems": 3, "uniqueItems": true, "items": {"type": ["integer", "string"]}},
            }
        }),
        json!({
            "properties": {
                "t": time, "d": {"format": "date"}, "u": {"format": "uuid"}, "e": {"format": "email"},
                "i": {"anyOf": [{"type": "null"}, {"type": "integer"}]}, "c": {"const": {"a": [1, 2.0]}},
                "m": {"type": "object", "patternProperties": {"^x": {"type": "number"}}, "propertyNames": {"maxLength": 4}},
                "z": {"prefixItems": [{"type": "string"}, {"type": "number"}], "items": false},
            },
            "minProperties": 1
        }),
        json!({"properties": {"t": time, "a": {"not": {"type": "string"}}}, "dependentRequired": {"a": ["t"]}}),
    ]
}

/// An event type of each of them, made once: making one takes longer than a run.
pub(crate) fn types() -> &'static [Arc<[EventType]>] {
    static TYPES: OnceLock<Vec<Arc<[EventType]>>> = OnceLock::new();
    let made = |schema| Arc::from([event_type(&config(schema, Vec::new(), Vec::new()))]);
    TYPES.get_or_init(|| schemas().into_iter().map(made).collect())
}

/// Lines of documents: each by plan and by the crate, and each in its sequence and alone.
pub fn event(data: &[u8]) {
    let Some((which, lines)) = data.split_first() else { return };
    let schemas = schemas();
    let schema = &schemas[usize::from(*which) % schemas.len()];
    let mut checker = Checker::new(schema, &SchemaFamily::default(), &LIMITS).unwrap();
    let types = &types()[usize::from(*which) % schemas.len()];
    let mut together = decoder_of(types);
    for line in lines.split(|byte| *byte == b'\n') {
        agree(&mut checker, line);
        let after = decode(&mut together, single(Format::Json, line));
        let alone = decode(&mut decoder_of(types), single(Format::Json, line));
        assert_eq!(after.rejects.is_empty(), alone.rejects.is_empty());
        for (after, alone) in after.rows.iter().zip(&alone.rows) {
            assert_eq!(after.decoded.columns, alone.decoded.columns);
            assert_eq!(after.decoded.identities, alone.decoded.identities);
            assert_eq!(after.decoded.contents, alone.decoded.contents);
            assert_eq!(after.decoded.times, alone.decoded.times);
        }
    }
}

/// A schema, a zero byte, and documents of a line each.
pub fn schema(data: &[u8]) {
    let (schema, lines) = crate::common::two(data).unwrap_or((data, b"{}"));
    let Ok(schema) = serde_json::from_slice::<Value>(schema) else { return };
    let Ok(mut checker) = Checker::new(&schema, &SchemaFamily::default(), &LIMITS) else { return };
    for line in lines.split(|byte| *byte == b'\n').take(8) {
        agree(&mut checker, line);
    }
}
