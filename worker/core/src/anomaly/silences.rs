//! Which groups have gone quiet: a group is silent once the watermark has come to `over` after its last event, until it
//! has an event again that is not late by then.
//!
//! A silence is found by a look at all groups or by the group's next event, whichever comes first, and is the same either
//! way: when looks are taken does not matter.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::memory::{GROUPS_MAX, Numbers};
use crate::watermark::NONE;
use crate::window::scalar::Scalar;

/// A silence that begins or ends.
#[derive(Debug, PartialEq)]
pub(super) enum Silence {
    /// Since the last event of a group.
    Raised { group: u32, since: i64 },
    /// Since the last event before it.
    Ended { group: u32, since: i64 },
}

/// One group.
struct Group {
    key: Box<[u8]>,
    values: Vec<Scalar>,
    /// Event time of its newest event.
    last: i64,
    is_silent: bool,
    /// Whether it has had an event since the last `observe`.
    is_heard: bool,
    /// The watermark up to which the log remembers it.
    kept: i64,
}

/// See the module.
pub(super) struct Silences {
    over: i64,
    numbers: Numbers<u32>,
    groups: Vec<Group>,
    /// Groups that are not silent, each at most once, by an event's time that may not be its newest any more.
    awake: BinaryHeap<Reverse<(i64, u32)>>,
    /// Silent groups, by the watermark up to which the log remembers them.
    silent: BinaryHeap<Reverse<(i64, u32)>>,
    /// Groups that have had an event since the last `observe`.
    heard: Vec<u32>,
    newest: i64,
}

impl Silences {
    pub(super) fn new(over: i64) -> Self {
        Self {
            over,
            numbers: Numbers::default(),
            groups: Vec::new(),
            awake: BinaryHeap::new(),
            silent: BinaryHeap::new(),
            heard: Vec::new(),
            newest: NONE,
        }
    }

    /// The values of a group.
    pub(super) fn group(&self, group: u32) -> &[Scalar] {
        &self.groups[group as usize].values
    }

    /// The watermark at which the last group would be silent.
    pub(super) fn due(&self) -> i64 {
        if self.newest == NONE { NONE } else { self.newest.saturating_add(self.over) }
    }

    /// Takes an event in; false if it is of a new group and there are too many. A late one says nothing: the group was
    /// silent all the same.
    pub(super) fn hear(
        &mut self,
        key: &[u8],
        values: impl FnOnce() -> Vec<Scalar>,
        time: i64,
        watermark: i64,
        told: &mut Vec<Silence>,
    ) -> bool {
        if time.saturating_add(self.over) <= watermark {
            return true;
        }
        let Some(number) = self.numbers.get(key).copied() else {
            if self.groups.len() >= GROUPS_MAX {
                return false;
            }
            let number = self.add(key, values(), time);
            self.awake.push(Reverse((time, number)));
            self.note(number, time);
            return true;
        };
        let group = &mut self.groups[number as usize];
        let since = group.last;
        if since.saturating_add(self.over) <= watermark {
            if !group.is_silent {
                told.push(Silence::Raised { group: number, since });
            }
            told.push(Silence::Ended { group: number, since });
            if std::mem::take(&mut group.is_silent) {
                self.awake.push(Reverse((time, number)));
            }
        }
        self.note(number, time);
        true
    }

    fn add(&mut self, key: &[u8], values: Vec<Scalar>, last: i64) -> u32 {
        let number = self.groups.len() as u32;
        self.numbers.insert(key.into(), number);
        let (key, kept) = (key.into(), NONE);
        self.groups.push(Group { key, values, last, is_silent: false, is_heard: false, kept });
        number
    }

    fn note(&mut self, number: u32, time: i64) {
        let group = &mut self.groups[number as usize];
        group.last = group.last.max(time);
        self.newest = self.newest.max(time);
        if !std::mem::replace(&mut group.is_heard, true) {
            self.heard.push(number);
        }
    }

    /// Tells of the groups that a watermark makes silent, by the times of their last events.
    pub(super) fn look(&mut self, watermark: i64, told: &mut Vec<Silence>) {
        while let Some(Reverse((time, number))) = self.awake.peek().copied()
            && time.saturating_add(self.over) <= watermark
        {
            self.awake.pop();
            let group = &mut self.groups[number as usize];
            if group.last > time {
                self.awake.push(Reverse((group.last, number)));
                continue;
            }
            group.is_silent = true;
            group.kept = group.last.saturating_add(self.over);
            self.silent.push(Reverse((group.kept, number)));
            told.push(Silence::Raised { group: number, since: group.last });
        }
    }

    /// Gives, after a look, key, values and last event of the groups that the log must be told of: those heard of since the
    /// last time, and the silent of which it would forget. Returns the watermark up to which it must not forget these.
    pub(super) fn observe(&mut self, watermark: i64, mut tell: impl FnMut(&[u8], &[Scalar], i64)) -> i64 {
        let (mut keep, mut carried) = (NONE, Vec::new());
        while let Some(Reverse((kept, number))) = self.silent.peek().copied()
            && kept <= watermark
        {
            self.silent.pop();
            let group = &self.groups[number as usize];
            // Else it has been heard of since, and is in the queue a second time if it is silent again.
            if group.is_silent && group.kept == kept {
                carried.push(number);
            }
        }
        for number in carried {
            let group = &mut self.groups[number as usize];
            group.kept = watermark.saturating_add(self.over);
            keep = keep.max(group.kept);
            self.silent.push(Reverse((group.kept, number)));
            tell(&group.key, &group.values, group.last);
        }
        for number in std::mem::take(&mut self.heard) {
            let group = &mut self.groups[number as usize];
            group.is_heard = false;
            keep = keep.max(group.last.saturating_add(self.over));
            tell(&group.key, &group.values, group.last);
        }
        keep
    }

    /// Takes back what was told; `settle` must follow.
    pub(super) fn restore(&mut self, key: &[u8], values: Vec<Scalar>, last: i64, keep: i64) {
        let number = match self.numbers.get(key) {
            Some(number) => *number,
            None => self.add(key, values, last),
        };
        let group = &mut self.groups[number as usize];
        group.last = group.last.max(last);
        group.kept = group.kept.max(keep);
        self.newest = self.newest.max(last);
    }

    /// After the log has been read: who is silent at a watermark was told to be so before.
    pub(super) fn settle(&mut self, watermark: i64) {
        for (number, group) in self.groups.iter_mut().enumerate() {
            group.is_silent = group.last.saturating_add(self.over) <= watermark;
            let (queue, time) =
                if group.is_silent { (&mut self.silent, group.kept) } else { (&mut self.awake, group.last) };
            queue.push(Reverse((time, number as u32)));
        }
    }
}
