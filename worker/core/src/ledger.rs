//! The ledger: every event ends once. `read = accepted + duplicate + rejected`, by source, per epoch and in sum.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use arrow_buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};

use crate::reject::RejectReason;

/// What became of some events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tally {
    /// Events read, counted before they were decoded.
    pub read: u64,
    /// Events in `clean` and in the table.
    pub accepted: u64,
    /// Repeats of accepted events within the dedup window.
    pub duplicate: u64,
    /// Those of the duplicates whose content differs from what was accepted.
    pub conflicting: u64,
    /// Refused events.
    pub rejected: u64,
    /// The refused by reason.
    pub reasons: BTreeMap<RejectReason, u64>,
    /// Those of the accepted that came too late for one of their windows.
    pub late: u64,
    /// Those of the accepted that a rule flags.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flagged: u64,
}

/// What became of the events that break one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleTally {
    /// Refused for it, as the first that they break.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u64,
    /// Accepted and flagged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flagged: u64,
}

// The signature is serde's.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    /// Counts a refusal.
    pub fn reject(&mut self, reason: RejectReason) {
        self.rejected += 1;
        *self.reasons.entry(reason).or_default() += 1;
    }

    /// Whether every event read ended once.
    pub fn adds_up(&self) -> bool {
        self.read == self.accepted + self.duplicate + self.rejected
            && self.rejected == self.reasons.values().sum::<u64>()
            && self.conflicting <= self.duplicate
            && self.late <= self.accepted
            && self.flagged <= self.accepted
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.conflicting += other.conflicting;
        self.rejected += other.rejected;
        self.late += other.late;
        self.flagged += other.flagged;
        for (&reason, count) in &other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
    }
}

/// Tallies by source, and the accepted by event type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ledger {
    /// By name of the source.
    pub sources: BTreeMap<String, Tally>,
    /// Accepted events by event type.
    pub accepted: BTreeMap<String, u64>,
    /// By event type and rule; only those that an event has broken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: Rules,
    /// Alerts on events, by detector; only of those that have raised any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<String, u64>,
    /// By table that rules look values up in, and the digest of its content: how many events were read under it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookups: Lookups,
}

/// By event type and rule, what became of the events that break it.
pub type Rules = BTreeMap<String, BTreeMap<String, RuleTally>>;

/// By table and digest of its content, how many events were read under it.
pub type Lookups = BTreeMap<String, BTreeMap<String, u64>>;

impl Ledger {
    /// The sum over all sources.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.sources.values() {
            total += tally;
        }
        total
    }

    /// Whether every event ended once, by source and by event type.
    pub fn adds_up(&self) -> bool {
        self.sources.values().all(Tally::adds_up)
            && self.total().accepted == self.accepted.values().sum::<u64>()
            && self.total().reasons.get(&RejectReason::Rule).copied().unwrap_or_default()
                == self.rules.values().flat_map(BTreeMap::values).map(|rule| rule.rejected).sum::<u64>()
    }

    /// Counts the rows that rules flag; how many there are together.
    pub fn flag(&mut self, event_type: &str, rules: &[(&str, &BooleanBuffer)]) -> u64 {
        let mut any: Option<BooleanBuffer> = None;
        for (name, flagged) in rules {
            let count = flagged.count_set_bits() as u64;
            if count > 0 {
                self.rule(event_type, name).flagged += count;
                any = Some(any.map_or_else(|| (*flagged).clone(), |any| &any | *flagged));
            }
        }
        any.map_or(0, |any| any.count_set_bits() as u64)
    }

    /// Counts an alert.
    pub fn alert(&mut self, detector: &str) {
        *self.alerts.entry(detector.to_owned()).or_default() += 1;
    }

    /// Counts events that were read under a content of a table.
    pub fn lookup(&mut self, table: &str, digest: &str, read: u64) {
        *self.lookups.entry(table.to_owned()).or_default().entry(digest.to_owned()).or_default() += read;
    }

    /// What became of the events that break a rule, to count on.
    pub fn rule(&mut self, event_type: &str, rule: &str) -> &mut RuleTally {
        self.rules.entry(event_type.to_owned()).or_default().entry(rule.to_owned()).or_default()
    }
}

impl AddAssign<&Self> for Ledger {
    fn add_assign(&mut self, other: &Self) {
        for (source, tally) in &other.sources {
            *self.sources.entry(source.clone()).or_default() += tally;
        }
        for (event_type, count) in &other.accepted {
            *self.accepted.entry(event_type.clone()).or_default() += count;
        }
        for (detector, count) in &other.alerts {
            *self.alerts.entry(detector.clone()).or_default() += count;
        }
        for (table, contents) in &other.lookups {
            for (digest, read) in contents {
                self.lookup(table, digest, *read);
            }
        }
        for (event_type, rules) in &other.rules {
            for (name, tally) in rules {
                let sum = self.rule(event_type, name);
                sum.rejected += tally.rejected;
                sum.flagged += tally.flagged;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(read: u64, accepted: u64, duplicate: u64, rejected: u64) -> Tally {
        let reasons = BTreeMap::from([(RejectReason::Malformed, rejected)]);
        Tally { read, accepted, duplicate, rejected, reasons, ..Tally::default() }
    }

    #[test]
    fn a_sum_that_misses_an_event_does_not_add_up() {
        assert!(tally(10, 7, 2, 1).adds_up());
        assert!(!tally(11, 7, 2, 1).adds_up());
        let mut unexplained = tally(10, 7, 2, 1);
        unexplained.reasons.clear();
        assert!(!unexplained.adds_up());
    }

    #[test]
    fn ledgers_add() {
        let one = Ledger {
            sources: BTreeMap::from([("web".to_owned(), tally(10, 7, 2, 1))]),
            accepted: BTreeMap::from([("reading".to_owned(), 7)]),
            rules: Rules::new(),
            alerts: BTreeMap::from([("spike".to_owned(), 2)]),
            lookups: BTreeMap::from([("sites".to_owned(), BTreeMap::from([("sha256:00".to_owned(), 10)]))]),
        };
        let mut sum = one.clone();
        sum += &one;
        assert_eq!(sum.total(), tally(20, 14, 4, 2));
        assert!(sum.adds_up());
        assert_eq!((sum.alerts["spike"], sum.lookups["sites"]["sha256:00"]), (4, 20));
        sum.accepted.insert("other".into(), 1);
        assert!(!sum.adds_up());
    }
}
