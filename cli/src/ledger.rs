//! `transect ledger`: what became of every event.

use std::process::ExitCode;

use transect_worker::report::Report;

use crate::args::LedgerArgs;
use crate::output;

pub(crate) fn run(args: &LedgerArgs) -> anyhow::Result<ExitCode> {
    let report = Report::read(&args.out.join("ledger.json"))?;
    output::print(args.output, &report, || table(&report))?;
    Ok(if report.adds_up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The ledger for people: a line a source and their sum, then the reasons of refusals.
pub(crate) fn table(report: &Report) -> String {
    let header = ["source", "read", "accepted", "duplicate", "conflicting", "rejected", "late"];
    let sources = report.sources.iter().map(|(name, tally)| (name.as_str(), tally));
    let total = (report.sources.len() > 1).then_some(("total", &report.total));
    let rows = sources.chain(total).map(|(name, t)| {
        let counts = [t.read, t.accepted, t.duplicate, t.conflicting, t.rejected, t.late].map(output::count);
        let [read, accepted, duplicate, conflicting, rejected, late] = counts;
        [name.to_owned(), read, accepted, duplicate, conflicting, rejected, late]
    });
    let mut text = output::table(header, rows);
    text.push_str(if report.adds_up {
        "read = accepted + duplicate + rejected: yes\n"
    } else {
        "read = accepted + duplicate + rejected: NO, please report this with the state folder\n"
    });
    if !report.total.reasons.is_empty() {
        text.push('\n');
        let reasons = report.total.reasons.iter();
        text.push_str(&output::table(
            ["reject reason", "events"],
            reasons.map(|(reason, n)| [reason.to_string(), output::count(*n)]),
        ));
    }
    if !report.rules.is_empty() {
        let rules = report.rules.iter().flat_map(|(event_type, rules)| {
            rules.iter().map(move |(rule, tally)| {
                let counts = [tally.rejected, tally.flagged].map(output::count);
                let [rejected, flagged] = counts;
                [event_type.clone(), rule.clone(), rejected, flagged]
            })
        });
        text.push('\n');
        text.push_str(&output::table(["event type", "rule broken", "rejected", "flagged"], rules));
    }
    if !report.alerts.is_empty() {
        text.push('\n');
        let alerts = report.alerts.iter().map(|(detector, n)| [detector.clone(), output::count(*n)]);
        text.push_str(&output::table(["detector", "alerts"], alerts));
    }
    if !report.lookups.is_empty() {
        text.push('\n');
        let lookups = report.lookups.iter().flat_map(|(name, contents)| {
            contents.iter().map(move |(digest, n)| [name.clone(), digest.clone(), output::count(*n)])
        });
        text.push_str(&output::table(["lookup", "content", "events read"], lookups));
    }
    text
}
