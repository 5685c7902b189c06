//! Texts that stand for personal data, planted in events and looked for in everything that a run writes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde_json::{Value, json};

use crate::outcome::batches;

/// Begins every personal text of [`event`].
pub const CANARY: &str = "CANARY";
/// How many people events are about.
pub const PARTICIPANTS: u64 = 40;

/// As it is written, in base64 and in hex; and a birthday that is nowhere spelt so.
const NEEDLES: [&[u8]; 5] = [CANARY.as_bytes(), b"QU5BUl", b"43414e415259", b"-05-17", b".1234567891"];

/// The visit of this number, by the newest names.
pub fn event(n: u64) -> Value {
    let who = n % PARTICIPANTS;
    json!({
        "id": format!("e{n}"), "time": format!("2026-03-{:02}T{:02}:00:00Z", 1 + n / 24 % 28, n % 24),
        "who": format!("CANARY-who-{who}"), "name": format!("CANARY-name-{who}"),
        // More digits than a column has, which an open schema keeps elsewhere.
        "born": format!("19{:02}-05-17T10:00:00.1234567891Z", 40 + who), "mail": format!("CANARY-{who}@example.org"),
        "zip": format!("10CANARY{who}"), "lat": 52.0 + 0.000_123 * who as f64, "note": format!("CANARY-note-{n}"),
        "site": if n.is_multiple_of(2) { "north" } else { "south" }, "pain": n % 11,
        "relatives": [{"name": format!("CANARY-aunt-{who}"), "age": 50}],
    })
}

/// Fails where a canary is in a file below the folders, packed or not, or in what was said.
pub fn nowhere(folders: &[&Path], said: &[u8]) -> anyhow::Result<()> {
    let mut searched = 0;
    for folder in folders {
        for path in all_files(folder)? {
            let found = content(&path)?;
            searched += found.len();
            for needle in NEEDLES {
                ensure!(
                    !holds(&found, needle),
                    "{} holds {}",
                    path.display(),
                    String::from_utf8_lossy(needle)
                );
            }
        }
    }
    ensure!(searched > 10_000, "only {searched} bytes were searched");
    ensure!(!holds(said, CANARY.as_bytes()), "it was said aloud: {}", String::from_utf8_lossy(said));
    Ok(())
}

/// Whether bytes hold others.
pub fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn all_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(all_files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// What a file holds, unpacked where it is packed.
fn content(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = fs::read(path)?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    if extension == Some("zst") {
        bytes.extend(zstd::decode_all(&bytes.clone()[..])?);
    }
    if extension == Some("parquet") {
        for batch in batches(path)? {
            for column in batch.columns() {
                // Times are printed with a zone, which needs a database.
                let column = match column.data_type() {
                    DataType::Timestamp(..) => cast(column, &DataType::Int64)?,
                    _ => column.clone(),
                };
                let formatter = ArrayFormatter::try_new(&column, &FormatOptions::default())?;
                for row in 0..column.len() {
                    bytes.extend_from_slice(formatter.value(row).to_string().as_bytes());
                    bytes.push(b'\n');
                }
            }
        }
    }
    Ok(bytes)
}
