//! Charts as inline SVG. What is drawn is stretched to the room there is, and so has no text in it: that stands around it
//! as HTML, and has its size on a phone, too. Nothing is said by a colour alone: each series has a chart of its own.

mod line;
mod scale;

use transect_worker::summary::bins::Bins;

pub(super) use self::line::{Style, line};
pub(super) use self::scale::Scale;
use super::html::{Html, number};
use super::time;

/// Width and height of what is drawn, in units of its own.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// Marks on an axis of time.
const MARKS: usize = 5;

/// What a chart says of itself.
pub(super) struct Frame<'a> {
    /// What is drawn, which stands above it.
    pub(super) title: &'a str,
    /// What is to be seen, for who can't see it.
    pub(super) description: String,
    /// From when to when, microseconds since 1970 UTC.
    pub(super) span: (i64, i64),
    /// What the height means.
    pub(super) scale: Scale,
    /// How much room it takes.
    pub(super) size: Size,
}

/// How much room a chart takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// The whole width, and high.
    Large,
    /// The whole width, and low: to be compared with the one above.
    Low,
    /// One of many.
    Small,
}

/// Adds a chart of columns, one a part of time.
pub(super) fn columns(html: &mut Html, frame: &Frame<'_>, bins: &Bins, values: &[u64]) {
    let part = WIDTH / bins.count as f64;
    draw(html, frame, |html| {
        html.raw("<path class=\"fill\" d=\"");
        for (at, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
            let (left, right) = ((at as f64 + 0.08) * part, (at as f64 + 0.92) * part);
            // What is there is seen.
            let top = frame.scale.y(*value as f64).min(HEIGHT - 1.5);
            html.text(format_args!("M{left:.1} {HEIGHT}V{top:.1}H{right:.1}V{HEIGHT}Z"));
        }
        html.raw("\"/>");
    });
}

/// Adds a figure around what is drawn.
fn draw(html: &mut Html, frame: &Frame<'_>, drawing: impl FnOnce(&mut Html)) {
    let id = html.id();
    html.raw(match frame.size {
        Size::Large => "<figure class=\"chart\">",
        Size::Low => "<figure class=\"chart low\">",
        Size::Small => "<figure class=\"chart low small\">",
    });
    html.raw("<figcaption>")
        .text(frame.title)
        .raw("</figcaption><div class=\"plot\"><div class=\"y\" aria-hidden=\"true\">");
    let marks = frame.scale.marks(if frame.size == Size::Large { 2 } else { 1 });
    for mark in marks.iter().rev() {
        html.raw("<span>").text(number(*mark)).raw("</span>");
    }
    html.raw(
        "</div><svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" aria-labelledby=\"t",
    );
    html.text(id).raw(" d").text(id).raw("\"><title id=\"t").text(id).raw("\">").text(frame.title);
    html.raw("</title><desc id=\"d")
        .text(id)
        .raw("\">")
        .text(&frame.description)
        .raw("</desc><path class=\"grid\" d=\"");
    for mark in &marks {
        html.text(format_args!("M0 {:.1}H{WIDTH}", frame.scale.y(*mark)));
    }
    html.raw("\"/>");
    drawing(html);
    html.raw("</svg></div>");
    times(html, frame.span, if frame.size == Size::Small { 2 } else { MARKS });
    html.raw("</figure>\n");
}

/// Adds an axis of time.
fn times(html: &mut Html, (first, last): (i64, i64), most: usize) {
    html.raw("<div class=\"x\" aria-hidden=\"true\">");
    for mark in time::marks(first, last, most) {
        let percent = x(mark.at, (first, last)) * 100.0 / WIDTH;
        let side = match percent {
            left if left < 10.0 => "<span class=\"first\" style=\"left:",
            right if right > 90.0 => "<span class=\"last\" style=\"left:",
            _ => "<span style=\"left:",
        };
        html.raw(side).text(format_args!("{percent:.1}")).raw("%\">").text(mark.text).raw("</span>");
    }
    html.raw("</div>");
}

/// Where a time is drawn.
fn x(time: i64, (first, last): (i64, i64)) -> f64 {
    let length = (last as f64 - first as f64).max(1.0);
    ((time as f64 - first as f64) * WIDTH / length).clamp(0.0, WIDTH)
}
