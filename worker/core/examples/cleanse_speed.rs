//! What cleansing costs one core: `cargo run --release -p transect-core --example cleanse_speed [EVENTS]`.
//!
//! Events of about 200 bytes are decoded over and over in batches, all in memory: as they come, with steps that find
//! nothing to do, and with steps that change one to six fields.

#![allow(clippy::print_stdout, clippy::expect_used)]

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use transect_config::{
    CleanseAction, CleanseStep, EventFields, EventTypeConfig, FromUnit, Limits, LocalTime, Span, TextCase,
    TimeFormat, Unlisted,
};
use transect_core::events::{EventDecoder, EventType};
use transect_core::format::Format;
use transect_core::identity::PipelineKey;
use transect_core::input::{EventBatch, EventSpan, Place};
use transect_core::versions::Versions;

const BATCH: usize = 8192;

fn main() {
    let events: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(500_000);
    let batch = batch();
    println!(
        "{} bytes an event, e.g. {}",
        batch.bytes.len() / BATCH,
        String::from_utf8_lossy(batch.event(batch.events[1]))
    );
    let steps = steps();
    let idle = [step("/note", CleanseAction::Trim), step("/code", CleanseAction::NullIf(vec![json!("NA")]))];
    for (what, steps) in [
        ("no steps", &[][..]),
        ("two steps that change nothing", &idle),
        ("nullIf, which changes one in 50", &steps[..1]),
        ("and convert", &steps[..2]),
        ("and trim and case", &steps[..4]),
        ("and map, default and rename", &steps[..7]),
        ("and parseTime", &steps[..8]),
    ] {
        let best = (0..5).map(|_| run(&batch, steps, events)).fold(f64::INFINITY, f64::min);
        println!("{what}: {:.0} ns an event", best * 1e9);
    }
}

/// Seconds an event.
fn run(batch: &EventBatch, steps: &[CleanseStep], events: usize) -> f64 {
    let types = Arc::from([event_type(steps)]);
    let mut decoder = EventDecoder::new(types, &PipelineKey::new([7; 16]));
    let (mut rows, start) = (0, Instant::now());
    while rows < events {
        let decoded = std::hint::black_box(decoder.decode(batch.clone()));
        assert!(decoded.rejects.is_empty(), "{:?}", decoded.rejects.first());
        rows += decoded.rows.iter().map(|rows| rows.events.len()).sum::<usize>();
    }
    start.elapsed().as_secs_f64() / rows as f64
}

fn step(field: &str, action: CleanseAction) -> CleanseStep {
    CleanseStep { field: field.parse().expect("a pointer"), action }
}

fn steps() -> [CleanseStep; 8] {
    let convert = CleanseAction::Convert { from: FromUnit::Code("[degF]".to_owned()), to: "Cel".to_owned() };
    let map = CleanseAction::Map {
        values: vec![(json!(1), json!("female")), (json!(2), json!("male"))],
        otherwise: Unlisted::Keep,
    };
    let time = CleanseAction::ParseTime {
        formats: vec!["%Y-%m-%d %H:%M:%S".to_owned()],
        time_zone: "Europe/Berlin".to_owned(),
        ambiguous: LocalTime::Earlier,
        skipped: LocalTime::Reject,
    };
    [
        step("/vitals/temperature", CleanseAction::NullIf(vec![json!(-99)])),
        step("/vitals/temperature", convert),
        step("/site", CleanseAction::Trim),
        step("/site", CleanseAction::Case(TextCase::Lower)),
        step("/sex", map),
        step("/consent", CleanseAction::Default(json!(false))),
        step("/wt", CleanseAction::Rename("weight".to_owned())),
        step("/local", time),
    ]
}

fn event(number: usize) -> String {
    let temperature =
        if number.is_multiple_of(50) { "-99".to_owned() } else { format!("{}.5", 95 + number % 9) };
    let (day, hour, minute) = (number % 28 + 1, number / 60 % 24, number % 60);
    format!(
        "{{\"id\":\"v{number:06}\",\"time\":\"2025-06-{day:02}T{hour:02}:{minute:02}:00Z\",\"site\":\" North\",\"sex\":{},\
         \"local\":\"2025-06-{day:02} {hour:02}:{minute:02}:00\",\"vitals\":{{\"temperature\":{temperature},\"pulse\":{}}},\
         \"wt\":{}.5,\"code\":\"A{}\",\"note\":\"as planned\"}}",
        number % 2 + 1,
        50 + number % 60,
        50 + number % 40,
        number % 100,
    )
}

fn batch() -> EventBatch {
    let (mut bytes, mut events) = (String::new(), Vec::new());
    for number in 0..BATCH {
        let (start, event) = (bytes.len() as u32, event(number));
        let (len, index) = (event.len() as u32, number as u32);
        events.push(EventSpan { start, len, index, oversized: u32::MAX });
        bytes.push_str(&event);
    }
    EventBatch {
        source: "example".into(),
        event_type: None,
        schema_version: None,
        format: Format::Json,
        bytes: bytes.into(),
        events,
        oversized: Vec::new(),
        place: Place::Record { partition: 0, offset: 0 },
        received: i64::MAX,
    }
}

fn event_type(steps: &[CleanseStep]) -> EventType {
    let number = json!({"type": ["number", "null"]});
    let schema = json!({
        "type": "object",
        "required": ["id", "time"],
        "properties": {
            "id": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "site": {"type": "string"},
            "sex": {"type": ["string", "integer"]},
            "local": {"type": "string"},
            "vitals": {"type": "object", "properties": {"temperature": number, "pulse": {"type": "integer"}}},
            "wt": {"type": "number"},
            "weight": {"type": "number"},
            "code": {"type": "string"},
            "note": {"type": "string"},
            "consent": {"type": "boolean"},
        },
    });
    let event = EventFields {
        event_type: None,
        id: vec!["/id".parse().expect("a pointer")],
        time: "/time".parse().expect("a pointer"),
        time_format: TimeFormat::Rfc3339,
        key: Vec::new(),
        region: None,
        version: None,
        participant: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let config = EventTypeConfig {
        name: "visit".to_owned(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: Default::default(),
        event,
        cleanse: steps.to_vec(),
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
    };
    EventType {
        name: "visit".into(),
        versions: Versions::compile(&config, &Limits::default()).expect("schema and steps are right"),
        rules: Default::default(),
        privacy: None,
        type_field: None,
        time_field: config.event.time,
        delay: Span::ZERO,
        max_ahead: None,
    }
}
