//! Robust z-score: the distance from the median in median absolute deviations (MAD), scaled so that they are standard
//! deviations where values are spread normally. Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993).

use super::verdict::{Verdict, in_units_of};

/// 1 / Φ⁻¹(3/4): how many MADs of a normal distribution are a standard deviation.
const SCALE: f64 = 1.482_602_218_505_602;

/// Measures a value against others, which are in order.
pub(super) fn measure(sorted: &[f64], value: f64) -> Option<Verdict> {
    let median = median(sorted)?;
    in_units_of(SCALE * deviation(sorted, median), median, value)
}

/// The median of values in order; of an even number, the mean of the middle two.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[sorted.len() / 2 - 1];
    Some(lower + (upper - lower) / 2.0)
}

/// The median of the values' distances from their median. Those of the lesser values, from the middle down, and those of
/// the greater, from the middle up, are two sequences in order: they are merged up to the middle.
fn deviation(sorted: &[f64], median: f64) -> f64 {
    let (low, high) = sorted.split_at(sorted.partition_point(|value| *value < median));
    let mut below = low.iter().rev().map(|value| median - value).peekable();
    let mut above = high.iter().map(|value| value - median).peekable();
    let mut next = || match (below.peek(), above.peek()) {
        (Some(low), Some(high)) if low < high => below.next(),
        (_, Some(_)) => above.next(),
        _ => below.next(),
    };
    let (mut before, mut middle) = (0.0, 0.0);
    for _ in 0..=sorted.len() / 2 {
        before = middle;
        middle = next().unwrap_or(middle);
    }
    if sorted.len() % 2 == 1 { middle } else { before + (middle - before) / 2.0 }
}
