//! The last records of every topic in memory: whoever keeps up reads what was committed a moment ago as it was
//! written, without the disk, a copy or a checksum. Those that are not on the disk yet are all here.

use std::collections::VecDeque;

use crate::log::{Record, Topic};

/// See the module.
#[derive(Debug)]
pub(super) struct Tail {
    /// By topic, in the order of `Topic::ALL`; offsets are consecutive.
    topics: [VecDeque<Record>; Topic::ALL.len()],
    /// Topics and offsets of all records, oldest first, and of some that were trimmed.
    order: VecDeque<(Topic, u64)>,
    /// The offset by topic before which all records are on the disk.
    written: [u64; Topic::ALL.len()],
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    /// An empty tail that holds values of at most so many bytes, and whatever is not on the disk; of topics that are on
    /// the disk up to these offsets.
    pub(super) fn new(bytes_max: usize, written: [u64; Topic::ALL.len()]) -> Self {
        let (topics, order) = Default::default();
        Self { topics, order, written, bytes: 0, bytes_max }
    }

    /// Adds a record that was committed.
    pub(super) fn push(&mut self, topic: Topic, record: Record) {
        self.bytes += record.value.len();
        self.order.push_back((topic, record.offset));
        self.topics[topic as usize].push_back(record);
    }

    /// Records that are not on the disk, by topic.
    pub(super) fn unwritten(&self) -> [Vec<Record>; Topic::ALL.len()] {
        Topic::ALL.map(|topic| self.unwritten_of(topic).cloned().collect())
    }

    /// Bytes of their values.
    pub(super) fn unwritten_bytes(&self) -> usize {
        Topic::ALL
            .into_iter()
            .flat_map(|topic| self.unwritten_of(topic))
            .map(|record| record.value.len())
            .sum()
    }

    fn unwritten_of(&self, topic: Topic) -> impl Iterator<Item = &Record> {
        let (records, written) = (&self.topics[topic as usize], self.written[topic as usize]);
        records.range(records.partition_point(|record| record.offset < written)..)
    }

    /// Notes up to where topics are on the disk now.
    pub(super) fn set_written(&mut self, written: [u64; Topic::ALL.len()]) {
        self.written = written;
    }

    /// Lets go of the oldest beyond the bound.
    pub(super) fn shrink(&mut self) {
        while self.bytes > self.bytes_max
            && let Some((topic, offset)) = self.order.pop_front_if(|(topic, offset)| {
                let first = self.topics[*topic as usize].front();
                *offset < self.written[*topic as usize] || first.is_none_or(|first| first.offset > *offset)
            })
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

    const ALL_WRITTEN: [u64; Topic::ALL.len()] = [u64::MAX; Topic::ALL.len()];

    fn push(tail: &mut Tail, topic: Topic, offset: u64, bytes: usize) {
        let headers = vec![("n".into(), bytes.to_string())];
        tail.push(topic, Record { offset, headers, value: vec![7; bytes].into() });
        tail.shrink();
    }

    fn offsets(tail: &Tail, topic: Topic, from: u64, bytes_max: usize) -> Option<Vec<u64>> {
        Some(tail.read(topic, from, bytes_max)?.iter().map(|record| record.offset).collect())
    }

    #[test]
    fn it_reads_what_it_holds_by_offset_and_size() {
        let mut tail = Tail::new(100, ALL_WRITTEN);
        for offset in 5..8 {
            push(&mut tail, Topic::Clean, offset, 20);
            push(&mut tail, Topic::Audit, offset + 90, 1);
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
        let mut tail = Tail::new(100, ALL_WRITTEN);
        push(&mut tail, Topic::Raw, 0, 40);
        push(&mut tail, Topic::Clean, 0, 40);
        push(&mut tail, Topic::Clean, 1, 40);
        assert_eq!(offsets(&tail, Topic::Raw, 0, 100), None);
        assert_eq!(offsets(&tail, Topic::Clean, 0, 100), Some(vec![0, 1]));
        push(&mut tail, Topic::Clean, 2, 101);
        assert_eq!(offsets(&tail, Topic::Clean, 2, 100), None, "larger than the bound");
        assert_eq!((tail.bytes, tail.order.len()), (0, 0));
        push(&mut tail, Topic::Clean, 3, 1);
        assert_eq!(offsets(&tail, Topic::Clean, 3, 100), Some(vec![3]));
    }

    #[test]
    fn what_is_trimmed_makes_room() {
        let mut tail = Tail::new(100, ALL_WRITTEN);
        (0..4).for_each(|offset| push(&mut tail, Topic::Clean, offset, 20));
        push(&mut tail, Topic::Windows, 0, 20);
        tail.trim(Topic::Clean, 3);
        (4..7).for_each(|offset| push(&mut tail, Topic::Clean, offset, 20));
        assert_eq!(offsets(&tail, Topic::Clean, 3, 100), Some(vec![3, 4, 5, 6]));
        push(&mut tail, Topic::Clean, 7, 20);
        assert_eq!(offsets(&tail, Topic::Clean, 3, 100), None);
        assert_eq!(offsets(&tail, Topic::Windows, 0, 100), Some(vec![0]));
        assert_eq!(tail.bytes, 100);
        for offset in 8..1000 {
            tail.trim(Topic::Clean, offset);
            push(&mut tail, Topic::Clean, offset, 20);
        }
        assert_eq!(offsets(&tail, Topic::Windows, 0, 100), Some(vec![0]));
        assert!(tail.order.len() < 100, "{}", tail.order.len());
    }

    #[test]
    fn what_is_not_on_the_disk_stays() {
        let mut tail = Tail::new(100, [0; Topic::ALL.len()]);
        for offset in 0..10 {
            push(&mut tail, Topic::Clean, offset, 40);
            push(&mut tail, Topic::Ids, offset, 1);
        }
        assert_eq!((tail.bytes, tail.unwritten_bytes()), (410, 410));
        tail.trim(Topic::Clean, 4);
        let unwritten = tail.unwritten();
        assert_eq!((unwritten[Topic::Clean as usize].len(), unwritten[Topic::Ids as usize].len()), (6, 10));
        let mut written = [0; Topic::ALL.len()];
        (written[Topic::Clean as usize], written[Topic::Ids as usize]) = (8, 8);
        tail.set_written(written);
        tail.shrink();
        assert_eq!(offsets(&tail, Topic::Clean, 8, 100), Some(vec![8, 9]));
        assert_eq!((offsets(&tail, Topic::Clean, 7, 100), tail.unwritten_bytes()), (None, 82));
    }
}
