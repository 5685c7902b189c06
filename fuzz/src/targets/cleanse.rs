//! Cleansing: what comes out is an event again, and what no step touches is as it was.

use std::sync::Arc;

use serde_json::{Value, json};
use transect_config::{CastType, CleanseAction, CleanseStep, FromUnit, LocalTime, TextCase, Unlisted};
use transect_core::cleanse::{CleansePlan, Cleanser};
use transect_core::format::Format;

use crate::common::{config, decode, decoder, event_type, single};

/// Steps of every kind, on the fields `a` to `d`.
fn steps() -> Vec<CleanseStep> {
    let step = |field: &str, action| CleanseStep { field: field.parse().unwrap(), action };
    vec![
        step("/a", CleanseAction::Trim),
        step("/a", CleanseAction::Case(TextCase::Upper)),
        step("/a", CleanseAction::NullIf(vec![json!("NA"), json!(-999), json!(1.5), json!("")])),
        step("/b", CleanseAction::Cast(CastType::Number)),
        step("/b", CleanseAction::Convert { from: FromUnit::Code("[degF]".into()), to: "Cel".into() }),
        step("/c/*/d", CleanseAction::Cast(CastType::String)),
        step("/c/*/e", CleanseAction::Rename("f".into())),
        step(
            "/d",
            CleanseAction::Map {
                values: vec![(json!(1), json!("one")), (json!("x"), json!(2))],
                otherwise: Unlisted::Keep,
            },
        ),
        step(
            "/t",
            CleanseAction::ParseTime {
                formats: vec!["%Y-%m-%d %H:%M:%S%.f".into(), "%s".into(), "%d/%m/%y".into()],
                time_zone: "Europe/Berlin".into(),
                ambiguous: LocalTime::Earlier,
                skipped: LocalTime::Reject,
            },
        ),
        step("/g", CleanseAction::Default(json!("none"))),
    ]
}

/// An event.
pub fn run(data: &[u8]) {
    let mut decoder = decoder(event_type(&config(json!({}), steps(), Vec::new())));
    let decoded = decode(&mut decoder, single(Format::Json, data));
    let Ok(text) = str::from_utf8(data) else { return };
    let mut cleanser = Cleanser::new(Arc::new(CleansePlan::compile(&steps()).unwrap()));
    let Ok(cleansed) = cleanser.preview(text) else { return };
    let Ok(before) = serde_json::from_str::<Value>(text) else {
        assert!(!decoded.rejects.is_empty(), "no JSON, but taken");
        return;
    };
    let after: Value = serde_json::from_str(&cleansed).unwrap_or_else(|error| panic!("{cleansed}: {error}"));
    for (name, value) in before.as_object().into_iter().flatten() {
        if !["a", "b", "c", "d", "t", "g"].contains(&name.as_str()) {
            assert_eq!(after.get(name), Some(value), "{name}");
        }
    }
}
