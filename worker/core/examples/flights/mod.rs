//! Nested events of about 285 bytes, like those of the benchmark.

#![allow(clippy::expect_used)]

use serde_json::json;
use transect_config::{EventFields, EventTypeConfig, Pointer, Span, TimeFormat};

/// One of them, as JSON.
pub(crate) fn event(number: usize) -> String {
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

/// Their event type.
pub(crate) fn event_type() -> EventTypeConfig {
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
        cleanse: Vec::new(),
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
        name: "flight".to_owned(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: Default::default(),
        event: EventFields {
            event_type: None,
            id: vec![pointer("/id")],
            time: pointer("/time"),
            time_format: TimeFormat::Rfc3339,
            key: vec![pointer("/carrier")],
            region: None,
            version: None,
            participant: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
    }
}
