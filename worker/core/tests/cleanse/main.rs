//! Cleansing by changes to the text, and by a plain walk over values, come to the same: over random steps and documents,
//! both refuse the same documents and make equal values of the others.
//!
//! `TRANSECT_CLEANSE_DOCUMENTS` sets the number of documents, `TRANSECT_CLEANSE_SEED` another start.

// All of this is test code, also what is not in a test function.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod naive;
#[path = "../differential/random.rs"]
#[allow(dead_code)]
mod random;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use transect_config::{
    CastType, CleanseAction, CleanseStep, EventFields, EventTypeConfig, FromUnit, Limits, LocalTime, Pointer,
    Span, TextCase, TimeFormat, Unlisted,
};
use transect_core::cleanse::{CleansePlan, Cleanser};
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::Plan;
use transect_core::reject::RejectReason;

use random::Random;

const DOCUMENTS_PER_PLAN: usize = 50;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Names, so few that steps and documents meet.
const NAMES: [&str; 4] = ["a", "b", "c", "ü\"/~"];
const SCALARS: [&str; 26] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-99",
    "-99.0",
    "98.6",
    "1e3",
    "2.50",
    "20260131",
    "\"\"",
    "\"NA\"",
    "\" NA\"",
    "\"\\u004eA\"",
    "\"12\"",
    "\"+07.5\"",
    "\"1,5\"",
    "\"true\"",
    "\"Straße \"",
    "\"kg\"",
    "\"[lb_av]\"",
    "\"2026-03-29 02:30\"",
    "\"2026-10-25 02:30\"",
    "\"2024-02-29 12:00\"",
    "\"2026-02-29 12:00\"",
];

fn space(random: &mut Random) -> &'static str {
    if random.percent(20) { " \n" } else { "" }
}

/// A document, its members and items three deep at most, spelled with some white space.
fn document(random: &mut Random, depth: usize) -> String {
    match random.below(10) {
        _ if depth == 0 && !random.percent(5) => format!("{}{}", space(random), object(random, depth)),
        0..3 if depth < 3 => object(random, depth),
        3..5 if depth < 3 => array(random, depth),
        _ => random.pick(&SCALARS).to_owned(),
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let mut names = NAMES.to_vec();
    let mut members = Vec::new();
    let least = if depth == 0 { 2 } else { 0 };
    for _ in 0..least + random.below(NAMES.len() + 1 - least) {
        let name = json!(names.remove(random.below(names.len())));
        let value = document(random, depth + 1);
        members.push(format!("{}{name}{}:{}{value}", space(random), space(random), space(random)));
    }
    format!("{{{}{}}}", members.join(","), space(random))
}

fn array(random: &mut Random, depth: usize) -> String {
    let item = |random: &mut Random| format!("{}{}", space(random), document(random, depth + 1));
    let items: Vec<String> = (0..random.below(4)).map(|_| item(random)).collect();
    format!("[{}{}]", items.join(","), space(random))
}

fn pointer(random: &mut Random) -> Pointer {
    let depth = random.pick(&[1, 1, 1, 2, 2, 3]);
    let step =
        |random: &mut Random| random.pick(&["a", "a", "a", "b", "b", "b", "c", "ü\"/~", "*", "0"]).to_owned();
    Pointer::from_steps((0..depth).map(|_| step(random)).collect())
}

fn scalar(random: &mut Random) -> Value {
    random
        .choose(&[json!(-99), json!("NA"), json!(true), json!(1), json!("x"), json!(2.5), json!("")])
        .clone()
}

fn step(random: &mut Random) -> CleanseStep {
    let field = pointer(random);
    let action = match random.below(10) {
        0 => CleanseAction::Trim,
        1 => CleanseAction::Case(random.pick(&[TextCase::Lower, TextCase::Upper])),
        2 => CleanseAction::NullIf((0..1 + random.below(3)).map(|_| scalar(random)).collect()),
        3 => CleanseAction::Cast(random.pick(&[
            CastType::String,
            CastType::Integer,
            CastType::Number,
            CastType::Boolean,
        ])),
        4 => {
            let (from, to) = random.pick(&[("[degF]", "Cel"), ("[lb_av]", "kg"), ("kg", "g")]);
            CleanseAction::Convert { from: FromUnit::Code(from.to_owned()), to: to.to_owned() }
        }
        5 => {
            let mut beside = field.steps().to_vec();
            *beside.last_mut().unwrap() = random.pick(&NAMES).to_owned();
            CleanseAction::Convert { from: FromUnit::Field(Pointer::from_steps(beside)), to: "g".to_owned() }
        }
        6 => CleanseAction::Rename(random.pick(&NAMES).to_owned()),
        7 => CleanseAction::Map {
            values: (0..1 + random.below(3)).map(|_| (scalar(random), scalar(random))).collect(),
            otherwise: random.pick(&[Unlisted::Keep, Unlisted::Keep, Unlisted::Null, Unlisted::Reject]),
        },
        8 => CleanseAction::ParseTime {
            formats: vec!["%Y-%m-%d %H:%M".to_owned(), "%Y%m%d".to_owned()],
            time_zone: "Europe/Berlin".to_owned(),
            ambiguous: random.pick(&[LocalTime::Earlier, LocalTime::Later, LocalTime::Reject]),
            skipped: random.pick(&[LocalTime::Earlier, LocalTime::Later, LocalTime::Reject]),
        },
        _ => CleanseAction::Default(scalar(random)),
    };
    CleanseStep { field, action }
}

/// Equal, numbers as doubles to 1e-13: both compute units, but not by the same operations.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-13 * a.abs().max(b.abs())
        }
        // A number that became text is spelled as it was; values don't keep that.
        (Value::String(a), Value::String(b)) if a != b => {
            a.parse::<f64>().is_ok_and(|a| b.parse::<f64>().is_ok_and(|b| a == b))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => same_members(a, b),
        _ => a == b,
    }
}

/// In the same order, too: a renamed member stays where it was.
fn same_members(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
}

#[test]
fn both_come_to_the_same() {
    let documents = setting("TRANSECT_CLEANSE_DOCUMENTS", 200_000);
    let start = setting("TRANSECT_CLEANSE_SEED", 1);
    let (mut changed, mut kept) = (0, 0);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for seed in start..start + documents / DOCUMENTS_PER_PLAN {
        let mut random = Random::new(seed as u64);
        let steps: Vec<CleanseStep> = (0..1 + random.below(5)).map(|_| step(&mut random)).collect();
        let Ok(plan) = CleansePlan::compile(&steps) else { continue };
        let mut cleanser = Cleanser::new(Arc::new(plan));
        for _ in 0..DOCUMENTS_PER_PLAN {
            let text = document(&mut random, 0);
            let mut expected: Value = serde_json::from_str(&text).unwrap();
            let before = expected.clone();
            let verdict = naive::cleanse(&mut expected, &steps);
            match (cleanser.preview(&text), verdict) {
                (Ok(found), Ok(())) => {
                    let value: Value = serde_json::from_str(&found)
                        .unwrap_or_else(|error| panic!("seed {seed}: {error}: {steps:?}\n{text}\n{found}"));
                    assert!(
                        same(&value, &expected),
                        "seed {seed}: {steps:?}\n{text}\n{found}\nexpected {expected}"
                    );
                    // What is not changed keeps its bytes.
                    assert!(before != expected || same(&before, &value), "seed {seed}");
                    if before == expected { kept += 1 } else { changed += 1 }
                }
                (Err(reject), Err(step)) => {
                    let at = format!("cleanse[{step}].");
                    assert!(
                        reject.message.starts_with(&at),
                        "seed {seed}: {reject:?}, expected {step}: {steps:?}"
                    );
                    *refused.entry(reject.keyword).or_default() += 1;
                }
                (found, verdict) => panic!("seed {seed}: {found:?}, expected {verdict:?}: {steps:?}\n{text}"),
            }
        }
    }
    println!("{changed} documents changed, {kept} not, refused by step: {refused:?}");
    assert!(changed * 100 >= documents * 8, "only {changed} documents of {documents} were changed");
    for step in ["cast", "convert", "map", "parseTime", "rename"] {
        assert!(refused.contains_key(step), "no document was refused by {step}");
    }
}

/// A decoder of events of any shape, with the time at `/time`.
fn decoder() -> Decoder {
    let event = EventFields {
        event_type: None,
        id: Vec::new(),
        time: "/time".parse().unwrap(),
        time_format: TimeFormat::UnixSeconds,
        key: Vec::new(),
        region: None,
        version: None,
        participant: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let (name, schema, family, cleanse) = ("doc".to_owned(), json!({}), Default::default(), Vec::new());
    let event_type = EventTypeConfig {
        name,
        schema_version: 1,
        format: Default::default(),
        schema,
        family,
        older: Vec::new(),
        renamed: Vec::new(),
        event,
        cleanse,
        rules: Vec::new(),
        privacy: Vec::new(),
    };
    Decoder::new(Plan::compile(&event_type, &Limits::default()).unwrap(), PipelineKey::new([1; 16]))
}

#[test]
fn what_is_malformed_stays_so() {
    let documents = setting("TRANSECT_CLEANSE_DOCUMENTS", 200_000) / 4;
    let start = setting("TRANSECT_CLEANSE_SEED", 1);
    let (mut malformed, mut plain, mut cleansing) = (0, decoder(), decoder());
    for seed in start..start + documents / DOCUMENTS_PER_PLAN {
        let mut random = Random::new(seed as u64);
        let steps: Vec<CleanseStep> = (0..1 + random.below(5)).map(|_| step(&mut random)).collect();
        let Ok(plan) = CleansePlan::compile(&steps) else { continue };
        let mut cleanser = Cleanser::new(Arc::new(plan));
        for _ in 0..DOCUMENTS_PER_PLAN {
            let mut bytes = document(&mut random, 0).into_bytes();
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => drop(bytes.remove(at)),
                1 => bytes[at] = random.pick(b"{}[]\",:0 ae\\\xff"),
                _ => bytes.insert(at, random.pick(b"{}[]\",:0 ae\\\xff")),
            }
            let (expected, found) = (plain.push(&bytes), cleanser.push(&mut cleansing, &bytes));
            if let Err(expected) = expected
                && expected.reason == RejectReason::Malformed
            {
                malformed += 1;
                let shown = String::from_utf8_lossy(&bytes);
                assert_eq!(found, Err(expected), "seed {seed}: {steps:?}\n{shown}");
            }
        }
    }
    assert!(malformed * 100 >= documents * 20, "only {malformed} of {documents} documents are malformed");
}
