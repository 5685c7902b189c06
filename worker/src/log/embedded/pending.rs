//! Transactions that are visible and not durable yet, in their order.
//!
//! A durable transaction takes with it what it depends on and leaves the others in memory: a sink that publishes what it
//! has read need not wait for what was written since, and that is often let go before the disk has ever seen it.

use std::collections::VecDeque;

use super::state::State;
use crate::log::{Committed, Topic, Transaction};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pending(VecDeque<Waiting>);

/// A transaction without its records, which are in the tail.
#[derive(Debug)]
struct Waiting {
    /// The topics that it has records in: the offsets of the first, and after the last.
    ranges: Vec<(Topic, u64, u64)>,
    progress: Option<(String, Committed)>,
    trim: Vec<(Topic, u64)>,
}

impl Pending {
    /// Adds a transaction that leads from one state to another.
    pub(super) fn push(&mut self, transaction: &Transaction, before: &State, after: &State) {
        let range = |topic| (topic, before.topic(topic).next, after.topic(topic).next);
        let ranges = Topic::ALL.map(range).into_iter().filter(|(_, first, end)| first < end).collect();
        let (progress, trim) = (transaction.progress.clone(), transaction.trim.clone());
        self.0.push_back(Waiting { ranges, progress, trim });
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of the first must be durable before a transaction can be: up to the last one that it has read records
    /// of, or lets records go of, or has records after in the same topic, or is of the same group.
    pub(super) fn needed_by(&self, transaction: &Transaction) -> usize {
        let Transaction { records, progress, trim } = transaction;
        let read = progress.iter().flat_map(|(_, committed)| &committed.offsets);
        let passed: Vec<&(Topic, u64)> = read.chain(trim).collect();
        let needs = |waiting: &Waiting| {
            let same_group = match (&waiting.progress, progress) {
                (Some((a, _)), Some((b, _))) => a == b,
                _ => false,
            };
            same_group
                || waiting.ranges.iter().any(|(topic, first, _)| {
                    records.iter().any(|record| record.topic == *topic)
                        || passed.iter().any(|(read, offset)| read == topic && offset > first)
                })
        };
        self.0.iter().rposition(needs).map_or(0, |last| last + 1)
    }

    /// Takes the first so many into a state.
    pub(super) fn apply(&self, count: usize, state: &mut State) {
        for waiting in self.0.iter().take(count) {
            for (topic, _, end) in &waiting.ranges {
                state.topics[*topic as usize].next = *end;
            }
            state.groups.extend(waiting.progress.clone());
            waiting.trim.iter().for_each(|(topic, before)| state.trim(*topic, *before));
        }
    }

    /// Forgets the first so many: they are durable.
    pub(super) fn forget(&mut self, count: usize) {
        self.0.drain(..count);
    }
}
