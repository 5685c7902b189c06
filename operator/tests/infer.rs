//! What is drafted from events takes them all: the strict reader accepts the manifest, and a pipeline of it refuses none of
//! the events.

// All of this is test code, also what is not in a test function.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use transect_config::{EventTypeConfig, Limits};
use transect_core::events::{EventDecoder, EventType};
use transect_core::format::{Format, csv};
use transect_core::identity::PipelineKey;
use transect_core::infer::{Asked, Draft, Inference};
use transect_core::input::{EventBatch, EventSpan, Place};
use transect_core::rules::Rules;
use transect_core::versions::Versions;
use transect_crds::yaml::load_text;
use transect_operator::resolve::{Overrides, check_schema, resolve};

const PIPELINE: &str = "
---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: p}
spec:
  study: s
  schemas: [{name: e}]
  sources: [{name: web, http: {}}]
  broker: {partitions: 1}
";

/// Events of one batch.
fn batch(format: Format, events: &[String]) -> EventBatch {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    for (index, event) in events.iter().enumerate() {
        let (start, len) = (bytes.len() as u32, event.len() as u32);
        spans.push(EventSpan { start, len, index: index as u32, oversized: u32::MAX });
        bytes.extend_from_slice(event.as_bytes());
    }
    EventBatch {
        source: "web".into(),
        event_type: None,
        schema_version: None,
        format,
        bytes: Bytes::from(bytes),
        events: spans,
        oversized: Vec::new(),
        place: Place::File { file: "events".into(), line: 1 },
        received: 0,
    }
}

fn draft(batch: &EventBatch) -> Draft {
    let mut inference = Inference::new(u64::MAX, &Limits::default()).unwrap();
    inference.take(batch.clone());
    assert_eq!(inference.unread().count, 0, "{:?}", inference.unread());
    inference.draft(&Asked { name: "e", study: "s", files: &["events".to_owned()] })
}

/// Drafts a manifest, reads it as `transect validate` does, and gives the events to a pipeline of it.
fn check(batch: EventBatch) -> String {
    let Draft { manifest, has_time } = draft(&batch);
    assert!(has_time, "{manifest}");
    let loaded = load_text("draft.yaml", &format!("{manifest}{PIPELINE}"));
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{problems:#?}\n{manifest}");
    let problems = check_schema(&loaded.schemas[0], &[], &loaded.pipelines);
    assert!(problems.is_empty(), "{problems:#?}\n{manifest}");
    let resolved = resolve(&loaded.schemas, &[], &loaded.pipelines[0], &Overrides::new());
    let resolved = resolved.unwrap_or_else(|problems| panic!("{problems:#?}\n{manifest}"));
    let types = [event_type(&resolved.config.event_types[0])];
    let count = batch.events.len();
    let decoded = EventDecoder::new(Arc::new(types), &PipelineKey::new([0; 16])).decode(batch);
    assert!(decoded.rejects.is_empty(), "{:#?}\n{manifest}", decoded.rejects);
    assert_eq!(decoded.rows.iter().map(|rows| rows.events.len()).sum::<usize>(), count);
    manifest
}

fn event_type(config: &EventTypeConfig) -> EventType {
    let versions = Versions::compile(config, &Limits::default()).unwrap();
    EventType {
        name: config.name.as_str().into(),
        type_field: config.event.event_type.clone(),
        time_field: config.event.time.clone(),
        delay: config.event.delay,
        max_ahead: config.event.max_ahead,
        rules: Rules::compile(&config.rules, versions.schema()).unwrap(),
        versions,
        privacy: None,
    }
}

/// Values as samples have them: of a few kinds, with codes for missing ones.
fn value() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "NA",
        "a",
        "b",
        "true",
        "no",
        "7",
        "007",
        "-1.5",
        "1e3",
        "2026-01-31",
        "2026-01-31T12:00:00Z",
        "2026-01-31 12:00",
        "31.01.2026",
        "a@example.org",
        "10.0.0.1",
        "https://example.org/a",
        "123e4567-e89b-12d3-a456-426614174000",
        "\"\u{1b}é\n# x: ",
        "\u{feff}\u{2028}: [",
    ];
    let scalar = prop_oneof![
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-999),
            json!(7),
            json!(2.5),
            json!(1e300)
        ]),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let names = [
        "a", "b", "null", "on", "x y", "é", "a/b", "~", "", "_time", "_late", "extra", "id", "# c", "1.5",
        "email",
    ];
    let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
    prop::collection::vec((name, value), 0..6).prop_map(|members| members.into_iter().collect())
}

/// Events, each with a time in the same way.
fn events() -> impl Strategy<Value = Vec<Map<String, Value>>> {
    let times = [
        ["\"2026-01-31T12:00:00Z\"", "\"2026-01-31T12:00:00.25+01:00\""],
        ["1700000000", "1700000000.5"],
        ["1700000000000", "1700000000001"],
        ["\"2026-01-31 12:00:00\"", "\"2026-02-01 12:00:00.5\""],
        ["\"31.01.2026 12:00\"", "\"01.02.2026 12:00\""],
        ["\"2026-01-31\"", "\"2026-02-28\""],
    ];
    let times = prop::sample::select(times.to_vec());
    (times, prop::collection::vec(members(value()), 1..40)).prop_map(|(times, mut events)| {
        for (at, event) in events.iter_mut().enumerate() {
            event.insert("time".into(), serde_json::from_str(times[at % 2]).unwrap());
        }
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_draft_takes_the_events_that_it_was_made_from(events in events()) {
        let events: Vec<String> = events.into_iter().map(|event| Value::Object(event).to_string()).collect();
        check(batch(Format::Json, &events));
    }

    #[test]
    fn a_draft_takes_the_records_that_it_was_made_from(events in events()) {
        let names = ["time", "a", "b", "id", "x y", "é", "on", "/site/name", "/site/a~1b", "c.d", "email"];
        let cell = |value: &Value| match value {
            Value::Null | Value::Array(_) => String::new(),
            Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
            other => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
        };
        // Members that events don't have stand in columns of other names.
        let record = |event: &Map<String, Value>| {
            let mut spare = event.values();
            let cells = names.map(|name| event.get(name).or_else(|| spare.next()).map_or(String::new(), cell));
            cells.join(",")
        };
        let records: Vec<String> = events.iter().map(record).collect();
        let head = csv::Head::parse(Bytes::from(names.join(",")), b',').unwrap();
        check(batch(Format::Csv(Arc::new(head)), &records));
    }
}

#[test]
fn a_member_without_a_name_is_no_item_of_an_array() {
    let event = |value: Value| json!({"time": "2026-01-31T12:00:00Z", "a": value}).to_string();
    let values = [json!({"": "a@example.org"}), json!([""]), json!({"": ""})];
    let manifest = check(batch(Format::Json, &values.map(event)));
    assert!(manifest.contains("    - {field: /a/, nullIf: [\"\"]}"), "{manifest}");
}

#[test]
fn a_draft_says_what_was_seen() {
    let events: Vec<String> = (0..40)
        .map(|at| {
            let mut event = json!({
                "id": format!("r{at}"), "time": "2026-01-31T12:00:00Z", "participant_id": format!("p{}", at % 5),
                "kind": (if at % 2 == 0 { "fixed" } else { "mobile" }), "pm25": f64::from(at) / 2.0, "email": "a@example.org",
            });
            if at == 3 {
                event["pm25"] = json!(-999);
                event["note"] = json!("calibrated");
            }
            if at == 4 {
                event["pm25"] = json!("NA");
            }
            event.to_string()
        })
        .collect();
    let manifest = check(batch(Format::Json, &events));
    for line in [
        "# Drafted from all 40 events of events.",
        "    # Tells events apart: no two of 40 share it.",
        "    id: [/id]",
        "    time: /time",
        "    key: [/participant_id]",
        "    - {field: /pm25, nullIf: [\"NA\"]}",
        "  #   - {field: /participant_id, treatment: Pseudonymise}",
        "  #   - {field: /email, treatment: Drop}",
        "          id: {type: string}  # all different",
        "          kind: {type: string, enum: [fixed, mobile]}  # a closed list? 2 values in 40",
        "          pm25: {type: [number, \"null\"]}  # -999 to 19.5; does -999 (in 1) stand for a missing value? then cleanse by \
         nullIf: [-999]; 1 without a value",
        "          note: {type: string}  # in 1 of 40; always \"calibrated\"",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{line}\n{manifest}");
    }
}

#[test]
fn without_a_time_the_draft_says_so() {
    let Draft { manifest, has_time } = draft(&batch(Format::Json, &["{\"a\": 1}".to_owned()]));
    assert!(!has_time && manifest.contains("# No field of all events reads as a time."), "{manifest}");
}
