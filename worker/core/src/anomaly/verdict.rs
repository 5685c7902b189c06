//! One value judged.

use transect_config::{Judge, Method, Side};

use super::history::History;
use super::{ewma, iqr, robust, threshold, z_score};

/// What was expected of a value, and how far it lies from that in the method's own unit; negative below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) expected: f64,
    pub(super) distance: f64,
}

/// The verdict on an anomalous value; None for one that is as it should be, or can't be judged because too little is
/// remembered or what is remembered has no spread.
pub(super) fn judge(judge: &Judge, history: &History, value: f64) -> Option<Verdict> {
    if judge.method == Method::Threshold {
        return threshold::judge(judge.threshold, judge.side, value);
    }
    if history.len() < judge.min_count as usize {
        return None;
    }
    let verdict = match judge.method {
        Method::Threshold => None,
        Method::ZScore => z_score::measure(history, value),
        Method::RobustZScore => robust::measure(history.sorted(), value),
        Method::Ewma { alpha } => ewma::measure(history, alpha, value),
        Method::Iqr => iqr::measure(history.sorted(), value),
    };
    verdict.filter(|verdict| is_beyond(verdict.distance, judge.threshold, judge.side))
}

/// Whether a method judges values against others, which must be remembered for it.
pub(super) fn remembers(method: Method) -> bool {
    method != Method::Threshold
}

/// Whether a method looks at values in their own order.
pub(super) fn is_ordered(method: Method) -> bool {
    matches!(method, Method::RobustZScore | Method::Iqr)
}

fn is_beyond(distance: f64, threshold: f64, side: Side) -> bool {
    match side {
        Side::Above => distance >= threshold,
        Side::Below => distance <= -threshold,
        Side::Both => distance.abs() >= threshold,
    }
}

/// A distance in units of a spread; None where there is no spread to measure by.
pub(super) fn in_units_of(spread: f64, expected: f64, value: f64) -> Option<Verdict> {
    let distance = (value - expected) / spread;
    (spread > 0.0 && distance.is_finite()).then_some(Verdict { expected, distance })
}
