//! A log in memory: the simplest thing that keeps the [`Log`] contract, but for durability. For tests and simulation,
//! and the model that the embedded log is tested against.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Committed, Log, LogError, Record, Topic, Transaction};

/// A log that is gone with the process.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    sequence: u64,
    topics: [Records; Topic::ALL.len()],
    groups: BTreeMap<String, Committed>,
}

#[derive(Debug, Default)]
struct Records {
    start: u64,
    /// Every record ever committed; those before `start` are out of reach.
    all: Vec<Record>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for MemoryLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let state = self.state();
        let records = &state.topics[topic as usize];
        if from < records.start {
            return Err(LogError::Trimmed { topic: topic.as_str(), asked: from, start: records.start });
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        for record in records.all.iter().skip(from as usize) {
            bytes += record.value.len();
            if bytes > bytes_max && !taken.is_empty() {
                break;
            }
            taken.push(record.clone());
        }
        Ok(taken)
    }

    fn end(&self, topic: Topic) -> u64 {
        self.state().topics[topic as usize].all.len() as u64
    }

    fn start(&self, topic: Topic) -> u64 {
        self.state().topics[topic as usize].start
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        self.state().groups.get(group).cloned()
    }

    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut state = self.state();
        for record in transaction.records {
            let all = &mut state.topics[record.topic as usize].all;
            all.push(Record { offset: all.len() as u64, headers: record.headers, value: record.value });
        }
        if let Some((group, committed)) = transaction.progress {
            state.groups.insert(group, committed);
        }
        for (topic, before) in transaction.trim {
            let records = &mut state.topics[topic as usize];
            records.start = records.start.max(before.min(records.all.len() as u64));
        }
        state.sequence += 1;
        self.changed.notify_all();
        Ok(())
    }

    fn sequence(&self) -> u64 {
        self.state().sequence
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let waited = self.changed.wait_timeout_while(self.state(), timeout, |state| state.sequence <= seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.sequence
    }
}
