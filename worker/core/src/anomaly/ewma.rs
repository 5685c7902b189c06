//! EWMA: the distance from the exponentially weighted mean of the values by event time, in standard deviations weighted
//! alike. Roberts, "Control chart tests based on geometric moving averages" (1959); the variance by Finch, "Incremental
//! calculation of weighted mean and variance" (2009).

use super::history::History;
use super::verdict::{Verdict, in_units_of};

/// e⁻⁴⁰ is nothing beside 1 in a double: older values have no weight.
const EXPONENT_MAX: f64 = 40.0;

/// Measures a value against others.
pub(super) fn measure(history: &History, alpha: f64, value: f64) -> Option<Verdict> {
    let weighty = (EXPONENT_MAX / -(1.0 - alpha).ln()).ceil().clamp(2.0, history.len() as f64 + 2.0) as usize;
    let mut values = history.values().skip(history.len().saturating_sub(weighty));
    let (mut mean, mut variance) = (values.next()?, 0.0);
    for value in values {
        let difference = value - mean;
        let step = alpha * difference;
        mean += step;
        variance = (1.0 - alpha) * (variance + difference * step);
    }
    in_units_of(variance.sqrt(), mean, value)
}
