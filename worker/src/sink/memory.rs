//! A log in memory for the tests of sinks, which can die around a commit.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;

use crate::log::{Committed, Log, LogError, Record, Topic, Transaction};

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    BeforeCommit,
    AfterCommit,
}

#[derive(Default)]
struct State {
    records: HashMap<Topic, Vec<Record>>,
    groups: HashMap<String, Committed>,
    death: Option<Death>,
}

#[derive(Default)]
pub(super) struct MemoryLog(Mutex<State>);

impl MemoryLog {
    /// Appends a record with these headers.
    pub(super) fn append(&self, topic: Topic, headers: &[(&'static str, &str)], value: Bytes) {
        let mut state = self.state();
        let records = state.records.entry(topic).or_default();
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        records.push(Record { offset: records.len() as u64, headers, value });
    }

    /// The next commit fails, before or after it is done.
    pub(super) fn die(&self, death: Death) {
        self.state().death = Some(death);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Log for MemoryLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let state = self.state();
        let mut bytes = 0;
        let records = state.records.get(&topic).into_iter().flatten().skip(from as usize);
        let within = |record: &&Record| {
            let first = bytes == 0;
            bytes += record.value.len();
            first || bytes <= bytes_max
        };
        Ok(records.take_while(within).cloned().collect())
    }

    fn end(&self, topic: Topic) -> u64 {
        self.state().records.get(&topic).map_or(0, |records| records.len() as u64)
    }

    fn start(&self, _: Topic) -> u64 {
        0
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        self.state().groups.get(group).cloned()
    }

    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut state = self.state();
        let death = state.death.take();
        if death != Some(Death::BeforeCommit) {
            let (group, progress) = transaction.progress.unwrap();
            state.groups.insert(group, progress);
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
        0
    }

    fn wait(&self, _: u64, _: Duration) -> u64 {
        0
    }
}
