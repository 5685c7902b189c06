//! Threshold: the value itself, against a number of the manifest.

use transect_config::Side;

use super::verdict::Verdict;

/// The verdict on a value at or beyond the threshold; with both sides, at or beyond it in amount. The distance is from the
/// threshold, in the field's own unit.
pub(super) fn judge(threshold: f64, side: Side, value: f64) -> Option<Verdict> {
    let expected = match side {
        Side::Above if value >= threshold => threshold,
        Side::Below if value <= threshold => threshold,
        Side::Both if value.abs() >= threshold => threshold.copysign(value),
        _ => return None,
    };
    Some(Verdict { expected, distance: value - expected })
}
