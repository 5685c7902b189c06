//! A log in memory for the tests of sinks, which can die around a commit.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use crate::log::{self, Committed, Log, LogError, NewRecord, Record, Topic, Transaction};

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    BeforeCommit,
    AfterCommit,
}

#[derive(Default)]
pub(super) struct MemoryLog {
    log: log::MemoryLog,
    death: Mutex<Option<Death>>,
}

impl MemoryLog {
    /// Appends a record with these headers.
    pub(super) fn append(&self, topic: Topic, headers: &[(&'static str, &str)], value: Bytes) {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        let records = vec![NewRecord::new(topic, headers, value)];
        self.log.commit(Transaction { records, ..Transaction::default() }).unwrap();
    }

    /// The next commit fails, before or after it is done.
    pub(super) fn die(&self, death: Death) {
        *self.death.lock().unwrap() = Some(death);
    }
}

impl Log for MemoryLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        self.log.read(topic, from, bytes_max)
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
        let death = self.death.lock().unwrap().take();
        if death != Some(Death::BeforeCommit) {
            self.log.commit(transaction)?;
        }
        match death {
            None => Ok(()),
            Some(death) => Err(LogError::Io {
                doing: "append to",
                path: "memory".to_owned(),
                source: io::Error::other(format!("{death:?}")),
            }),
        }
    }

    fn sequence(&self) -> u64 {
        self.log.sequence()
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.log.wait(seen, timeout)
    }
}
