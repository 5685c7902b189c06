//! The log: topics of records, and transactions that are all or nothing. What Kafka gives on a cluster, `embedded`
//! gives in one process. Roles speak to each other only through it.

pub mod embedded;
pub mod kafka;
pub mod memory;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use embedded::EmbeddedLog;
pub use memory::MemoryLog;

/// The topics of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Events as received; the immutable event log. Files are not copied here: they are logs themselves.
    Raw,
    /// Identities of accepted events, from which the dedup index is rebuilt, and input positions.
    Ids,
    /// Accepted events as Arrow batches.
    Clean,
    /// Refused events with their reasons.
    Rejected,
    /// Delta partials of windows, and watermarks.
    Partials,
    /// Windows as issued.
    Windows,
    /// The ledger.
    Audit,
    /// What detectors of events have taken in, from which they are rebuilt.
    Observations,
    /// What detectors of windows have taken in.
    #[serde(rename = "window-observations")]
    WindowObservations,
    /// Anomalies.
    Alerts,
    /// Refused events that were taken back in.
    Redriven,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 11] = [
        Self::Raw,
        Self::Ids,
        Self::Clean,
        Self::Rejected,
        Self::Partials,
        Self::Windows,
        Self::Audit,
        Self::Observations,
        Self::WindowObservations,
        Self::Alerts,
        Self::Redriven,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Ids => "ids",
            Self::Clean => "clean",
            Self::Rejected => "rejected",
            Self::Partials => "partials",
            Self::Windows => "windows",
            Self::Audit => "audit",
            Self::Observations => "observations",
            Self::WindowObservations => "window-observations",
            Self::Alerts => "alerts",
            Self::Redriven => "redriven",
        }
    }
}

/// One header of a record. Names are in [`crate::record`].
pub type Header = (Cow<'static, str>, String);

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Where to.
    pub topic: Topic,
    /// Which partition of it; None for that of the log that it is committed to.
    pub partition: Option<u32>,
    /// What describes the value.
    pub headers: Vec<Header>,
    /// A batch of one or more events.
    pub value: Bytes,
}

impl NewRecord {
    /// A record for the log's own partition.
    pub fn new(topic: Topic, headers: Vec<Header>, value: impl Into<Bytes>) -> Self {
        Self { topic, partition: None, headers, value: value.into() }
    }

    /// The same, for a partition; None for the log's own.
    #[must_use]
    pub fn to(self, partition: Option<u32>) -> Self {
        Self { partition, ..self }
    }
}

/// One of the partitions of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its number, from 0.
    pub partition: u32,
    /// How many there are.
    pub of: u32,
}

/// A record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its position in the topic; consecutive.
    pub offset: u64,
    /// What describes the value.
    pub headers: Vec<Header>,
    /// A batch of one or more events.
    pub value: Bytes,
}

impl Record {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// How far a group has come, and what it needs to go on from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to read, by topic.
    pub offsets: Vec<(Topic, u64)>,
    /// The group's own words, such as input positions and watermarks; JSON.
    pub metadata: String,
}

impl Committed {
    /// The next offset to read of a topic; 0 where there is none.
    pub fn offset(&self, topic: Topic) -> u64 {
        self.offsets.iter().find(|(t, _)| *t == topic).map_or(0, |(_, offset)| *offset)
    }
}

/// Records and a group's progress that become visible and durable together, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// Appended in this order.
    pub records: Vec<NewRecord>,
    /// The group whose progress this is, and its new state.
    pub progress: Option<(String, Committed)>,
    /// Topics whose records before an offset are not needed any more; they may stay a while.
    pub trim: Vec<(Topic, u64)>,
}

/// Why the log refused.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk or the file system refused.
    #[error("{doing} {path}: {source}{hint}", hint = disk_hint(source))]
    Io {
        /// What was being done, such as "append to".
        doing: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was committed can't be read back.
    #[error(
        "the log is damaged: {path} at byte {position}: {problem}; restore the state folder from a backup, or remove \
         it and the output to start again from the inputs"
    )]
    Corrupt {
        /// The file.
        path: String,
        /// Where in it.
        position: u64,
        /// What is wrong.
        problem: String,
    },
    /// Another process has the log.
    #[error("{path} is in use by another transect process; stop that one, or give this one its own --state")]
    Locked {
        /// The lock file.
        path: String,
    },
    /// The folder was written by another format version.
    #[error(
        "{path} has log format {found}, but this build reads {expected}; use the transect that wrote it, or a new --state"
    )]
    Format {
        /// The file.
        path: String,
        /// What it says.
        found: String,
        /// What this build reads.
        expected: &'static str,
    },
    /// The records asked for have been trimmed away.
    #[error(
        "{topic} begins at offset {start}, but offset {asked} was asked for: what was there was removed before it was read, by \
         a change of the state folder from outside or by a retention that was shorter than the pipeline stood still"
    )]
    Trimmed {
        /// The topic.
        topic: &'static str,
        /// The asked offset.
        asked: u64,
        /// The first that is kept.
        start: u64,
    },
    /// A record is beyond what a log takes.
    #[error(
        "a record of {bytes} bytes for {topic} exceeds the log's limit of {limit}; commit smaller batches"
    )]
    TooLarge {
        /// The topic.
        topic: &'static str,
        /// Size of the value, or of the headers.
        bytes: usize,
        /// The limit on it.
        limit: usize,
    },
    /// The brokers refused, or did not answer in time.
    #[error("{doing} {what}: {source}")]
    Broker {
        /// What was being done, such as "connect to".
        doing: &'static str,
        /// The brokers, topic or group.
        what: String,
        /// What the client says.
        source: rdkafka::error::KafkaError,
    },
    /// What a group has committed can't be understood.
    #[error(
        "{topic} partition {partition}, offset {offset}: what was committed there can't be read: {problem}; use the transect \
         that wrote it"
    )]
    State {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The record.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// An earlier failure left in doubt what the disk holds, so that nothing more is written.
    #[error(
        "{path} takes no more writes since {problem}; check the disk and start again: nothing that was committed is \
         lost"
    )]
    Closed {
        /// The log's folder.
        path: String,
        /// The failure.
        problem: String,
    },
}

impl LogError {
    /// Wraps what a Kafka client said.
    pub(crate) fn broker(doing: &'static str, what: String) -> impl Fn(rdkafka::error::KafkaError) -> Self {
        move |source| Self::Broker { doing, what: what.clone(), source }
    }
}

fn disk_hint(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "; free some space and start again: nothing that was committed is lost"
        }
        _ => "",
    }
}

/// A log. All methods may be called from any thread.
pub trait Log: Send + Sync {
    /// Committed records of a topic from an offset on, in order, up to about `bytes_max` (at least one record where
    /// there is one). Empty at the end.
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError>;

    /// The offset after the last committed record.
    fn end(&self, topic: Topic) -> u64;

    /// The first offset that is kept.
    fn start(&self, topic: Topic) -> u64;

    /// What a group has committed last.
    fn committed(&self, group: &str) -> Option<Committed>;

    /// Makes a transaction visible and durable, with all that it depends on: those of the same group, those whose records
    /// the group has read, those that have earlier records in the same topics. Or leaves everything as it was.
    fn commit(&self, transaction: Transaction) -> Result<(), LogError>;

    /// Makes a transaction visible at once, and durable later: with one that depends on it, or by `sync`. For what is made
    /// again from what survives a crash. Records that are let go before then never reach the disk.
    fn commit_soon(&self, transaction: Transaction) -> Result<(), LogError> {
        self.commit(transaction)
    }

    /// Makes durable all that is visible.
    fn sync(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// A number that grows with every commit and every `wake`.
    fn sequence(&self) -> u64;

    /// Waits until the sequence is beyond `seen` or the time is over; the sequence then.
    fn wait(&self, seen: u64, timeout: Duration) -> u64;

    /// Ends all waiting now, for news that is not in the log. Without it the news comes a little later.
    fn wake(&self) {}

    /// Commits that a group has come past what is no record, if there was any behind the last that it has read. Called now and
    /// then while nothing comes.
    fn advance(&self, _group: &str) -> Result<(), LogError> {
        Ok(())
    }

    /// Which partition of the pipeline it holds; None where it holds all there is.
    fn share(&self) -> Option<Share> {
        None
    }

    /// What a group has committed in the other partitions, by their numbers, as of a few seconds ago.
    fn elsewhere(&self, _group: &str) -> Result<BTreeMap<u32, Committed>, LogError> {
        Ok(BTreeMap::new())
    }
}

/// Moves a group on past what is no record where it begins, before any role does, so that one that can't begin does not wait where
/// everything will have been removed some day.
pub fn advance_at_first(log: &dyn Log, group: &str) -> Result<(), LogError> {
    for (topic, offset) in log.committed(group).unwrap_or_default().offsets {
        log.read(topic, offset, 1)?;
    }
    log.advance(group)
}

/// Bytes that [`between`] reads at once.
const READ_BYTES: usize = 8 << 20;

/// The records of a topic from an offset to before another, read as they are asked for. A broker's offsets leave room
/// between records, so that the last may lie well before the end.
pub fn between(
    log: &dyn Log,
    topic: Topic,
    from: u64,
    end: u64,
) -> impl Iterator<Item = Result<Record, LogError>> {
    let (mut next, mut read) = (from, Vec::new().into_iter());
    std::iter::from_fn(move || {
        if read.len() == 0 && next < end {
            match log.read(topic, next, READ_BYTES) {
                Ok(records) => read = records.into_iter(),
                Err(error) => {
                    next = end;
                    return Some(Err(error));
                }
            }
        }
        let record = read.next().filter(|record| record.offset < end)?;
        next = record.offset + 1;
        Some(Ok(record))
    })
}
