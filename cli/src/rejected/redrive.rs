//! `transect rejected redrive`: refused events are read again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use transect_worker::redrive::Redrive;

use super::{Wanted, closed, for_each};
use crate::args::RejectedCommand;
use crate::output;

/// A line of `--corrected`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Correction {
    number: u64,
    event: Box<RawValue>,
}

pub(super) fn run(command: &RejectedCommand) -> anyhow::Result<ExitCode> {
    let RejectedCommand::Redrive { numbers, reason, all, corrected, out, state, keys } = command else {
        return Ok(ExitCode::FAILURE);
    };
    let state = state.clone().unwrap_or_else(|| out.join(".state"));
    let keys = keys.clone().unwrap_or_else(|| state.join("keys"));
    // By number, each with its correction if there is one.
    let mut named: BTreeMap<u64, Option<Box<RawValue>>> =
        numbers.iter().map(|number| (*number, None)).collect();
    if let Some(file) = corrected {
        named = corrections(file)?;
    }
    let by_name = !named.is_empty();
    if !by_name && reason.is_none() && !all {
        bail!("say which: numbers of `transect rejected list --each`, --reason, --all, or --corrected FILE");
    }
    if !state.join("log").is_dir() {
        bail!("{} is not the state folder of a pipeline; give it with --state", state.display());
    }
    let open = Wanted { reason: reason.as_deref(), closed: closed(out, false)? };
    let mut redrive = Redrive::open(&state, &keys)?;
    let mut unfit = 0;
    for_each(out, |number, event| {
        let correction = match named.remove(&(number as u64)) {
            Some(correction) => correction,
            None if !by_name && open.has(number, &event) => None,
            None => return Ok(true),
        };
        if open.closed.contains(&(number as u64)) {
            output::note(&format!("reject {number} was taken back in before; it is left out"));
            return Ok(true);
        }
        if let Err(reason) = redrive.push(number as u64, &event, correction.as_deref().map(RawValue::get))? {
            unfit += 1;
            output::note(&format!("reject {number} is left out: {reason}"));
        }
        Ok(true)
    })?;
    for number in named.keys() {
        unfit += 1;
        output::note(&format!("there is no reject number {number} in {}", out.display()));
    }
    let count = redrive.finish()?;
    output::line(&format!(
        "{} {} read again by the next transect up; those that are accepted are closed then",
        output::count(count),
        if count == 1 { "event will be" } else { "events will be" }
    ))?;
    Ok(if unfit == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn corrections(file: &Path) -> anyhow::Result<BTreeMap<u64, Option<Box<RawValue>>>> {
    let lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).with_context(|| format!("open {}", file.display()))?))
    };
    let mut found = BTreeMap::new();
    for (at, line) in lines.lines().enumerate() {
        let place = || format!("{} line {}", file.display(), at + 1);
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let Correction { number, event } = serde_json::from_str(&line)
            .with_context(|| format!("{}: write {{\"number\": N, \"event\": {{…}}}}", place()))?;
        if found.insert(number, Some(event)).is_some() {
            bail!("{}: reject {number} is corrected twice; leave one of the two", place());
        }
    }
    Ok(found)
}
