//! The events of an NDJSON file in other formats, event by event.

use std::fmt::Write as _;

use serde_json::Value;

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
