//! The last records of every topic in memory: whoever keeps up reads what was committed a moment ago as it was
//! written, without the disk, a copy or a checksum.

use std::collections::VecDeque;

use crate::log::{NewRecord, Record, Topic};

/// See the module.
#[derive(Debug)]
pub(super) struct Tail {
    /// By topic, in the order of `Topic::ALL`; offsets are consecutive.
    topics: [VecDeque<Record>; Topic::ALL.len()],
    /// Topics and offsets of all records, oldest first, and of some that were trimmed.
    order: VecDeque<(Topic, u64)>,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    /// An empty tail that holds values of at most so many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { topics: Default::default(), order: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Adds a record that was committed at an offset, and lets go of the oldest beyond the bound.
    pub(super) fn push(&mut self, offset: u64, record: NewRecord) {
        let NewRecord { topic, headers, value } = record;
        self.bytes += value.len();
        self.topics[topic as usize].push_back(Record { offset, headers, value });
        self.order.push_back((topic, offset));
        while self.bytes > self.bytes_max
            && let Some((topic, offset)) = self.order.pop_front()
        {
            self.trim(topic, offset + 1);
        }
        let held = self.topics.iter().map(VecDeque::len).sum::<usize>();
        if self.order.len() > 2 * held + 64 {
            let topics = &self.topics;
            let held = |&(topic, offset): &(Topic, u64)| {
                topics[topic as usize].front().is_some_and(|first| first.offset <= offset)
            };
            self.order.retain(held);
        }
    }

    /// Lets go of the records before an offset.
    pub(super) fn trim(&mut self, topic: Topic, before: u64) {
        let records = &mut self.topics[topic as usize];
        while let Some(record) = records.pop_front_if(|record| record.offset < before) {
            self.bytes -= record.value.len();
        }
    }

    /// Records from an offset on, up to about `bytes_max`, at least one; None if that offset is not held.
    pub(super) fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Option<Vec<Record>> {
        let records = &self.topics[topic as usize];
        let at = usize::try_from(from.checked_sub(records.front()?.offset)?).ok()?;
        let mut bytes = 0;
        let fits = |record: &&Record| {
            bytes += record.value.len();
            bytes <= bytes_max
        };
        let first = records.get(at)?;
        let fitting = records.range(at..).take_while(fits).count().max(1);
        debug_assert_eq!(first.offset, from);
        Some(records.range(at..at + fitting).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: Topic, bytes: usize) -> NewRecord {
        NewRecord { topic, headers: vec![("n".into(), bytes.to_string())], value: vec![7; bytes].into() }
    }

    fn offsets(tail: &Tail, topic: Topic, from: u64, bytes_max: usize) -> Option<Vec<u64>> {
        Some(tail.read(topic, from, bytes_max)?.iter().map(|record| record.offset).collect())
    }

    #[test]
    fn it_reads_what_it_holds_by_offset_and_size() {
        let mut tail = Tail::new(100);
        for offset in 5..8 {
            tail.push(offset, record(Topic::Clean, 20));
            tail.push(offset + 90, record(Topic::Audit, 1));
        }
        assert_eq!(offsets(&tail, Topic::Clean, 4, 100), None);
        assert_eq!(offsets(&tail, Topic::Clean, 5, 100), Some(vec![5, 6, 7]));
        assert_eq!(offsets(&tail, Topic::Clean, 6, 39), Some(vec![6]));
        assert_eq!(offsets(&tail, Topic::Clean, 6, 0), Some(vec![6]), "one at least");
        assert_eq!(offsets(&tail, Topic::Clean, 8, 100), None);
        assert_eq!(offsets(&tail, Topic::Audit, 96, 100), Some(vec![96, 97]));
        assert_eq!(offsets(&tail, Topic::Raw, 0, 100), None);
        assert_eq!(tail.read(Topic::Clean, 7, 100).unwrap()[0].header("n"), Some("20"));
    }

    #[test]
    fn the_oldest_of_all_topics_go_first() {
        let mut tail = Tail::new(100);
        tail.push(0, record(Topic::Raw, 40));
        tail.push(0, record(Topic::Clean, 40));
        tail.push(1, record(Topic::Clean, 40));
        assert_eq!(offsets(&tail, Topic::Raw, 0, 100), None);
        assert_eq!(offsets(&tail, Topic::Clean, 0, 100), Some(vec![0, 1]));
        tail.push(2, record(Topic::Clean, 101));
        assert_eq!(offsets(&tail, Topic::Clean, 2, 100), None, "larger than the bound");
        assert_eq!((tail.bytes, tail.order.len()), (0, 0));
        tail.push(3, record(Topic::Clean, 1));
        assert_eq!(offsets(&tail, Topic::Clean, 3, 100), Some(vec![3]));
    }

    #[test]
    fn what_is_trimmed_makes_room() {
        let mut tail = Tail::new(100);
        (0..4).for_each(|offset| tail.push(offset, record(Topic::Clean, 20)));
        tail.push(0, record(Topic::Windows, 20));
        tail.trim(Topic::Clean, 3);
        (4..7).for_each(|offset| tail.push(offset, record(Topic::Clean, 20)));
        assert_eq!(offsets(&tail, Topic::Clean, 3, 100), Some(vec![3, 4, 5, 6]));
        tail.push(7, record(Topic::Clean, 20));
        assert_eq!(offsets(&tail, Topic::Clean, 3, 100), None);
        assert_eq!(offsets(&tail, Topic::Windows, 0, 100), Some(vec![0]));
        assert_eq!(tail.bytes, 100);
        for offset in 8..1000 {
            tail.trim(Topic::Clean, offset);
            tail.push(offset, record(Topic::Clean, 20));
        }
        assert_eq!(offsets(&tail, Topic::Windows, 0, 100), Some(vec![0]));
        assert!(tail.order.len() < 100, "{}", tail.order.len());
    }
}
