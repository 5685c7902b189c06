//! Bars that lie: one a line, with its name and its number.

use super::html::{Html, count, share};

/// Adds a list of bars.
pub(super) fn bars<'a>(html: &mut Html, rows: impl IntoIterator<Item = (&'a str, u64)>) {
    let rows: Vec<_> = rows.into_iter().collect();
    let whole: u64 = rows.iter().map(|(_, n)| n).sum();
    let greatest = rows.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    html.raw("<ul class=\"bars\">\n");
    for (name, n) in rows {
        let percent = n as f64 * 100.0 / greatest as f64;
        html.raw("<li><span class=\"name\">")
            .text(name)
            .raw("</span><span class=\"track\" aria-hidden=\"true\"><span style=\"width:");
        html.text(format_args!("{percent:.1}")).raw("%\"></span></span><span class=\"n\">").text(count(n));
        html.raw(" <small>").text(share(n, whole)).raw("</small></span></li>\n");
    }
    html.raw("</ul>\n");
}
