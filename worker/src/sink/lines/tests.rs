use std::fs;

use bytes::Bytes;
use tempfile::TempDir;

use super::super::memory::{Death, MemoryLog};
use super::*;
use crate::record;

struct Place {
    dir: TempDir,
    log: Arc<MemoryLog>,
}

impl Place {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), log: Arc::default() }
    }

    fn append(&self, count: &str, value: &str) {
        self.log.append(Topic::Rejected, &[(record::COUNT, count)], Bytes::from(value.to_owned()));
    }

    fn open(&self) -> LineSink {
        let folders = Folders { out: self.dir.path().join("out"), state: self.dir.path().join("state") };
        LineSink::open(self.log.clone(), Topic::Rejected, &folders).unwrap()
    }

    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.dir.path().join("out/rejected")).into_iter().flatten();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

fn drain(mut sink: LineSink) -> Result<(), RoleError> {
    while sink.step()? {}
    sink.flush()
}

#[test]
fn lines_are_kept_byte_for_byte_and_once() {
    for death in [None, Some(Death::BeforeCommit), Some(Death::AfterCommit)] {
        let place = Place::new();
        place.append("2", "{\"a\" : 1}\n{\"b\":\"\u{e9}\"}\n");
        place.append("1", "{\"c\":3}");
        if let Some(death) = death {
            place.log.die(death);
            drain(place.open()).unwrap_err();
        }
        drain(place.open()).unwrap();
        place.append("1", "{\"d\":4}\n");
        drain(place.open()).unwrap();
        let expected = [
            (
                "rejected-00000000000000000000-00000000000000000001.ndjson".to_owned(),
                "{\"a\" : 1}\n{\"b\":\"\u{e9}\"}\n{\"c\":3}\n".to_owned(),
            ),
            (
                "rejected-00000000000000000002-00000000000000000002.ndjson".to_owned(),
                "{\"d\":4}\n".to_owned(),
            ),
        ];
        assert_eq!(place.files(), expected, "{death:?}");
    }
}

#[test]
fn a_file_is_sealed_when_it_is_large() {
    let place = Place::new();
    let line = format!("{{\"original\":\"{}\"}}\n", "x".repeat(1 << 20));
    for _ in 0..20 {
        place.append("1", &line);
    }
    let mut sink = place.open();
    while sink.step().unwrap() {}
    assert_eq!(place.files().len(), 1, "the first 16 MiB are published without a flush");
    sink.flush().unwrap();
    assert_eq!(place.files().len(), 2);
    assert_eq!(place.files().iter().map(|(_, lines)| lines.len()).sum::<usize>(), 20 * line.len());
}

#[test]
fn lines_that_do_not_add_up_are_not_published() {
    let place = Place::new();
    place.append("3", "{}\n{}\n");
    let error = drain(place.open()).unwrap_err().to_string();
    assert!(error.contains("2 rows") && error.contains("count 3"), "{error}");
    place.open();
    assert_eq!(place.files(), []);
}

#[test]
fn a_record_without_count_is_named() {
    let place = Place::new();
    place.append("many", "{}\n");
    let error = place.open().step().unwrap_err().to_string();
    assert!(error.contains("record 0 of the topic rejected") && error.contains("\"many\""), "{error}");
}
