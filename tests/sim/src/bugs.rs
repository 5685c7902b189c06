//! Deliberate bugs, to show that the oracles can fail. They stand between the roles and the world, not in either, but for
//! those that the brokers themselves would have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use transect_worker::log::{Committed, Log, LogError, NewRecord, Record, Share, Topic, Transaction};
use transect_worker::record;

use crate::clock::{self, SECOND};
use crate::log::SimLog;
use crate::setup::Setup;

pub use self::timed::table_named_by_time;

mod timed;

/// A mistake that such systems make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Records are committed in one transaction, progress in the next.
    OffsetsOutside,
    /// The brokers take what comes from whoever has lost its place.
    NoFencing,
    /// A commit of which no answer came is taken not to have happened, and done again.
    UnknownIsFailed,
    /// A new session does not read `ids`.
    DedupNotRebuilt,
    /// The greatest watermark of the partitions closes windows.
    WatermarkAsMaximum,
    /// The table's files are named by the clock, and published before the commit.
    FileNamedByTime,
    /// What is held when a partition is given back is left out of its last transaction.
    DrainForgets,
    /// The first transaction of a session has its partials twice.
    PartialTwice,
    /// Identities of an epoch that was undone stay known.
    IndexKept,
    /// `ids` are kept for a shorter time than `raw`.
    IdsExpireFirst,
    /// A partition that was not heard of for a while holds no window back, though it has much to catch up on.
    IdleCloses,
    /// A partition is opened while records that are committed lie behind an open transaction, out of sight.
    OpensUnsettled,
    /// Who has read everything waits at the mark behind the last record, until that is removed.
    WaitsAtMarks,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 13] = [
        Self::OffsetsOutside,
        Self::NoFencing,
        Self::UnknownIsFailed,
        Self::DedupNotRebuilt,
        Self::WatermarkAsMaximum,
        Self::FileNamedByTime,
        Self::DrainForgets,
        Self::PartialTwice,
        Self::IndexKept,
        Self::IdsExpireFirst,
        Self::IdleCloses,
        Self::OpensUnsettled,
        Self::WaitsAtMarks,
    ];
}

/// Identities that outlive the epochs that they were in, by partition.
pub type Kept = Arc<Mutex<BTreeMap<u32, Vec<u8>>>>;

/// How long a partition is silent before the bug takes it to be idle, microseconds.
const SILENCE: i64 = 10 * SECOND;

/// The log, with the bug in it that a setup has.
pub fn with_bug(log: SimLog, setup: &Setup) -> Arc<dyn Log> {
    let Some(bug) = setup.bug else { return Arc::new(log) };
    let share = log.share().unwrap_or(Share { partition: 0, of: 1 });
    let (heard, kept) = (Mutex::new(BTreeMap::new()), Arc::clone(&setup.kept));
    Arc::new(BuggyLog { log, bug, share, heard, kept, commits: Mutex::new(0) })
}

struct BuggyLog {
    log: SimLog,
    bug: Bug,
    share: Share,
    /// By partition: its watermark, and when that was heard.
    heard: Mutex<BTreeMap<u32, (i64, i64)>>,
    kept: Kept,
    commits: Mutex<u32>,
}

impl BuggyLog {
    /// Adds watermarks that no partition has said.
    fn with_watermarks(&self, records: Vec<Record>) -> Vec<Record> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, mut all) = (clock::now(), Vec::new());
        for rec in records {
            all.push(rec.clone());
            let number = |name| rec.header(name).and_then(|text| text.parse::<i64>().ok());
            let (Some(watermark), Some(partition)) = (number(record::WATERMARK), number(record::PARTITION))
            else {
                continue;
            };
            heard.insert(partition as u32, (watermark, now));
            let greatest = heard.values().map(|(watermark, _)| *watermark).max().unwrap_or(watermark);
            let silent = |partition: &u32| heard.get(partition).is_none_or(|(_, at)| at + SILENCE < now);
            for other in (0..self.share.of).filter(|p| self.bug == Bug::WatermarkAsMaximum || silent(p)) {
                let headers = vec![
                    (record::WATERMARK.into(), greatest.to_string()),
                    (record::PARTITION.into(), other.to_string()),
                ];
                all.push(Record { offset: rec.offset, headers, value: rec.value.clone() });
            }
        }
        all
    }

    /// Adds the identities of epochs that were undone.
    fn with_kept(&self, mut records: Vec<Record>) -> Vec<Record> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(last), Some(kept)) = (records.last_mut(), kept.get(&self.share.partition)) {
            last.value = [&last.value[..], kept].concat().into();
        }
        records
    }

    fn commit_with_bug(&self, mut transaction: Transaction) -> Result<(), LogError> {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        *commits += 1;
        match self.bug {
            Bug::OffsetsOutside if transaction.progress.is_some() => {
                let records = std::mem::take(&mut transaction.records);
                if !records.is_empty() {
                    self.log.commit(Transaction { records, ..Transaction::default() })?;
                }
            }
            Bug::DrainForgets if self.log.link().is_draining() => transaction.records.clear(),
            Bug::PartialTwice if *commits == 1 => {
                let partials = |new: &&NewRecord| new.topic == Topic::Partials && !new.value.is_empty();
                let again: Vec<NewRecord> = transaction.records.iter().filter(partials).cloned().collect();
                transaction.records.splice(0..0, again);
            }
            _ => {}
        }
        let ids = transaction.records.iter().filter(|new| new.topic == Topic::Ids);
        let ids: Vec<u8> = ids.flat_map(|new| new.value.to_vec()).collect();
        let committed = self.log.commit(transaction);
        if self.bug == Bug::IndexKept && committed.is_err() {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry(self.share.partition).or_default().extend(ids);
        }
        committed
    }
}

impl Log for BuggyLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let records = self.log.read(topic, from, bytes_max)?;
        Ok(match (self.bug, topic) {
            (Bug::DedupNotRebuilt, Topic::Ids) => Vec::new(),
            (Bug::IndexKept, Topic::Ids) => self.with_kept(records),
            (Bug::WatermarkAsMaximum | Bug::IdleCloses, Topic::Partials) => self.with_watermarks(records),
            _ => records,
        })
    }

    fn end(&self, topic: Topic) -> u64 {
        self.log.end(topic)
    }

    fn start(&self, topic: Topic) -> u64 {
        self.log.start(topic)
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        self.log.committed(group)
    }

    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        self.commit_with_bug(transaction)
    }

    fn advance(&self, group: &str) -> Result<(), LogError> {
        self.log.advance(group)
    }

    fn sequence(&self) -> u64 {
        self.log.sequence()
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.log.wait(seen, timeout)
    }

    fn share(&self) -> Option<Share> {
        self.log.share()
    }

    fn elsewhere(&self, group: &str) -> Result<BTreeMap<u32, Committed>, LogError> {
        self.log.elsewhere(group)
    }
}
