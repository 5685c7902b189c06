//! Windows by definition: one or two aggregates over time, each group in a chart of its own.

use transect_worker::summary::windows::{Aggregate, Series, Windows};

use super::chart::{Frame, Scale, Size, Style, line};
use super::html::{Html, count, number, plural};
use super::table::{details, table};
use super::time;

/// Rows of a table of numbers.
const ROWS: usize = 60;

pub(super) fn section(html: &mut Html, all: &[Windows]) {
    if all.is_empty() {
        return;
    }
    html.raw("<section id=\"windows\">\n<h2>Windows</h2>\n");
    html.raw("<p class=\"note\">The last revision of each window, at its beginning. Of a definition's aggregates one or two are shown; ");
    html.raw("all are in <code>windows/</code>. Where there are more than can be drawn, the line is the mean of neighbours, and the band, ");
    html.raw("or the mark of sessions, goes from their least to their greatest value.</p>\n");
    if all.len() > 3 {
        html.raw("<nav aria-label=\"Windows\">");
        for (at, windows) in all.iter().enumerate() {
            html.raw("<a href=\"#window-").text(at).raw("\">").text(&windows.name).raw("</a>");
        }
        html.raw("</nav>\n");
    }
    all.iter().enumerate().for_each(|(at, windows)| show(html, at, windows));
    html.raw("</section>\n");
}

fn show(html: &mut Html, at: usize, windows: &Windows) {
    html.raw("<article class=\"window\" id=\"window-")
        .text(at)
        .raw("\"><h3>")
        .text(&windows.name)
        .raw("</h3>\n<p>");
    html.text(plural(windows.windows, if windows.sessions { "session" } else { "window" }));
    if !windows.group_by.is_empty() {
        html.raw(" of ").text(plural(windows.groups, "group")).raw(" by ").text(windows.group_by.join(" · "));
    }
    if windows.open > 0 {
        html.raw("; ").count(windows.open).raw(" may still be issued again");
    }
    html.raw(".");
    if windows.files_skipped > 0 {
        html.raw(" Only the newest ").text(plural(windows.rows, "row")).raw(" were read, ");
        html.text(plural(windows.files_skipped, "older file")).raw(" not.");
    }
    html.raw("</p>\n");
    if windows.aggregates.is_empty() {
        html.raw("<p class=\"note\">There is no number to draw.</p>\n");
    }
    for aggregate in &windows.aggregates {
        draw(html, windows, aggregate);
    }
    html.raw("</article>\n");
}

fn draw(html: &mut Html, windows: &Windows, aggregate: &Aggregate) {
    let shown: Vec<(String, &Series)> = series(windows, aggregate);
    let points = || shown.iter().flat_map(|(_, series)| &series.points);
    let (Some(first), Some(last)) = (points().map(|p| p.0).min(), points().map(|p| p.0).max()) else {
        return;
    };
    let style = if windows.sessions { Style::Points } else { Style::Joined };
    let size = if shown.len() > 1 { Size::Small } else { Size::Large };
    if !windows.group_by.is_empty() {
        html.raw("<h4>")
            .text(&aggregate.name)
            .raw(" <small>")
            .text(&aggregate.function)
            .raw("</small></h4>\n");
    }
    html.raw(if size == Size::Small { "<div class=\"small-charts\">\n" } else { "<div>\n" });
    // The sum of all others is on a scale of its own: it says what is left out, and would flatten what is not.
    let together = scale(aggregate, aggregate.series.iter());
    for (name, series) in &shown {
        let scale = if is_others(aggregate, series) { scale(aggregate, [*series]) } else { together };
        let frame = Frame { title: name, description: describe(series), span: (first, last), scale, size };
        line(html, &frame, &series.points, style);
    }
    html.raw("</div>\n");
    left_out(html, windows, aggregate);
    details(html, "The numbers", |html| numbers(html, windows, aggregate, &shown));
}

/// Counts are drawn from zero.
fn scale<'a>(aggregate: &Aggregate, series: impl IntoIterator<Item = &'a Series>) -> Scale {
    let zero = matches!(aggregate.function.as_str(), "Count" | "Distinct").then_some(0.0);
    let values = series.into_iter().flat_map(|series| &series.points).map(|point| point.1);
    Scale::of(values.chain(zero))
}

fn is_others(aggregate: &Aggregate, series: &Series) -> bool {
    aggregate.others.as_ref().is_some_and(|others| std::ptr::eq(others, series))
}

fn series<'a>(windows: &Windows, aggregate: &'a Aggregate) -> Vec<(String, &'a Series)> {
    let named = |series: &'a Series| {
        let name = if windows.group_by.is_empty() {
            format!("{} ({})", aggregate.name, aggregate.function)
        } else {
            series.group.clone()
        };
        (if name.is_empty() { "(empty)".to_owned() } else { name }, series)
    };
    let mut all: Vec<_> = aggregate.series.iter().map(named).collect();
    if let Some(others) = &aggregate.others {
        let left = windows.groups.saturating_sub(aggregate.series.len() as u64);
        all.push((format!("{} together, on a scale of their own", plural(left, "other group")), others));
    }
    all
}

fn left_out(html: &mut Html, windows: &Windows, aggregate: &Aggregate) {
    let left = windows.groups.saturating_sub(aggregate.series.len() as u64);
    if left > 0 && aggregate.others.is_none() {
        html.raw("<p class=\"note\">Shown are the largest groups; ").text(plural(left, "other"));
        html.raw(if left == 1 { " is" } else { " are" });
        html.raw(" not, as there is no sum of ");
        html.raw(if windows.sessions { "sessions that begin at times of their own" } else { "such values" })
            .raw(".</p>\n");
    }
}

fn describe(series: &Series) -> String {
    let values = series.points.iter().map(|point| point.1);
    match (values.clone().reduce(f64::min), values.reduce(f64::max)) {
        (Some(least), Some(greatest)) => {
            let windows = plural(series.points.len() as u64, "window");
            format!("{windows}; the least value is {}, the greatest {}", number(least), number(greatest))
        }
        _ => "no windows with a value".to_owned(),
    }
}

fn numbers(html: &mut Html, windows: &Windows, aggregate: &Aggregate, shown: &[(String, &Series)]) {
    let grouped = !windows.group_by.is_empty();
    let by = windows.group_by.join(" · ");
    let mut columns = vec![("begin", false)];
    columns.extend(grouped.then_some((by.as_str(), false)));
    columns.push((&aggregate.name, true));
    let mut rows: Vec<(i64, &str, f64)> = Vec::new();
    for (name, series) in shown {
        rows.extend(series.points.iter().map(|(begin, value)| (*begin, name.as_str(), *value)));
    }
    rows.sort_by_key(|row| row.0);
    let all = rows.len();
    let newest = rows.split_off(all.saturating_sub(ROWS));
    let caption = match all > ROWS {
        true => format!("The newest {} of {}", count(ROWS as u64), plural(all as u64, "value")),
        false => "All values".to_owned(),
    };
    let rows = newest.into_iter().map(|(begin, name, value)| {
        let group = grouped.then(|| name.to_owned());
        [time::sortable(begin)].into_iter().chain(group).chain([number(value)]).collect()
    });
    table(html, &caption, &columns, rows);
}
