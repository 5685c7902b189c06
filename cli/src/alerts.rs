//! `transect alerts`: anomalies, from the files of an output folder.

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use transect_core::anomaly::{Alert, AlertState};

use crate::args::{AlertsArgs, AlertsCommand, Format};
use crate::{lines, output};

pub(crate) fn run(args: &AlertsArgs) -> anyhow::Result<ExitCode> {
    let AlertsCommand::List { out, detector, output } = &args.command;
    list(out, detector.as_deref(), *output)?;
    Ok(ExitCode::SUCCESS)
}

fn list(out: &Path, detector: Option<&str>, format: Format) -> anyhow::Result<()> {
    let mut alerts: Vec<Alert> = Vec::new();
    lines::for_each(out, "alerts", |_, alert: Alert| {
        if detector.is_none_or(|detector| detector == alert.detector) {
            alerts.push(alert);
        }
        Ok(true)
    })?;
    // Those of events and of windows are written by two that don't wait for each other.
    alerts.sort_by(|a, b| (&a.time, &a.detector).cmp(&(&b.time, &b.detector)));
    output::print(format, &alerts, || {
        let header = ["time", "detector", "group", "value", "expected", "distance", "place"];
        let rows = alerts.iter().map(|a| {
            let numbers = [a.value, a.expected, a.distance].map(number);
            let [value, expected, distance] = numbers;
            [a.time.clone(), name(a), group(a), value, expected, distance, place(a)]
        });
        output::table(header, rows)
    })
}

fn name(alert: &Alert) -> String {
    match alert.state {
        AlertState::Raised => alert.detector.clone(),
        AlertState::Ended => format!("{} (over)", alert.detector),
    }
}

/// The values of the group that it is about.
pub(crate) fn group(alert: &Alert) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    alert.group.values().map(shown).collect::<Vec<_>>().join(", ")
}

/// Where the row stands; nothing for what has none.
pub(crate) fn place(alert: &Alert) -> String {
    let origin = &alert.origin;
    match (&origin.file, origin.line, origin.offset, origin.index, &alert.window) {
        (Some(file), Some(line), ..) => format!("{file}:{line}"),
        (_, _, Some(offset), Some(index), _) => format!("raw {offset}, event {index}"),
        (.., Some(window)) => format!("window {window}"),
        _ => String::new(),
    }
}

fn number(value: f64) -> String {
    format!("{:.3}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
}
