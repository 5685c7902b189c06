//! Refused events by reason and by cause, with samples.

use std::path::Path;

use transect_worker::report::Report;
use transect_worker::summary::rejects::{Cause, Content, Rejects, Sample};

use super::bars::bars;
use super::html::{Html, count, events, plural};
use super::table::{details, table};

/// Causes that are shown.
const CAUSES: usize = 25;

pub(super) fn section(html: &mut Html, rejects: &Rejects, report: &Report, out: &Path) {
    html.raw("<section id=\"refused\">\n<h2>Refused events</h2>\n");
    if rejects.events == 0 && report.total.rejected == 0 {
        html.raw("<p>None: every event was accepted, or is a repeat of one that was.</p>\n");
    } else {
        state(html, rejects);
        let reasons = report.total.reasons.iter().map(|(reason, n)| (reason.as_str(), *n));
        html.raw("<h3>By reason</h3>\n");
        bars(html, reasons);
        html.raw("<h3>By cause</h3>\n<div class=\"causes\">\n");
        rejects.causes.iter().take(CAUSES).for_each(|cause| show_cause(html, cause, out));
        html.raw("</div>\n");
        rest(html, rejects, out);
    }
    rules(html, report);
    html.raw("</section>\n");
}

fn state(html: &mut Html, rejects: &Rejects) {
    html.raw("<p><strong>")
        .text(events(rejects.events))
        .raw("</strong> refused; each is kept with its original bytes. ");
    html.raw("<strong>").count(rejects.open).raw("</strong> open, <strong>").count(rejects.taken_back);
    html.raw("</strong> corrected and taken back in");
    if rejects.refused_again > 0 {
        html.raw(", <strong>").count(rejects.refused_again);
        html.raw("</strong> corrected and refused again, each as another event");
    }
    html.raw(".");
    if !rejects.is_whole {
        html.raw(" These are the first of very many: by cause, only they are counted.");
    }
    html.raw("</p>\n");
}

fn show_cause(html: &mut Html, cause: &Cause, out: &Path) {
    html.raw("<article><h4><span class=\"reason\">").text(&cause.reason).raw("</span>");
    if !cause.keyword.is_empty() {
        html.raw(" <code>").text(&cause.keyword).raw("</code>");
    }
    html.raw(" at ");
    if cause.pointer.is_empty() {
        html.raw("the whole event");
    } else {
        html.raw("<code>").text(&cause.pointer).raw("</code>");
    }
    html.raw("</h4><p class=\"n\"><strong>").text(events(cause.events)).raw("</strong>");
    if cause.open < cause.events {
        html.raw(", ").count(cause.open).raw(" open");
    }
    html.raw("</p>\n");
    if let Some(Content::Open { message, .. }) = cause.samples.first().map(|sample| &sample.content) {
        html.raw("<p class=\"message\">").text(message).raw("</p>\n");
    }
    let summary = if cause.samples.len() == 1 { "A sample" } else { "Samples" };
    details(html, summary, |html| cause.samples.iter().for_each(|sample| show_sample(html, sample, out)));
    html.raw("</article>\n");
}

fn show_sample(html: &mut Html, sample: &Sample, out: &Path) {
    html.raw("<div class=\"sample\">");
    match &sample.content {
        Content::Open { place, message, original, length } => {
            html.raw("<p>").text(message).raw(" <small>").text(place).raw("</small></p>");
            if let Some(original) = original {
                html.raw("<pre><bdi>").text(original).raw("</bdi>");
                let shown = original.len() as u64;
                if shown < *length {
                    html.raw("<small> … of ").text(plural(*length, "byte")).raw("</small>");
                }
                html.raw("</pre>");
            } else {
                html.raw("<p class=\"note\">Its bytes are no text.</p>");
            }
        }
        Content::Sealed => {
            html.raw("<p class=\"note\">Sealed, as the study has personal fields. Who has the keys opens it with</p>");
        }
        Content::Erased => {
            html.raw(
                "<p class=\"note\">Its participant was erased: nothing of it is left but its place.</p>",
            );
        }
    }
    html.raw("<p><code class=\"command\">transect rejected show ")
        .text(sample.number)
        .raw(" --out ")
        .text(quoted(out));
    if matches!(sample.content, Content::Sealed) {
        html.raw(" --keys DIR");
    }
    html.raw("</code></p></div>\n");
}

fn rest(html: &mut Html, rejects: &Rejects, out: &Path) {
    let hidden = rejects.causes.iter().skip(CAUSES).map(|cause| cause.events).sum::<u64>() + rejects.others;
    if hidden > 0 {
        html.raw("<p class=\"note\">")
            .text(events(hidden))
            .raw(" of rarer causes are not shown here; all are in <code class=\"command\">");
        html.raw("transect rejected list --out ").text(quoted(out)).raw("</code></p>\n");
    }
    if rejects.unreadable > 0 {
        html.raw("<p class=\"note\">")
            .text(plural(rejects.unreadable, "line"))
            .raw(" in <code>rejected/</code> can't be read.</p>\n");
    }
}

fn rules(html: &mut Html, report: &Report) {
    if report.rules.is_empty() {
        return;
    }
    html.raw("<h3>Rules</h3>\n");
    let columns = [("event type", false), ("rule", false), ("rejected", true), ("flagged", true)];
    let rows = report.rules.iter().flat_map(|(event_type, rules)| {
        rules.iter().map(move |(rule, tally)| {
            vec![event_type.clone(), rule.clone(), count(tally.rejected), count(tally.flagged)]
        })
    });
    table(html, "Events that break a rule", &columns, rows);
    html.raw("<p class=\"note\">Flagged events are accepted: the table names their rules in <code>_flags</code>.</p>\n");
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+=:,@%".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
