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
/// the greater, from the middle up, are two sequences in order, of which the middle is found without merging them.
fn deviation(sorted: &[f64], median: f64) -> f64 {
    let (low, high) = sorted.split_at(sorted.partition_point(|value| *value < median));
    let below = |at: usize| median - low[low.len() - 1 - at];
    let above = |at: usize| high[at] - median;
    // The greatest of the least `count`: so many of them are below that the next there is not less than the last above.
    let last_of = |count: usize| {
        let (mut least, mut most) = (count.saturating_sub(high.len()), count.min(low.len()));
        while least < most {
            let middle = usize::midpoint(least, most);
            if below(middle) < above(count - middle - 1) { least = middle + 1 } else { most = middle }
        }
        let (last_below, last_above) =
            (least.checked_sub(1).map(below), (count - least).checked_sub(1).map(above));
        last_below.unwrap_or(0.0).max(last_above.unwrap_or(0.0))
    };
    let upper = last_of(sorted.len() / 2 + 1);
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = last_of(sorted.len() / 2);
    lower + (upper - lower) / 2.0
}
