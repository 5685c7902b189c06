//! What is committed, and how a transaction or a change of the journal alters it. Pure: no files.
//!
//! The journal is a sequence of changes, each of one or more transactions, and a snapshot is the one change that leads
//! from nothing to a state.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::segment::PositionIndex;
use crate::log::{Committed, NewRecord, Record, Topic, Transaction};

/// Everything that is committed.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Number of changes in the journal so far.
    pub(super) sequence: u64,
    /// By topic, in the order of `Topic::ALL`.
    pub(super) topics: [TopicState; Topic::ALL.len()],
    /// The groups' progress.
    pub(super) groups: BTreeMap<String, Committed>,
}

/// What is committed of one topic.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicState {
    /// The first offset that may be read.
    pub(super) start: u64,
    /// The offset after the last record.
    pub(super) next: u64,
    /// The offset after the last record that the files hold, or held.
    pub(super) on_disk: u64,
    /// The files that hold the records, in order; none where there is no record. The last records may be in no file yet,
    /// and between two files may be those that were never written since nobody needs them any more.
    pub(super) segments: Vec<Segment>,
}

/// One file of records.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Offset of its first record.
    pub(super) first: u64,
    /// Committed bytes; the file may hold more, which are nothing.
    pub(super) length: u64,
    /// Where records begin, as far as readers have noted.
    pub(super) index: Arc<PositionIndex>,
}

/// One record of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Its number; one more than the change before.
    pub(super) sequence: u64,
    /// Topics as they are from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) topics: Vec<TopicChange>,
    /// Groups as they are from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<GroupChange>,
}

/// A topic as it is from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicChange {
    pub(super) topic: Topic,
    pub(super) start: u64,
    pub(super) next: u64,
    /// First offset and new length of the segments that grew or are new, in order.
    pub(super) segments: Vec<(u64, u64)>,
}

/// A group's progress from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupChange {
    pub(super) name: String,
    pub(super) offsets: Vec<(Topic, u64)>,
    pub(super) metadata: String,
}

impl State {
    /// The state of a topic.
    pub(super) fn topic(&self, topic: Topic) -> &TopicState {
        &self.topics[topic as usize]
    }

    /// Takes a transaction in; its records with their offsets.
    pub(super) fn take(&mut self, transaction: Transaction) -> Vec<(Topic, Record)> {
        let with_offset = |record: NewRecord| {
            let NewRecord { topic, headers, value, .. } = record;
            let next = &mut self.topics[topic as usize].next;
            *next += 1;
            (topic, Record { offset: *next - 1, headers, value })
        };
        let records = transaction.records.into_iter().map(with_offset).collect();
        self.groups.extend(transaction.progress);
        for (topic, before) in transaction.trim {
            self.trim(topic, before);
        }
        records
    }

    /// Lets a topic begin at a later offset.
    pub(super) fn trim(&mut self, topic: Topic, before: u64) {
        let topic = &mut self.topics[topic as usize];
        topic.start = topic.start.max(before.min(topic.next));
    }

    /// Notes in which files records are found.
    pub(super) fn find_on(&mut self, disk: &Self) {
        for (topic, on_disk) in self.topics.iter_mut().zip(&disk.topics) {
            topic.on_disk = on_disk.on_disk;
            topic.segments = on_disk.segments.clone();
        }
    }

    /// Groups that are not as in another state.
    pub(super) fn groups_since(&self, before: &Self) -> Vec<GroupChange> {
        let changed =
            self.groups.iter().filter(|(name, committed)| before.groups.get(*name) != Some(committed));
        changed.map(GroupChange::of).collect()
    }

    /// Makes a change; says what is wrong with one that can't follow this state, which is then in doubt.
    pub(super) fn apply(&mut self, change: Change) -> Result<(), String> {
        if self.sequence != 0 && change.sequence != self.sequence + 1 {
            return Err(format!("change {} follows change {}", change.sequence, self.sequence));
        }
        self.sequence = change.sequence;
        for change in change.topics {
            let topic = change.topic.as_str();
            self.topics[change.topic as usize]
                .apply(change)
                .map_err(|problem| format!("{topic}: {problem}"))?;
        }
        for GroupChange { name, offsets, metadata } in change.groups {
            self.groups.insert(name, Committed { offsets, metadata });
        }
        Ok(())
    }

    /// The change that leads from nothing to this state.
    pub(super) fn snapshot(&self) -> Change {
        let topics = Topic::ALL.map(|topic| {
            let state = self.topic(topic);
            let segments = state.segments.iter().map(|segment| (segment.first, segment.length)).collect();
            TopicChange { topic, start: state.start, next: state.next, segments }
        });
        let groups = self.groups.iter().map(GroupChange::of).collect();
        Change { sequence: self.sequence, topics: topics.into(), groups }
    }
}

impl GroupChange {
    fn of((name, committed): (&String, &Committed)) -> Self {
        let Committed { offsets, metadata } = committed.clone();
        Self { name: name.clone(), offsets, metadata }
    }
}

impl TopicState {
    fn apply(&mut self, change: TopicChange) -> Result<(), String> {
        if change.start < self.start || change.next < self.next || change.start > change.next {
            return Err(format!("{}..{} follows {}..{}", change.start, change.next, self.start, self.next));
        }
        for (first, length) in change.segments {
            match self.segments.last_mut() {
                Some(last) if last.first == first && length >= last.length => last.length = length,
                Some(last) if last.first >= first => {
                    return Err(format!("segment {first} follows {}", last.first));
                }
                _ => self.segments.push(Segment { first, length, index: Arc::default() }),
            }
        }
        self.start = change.start;
        self.next = change.next;
        self.on_disk = change.next;
        let gone = (0..self.segments.len()).take_while(|&at| self.segment_end(at) <= self.start).count();
        self.segments.drain(..gone);
        Ok(())
    }

    /// The offset after the last record of the segment at an index.
    pub(super) fn segment_end(&self, at: usize) -> u64 {
        self.segments.get(at + 1).map_or(self.on_disk, |following| following.first)
    }

    /// The index of the segment that holds an offset; None beyond the last.
    pub(super) fn segment_with(&self, offset: u64) -> Option<usize> {
        if offset >= self.on_disk {
            return None;
        }
        self.segments.partition_point(|segment| segment.first <= offset).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(start: u64, next: u64, segments: &[(u64, u64)]) -> TopicChange {
        TopicChange { topic: Topic::Raw, start, next, segments: segments.to_vec() }
    }

    fn firsts(state: &State) -> Vec<u64> {
        state.topic(Topic::Raw).segments.iter().map(|segment| segment.first).collect()
    }

    #[test]
    fn changes_grow_add_and_drop_segments() {
        let mut state = State::default();
        let changes = [
            (raw(0, 3, &[(0, 30)]), vec![0]),
            (raw(0, 7, &[(0, 50), (5, 20)]), vec![0, 5]),
            (raw(4, 7, &[]), vec![0, 5]),
            (raw(5, 7, &[]), vec![5]),
            (raw(7, 7, &[]), vec![]),
            (raw(7, 8, &[(7, 10)]), vec![7]),
        ];
        for (sequence, (topic, expected)) in (1..).zip(changes) {
            state.apply(Change { sequence, topics: vec![topic], groups: vec![] }).unwrap();
            assert_eq!(firsts(&state), expected);
        }
    }

    #[test]
    fn a_snapshot_leads_from_nothing_to_the_state() {
        let mut state = State::default();
        let group = GroupChange {
            name: "g".into(),
            offsets: vec![(Topic::Raw, 2)],
            metadata: "{\"a\":\"\n\"}".into(),
        };
        let change =
            Change { sequence: 9, topics: vec![raw(3, 7, &[(2, 50), (5, 20)])], groups: vec![group] };
        state.apply(change).unwrap();
        let text = serde_json::to_vec(&state.snapshot()).unwrap();
        let mut again = State::default();
        again.apply(serde_json::from_slice(&text).unwrap()).unwrap();
        assert_eq!(again.snapshot(), state.snapshot());
    }

    #[test]
    fn changes_that_cannot_follow_are_refused() {
        let mut state = State::default();
        state.apply(Change { sequence: 4, topics: vec![raw(1, 7, &[(0, 50)])], groups: vec![] }).unwrap();
        for (sequence, topic) in [
            (6, raw(1, 8, &[])),
            (5, raw(0, 8, &[])),
            (5, raw(1, 6, &[])),
            (5, raw(9, 8, &[])),
            (5, raw(1, 8, &[(0, 40)])),
        ] {
            let change = Change { sequence, topics: vec![topic.clone()], groups: vec![] };
            assert!(state.clone().apply(change).is_err(), "{sequence} {topic:?}");
        }
    }
}
