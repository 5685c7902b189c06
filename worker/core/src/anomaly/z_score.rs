//! Z-score: the distance from the mean in sample standard deviations (n − 1).

use super::history::History;
use super::verdict::{Verdict, in_units_of};

/// Measures a value against at least two others.
pub(super) fn measure(history: &History, value: f64) -> Option<Verdict> {
    if history.len() < 2 {
        return None;
    }
    let n = history.len() as f64;
    let mean = sum(history.values()) / n;
    let squares = sum(history.values().map(|value| (value - mean) * (value - mean)));
    in_units_of((squares / (n - 1.0)).sqrt(), mean, value)
}

/// The sum in a fixed order, in four lanes because a sum in one waits for each addition.
fn sum(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let mut lanes = [0.0; 4];
    for (at, value) in values.enumerate() {
        lanes[at % 4] += value;
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}
