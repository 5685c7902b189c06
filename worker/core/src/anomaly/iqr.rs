//! IQR: the distance from the nearer quartile in interquartile ranges; what lies between the quartiles has none. Tukey,
//! "Exploratory Data Analysis" (1977); quartiles by linear interpolation, type 7 of Hyndman and Fan (1996).

use super::verdict::{Verdict, in_units_of};

/// Measures a value against others, which are in order.
pub(super) fn measure(sorted: &[f64], value: f64) -> Option<Verdict> {
    let (first, third) = (quantile(sorted, 0.25)?, quantile(sorted, 0.75)?);
    let nearest = value.clamp(first, third.max(first));
    in_units_of(third - first, nearest, value)
}

fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = q * sorted.len().checked_sub(1)? as f64;
    let lower = sorted[rank as usize];
    let upper = sorted.get(rank as usize + 1).copied().unwrap_or(lower);
    Some(lower + (upper - lower) * rank.fract())
}
