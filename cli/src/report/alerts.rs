//! What detectors found: when, and the farthest from what was expected.

use std::path::Path;

use transect_worker::report::Report;
use transect_worker::summary::alerts::{Alerts, Detector};
use transect_worker::summary::bins::Bins;

use super::chart::{Frame, Scale, Size, columns};
use super::html::{Html, count, number, plural};
use super::rejects::quoted;
use super::table::{details, table};
use super::time;
use crate::alerts::{group, place};

/// Parts of time that are told apart.
const BINS: usize = 90;

pub(super) fn section(html: &mut Html, alerts: &Alerts, report: &Report, out: &Path) {
    if alerts.detectors.is_empty() {
        return;
    }
    html.raw("<section id=\"anomalies\">\n<h2>Anomalies</h2>\n<p>");
    let all: u64 = alerts.detectors.values().map(|detector| detector.raised).sum();
    html.text(plural(all, "alert")).raw(" of ").text(plural(alerts.detectors.len() as u64, "detector"));
    html.raw(
        ". An alert says that something is unlike what was expected; whether it is wrong, people decide.</p>\n",
    );
    let times = || alerts.detectors.values().flat_map(|detector| &detector.times);
    if let (Some(first), Some(last)) = (times().min(), times().max()) {
        let bins = Bins::over(*first, *last, BINS);
        html.raw("<p class=\"note\">Alerts by event time, a bar for each ")
            .text(time::length(bins.width))
            .raw(".</p>\n");
        for (name, detector) in &alerts.detectors {
            show(html, name, detector, &bins);
        }
    }
    let counted: u64 = report.alerts.values().sum();
    html.raw("<p class=\"note\">The ledger counts ").text(plural(counted, "alert"));
    let has_ended = alerts.detectors.values().any(|detector| detector.ended > 0);
    html.raw(if has_ended { ", ends of silences among them" } else { "" });
    html.raw(if alerts.is_whole { "" } else { "; here are the first of very many" });
    html.raw(". All are in <code class=\"command\">transect alerts list --out ").text(quoted(out));
    html.raw("</code></p>\n</section>\n");
}

fn show(html: &mut Html, name: &str, detector: &Detector, bins: &Bins) {
    let mut counts = vec![0; bins.count];
    detector.times.iter().for_each(|at| counts[bins.of(*at)] += 1);
    let most = counts.iter().copied().max().unwrap_or(0);
    let ended = if detector.ended > 0 { format!(", {} over", count(detector.ended)) } else { String::new() };
    let title = format!("{name} ({}): {}{ended}", detector.method, count(detector.raised));
    let frame = Frame {
        title: &title,
        description: format!(
            "{} from {}; at most {} in a part",
            plural(detector.raised, "alert"),
            time::span(bins.start, bins.end()),
            count(most)
        ),
        span: (bins.start, bins.end()),
        scale: Scale::of_counts(most),
        size: Size::Low,
    };
    html.raw("<div class=\"detector\">");
    columns(html, &frame, bins, &counts);
    details(html, "The farthest from what was expected", |html| farthest(html, detector));
    html.raw("</div>\n");
}

fn farthest(html: &mut Html, detector: &Detector) {
    let columns = [
        ("time", false),
        ("group", false),
        ("value", true),
        ("expected", true),
        ("distance", true),
        ("place", false),
    ];
    let rows = detector.farthest.iter().map(|alert| {
        let numbers = [alert.value, alert.expected, alert.distance].map(number);
        [alert.time.clone(), group(alert)].into_iter().chain(numbers).chain([place(alert)]).collect()
    });
    table(html, "By time", &columns, rows);
}
