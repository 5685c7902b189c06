//! Compares the plan with the `jsonschema` crate over the official JSON-Schema-Test-Suite:
//! `cargo run -p transect-core --example json_schema_suite -- SUITE/tests`.
//!
//! Each case becomes the member `doc` of an event. What counts is that both say the same of it; how often that is what
//! the suite expects is printed as well (formats are asserted here, and nothing is fetched, so it is not always).

#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use jsonschema::Draft;
use serde_json::{Value, json};
use transect_config::{EventFields, EventTypeConfig, Limits, Span, TimeFormat};
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::{Coverage, Plan};
use transect_core::reject::RejectReason;

const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

#[derive(Debug, Default)]
struct Tally {
    schemas: usize,
    compiled: usize,
    refused: usize,
    cases: usize,
    disagree: usize,
    as_expected: usize,
}

fn main() {
    let suite = PathBuf::from(std::env::args().nth(1).expect("the folder of the suite's tests"));
    let mut disagree = 0;
    for (folder, uri) in DRAFTS {
        let mut tally = Tally::default();
        for file in files(&suite.join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a readable file");
            let groups: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
            groups.iter().for_each(|group| compare(group, uri, &file, &mut tally));
        }
        println!("{folder}: {tally:?}");
        disagree += tally.disagree;
    }
    assert_eq!(disagree, 0, "the plan and the crate disagree");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of a draft");
    let paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let (folders, mut found): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found.sort();
    found
}

/// Runs one schema's cases.
fn compare(group: &Value, uri: &str, file: &Path, tally: &mut Tally) {
    let mut inner = group["schema"].clone();
    if let Value::Object(keywords) = &mut inner
        && keywords.get("$schema").is_none_or(|named| named == uri)
    {
        keywords.remove("$schema");
    }
    rebase(&mut inner);
    let schema = json!({"$schema": uri, "properties": {"doc": inner, "time": {"type": "number"}}});
    let draft = Draft::Draft202012.detect(&schema);
    let validator =
        jsonschema::options().with_draft(draft).should_validate_formats(true).offline().build(&schema);
    let (plan, validator) = match (Plan::compile(&event_type(&schema), &Limits::default()), validator) {
        (Ok(plan), Ok(validator)) => (plan, validator),
        (Err(_), Err(_)) => {
            tally.refused += 1;
            return;
        }
        (plan, validator) => panic!("{}: {schema}: {:?} {:?}", file.display(), plan.err(), validator.err()),
    };
    tally.schemas += 1;
    tally.compiled += usize::from(*plan.coverage() == Coverage::Compiled);
    let mut decoder = Decoder::new(plan, PipelineKey::new([1; 16]));
    for case in group["tests"].as_array().into_iter().flatten() {
        let event = json!({"doc": case["data"], "time": 1});
        let found = decoder.push(event.to_string().as_bytes());
        let valid = !matches!(&found, Err(reject) if reject.reason == RejectReason::SchemaViolation);
        tally.cases += 1;
        tally.as_expected += usize::from(case["valid"] == Value::Bool(valid));
        if valid != validator.is_valid(&event) {
            tally.disagree += 1;
            println!(
                "{}: {} / {}: the plan says {found:?}",
                file.display(),
                group["description"],
                case["description"]
            );
        }
    }
}

/// References to places in the schema lead to where it stands now.
fn rebase(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(reference) if key == "$ref" && reference.starts_with('#') => {
                        if reference.len() == 1 || reference.starts_with("#/") {
                            reference.insert_str(1, "/properties/doc");
                        }
                    }
                    value => rebase(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rebase),
        _ => {}
    }
}

fn event_type(schema: &Value) -> EventTypeConfig {
    EventTypeConfig {
        name: "doc".to_owned(),
        schema_version: 1,
        schema: schema.clone(),
        event: EventFields {
            event_type: None,
            id: Vec::new(),
            time: "/time".parse().expect("a pointer"),
            time_format: TimeFormat::UnixSeconds,
            key: Vec::new(),
            region: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
    }
}
