//! The page: its parts, in the order in which a study's coordinator asks.

use std::path::Path;

use transect_worker::summary::Summary;

use super::html::Html;
use super::{alerts, events, ledger, rejects, time, windows};

const STYLE: &str = include_str!("style.css");

/// The page as HTML; written now, in words.
pub(super) fn page(summary: &Summary, out: &Path, now: &str) -> String {
    let mut html = Html::default();
    head(&mut html, summary);
    html.raw("<body>\n<header>\n<p class=\"kind\">Study</p><h1>")
        .text(&summary.report.study)
        .raw("</h1>\n<p class=\"about\">");
    about(&mut html, summary, now);
    html.raw("</p>\n");
    contents(&mut html, summary);
    html.raw("</header>\n<main>\n");
    ledger::section(&mut html, &summary.report);
    rejects::section(&mut html, &summary.rejects, &summary.report, out);
    events::section(&mut html, summary);
    alerts::section(&mut html, &summary.alerts, &summary.report, out);
    windows::section(&mut html, &summary.windows);
    html.raw("</main>\n<footer><p>Written by Transect ")
        .text(env!("CARGO_PKG_VERSION"))
        .raw(" from the files in ");
    html.raw("<code>").text(out.display()).raw("</code>; all times are UTC. This page holds values of events: keep it as you keep them.</p></footer>\n");
    html.raw("</body>\n</html>\n");
    html.finish()
}

fn head(html: &mut Html, summary: &Summary) {
    html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // No script, whatever an event says, and nothing from elsewhere.
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; ");
    html.raw("base-uri 'none'; form-action 'none'\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    html.raw(
        "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
    );
    html.text(&summary.report.study)
        .raw(" – ")
        .text(&summary.report.pipeline)
        .raw("</title>\n<style>\n")
        .raw(STYLE);
    html.raw("</style>\n</head>\n");
}

fn about(html: &mut Html, summary: &Summary, now: &str) {
    html.raw("Pipeline <strong>").text(&summary.report.pipeline).raw("</strong>");
    let first = summary.tables.iter().map(|table| table.first).min();
    let last = summary.tables.iter().map(|table| table.last).max();
    if let (Some(first), Some(last)) = (first, last) {
        html.raw(" · events of ").text(time::span(first, last));
    }
    html.raw(" · report of ").text(now);
}

fn contents(html: &mut Html, summary: &Summary) {
    html.raw("<nav aria-label=\"Contents\"><a href=\"#ledger\">Ledger</a><a href=\"#refused\">Refused</a><a href=\"#events\">Events</a>");
    if !summary.alerts.detectors.is_empty() {
        html.raw("<a href=\"#anomalies\">Anomalies</a>");
    }
    if !summary.windows.is_empty() {
        html.raw("<a href=\"#windows\">Windows</a>");
    }
    html.raw("</nav>\n");
}
