//! How long events were under way: from event time to received time.

const SECOND: i64 = 1_000_000;

/// Upper bounds of the parts, exclusive, and their words. What is beyond the last is in a part of its own.
const PARTS: [(i64, &str); 8] = [
    (0, "before their time"),
    (SECOND, "under 1 s"),
    (10 * SECOND, "1 to 10 s"),
    (60 * SECOND, "10 s to 1 min"),
    (600 * SECOND, "1 to 10 min"),
    (3600 * SECOND, "10 min to 1 h"),
    (86_400 * SECOND, "1 h to 1 day"),
    (7 * 86_400 * SECOND, "1 to 7 days"),
];

/// Events by how long they were under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    counts: [u64; PARTS.len() + 1],
}

impl Delay {
    /// Adds an event, by microseconds.
    pub(super) fn add(&mut self, micros: i64) {
        let part = PARTS.iter().position(|(bound, _)| micros < *bound).unwrap_or(PARTS.len());
        self.counts[part] += 1;
    }

    /// How many events are counted.
    pub fn events(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each part in words, with its events.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        PARTS.iter().map(|(_, word)| *word).chain(["over 7 days"]).zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delay_has_its_part() {
        let mut delay = Delay::default();
        for micros in [i64::MIN, -1, 0, SECOND - 1, SECOND, 8 * 86_400 * SECOND, i64::MAX] {
            delay.add(micros);
        }
        assert_eq!(delay.counts, [2, 2, 1, 0, 0, 0, 0, 0, 2]);
        assert_eq!(delay.events(), 7);
        assert_eq!(delay.parts().count(), delay.counts.len());
    }
}
