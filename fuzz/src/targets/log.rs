//! The log's files: whatever they hold, what is read is what was committed, or an error says where it isn't.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;
use transect_worker::log::{Committed, EmbeddedLog, Log, LogError, NewRecord, Record, Topic, Transaction};
use transect_worker::process::raw;

/// In memory where there is such.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// Three commits to two topics.
fn committed(dir: &Path) -> Vec<Record> {
    let log = EmbeddedLog::open(dir).unwrap();
    for at in 0..3_u8 {
        let record = |topic| NewRecord::new(topic, vec![("count".into(), at.to_string())], vec![at; 40]);
        let progress = Committed { offsets: vec![(Topic::Raw, at.into())], metadata: "{}".into() };
        let progress = Some(("g".to_owned(), progress));
        log.commit(Transaction {
            records: vec![record(Topic::Raw), record(Topic::Clean)],
            progress,
            trim: Vec::new(),
        })
        .unwrap();
    }
    log.read(Topic::Raw, 0, 1 << 20).unwrap()
}

fn reopened(dir: &Path) -> Result<Vec<Record>, LogError> {
    EmbeddedLog::open(dir)?.read(Topic::Raw, 0, 1 << 20)
}

/// Which file, a place in it, and what is written there; at the end a file grows.
pub fn run(data: &[u8]) {
    let [which, low, high, patch @ ..] = data else { return };
    let dir = folder();
    let records = committed(dir.path());
    let file = dir.path().join(if which % 2 == 0 { "journal" } else { "raw/00000000000000000000.seg" });
    let mut bytes = fs::read(&file).unwrap();
    let at = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
    bytes.truncate(if which & 2 == 0 { bytes.len() } else { at });
    let end = (at + patch.len()).min(bytes.len());
    bytes.splice(at..end, patch.iter().copied());
    fs::write(&file, bytes).unwrap();
    if let Ok(found) = reopened(dir.path()) {
        assert!(records.starts_with(&found), "{found:?}");
    }
}

/// A value, and headers before it, a line each with a colon.
pub fn raw_record(data: &[u8]) {
    let (head, value) = crate::common::two(data).unwrap_or((b"source:s\nreceived:1\ncount:1", data));
    let Ok(head) = str::from_utf8(head) else { return };
    let headers = head.lines().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned().into(), value.to_owned())).collect();
    let record = Record { offset: 7, headers, value: Bytes::copy_from_slice(value) };
    let Ok(raw::Raw::Events { batch, .. }) = raw::read(&record, None) else { return };
    assert_eq!(record.header("count").and_then(|count| count.parse().ok()), Some(batch.events.len()));
    // Every byte is in an event, but for the line ends.
    let held: usize = batch.events.iter().map(|span| batch.event(*span).len()).sum();
    let ends = value.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(held + ends, value.len());
}
