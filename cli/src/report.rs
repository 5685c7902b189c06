//! `transect report`, and the end of `transect up`: one page of HTML that says what a run has left, for people.
//!
//! The page is one file: no script, nothing fetched, and a policy in it that forbids both. All that events can say is
//! hostile: it goes through `Html::text`, and nowhere else.

mod alerts;
mod bars;
mod chart;
mod events;
mod html;
mod ledger;
mod page;
mod rejects;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod windows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use transect_worker::summary::Summary;

use crate::args::ReportArgs;
use crate::output;

/// What the page is called in the output folder.
pub(crate) const FILE_NAME: &str = "report.html";

#[derive(Serialize)]
struct Written {
    report: PathBuf,
}

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let summary = Summary::read(&args.out)?;
    let written = Written { report: write(&summary, &args.out)? };
    output::print(args.output, &written, || written.report.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the page of an output folder into it; where it is then.
pub(crate) fn write(summary: &Summary, out: &Path) -> anyhow::Result<PathBuf> {
    let html = page::page(summary, out, &time::now());
    let path = out.join(FILE_NAME);
    let temporary = path.with_extension("html.tmp");
    fs::write(&temporary, html).with_context(|| format!("write {}", temporary.display()))?;
    fs::rename(&temporary, &path).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
