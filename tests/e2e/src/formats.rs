//! The events of an NDJSON file in other formats, event by event.

use std::fmt::Write as _;

use apache_avro::types::Value as Avro;
use apache_avro::{Codec, DeflateSettings, Schema, Writer};
use serde_json::{Value, json};

/// As CloudEvents envelopes, one a line; a line that is no JSON comes without its envelope.
pub fn cloud_events(ndjson: &str) -> String {
    let mut text = String::new();
    for (at, line) in ndjson.lines().enumerate() {
        if serde_json::from_str::<Value>(line).is_err() {
            let _ = writeln!(text, "{line}");
            continue;
        }
        let id = format!("\"id\":\"{at}\",\"source\":\"/hub\",\"type\":\"org.example.reading\"");
        let _ = writeln!(text, "{{\"specversion\":\"1.0\",{id},\"data\":{line}}}");
    }
    text
}

/// As an Avro container of blocks of 100; lines that are no JSON can't be in it.
pub fn avro(ndjson: &str) -> anyhow::Result<Vec<u8>> {
    let optional = |name: &str, kind: &str| json!({"name": name, "type": ["null", kind]});
    let station = json!({"type": "record", "name": "Station", "fields": [
        {"name": "kind", "type": "string"}, {"name": "name", "type": "string"}
    ]});
    let schema = json!({"type": "record", "name": "Reading", "namespace": "org.example", "fields": [
        {"name": "id", "type": "string"}, {"name": "station", "type": station}, {"name": "time", "type": "string"},
        {"name": "value", "type": "double"}, optional("count", "long"), optional("weight", "long")
    ]});
    let schema = Schema::parse_str(&schema.to_string())?;
    let mut writer = Writer::with_codec(&schema, Vec::new(), Codec::Deflate(DeflateSettings::default()))?;
    let events = ndjson.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for (at, event) in events.enumerate() {
        let text = |pointer: &str| {
            Avro::String(event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let number = |name: &str| match event[name].as_i64() {
            Some(number) => Avro::Union(1, Box::new(Avro::Long(number))),
            None => Avro::Union(0, Box::new(Avro::Null)),
        };
        let station = [("kind", text("/station/kind")), ("name", text("/station/name"))];
        let fields = [
            ("id", text("/id")),
            ("station", Avro::Record(station.map(|(name, value)| (name.to_owned(), value)).into())),
            ("time", text("/time")),
            ("value", Avro::Double(event["value"].as_f64().unwrap_or_default())),
            ("count", number("count")),
            ("weight", number("weight")),
        ];
        writer.append_value(Avro::Record(fields.map(|(name, value)| (name.to_owned(), value)).into()))?;
        if at % 100 == 99 {
            writer.flush()?;
        }
    }
    Ok(writer.into_inner()?)
}

/// The columns of [`csv`].
const COLUMNS: [&str; 7] = ["/id", "station.kind", "time", "station.name", "value", "count", "weight"];

/// As CSV with a header line; a line that is no JSON becomes a record of one cell. Every third record has all its cells
/// quoted.
pub fn csv(ndjson: &str) -> String {
    let mut text = format!("{}\r\n", COLUMNS.join(","));
    for (at, line) in ndjson.lines().enumerate() {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            let _ = writeln!(text, "broken");
            continue;
        };
        let cells = COLUMNS.map(|column| {
            let pointer = format!("/{}", column.trim_start_matches('/').replace('.', "/"));
            let cell = event.pointer(&pointer).map_or(String::new(), |value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            if at % 3 == 0 { format!("\"{cell}\"") } else { cell }
        });
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}
