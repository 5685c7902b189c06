//! How fast one core decodes: `cargo run --release -p transect-core --example decode_speed [EVENTS]`.
//!
//! Nested events of about 285 bytes, like those of the benchmark, are decoded over and over in batches, all in memory:
//! reading, checking, filling columns, identity, content hash and event time.

#![allow(clippy::print_stdout, clippy::expect_used)]

use std::time::Instant;

use serde_json::json;
use transect_config::{EventFields, EventTypeConfig, Limits, Pointer, Span, TimeFormat};
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::Plan;

const BATCH: usize = 8192;

fn main() {
    let events: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let plan = Plan::compile(&flights(), &Limits::default()).expect("the schema is right");
    let samples: Vec<String> = (0..BATCH).map(event).collect();
    let bytes: usize = samples.iter().map(String::len).sum();
    println!("{:?}, {} bytes an event, e.g. {}", plan.coverage(), bytes / BATCH, samples[1]);
    let mut decoder = Decoder::new(plan, PipelineKey::new([7; 16]));
    for round in 0..3 {
        let start = Instant::now();
        let mut rows = 0;
        while rows < events {
            for sample in &samples {
                decoder.push(sample.as_bytes()).expect("the event is right");
            }
            rows += std::hint::black_box(decoder.finish()).columns.num_rows();
        }
        let seconds = start.elapsed().as_secs_f64();
        let rate = rows as f64 / seconds;
        let megabytes = rate * (bytes as f64 / BATCH as f64) / 1e6;
        println!("round {round}: {:.3} s a million events, {megabytes:.0} MB/s", 1e6 / rate);
    }
}

fn event(number: usize) -> String {
    let carrier = ["UA", "AA", "B6", "DL", "EV", "MQ"][number % 6];
    let (hour, minute, day) = (number / 60 % 24, number % 60, number / 1440 % 28 + 1);
    let origin = ["EWR", "LGA", "JFK"][number % 3];
    let destination = ["IAH", "MIA", "BQN", "ATL", "ORD"][number % 5];
    let late =
        if number.is_multiple_of(50) { "null".to_owned() } else { format!("{}.0", number as i64 % 90 - 20) };
    format!(
        "{{\"id\":\"{number}\",\"time\":\"2013-01-{day:02}T{hour:02}:{minute:02}:00Z\",\"carrier\":\"{carrier}\",\
         \"flight\":{},\"tailnum\":\"N{}{carrier}\",\"route\":{{\"origin\":\"{origin}\",\"dest\":\"{destination}\",\
         \"distance\":{}}},\"departure\":{{\"scheduled\":{},\"actual\":{}.0,\"delay\":{late}}},\
         \"arrival\":{{\"scheduled\":{},\"actual\":{}.5,\"delay\":{late}}},\"air_time\":{}.0}}",
        number % 6000 + 1,
        10000 + number % 9000,
        200 + number % 2300,
        hour * 100 + minute,
        hour * 100 + minute,
        hour * 100 + minute,
        hour * 100 + minute,
        20 + number % 300,
    )
}

fn flights() -> EventTypeConfig {
    let number = || json!({"type": ["number", "null"], "minimum": -1000, "maximum": 10000});
    let leg = || {
        json!({"type": "object", "required": ["scheduled"], "additionalProperties": false, "properties": {
            "scheduled": {"type": "integer", "minimum": 0, "maximum": 2400},
            "actual": number(),
            "delay": number(),
        }})
    };
    let airport = || json!({"type": "string", "pattern": "^[A-Z]{3}$"});
    let schema = json!({
        "type": "object",
        "required": ["id", "time", "carrier", "route", "departure"],
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": 40},
            "time": {"type": "string", "format": "date-time"},
            "carrier": {"type": "string", "enum": ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "MQ", "UA", "US"]},
            "flight": {"type": "integer", "minimum": 1, "maximum": 9999},
            "tailnum": {"type": ["string", "null"], "pattern": "^N[0-9A-Z]+$"},
            "route": {"type": "object", "required": ["origin", "dest"], "additionalProperties": false, "properties": {
                "origin": airport(),
                "dest": airport(),
                "distance": {"type": "number", "exclusiveMinimum": 0},
            }},
            "departure": leg(),
            "arrival": leg(),
            "air_time": {"type": ["number", "null"], "minimum": 0},
        },
    });
    let pointer = |text: &str| -> Pointer { text.parse().expect("a pointer") };
    EventTypeConfig {
        rules: Vec::new(),
        name: "flight".to_owned(),
        schema_version: 1,
        schema,
        family: Default::default(),
        event: EventFields {
            event_type: None,
            id: vec![pointer("/id")],
            time: pointer("/time"),
            time_format: TimeFormat::Rfc3339,
            key: vec![pointer("/carrier")],
            region: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
        cleanse: Vec::new(),
    }
}
