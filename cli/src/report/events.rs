//! Accepted events over event time.

use transect_worker::summary::Summary;
use transect_worker::summary::table::Table;

use super::bars::bars;
use super::chart::{Frame, Scale, Size, columns};
use super::html::{Html, count, events, plural, share};
use super::table::{details, table};
use super::time;

/// Sources that have charts of their own.
const SOURCES: usize = 12;

const LATE: &str = "late for a window, on a scale of their own";

/// A chart's name and its counts by part of time.
type Strip = (String, Vec<u64>);

pub(super) fn section(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"events\">\n<h2>Accepted events over time</h2>\n");
    if summary.tables.is_empty() {
        html.raw("<p>There are none in <code>table/</code>.</p>\n");
    }
    for table in &summary.tables {
        show(html, table);
    }
    html.raw("</section>\n");
}

fn show(html: &mut Html, events_of: &Table) {
    let Table { event_type, rows, bins, all, late, .. } = events_of;
    html.raw("<h3>")
        .text(event_type)
        .raw("</h3>\n<p>")
        .text(events(*rows))
        .raw(", by event time, a bar for each ");
    html.text(time::length(bins.width)).raw(".");
    if events_of.files_skipped > 0 {
        html.raw(" There are so many files that ").text(plural(events_of.files_skipped, "other"));
        html.raw(" were not opened; the ledger counts all events.");
    }
    if events_of.estimated > 0 {
        html.raw(" Of ")
            .text(events(events_of.estimated))
            .raw(" only the files' footers were read: they are spread evenly between ");
        html.raw(
            "their first and last time, and sources, late events, versions and delays are of the others.",
        );
    }
    html.raw("</p>\n");
    // All but late events on one scale, so that they can be compared.
    let scale = Scale::of_counts(all.iter().copied().max().unwrap_or(0));
    chart(html, events_of, "all events", all, (scale, Size::Large));
    let strips = strips(events_of);
    for (name, counts) in &strips {
        let own = Scale::of_counts(counts.iter().copied().max().unwrap_or(0));
        chart(html, events_of, name, counts, (if name == LATE { own } else { scale }, Size::Low));
    }
    details(html, "The numbers", |html| numbers(html, events_of, &strips));
    versions(html, events_of);
    delay(html, events_of);
    if late.iter().all(|n| *n == 0) {
        html.raw("<p class=\"note\">None came too late for a window.</p>\n");
    }
}

/// What is drawn apart: sources where there are several, and late events.
fn strips(table: &Table) -> Vec<Strip> {
    let mut strips = Vec::new();
    if table.sources.len() > 1 {
        let mut sources: Vec<_> = table.sources.iter().collect();
        sources.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
        let others = sources.split_off(sources.len().min(SOURCES));
        strips.extend(sources.into_iter().map(|(name, counts)| (format!("source {name}"), counts.clone())));
        if !others.is_empty() {
            let sum =
                (0..table.bins.count).map(|at| others.iter().map(|(_, counts)| counts[at]).sum()).collect();
            strips.push((format!("{} other sources", others.len()), sum));
        }
    }
    if table.late.iter().any(|n| *n > 0) {
        strips.push((LATE.to_owned(), table.late.clone()));
    }
    strips
}

fn chart(html: &mut Html, table: &Table, name: &str, counts: &[u64], (scale, size): (Scale, Size)) {
    let (sum, most) = (counts.iter().sum(), counts.iter().copied().max().unwrap_or(0));
    let peak = counts.iter().position(|n| *n == most).unwrap_or(0);
    let title = format!("{name}: {}", count(sum));
    let frame = Frame {
        title: &title,
        description: format!(
            "{} over {} parts of time from {}; the most, {}, in the one from {}",
            events(sum),
            table.bins.count,
            time::span(table.bins.start, table.bins.end()),
            count(most),
            time::moment(table.bins.begin(peak)),
        ),
        span: (table.bins.start, table.bins.end()),
        scale,
        size,
    };
    columns(html, &frame, &table.bins, counts);
}

fn numbers(html: &mut Html, events_of: &Table, strips: &[Strip]) {
    let mut columns = vec![("from", false), ("events", true)];
    columns.extend(strips.iter().map(|(name, _)| (name.as_str(), true)));
    let rows = (0..events_of.bins.count).filter(|at| events_of.all[*at] > 0).map(|at| {
        let first = [time::sortable(events_of.bins.begin(at)), count(events_of.all[at])];
        first.into_iter().chain(strips.iter().map(|(_, counts)| count(counts[at]))).collect()
    });
    table(html, "Events by part of time; empty ones are left out", &columns, rows);
}

fn versions(html: &mut Html, events_of: &Table) {
    if events_of.versions.len() > 1 {
        html.raw("<h4>By schema version</h4>\n");
        let rows: Vec<_> =
            events_of.versions.iter().map(|(version, n)| (format!("version {version}"), *n)).collect();
        bars(html, rows.iter().map(|(name, n)| (name.as_str(), *n)));
    } else if let Some(version) = events_of.versions.keys().next() {
        html.raw("<p class=\"note\">All are of schema version ").text(version).raw(".</p>\n");
    }
}

fn delay(html: &mut Html, events_of: &Table) {
    let through = events_of.delay.events();
    if through > 0 {
        html.raw("<h4>From event time to receipt</h4>\n<p class=\"note\">Of the ").text(events(through));
        html.raw(" that came through the gateway, ")
            .text(share(through, events_of.rows))
            .raw(" of all.</p>\n");
        bars(html, events_of.delay.parts().filter(|(_, n)| *n > 0));
    }
}
