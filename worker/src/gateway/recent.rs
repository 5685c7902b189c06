//! The identities of events that were stored not long ago, so that a repeat can be told from a first. In this process, and
//! of bounded number: the answer is a hint; what counts is the process role's verdict.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;

/// As many are remembered at least, and twice as many at most: 18 MiB to 36 MiB with their tables.
const REMEMBERED: usize = 1 << 19;

/// Two sets: the older one goes when the newer one is full.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Sets>);

#[derive(Debug, Default)]
struct Sets {
    newer: HashSet<u128>,
    older: HashSet<u128>,
}

impl Recent {
    /// Of each identity whether it was noted, or stands twice among these.
    pub(super) fn seen(&self, identities: &[Option<u128>]) -> Vec<bool> {
        let sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut among = HashSet::new();
        let is_seen = |identity: &Option<u128>| {
            identity.is_some_and(|identity| sets.knows(identity) || !among.insert(identity))
        };
        identities.iter().map(is_seen).collect()
    }

    /// Notes the identities of events that are stored.
    pub(super) fn note(&self, identities: &[Option<u128>]) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for identity in identities.iter().flatten() {
            if sets.newer.len() >= REMEMBERED {
                sets.older = std::mem::take(&mut sets.newer);
            }
            sets.newer.insert(*identity);
        }
    }
}

impl Sets {
    fn knows(&self, identity: u128) -> bool {
        self.newer.contains(&identity) || self.older.contains(&identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_until_much_more_was() {
        let recent = Recent::default();
        assert_eq!(recent.seen(&[Some(1), None, Some(1), None]), [false, false, true, false]);
        recent.note(&[Some(1), None]);
        assert_eq!(recent.seen(&[Some(1), Some(2), None]), [true, false, false]);
        let many: Vec<_> = (10..10 + 2 * REMEMBERED as u128).map(Some).collect();
        recent.note(&many);
        assert_eq!(recent.seen(&[Some(1), many[REMEMBERED]]), [false, true]);
    }
}
