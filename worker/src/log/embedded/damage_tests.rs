//! The log on damaged files: torn tails are cut, damage to what was committed is named, and a failed sync is never
//! trusted.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::files::fault::fail_sync_of;
use super::tests::{Visible, dump, dump_dir, fast_dir, open, progress, record, records, trim};
use super::*;

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A log of five commits in several segments and topics, and what was visible after each.
fn five_commits(dir: &TempDir) -> Vec<Visible> {
    let log = open(dir);
    let mut states = vec![dump(&log, 1000).unwrap()];
    for n in 1..=5_u8 {
        let values = (0..n).map(|k| record(if k % 2 == 0 { Topic::Raw } else { Topic::Clean }, vec![k; 90]));
        log.commit(Transaction {
            records: values.collect(),
            progress: progress("g", n.into()),
            ..Transaction::default()
        })
        .unwrap();
        states.push(dump(&log, 1000).unwrap());
    }
    states
}

/// Opens a copy of the log in which one file is altered.
fn altered(dir: &TempDir, file: &str, alter: impl FnOnce(&mut Vec<u8>)) -> Result<Visible, LogError> {
    let copy = fast_dir();
    copy_dir(dir.path(), copy.path());
    let path = copy.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    alter(&mut bytes);
    fs::write(&path, bytes).unwrap();
    dump_dir(copy.path())
}

#[test]
fn a_journal_cut_or_garbled_at_any_byte_gives_a_committed_state_or_says_so() {
    let dir = TempDir::new().unwrap();
    let states = five_commits(&dir);
    let journal = fs::read(dir.path().join("journal")).unwrap();
    let begins: Vec<usize> = memchr::memmem::find_iter(&journal, &[0xF5, b'T', b'L', 1]).collect();
    assert_eq!(begins.len(), 6);
    let last = begins[5];
    for at in 0..journal.len() {
        let whole = begins.iter().filter(|begin| **begin <= at).count() - 1;
        let cut = altered(&dir, "journal", |bytes| bytes.truncate(at));
        let zeroed = altered(&dir, "journal", |bytes| bytes[at..].fill(0));
        for tail in [cut, zeroed] {
            match whole.checked_sub(1) {
                Some(commits) => assert_eq!(tail.unwrap(), states[commits], "from byte {at} on"),
                None => assert!(matches!(tail, Err(LogError::Corrupt { .. })), "{tail:?}"),
            }
        }
        let garbled = altered(&dir, "journal", |bytes| bytes[at] ^= 0x41);
        if at >= last {
            assert_eq!(garbled.unwrap(), states[4], "byte {at}");
        } else {
            assert!(matches!(garbled, Err(LogError::Corrupt { .. })), "byte {at}: {garbled:?}");
        }
    }
    let longer = altered(&dir, "journal", |bytes| bytes.extend([0; 100]));
    assert_eq!(longer.unwrap(), states[5]);
}

#[test]
fn committed_bytes_that_are_missing_or_changed_are_named() {
    let dir = TempDir::new().unwrap();
    let states = five_commits(&dir);
    let mut checked = 0;
    for topic in ["raw", "clean"] {
        for entry in fs::read_dir(dir.path().join(topic)).unwrap() {
            let path = entry.unwrap().path();
            let file = format!("{topic}/{}", path.file_name().unwrap().to_str().unwrap());
            let is_named = |damaged: Result<_, LogError>| {
                let error = damaged.map(drop).unwrap_err();
                assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
                assert!(error.to_string().contains(&file), "{error}");
            };
            for at in 0..fs::metadata(&path).unwrap().len() as usize {
                is_named(altered(&dir, &file, |bytes| bytes[at] ^= 0x10));
                is_named(altered(&dir, &file, |bytes| bytes.truncate(at)));
                checked += 1;
            }
            let longer = altered(&dir, &file, |bytes| bytes.extend(b"not committed"));
            assert_eq!(longer.unwrap(), states[5]);
        }
    }
    assert!(checked > 1000, "{checked}");
    fs::remove_file(segment::path(&dir.path().join("raw"), 0)).unwrap();
    assert!(matches!(dump_dir(dir.path()), Err(LogError::Corrupt { .. })));
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_reopened() {
    for failing in ["raw/00000000000000000000.seg", "journal", "raw"] {
        let dir = TempDir::new().unwrap();
        let log = EmbeddedLog::open(dir.path()).unwrap();
        if failing != "raw" {
            log.commit(records([record(Topic::Raw, "safe")])).unwrap();
        }
        let before = dump(&log, 1000).unwrap();
        fail_sync_of(Some(failing));
        log.commit(records([record(Topic::Raw, "unsafe"), record(Topic::Clean, "unsafe")])).unwrap_err();
        fail_sync_of(None);
        let error = log.commit(records([record(Topic::Audit, "late")])).unwrap_err();
        assert!(matches!(error, LogError::Closed { .. }), "{error}");
        assert!(matches!(log.commit(trim(Topic::Raw, 1)), Err(LogError::Closed { .. })) || failing == "raw");
        assert_eq!(dump(&log, 1000).unwrap(), before, "{failing}");
        drop(log);

        let log = EmbeddedLog::open(dir.path()).unwrap();
        assert_eq!(dump(&log, 1000).unwrap(), before, "{failing}");
        log.commit(records([record(Topic::Audit, "again")])).unwrap();
    }
}
