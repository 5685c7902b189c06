//! Time cut into few equal parts whose length people have a word for.

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Lengths that people have a word for, microseconds.
const STEPS: [i64; 21] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
];

/// Parts of equal length, aligned to 1970-01-01T00:00:00Z. Times are microseconds since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bins {
    /// Where the first begins.
    pub start: i64,
    /// Length of each, at least a second.
    pub width: i64,
    /// How many, at least one.
    pub count: usize,
}

impl Bins {
    /// At most so many, from the first time to the last.
    pub fn over(first: i64, last: i64, most: usize) -> Self {
        let most = most.max(1) as i64;
        let mut width = SECOND;
        for step in STEPS.into_iter().chain((1..).map(|times| (182 * DAY) << times.min(12))) {
            width = step;
            if count(first, last, step) <= most || step == (182 * DAY) << 12 {
                break;
            }
        }
        let count = count(first, last, width).clamp(1, most);
        Self { start: first.div_euclid(width).saturating_mul(width), width, count: count as usize }
    }

    /// The part that a time is in; the first or the last for what lies outside.
    pub fn of(&self, time: i64) -> usize {
        let at = time.saturating_sub(self.start).div_euclid(self.width);
        usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(self.count - 1)
    }

    /// Where a part begins.
    pub fn begin(&self, at: usize) -> i64 {
        self.start.saturating_add(self.width.saturating_mul(at as i64))
    }

    /// Where the last ends.
    pub fn end(&self) -> i64 {
        self.begin(self.count)
    }
}

fn count(first: i64, last: i64, width: i64) -> i64 {
    last.div_euclid(width).saturating_sub(first.div_euclid(width)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_few_and_hold_all() {
        let far = 250_000_000_000_000_000;
        for (first, last) in
            [(0, 0), (-5, 5), (1, 7 * DAY), (3, 900 * DAY), (-far, far), (i64::MIN, i64::MAX)]
        {
            let bins = Bins::over(first, last, 100);
            assert!((1..=100).contains(&bins.count), "{first} to {last}: {bins:?}");
            assert_eq!(bins.of(first), 0);
            assert_eq!(bins.of(last), bins.count - 1);
            assert!(first == i64::MIN || bins.begin(0) <= first);
        }
    }

    #[test]
    fn parts_have_round_lengths() {
        for (length, width) in
            [(60 * SECOND, SECOND), (7 * DAY, 2 * HOUR), (28 * DAY, 12 * HOUR), (365 * DAY, 7 * DAY)]
        {
            assert_eq!(Bins::over(0, length - 1, 90).width, width);
        }
    }
}
