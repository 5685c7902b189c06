//! What is remembered of one group: its values within the look-back, the newest of them if there are too many.
//!
//! A function of the set of values put in and of the last cutoff: rebuilt from any part of the log that holds what is
//! within the look-back, it is the same.

use std::collections::VecDeque;

/// So many values of a group are remembered at most: the newest by event time. More cost time by value, and a mean or
/// median of so many is as good as one of more.
pub const VALUES_OF_GROUP_MAX: usize = 2048;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct History {
    /// By event time, those of one time in the order of the log.
    by_time: VecDeque<(i64, f64)>,
    /// The same values in their own order; empty unless asked for.
    by_value: Vec<f64>,
    is_ordered: bool,
}

impl History {
    /// Nothing yet. With `is_ordered`, values are also kept in their own order.
    pub(super) fn new(is_ordered: bool) -> Self {
        Self { is_ordered, ..Self::default() }
    }

    /// The number of values.
    pub(super) fn len(&self) -> usize {
        self.by_time.len()
    }

    /// The newest event time.
    pub(super) fn newest(&self) -> Option<i64> {
        self.by_time.back().map(|(time, _)| *time)
    }

    /// The oldest event time.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.by_time.front().map(|(time, _)| *time)
    }

    /// The values by event time.
    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = f64> + DoubleEndedIterator {
        self.by_time.iter().map(|(_, value)| *value)
    }

    /// The values in their own order; empty if that was not asked for.
    pub(super) fn sorted(&self) -> &[f64] {
        &self.by_value
    }

    /// Remembers a value; forgets the oldest if there are too many.
    pub(super) fn insert(&mut self, time: i64, value: f64) {
        match self.by_time.back() {
            Some((newest, _)) if *newest > time => {
                let at = self.by_time.partition_point(|(other, _)| *other <= time);
                self.by_time.insert(at, (time, value));
            }
            _ => self.by_time.push_back((time, value)),
        }
        if self.is_ordered {
            let at = self.by_value.partition_point(|other| other.total_cmp(&value).is_lt());
            self.by_value.insert(at, value);
        }
        if self.by_time.len() > VALUES_OF_GROUP_MAX {
            self.forget_oldest();
        }
    }

    /// Forgets what is not after a time.
    pub(super) fn forget(&mut self, until: i64) {
        while self.by_time.front().is_some_and(|(time, _)| *time <= until) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, value)) = self.by_time.pop_front() else { return };
        if self.is_ordered {
            let at = self.by_value.partition_point(|other| other.total_cmp(&value).is_lt());
            self.by_value.remove(at);
        }
    }
}
