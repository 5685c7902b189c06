//! The log against its contract, on real files.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::log::{MemoryLog, NewRecord};

/// Files so small that a few records roll them. A snapshot names every topic: the journal has room for one and five changes.
const SMALL: Sizes =
    Sizes { segment_bytes: 300, journal_bytes: 2000, tail_bytes: 200, unwritten_bytes: 2000 };

pub(super) fn open(dir: &TempDir) -> EmbeddedLog {
    EmbeddedLog::open_with(dir.path(), SMALL).unwrap()
}

/// A folder in memory where there is such: for tests that open a log so often that syncing a disk would take minutes.
pub(super) fn fast_dir() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

pub(super) fn record(topic: Topic, value: impl Into<Bytes>) -> NewRecord {
    let value = value.into();
    NewRecord::new(topic, vec![("count".into(), value.len().to_string())], value)
}

pub(super) fn records(records: impl IntoIterator<Item = NewRecord>) -> Transaction {
    Transaction { records: records.into_iter().collect(), ..Transaction::default() }
}

pub(super) fn trim(topic: Topic, before: u64) -> Transaction {
    Transaction { trim: vec![(topic, before)], ..Transaction::default() }
}

pub(super) fn progress(group: &str, raw: u64) -> Option<(String, Committed)> {
    let committed = Committed { offsets: vec![(Topic::Raw, raw)], metadata: format!("{{\"at\":{raw}}}") };
    Some((group.into(), committed))
}

/// What a reader can see: records by topic, and progress of group `g`.
pub(super) type Visible = (Vec<Vec<Record>>, Option<Committed>);

/// Everything that a reader can see: records by topic, read `bytes_max` at a time, and progress of group `g`.
pub(super) fn dump(log: &dyn Log, bytes_max: usize) -> Result<Visible, LogError> {
    let mut topics = Vec::new();
    for topic in Topic::ALL {
        let mut all: Vec<Record> = Vec::new();
        let mut from = log.start(topic);
        loop {
            let some = log.read(topic, from, bytes_max)?;
            let Some(last) = some.last() else { break };
            from = last.offset + 1;
            all.extend(some);
        }
        assert_eq!(from, log.end(topic));
        topics.push(all);
    }
    Ok((topics, log.committed("g")))
}

pub(super) fn dump_dir(dir: &Path) -> Result<Visible, LogError> {
    dump(&EmbeddedLog::open_with(dir, SMALL)?, 1 << 20)
}

#[test]
fn what_is_committed_is_read_back_after_reopening() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    let mut transaction = records([
        record(Topic::Raw, "one\ntwo\n"),
        record(Topic::Clean, vec![0xF5; 70_000]),
        record(Topic::Raw, ""),
        NewRecord::new(Topic::Audit, vec![], "{}"),
    ]);
    transaction.progress = progress("g", 17);
    log.commit(transaction).unwrap();
    assert_eq!(log.sequence(), 1);
    let before = dump(&log, 1).unwrap();
    drop(log);

    let log = open(&dir);
    assert_eq!(dump(&log, 1).unwrap(), before);
    let raw = log.read(Topic::Raw, 0, 100).unwrap();
    assert_eq!(raw.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((raw[0].value.as_ref(), raw[0].header("count")), (&b"one\ntwo\n"[..], Some("8")));
    assert_eq!(log.read(Topic::Clean, 0, 1).unwrap()[0].value, vec![0xF5; 70_000]);
    assert_eq!(log.read(Topic::Raw, 2, 100).unwrap(), []);
    assert_eq!(log.committed("g"), progress("g", 17).map(|(_, committed)| committed));
    assert_eq!(log.committed("other"), None);
    assert_eq!(log.sequence(), 1);
}

#[test]
fn readers_find_any_offset_in_large_segments_whatever_they_ask_for() {
    let dir = TempDir::new().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    let size = |n: usize| [10, 3_000, 200_000, 0, 70_000][n % 5];
    log.commit(records((0..60).map(|n| record(Topic::Clean, vec![n as u8; size(n)])))).unwrap();
    // Backwards first, so that nothing has been noted about where records begin.
    for from in (0..60).rev().chain(0..60) {
        for bytes_max in [0, 5_000, 1 << 20] {
            let some = log.read(Topic::Clean, from as u64, bytes_max).unwrap();
            assert!(!some.is_empty());
            assert!(
                some.iter().skip(1).map(|record| record.value.len()).sum::<usize>() <= bytes_max.max(4096)
            );
            for (n, record) in (from..).zip(some) {
                assert_eq!((record.offset, record.value), (n as u64, vec![n as u8; size(n)].into()));
            }
        }
    }
}

#[test]
fn trimmed_records_are_gone_with_their_files() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    let segments = || fs::read_dir(dir.path().join("raw")).unwrap().count();
    for n in 0..20_u8 {
        log.commit(records([record(Topic::Raw, vec![n; 100])])).unwrap();
    }
    let before = segments();
    log.commit(trim(Topic::Raw, 11)).unwrap();
    log.commit(trim(Topic::Raw, 5)).unwrap();
    assert_eq!((log.start(Topic::Raw), log.end(Topic::Raw)), (11, 20));
    assert!(segments() < before, "{before}");
    let error = log.read(Topic::Raw, 10, 1).unwrap_err();
    assert!(matches!(error, LogError::Trimmed { asked: 10, start: 11, .. }), "{error}");
    assert_eq!(log.read(Topic::Raw, 11, 1).unwrap()[0].value, vec![11; 100]);

    log.commit(trim(Topic::Raw, 99)).unwrap();
    assert_eq!((log.start(Topic::Raw), log.end(Topic::Raw), segments()), (20, 20, 0));
    drop(log);
    let log = open(&dir);
    log.commit(records([record(Topic::Raw, "more")])).unwrap();
    assert_eq!(log.read(Topic::Raw, 20, 1).unwrap()[0].value, "more");
}

#[test]
fn waiting_ends_with_a_commit_or_with_the_time() {
    let dir = TempDir::new().unwrap();
    let log = Arc::new(open(&dir));
    assert_eq!(log.wait(0, Duration::ZERO), 0);
    let waiting = thread::spawn({
        let log = log.clone();
        move || log.wait(0, Duration::from_secs(60))
    });
    log.commit(records([record(Topic::Raw, "a")])).unwrap();
    assert_eq!(waiting.join().unwrap(), 1);
    assert_eq!(log.wait(0, Duration::from_secs(60)), 1);
}

#[test]
fn readers_run_beside_commits_and_trims() {
    let dir = TempDir::new().unwrap();
    let log = Arc::new(open(&dir));
    let value = |n: u64| vec![n as u8; (n * 37 % 200) as usize];
    let readers = (0..4).map(|_| {
        let log = log.clone();
        thread::spawn(move || {
            let mut from = 0;
            while from < 400 {
                match log.read(Topic::Raw, from, 500) {
                    Ok(some) if some.is_empty() => {
                        log.wait(from, Duration::from_millis(10));
                    }
                    Ok(some) => {
                        for record in some {
                            assert_eq!((record.offset, record.value), (from, value(from).into()));
                            from += 1;
                        }
                    }
                    Err(LogError::Trimmed { start, .. }) => from = start,
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for n in 0..400 {
        log.commit(records([record(Topic::Raw, value(n))])).unwrap();
        log.commit(trim(Topic::Raw, n.saturating_sub(50))).unwrap();
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn the_journal_is_compacted_and_still_says_all() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    let mut longest = 0;
    for n in 0..200 {
        let records = vec![record(Topic::Ids, vec![n as u8; 100])];
        log.commit(Transaction { records, progress: progress("g", n), ..Transaction::default() }).unwrap();
        log.commit(trim(Topic::Ids, n.saturating_sub(6))).unwrap();
        longest = longest.max(fs::metadata(dir.path().join("journal")).unwrap().len());
    }
    assert!(longest < 3000, "{longest}");
    let before = dump(&log, 1000).unwrap();
    drop(log);
    assert_eq!(dump_dir(dir.path()).unwrap(), before);
}

#[test]
fn one_opener_at_a_time() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    let error = EmbeddedLog::open(dir.path()).unwrap_err();
    assert!(matches!(error, LogError::Locked { .. }), "{error}");
    drop(log);
    open(&dir);
}

#[test]
fn folders_of_something_else_are_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("thesis.tex"), "important").unwrap();
    let error = EmbeddedLog::open(dir.path()).unwrap_err();
    assert!(matches!(error, LogError::Format { .. }), "{error}");
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    assert!(!dir.path().join("journal").exists());

    let dir = TempDir::new().unwrap();
    drop(open(&dir));
    fs::write(dir.path().join("FORMAT"), "transect log 7\n").unwrap();
    let error = EmbeddedLog::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("transect log 7"), "{error}");
}

#[test]
fn records_beyond_the_limits_are_refused_whole() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    let huge = NewRecord::new(Topic::Raw, vec![], vec![0; (1 << 30) + 1]);
    let wordy = NewRecord::new(Topic::Raw, vec![("source".into(), "x".repeat(1 << 20))], Bytes::new());
    for bad in [huge, wordy] {
        let error = log.commit(records([record(Topic::Raw, "fine"), bad])).unwrap_err();
        assert!(matches!(error, LogError::TooLarge { .. }), "{error}");
    }
    assert_eq!(log.end(Topic::Raw), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Commit { sizes: Vec<(usize, usize)>, progress: bool, soon: bool },
    Trim { topic: usize, before: u64 },
    Read { topic: usize, from: u64, bytes_max: usize },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..Topic::ALL.len(), prop_oneof![9 => 0..200_usize, 1 => 4_000..9_000_usize]);
    prop_oneof![
        6 => (prop::collection::vec(record, 0..6), any::<bool>(), any::<bool>())
            .prop_map(|(sizes, progress, soon)| Step::Commit { sizes, progress, soon }),
        1 => (0..Topic::ALL.len(), 0..20_u64).prop_map(|(topic, before)| Step::Trim { topic, before }),
        4 => (0..Topic::ALL.len(), 0..20_u64, 0..2000_usize)
            .prop_map(|(topic, from, bytes_max)| Step::Read { topic, from, bytes_max }),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_log_in_memory_does(steps in prop::collection::vec(step(), 1..40)) {
        let dir = fast_dir();
        let model = MemoryLog::new();
        let mut log = open(&dir);
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Commit { sizes, progress: with_progress, soon } => {
                    let of = |(k, (topic, size)): (usize, &(usize, usize))| {
                        record(Topic::ALL[*topic], vec![(n * 7 + k) as u8; *size])
                    };
                    let records = sizes.iter().enumerate().map(of).collect();
                    let progress = progress("g", n as u64).filter(|_| with_progress);
                    let transaction = Transaction { records, progress, ..Transaction::default() };
                    if soon {
                        log.commit_soon(transaction.clone()).unwrap();
                    } else {
                        log.commit(transaction.clone()).unwrap();
                    }
                    model.commit(transaction).unwrap();
                }
                Step::Trim { topic, before } => {
                    log.commit(trim(Topic::ALL[topic], before)).unwrap();
                    model.commit(trim(Topic::ALL[topic], before)).unwrap();
                }
                Step::Read { topic, from, bytes_max } => {
                    let some = log.read(Topic::ALL[topic], from, bytes_max);
                    let all = model.read(Topic::ALL[topic], from, usize::MAX);
                    match (some, all) {
                        (Ok(some), Ok(all)) => {
                            prop_assert_eq!(some.is_empty(), all.is_empty());
                            prop_assert_eq!(&some[..], &all[..some.len()]);
                        }
                        (some, all) => prop_assert_eq!(format!("{some:?}"), format!("{all:?}")),
                    }
                }
                Step::Reopen => {
                    log.sync().unwrap();
                    drop(log);
                    log = open(&dir);
                }
            }
        }
        prop_assert_eq!(dump(&log, 1000).unwrap(), dump(&model, 1000).unwrap());
        log.sync().unwrap();
        drop(log);
        prop_assert_eq!(dump_dir(dir.path()).unwrap(), dump(&model, 1000).unwrap());
    }

    #[test]
    fn what_survives_a_crash_depends_on_nothing_that_did_not(acts in prop::collection::vec(act(), 1..60)) {
        let dir = fast_dir();
        let open = || open(&dir).read_by(vec![(Topic::Clean, "store")]);
        let mut log = open();
        let (mut posted, mut stored) = (0, 0);
        for act in acts {
            let end = |topic| log.end(topic);
            let at = |group: &str, topic| log.committed(group).unwrap_or_default().offset(topic);
            match act {
                Act::Post => {
                    log.commit(records([record(Topic::Raw, [posted; 50].to_vec())])).unwrap();
                    posted += 1;
                }
                Act::Work { bytes } => {
                    let from = at("work", Topic::Raw);
                    let done = Committed { offsets: vec![(Topic::Raw, (from + 1).min(end(Topic::Raw)))], metadata: String::new() };
                    let value = vec![end(Topic::Clean) as u8; bytes];
                    let records = [record(Topic::Clean, value), record(Topic::Ids, "id"), record(Topic::Partials, "part")].to_vec();
                    log.commit_soon(Transaction { records, progress: Some(("work".into(), done)), trim: vec![] }).unwrap();
                }
                Act::Store { behind } => {
                    let upto = end(Topic::Clean).saturating_sub(behind).max(at("store", Topic::Clean));
                    let done = Committed { offsets: vec![(Topic::Clean, upto)], metadata: String::new() };
                    log.commit(Transaction { progress: Some(("store".into(), done)), ..Transaction::default() }).unwrap();
                    stored = upto;
                }
                Act::Merge { behind } => {
                    let upto = end(Topic::Partials).saturating_sub(behind).max(at("merge", Topic::Partials));
                    let done = Committed { offsets: vec![(Topic::Partials, upto)], metadata: String::new() };
                    let (records, trim) = (vec![record(Topic::Windows, "whole")], vec![(Topic::Partials, upto)]);
                    log.commit_soon(Transaction { records, progress: Some(("merge".into(), done)), trim }).unwrap();
                }
                Act::Sync => log.sync().unwrap(),
                Act::Crash => {
                    drop(log);
                    log = open();
                }
            }
            let at = |group: &str, topic| log.committed(group).unwrap_or_default().offset(topic);
            prop_assert_eq!(log.end(Topic::Raw), u64::from(posted), "what was acknowledged is there");
            prop_assert_eq!((at("store", Topic::Clean), log.start(Topic::Clean)), (stored, stored));
            prop_assert!(at("work", Topic::Raw) <= log.end(Topic::Raw) && stored <= log.end(Topic::Clean));
            prop_assert_eq!(log.end(Topic::Clean), log.end(Topic::Ids), "all of a transaction or nothing");
            prop_assert_eq!(at("merge", Topic::Partials), log.start(Topic::Partials), "let go only with what came of it");
            let (topics, _) = dump(&log, 100).unwrap();
            for rec in &topics[Topic::Clean as usize] {
                prop_assert!(rec.value.iter().all(|byte| *byte == rec.offset as u8));
            }
        }
    }
}

/// What roles do to a log: one posts, one works off what was posted, one stores what that made, one merges what that
/// made and lets it go.
#[derive(Clone, Debug)]
enum Act {
    Post,
    Work { bytes: usize },
    Store { behind: u64 },
    Merge { behind: u64 },
    Sync,
    Crash,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Post),
        8 => (1..500_usize).prop_map(|bytes| Act::Work { bytes }),
        2 => (0..4_u64).prop_map(|behind| Act::Store { behind }),
        4 => (0..4_u64).prop_map(|behind| Act::Merge { behind }),
        1 => Just(Act::Sync),
        1 => Just(Act::Crash),
    ]
}

#[test]
fn records_that_are_let_go_soon_never_reach_the_disk() {
    let dir = TempDir::new().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap().read_by(vec![(Topic::Clean, "g")]);
    let written = || {
        let files = fs::read_dir(dir.path().join("clean")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>()
    };
    let read = |upto| {
        let committed = Committed { offsets: vec![(Topic::Clean, upto)], metadata: String::new() };
        log.commit(Transaction { progress: Some(("g".into(), committed)), ..Transaction::default() })
            .unwrap();
    };
    for n in 0..10 {
        log.commit_soon(records([record(Topic::Clean, vec![n; 10_000])])).unwrap();
        assert_eq!(log.read(Topic::Clean, u64::from(n), 1).unwrap()[0].value, vec![n; 10_000]);
    }
    assert_eq!(written(), 0);
    read(7);
    assert_eq!((written(), log.start(Topic::Clean), log.end(Topic::Clean)), (0, 7, 10));
    log.sync().unwrap();
    assert!((30_000..40_000).contains(&written()), "{}", written());
    read(10);
    assert_eq!(written(), 0);
    drop(log);
    let log = open(&dir);
    assert_eq!((log.start(Topic::Clean), log.end(Topic::Clean)), (10, 10));
}

#[test]
fn what_was_let_go_soon_is_there_again_if_that_did_not_survive() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    let of = |topic, upto| Committed { offsets: vec![(topic, upto)], metadata: String::new() };
    let records = vec![record(Topic::Clean, "event"), record(Topic::Partials, "part")];
    log.commit_soon(Transaction { records, ..Transaction::default() }).unwrap();
    let (records, trim) = (vec![record(Topic::Windows, "whole")], vec![(Topic::Partials, 1)]);
    let progress = Some(("merge".into(), of(Topic::Partials, 1)));
    log.commit_soon(Transaction { records, progress, trim }).unwrap();
    // Durable with this are the first records, since it has read one of them; what came of the other is not.
    let progress = Some(("store".into(), of(Topic::Clean, 1)));
    log.commit(Transaction { progress, ..Transaction::default() }).unwrap();
    drop(log);
    let log = open(&dir);
    assert_eq!((log.committed("merge"), log.end(Topic::Windows)), (None, 0));
    assert_eq!(log.read(Topic::Partials, 0, 1).unwrap()[0].value, "part");
}

#[test]
fn no_more_is_in_memory_only_than_the_bound_allows() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir);
    for n in 0..100 {
        log.commit_soon(records([record(Topic::Clean, vec![n; 150])])).unwrap();
    }
    drop(log);
    assert!(open(&dir).end(Topic::Clean) > 85);
}
