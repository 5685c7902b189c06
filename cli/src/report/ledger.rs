//! The ledger: every event ends once, and the sum is shown.

use transect_core::ledger::Tally;
use transect_worker::report::Report;

use super::html::{Html, count, share};
use super::table::table;

pub(super) fn section(html: &mut Html, report: &Report) {
    let total = &report.total;
    html.raw("<section id=\"ledger\">\n<h2>What became of every event</h2>\n<ul class=\"tiles\">\n");
    let tiles = [
        ("read", total.read, ""),
        ("accepted", total.accepted, "of them"),
        ("duplicate", total.duplicate, "of them"),
        ("rejected", total.rejected, "of them"),
        ("late", total.late, "of the accepted"),
    ];
    for (name, n, of) in tiles {
        html.raw("<li><strong>").count(n).raw("</strong> <span>").text(name).raw("</span>");
        if !of.is_empty() {
            let whole = if name == "late" { total.accepted } else { total.read };
            html.raw("<small>").text(share(n, whole)).raw(" ").text(of).raw("</small>");
        }
        html.raw("</li>\n");
    }
    html.raw("</ul>\n");
    sum(html, total, report.adds_up);
    let columns = [
        ("source", false),
        ("read", true),
        ("accepted", true),
        ("duplicate", true),
        ("conflicting", true),
        ("rejected", true),
        ("late", true),
    ];
    let all = (report.sources.len() > 1).then_some(("all sources", total));
    let sources = report.sources.iter().map(|(name, tally)| (name.as_str(), tally)).chain(all);
    table(html, "By source", &columns, sources.map(|(name, tally)| row(name, tally)));
    html.raw("<p class=\"note\">A duplicate is a repeat of an accepted event; it is conflicting if its content differs. ");
    html.raw("A late event came after one of its windows had closed: it is in the table, marked.</p>\n");
    if report.event_types.len() > 1 {
        let columns = [("event type", false), ("accepted", true)];
        let types = report.event_types.iter().map(|(name, n)| vec![name.clone(), count(*n)]);
        table(html, "By event type", &columns, types);
    }
    html.raw("</section>\n");
}

fn row(name: &str, t: &Tally) -> Vec<String> {
    let counts = [t.read, t.accepted, t.duplicate, t.conflicting, t.rejected, t.late];
    [name.to_owned()].into_iter().chain(counts.map(count)).collect()
}

fn sum(html: &mut Html, total: &Tally, adds_up: bool) {
    html.raw(if adds_up { "<p class=\"sum good\">" } else { "<p class=\"sum bad\">" });
    html.raw(if adds_up {
        "<span aria-hidden=\"true\">✓</span> "
    } else {
        "<span aria-hidden=\"true\">✗</span> "
    });
    html.raw("read ").count(total.read).raw(" = accepted ").count(total.accepted).raw(" + duplicate ");
    html.count(total.duplicate).raw(" + rejected ").count(total.rejected);
    html.raw(if adds_up {
        ": the ledger adds up</p>\n"
    } else {
        ": the ledger does not add up; please report this with the state folder</p>\n"
    });
}
