//! Lines, points where there is nothing to join, and of very many points a band with their mean.

use std::fmt::Write as _;

use super::{Frame, WIDTH, draw, x};
use crate::report::html::Html;

/// Parts of the width that are told apart where there are many points.
const PARTS: usize = 160;
/// More points than these are many: what is between neighbours can't be seen.
const MANY: usize = 320;
/// So few points are drawn as such, too.
const FEW: usize = 60;

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Style {
    /// Joined, but for gaps.
    Joined,
    /// Each for itself; of very many, neighbours are one mark from their least to their greatest value.
    Points,
}

/// Whether so many points are drawn as a band.
fn is_band(points: &[(i64, f64)]) -> bool {
    points.len() > MANY
}

/// What is drawn of the points that share a part of the width.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    x: f64,
    least: f64,
    mean: f64,
    greatest: f64,
}

/// Adds a chart of points, which are in the order of their times.
pub(in crate::report) fn line(html: &mut Html, frame: &Frame<'_>, points: &[(i64, f64)], style: Style) {
    let parts = parts(points, frame.span);
    let y = |value| frame.scale.y(value);
    let (mut joined, mut single, mut band) = (String::new(), String::new(), String::new());
    for run in runs(&parts, style) {
        // Writing to a string can't fail.
        for (at, part) in run.iter().enumerate() {
            let _ = write!(joined, "{}{:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, part.x, y(part.mean));
            if run.len() == 1 || points.len() <= FEW {
                // A point, unless it stands for several.
                let _ = write!(single, "M{:.1} {:.1}V{:.1}", part.x, y(part.least), y(part.greatest));
            }
        }
        if style == Style::Joined && is_band(points) {
            let edge = |part: &Part, value: f64| format!("{:.1} {:.1}", part.x, y(value));
            let above = run.iter().map(|part| edge(part, part.greatest));
            let below = run.iter().rev().map(|part| edge(part, part.least));
            let _ = write!(band, "M{}Z", above.chain(below).collect::<Vec<_>>().join("L"));
        }
    }
    draw(html, frame, |html| {
        for (class, path) in [
            ("band", band),
            ("line", joined),
            (if points.len() <= FEW { "point" } else { "point thin" }, single),
        ] {
            if !path.is_empty() {
                html.raw("<path class=\"").text(class).raw("\" d=\"").text(path).raw("\"/>");
            }
        }
    });
}

/// Each point, or each part of the width if there are many.
fn parts(points: &[(i64, f64)], span: (i64, i64)) -> Vec<Part> {
    let place = |point: &(i64, f64)| (x(point.0, span) * PARTS as f64 / WIDTH) as usize;
    let is_band = is_band(points);
    let shared = points.chunk_by(|a, b| is_band && place(a) == place(b));
    shared
        .filter_map(|points| {
            let values = points.iter().map(|point| point.1);
            let (first, last) = (x(points.first()?.0, span), x(points.last()?.0, span));
            Some(Part {
                x: f64::midpoint(first, last),
                least: values.clone().reduce(f64::min)?,
                greatest: values.clone().reduce(f64::max)?,
                mean: values.sum::<f64>() / points.len() as f64,
            })
        })
        .collect()
}

/// Parts that are to be joined: a gap is wider than is usual.
fn runs(parts: &[Part], style: Style) -> impl Iterator<Item = &[Part]> {
    let mut steps: Vec<f64> = parts.windows(2).map(|pair| pair[1].x - pair[0].x).collect();
    steps.sort_by(f64::total_cmp);
    let gap = 2.5 * steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    parts.chunk_by(move |a, b| style == Style::Joined && b.x - a.x <= gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_holds_extremes_and_is_small() {
        let mut points: Vec<(i64, f64)> = (0..100_000).map(|n| (n, (n % 7) as f64)).collect();
        points[77_777].1 = 1000.0;
        points[3].1 = -1000.0;
        let parts = parts(&points, (0, 99_999));
        assert!(parts.len() <= PARTS + 1);
        assert_eq!(parts.iter().map(|part| part.greatest).fold(0.0, f64::max), 1000.0);
        assert_eq!(parts.iter().map(|part| part.least).fold(0.0, f64::min), -1000.0);
        assert_eq!(runs(&parts, Style::Joined).count(), 1);
    }

    #[test]
    fn lines_end_at_gaps() {
        let points: Vec<(i64, f64)> = [0, 1, 2, 3, 9, 10, 30].map(|time| (time, 1.0)).into();
        let parts = parts(&points, (0, 30));
        let lengths = |style| runs(&parts, style).map(<[Part]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(Style::Joined), [4, 2, 1]);
        assert_eq!(lengths(Style::Points), [1; 7]);
    }
}
