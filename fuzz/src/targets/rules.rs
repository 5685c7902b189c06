//! Rules: whatever is written, it is compiled or refused; and whole columns are judged as single rows are.

use std::sync::{Arc, OnceLock};

use serde_json::json;
use transect_config::{
    LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType, Otherwise, RuleConfig,
};
use transect_core::decode::{Decoded, Decoder};
use transect_core::identity::PipelineKey;
use transect_core::lookup::{Lookups, Table};
use transect_core::plan::Plan;
use transect_core::rules::Rules;

use crate::common::{LIMITS, config};

/// Events of every kind of column, with and without values, and those that fit no column.
const EVENTS: [&str; 8] = [
    r#"{"t": "2026-03-01T10:00:00.5Z", "n": 7, "x": 2.5, "s": "axx", "k": "a", "b": true, "o": {"p": "é", "n": -3}}"#,
    r#"{"t": "2016-12-31T23:59:60Z", "n": 12345678901234567890123, "x": -1e300, "s": "", "k": null, "b": false}"#,
    r#"{"t": "0001-01-01T00:00:00Z", "l": ["a", null, "xy"], "i": [{"n": 1, "s": "a"}, null, {"n": null}]}"#,
    r#"{"t": "2026-03-01T10:00:00+05:00", "l": [], "i": [], "o": {}, "any": {"x": 1}, "more": [1]}"#,
    r#"{"t": "2026-03-01T10:00:00Z", "any": "text", "o": null, "n": null, "x": null, "s": null}"#,
    r#"{"t": "2026-03-01T10:00:00Z", "any": 1.5, "n": -9007199254740993, "x": 0, "s": "\u0000é😀"}"#,
    r#"{"t": "9999-12-30T21:59:59Z", "u": "2026-10-25T00:30:00Z", "n": 0, "x": 1e-320, "l": ["", "a", "a"]}"#,
    r#"{"t": "2026-03-01T10:00:00Z", "any": [1, null, {"x": 2}], "i": [{"n": 9223372036854775807, "s": null}]}"#,
];

fn events() -> &'static (Arc<Plan>, Decoded) {
    static EVENTS_OF_PLAN: OnceLock<(Arc<Plan>, Decoded)> = OnceLock::new();
    EVENTS_OF_PLAN.get_or_init(|| {
        let time = json!({"type": ["string", "null"], "format": "date-time"});
        let text = json!({"type": ["string", "null"]});
        let whole = json!({"type": ["integer", "null"]});
        let schema = json!({"properties": {
            "t": time, "u": time, "n": whole, "x": {"type": ["number", "null"]}, "s": text, "k": {"enum": ["a", "xy", null]},
            "b": {"type": ["boolean", "null"]}, "any": {}, "l": {"type": "array", "items": text},
            "o": {"type": ["object", "null"], "properties": {"p": text, "n": whole}},
            "i": {"type": "array", "items": {"type": ["object", "null"], "properties": {"n": whole, "s": text}}},
        }});
        let plan = Plan::compile(&config(schema, Vec::new(), Vec::new()), &LIMITS).unwrap();
        let mut decoder = Decoder::new(Arc::clone(&plan), PipelineKey::new([7; 16]));
        for event in EVENTS {
            decoder.push(event.as_bytes()).unwrap();
        }
        let decoded = decoder.finish();
        (plan, decoded)
    })
}

/// A table of each kind of key and cell.
fn lookups() -> &'static Lookups {
    static LOOKUPS: OnceLock<Lookups> = OnceLock::new();
    LOOKUPS.get_or_init(|| {
        let column = |name: &str, kind| LookupColumn { name: name.into(), kind };
        let table = |name: &str, key| {
            let config = LookupConfig {
                name: name.into(),
                key: column("k", key),
                columns: vec![
                    column("s", LookupType::Text),
                    column("n", LookupType::Number),
                    column("b", LookupType::Boolean),
                    column("t", LookupType::Time),
                ],
                format: LookupFormat::Csv,
                place: LookupPlace::Text(String::new()),
            };
            Table::read(&config, b"k,s,n,b,t\n7,axx,0,true,2026-03-01T10:00:00.5Z\n0,,-3,,\n2.5,xy,,false,\n")
                .unwrap()
        };
        Lookups::new([table("texts", LookupType::Text), table("numbers", LookupType::Number)])
    })
}

/// An expression.
pub fn run(data: &[u8]) {
    let Ok(expression) = str::from_utf8(data) else { return };
    // As long as a manifest lets it be.
    if expression.is_empty() || expression.len() > 4096 {
        return;
    }
    let (plan, decoded) = events();
    let rule = RuleConfig {
        name: "r".into(),
        expression: expression.to_owned(),
        otherwise: Otherwise::Reject,
        message: None,
    };
    match Rules::compile_with(&[rule], plan.arrow_schema(), Some(lookups())) {
        Ok(rules) => {
            let rule = &rules.rejecting[0];
            assert_eq!(rule.broken(&decoded.columns), rule.broken_each(&decoded.columns));
        }
        Err(errors) => assert!(errors.iter().all(|error| !error.message.is_empty())),
    }
}
