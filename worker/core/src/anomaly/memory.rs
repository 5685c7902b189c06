//! What a detector remembers of all groups: their values within the look-back, up to a bound.
//!
//! Values are forgotten by event time alone: what is no longer within `over` before the group's newest, or before the
//! watermark. What is refused because memory is full is not observed either, so that a rebuilt memory equals this one.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use siphasher::sip::SipHasher13;

use super::history::{History, VALUES_OF_GROUP_MAX};

/// So many values a detector remembers at most, of all groups together: about 100 MiB.
pub const VALUES_MAX: usize = 4 << 20;

/// So many groups a detector knows at most.
pub const GROUPS_MAX: usize = 1 << 18;

/// Something by group, found by the key of the group's values.
pub(super) type Numbers<T> = HashMap<Box<[u8]>, T, BuildHasherDefault<SipHasher13>>;

/// See the module.
pub(super) struct Memory {
    over: i64,
    is_ordered: bool,
    values_max: usize,
    groups: Numbers<History>,
    values: usize,
    /// No value is of this time or before.
    earliest: i64,
    /// For groups of which nothing is remembered.
    nothing: History,
}

impl Memory {
    /// Remembers nothing yet. With `is_ordered`, values are also kept in their own order.
    pub(super) fn new(over: i64, is_ordered: bool, values_max: usize) -> Self {
        let (groups, nothing) = (Numbers::default(), History::new(is_ordered));
        Self { over, is_ordered, values_max, groups, values: 0, earliest: i64::MAX, nothing }
    }

    /// What is remembered of a group by the time of a new value; None for a value that is itself beyond the look-back.
    pub(super) fn recall(&mut self, key: &[u8], time: i64, watermark: i64) -> Option<&History> {
        let Some(history) = self.groups.get_mut(key) else {
            return (time > watermark.saturating_sub(self.over)).then_some(&self.nothing);
        };
        let newest = history.newest().unwrap_or(i64::MIN).max(time).max(watermark);
        let cutoff = newest.saturating_sub(self.over);
        if time <= cutoff {
            return None;
        }
        self.values -= history.len();
        history.forget(cutoff);
        self.values += history.len();
        Some(history)
    }

    /// Remembers a value that has been recalled for; false if memory is full.
    pub(super) fn remember(&mut self, key: &[u8], time: i64, value: f64, watermark: i64) -> bool {
        if self.is_full_for(key) {
            self.forget(watermark);
            if self.is_full_for(key) {
                return false;
            }
        }
        self.insert(key, time, value);
        true
    }

    /// Remembers what has been remembered before.
    pub(super) fn restore(&mut self, key: &[u8], time: i64, value: f64) {
        self.insert(key, time, value);
        if let Some(history) = self.groups.get_mut(key) {
            self.values -= history.len();
            history.forget(history.newest().unwrap_or(time).saturating_sub(self.over));
            self.values += history.len();
        }
    }

    /// Forgets everything that a watermark has passed by more than the look-back.
    pub(super) fn forget(&mut self, watermark: i64) {
        let cutoff = watermark.saturating_sub(self.over);
        if cutoff < self.earliest {
            return;
        }
        self.groups.retain(|_, history| {
            history.forget(cutoff);
            history.len() > 0
        });
        self.values = self.groups.values().map(History::len).sum();
        self.earliest = self.groups.values().filter_map(History::oldest).min().unwrap_or(i64::MAX);
    }

    fn is_full_for(&self, key: &[u8]) -> bool {
        match self.groups.get(key) {
            None => self.groups.len() >= GROUPS_MAX || self.values >= self.values_max,
            Some(history) => history.len() < VALUES_OF_GROUP_MAX && self.values >= self.values_max,
        }
    }

    fn insert(&mut self, key: &[u8], time: i64, value: f64) {
        self.earliest = self.earliest.min(time);
        if !self.groups.contains_key(key) {
            self.groups.insert(key.into(), History::new(self.is_ordered));
        }
        if let Some(history) = self.groups.get_mut(key) {
            self.values -= history.len();
            history.insert(time, value);
            self.values += history.len();
        }
    }
}
