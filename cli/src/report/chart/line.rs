//! Lines, and points where there is nothing to join.

use std::fmt::Write as _;

use super::{Frame, draw, x};
use crate::report::html::Html;

/// Parts of the width of which the first, least, greatest and last point are kept: more can't be seen.
const PARTS: usize = 160;
/// So many points are drawn as such, too.
const POINTS: usize = 60;

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Style {
    /// Joined, but for gaps.
    Joined,
    /// Each for itself.
    Points,
}

/// Adds a chart of points, which are in the order of their times.
pub(in crate::report) fn line(html: &mut Html, frame: &Frame<'_>, points: &[(i64, f64)], style: Style) {
    let gap = 2.5 * usual_step(points);
    let few = thinned(points, frame.span);
    let (mut joined, mut single) = (String::new(), String::new());
    for (at, (time, value)) in few.iter().enumerate() {
        let near = |other: Option<&(i64, f64)>| {
            style == Style::Joined && other.is_some_and(|other| (other.0 as f64 - *time as f64).abs() <= gap)
        };
        let before = near(at.checked_sub(1).and_then(|before| few.get(before)));
        let after = near(few.get(at + 1));
        let (x, y) = (x(*time, frame.span), frame.scale.y(*value));
        // Writing to a string can't fail.
        if before || after {
            let _ = write!(joined, "{}{x:.1} {y:.1}", if before { 'L' } else { 'M' });
        }
        if (!before && !after) || few.len() <= POINTS {
            let _ = write!(single, "M{x:.1} {y:.1}h0");
        }
    }
    draw(html, frame, |html| {
        html.raw("<path class=\"line\" d=\"")
            .text(joined)
            .raw("\"/><path class=\"point\" d=\"")
            .text(single)
            .raw("\"/>");
    });
}

/// The median distance between points, microseconds; at least what their thinning makes.
fn usual_step(points: &[(i64, f64)]) -> f64 {
    let mut steps: Vec<i64> = points.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
    steps.sort_unstable();
    let span = points.first().zip(points.last()).map_or(0, |(first, last)| last.0.saturating_sub(first.0));
    let median = steps.get(steps.len() / 2).copied().unwrap_or(0);
    let drawn = if points.len() > PARTS * 4 { span / PARTS as i64 } else { 0 };
    median.max(drawn) as f64
}

/// Of many points, in each part of the width the first, the least, the greatest and the last.
fn thinned(points: &[(i64, f64)], span: (i64, i64)) -> Vec<(i64, f64)> {
    if points.len() <= PARTS * 4 {
        return points.to_vec();
    }
    let part = |point: &(i64, f64)| (x(point.0, span) * PARTS as f64 / super::WIDTH) as usize;
    let mut kept = Vec::with_capacity(PARTS * 4);
    for points in points.chunk_by(|a, b| part(a) == part(b)) {
        let least = (0..points.len()).min_by(|a, b| points[*a].1.total_cmp(&points[*b].1));
        let greatest = (0..points.len()).max_by(|a, b| points[*a].1.total_cmp(&points[*b].1));
        let mut chosen = vec![0, points.len() - 1];
        chosen.extend(least);
        chosen.extend(greatest);
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|at| points[at]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_extremes() {
        let mut points: Vec<(i64, f64)> = (0..100_000).map(|n| (n, (n % 7) as f64)).collect();
        points[77_777].1 = 1000.0;
        points[3].1 = -1000.0;
        let few = thinned(&points, (0, 99_999));
        assert!(few.len() <= PARTS * 4 + 4);
        assert!(few.contains(&(77_777, 1000.0)) && few.contains(&(3, -1000.0)));
        assert!(few.is_sorted_by_key(|point| point.0));
        assert_eq!((few[0].0, few[few.len() - 1].0), (0, 99_999));
    }
}
