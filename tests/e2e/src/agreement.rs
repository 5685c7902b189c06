//! Whether workers on Kafka make of events what one process makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde_json::Value;
use transect_core::ledger::{Ledger, Tally};
use transect_worker::log::Log;
use transect_worker::log::kafka::KafkaLog;
use transect_worker::process::{GROUP, ProcessState};

use crate::command::Up;
use crate::outcome::{self, Outcome};
use crate::workers::{PATIENCE, Workers};

/// Where an event was read, and when: as many ways as there are to run.
pub const WHERE: [&str; 5] = ["_received", "_offset", "_index", "_file", "_line"];
/// Sketches are merged of other parts: `rolling` has a quantile of values between 0 and 1000.
const TOLERANCES: [(&str, f64); 1] = [("rolling", 40.0)];

/// Waits until a condition holds; what is not so yet is said when it takes too long.
pub fn until(mut holds: impl FnMut() -> anyhow::Result<Option<String>>) -> anyhow::Result<()> {
    let deadline = Instant::now() + 2 * PATIENCE;
    while let Some(problem) = holds()? {
        ensure!(Instant::now() < deadline, "{problem}");
        thread::park_timeout(Duration::from_millis(500));
    }
    Ok(())
}

/// What the process role has counted in all partitions.
pub fn ledger(workers: &Workers) -> anyhow::Result<Ledger> {
    let log = KafkaLog::connect(workers.settings("reader"), Vec::new())?;
    let mut ledger = Ledger::default();
    for partition in 0..workers.pipeline().partitions {
        if let Some(committed) = log.partition(partition, &[])?.committed(GROUP) {
            let state: ProcessState = serde_json::from_str(&committed.metadata)?;
            ledger += &state.ledger;
        }
    }
    Ok(ledger)
}

/// What is to come out of events that were posted, each at least once.
pub struct Agreement<'a> {
    posted: &'a str,
    expected: Outcome,
    /// Windows that end later may be open; None if it is left open which events are late, and so what windows hold.
    until: Option<Timestamp>,
    /// Columns of the table that depend on how events have come in.
    ignored: Vec<&'static str>,
}

impl<'a> Agreement<'a> {
    /// Runs the events in one process.
    pub fn new(up: &Up, posted: &'a str, until: impl Into<Option<Timestamp>>) -> anyhow::Result<Self> {
        Self::with_ignored(up, posted, until.into(), WHERE.into())
    }

    /// The same, for events that have come from several sources, each from any.
    pub fn of_sources(up: &Up, posted: &'a str, until: Timestamp) -> anyhow::Result<Self> {
        Self::with_ignored(up, posted, Some(until), WHERE.into_iter().chain(["_source"]).collect())
    }

    fn with_ignored(
        up: &Up,
        posted: &'a str,
        until: Option<Timestamp>,
        ignored: Vec<&'static str>,
    ) -> anyhow::Result<Self> {
        let file = up.out.with_extension("ndjson");
        fs::create_dir_all(&up.state)?;
        fs::write(&file, posted).with_context(|| format!("write {}", file.display()))?;
        up.clone().input("web", &file).arg("--drain").succeed()?;
        let ledger = serde_json::from_slice(&fs::read(up.out.join("ledger.json"))?)?;
        Ok(Self { posted, expected: outcome_of(&up.out, ledger, until, &ignored)?, until, ignored })
    }

    /// Waits until the workers have come as far.
    pub fn wait(&self, workers: &Workers) -> anyhow::Result<Tally> {
        let read = self.posted.lines().count() as u64;
        let accepted = self.expected.total("accepted");
        until(|| {
            let total = ledger(workers)?.total();
            let done = total.read >= read && total.accepted == accepted;
            Ok((!done).then(|| format!("{total:?}; {read} were posted, and {accepted} are valid")))
        })?;
        // Sinks write what they hold now and then; the last windows close once all partitions are quiet.
        until(|| {
            // A window may not be final yet.
            let outcome = match outcome_of(workers.out(), Value::Null, self.until, &self.ignored) {
                Ok(outcome) => outcome,
                Err(error) => return Ok(Some(format!("{error:#}"))),
            };
            let (rows, windows) = (outcome.rows(), windows_of(&outcome));
            let (all_rows, all_windows) = (self.expected.rows(), windows_of(&self.expected));
            let all = rows == all_rows && windows == all_windows;
            Ok((!all).then(|| format!("{rows} rows of {all_rows}, {windows} windows of {all_windows}")))
        })?;
        let ledger = ledger(workers)?;
        ensure!(ledger.adds_up(), "{ledger:?}");
        Ok(ledger.total())
    }

    /// Compares, once the workers have ended.
    pub fn check(&self, workers: &Workers) -> anyhow::Result<()> {
        let mut found = outcome_of(workers.out(), self.expected.ledger.clone(), self.until, &self.ignored)?;
        let (refused, expected) = (refusals(&found.rejected)?, refusals(&self.expected.rejected)?);
        ensure!(refused == expected, "{} and {} refused events", refused.len(), expected.len());
        // Each says where it was read, and how often that was.
        found.rejected.clone_from(&self.expected.rejected);
        found.same_as(&self.expected, &TOLERANCES)?;
        self.check_archive(&workers.out().join("archive"))
    }

    /// Whether all that was posted is in the archive, as it came.
    fn check_archive(&self, archive: &Path) -> anyhow::Result<()> {
        let mut missing: BTreeSet<u64> = self.posted.lines().map(hash).collect();
        for path in outcome::files(archive, "zst")? {
            let decoder = zstd::Decoder::new(fs::File::open(&path)?)?;
            for line in BufReader::new(decoder).lines() {
                missing.remove(&hash(&line.with_context(|| path.display().to_string())?));
            }
        }
        ensure!(missing.is_empty(), "{} events are not in the archive", missing.len());
        Ok(())
    }
}

fn hash(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

/// What came out, with the windows that end before a time.
fn outcome_of(
    out: &Path,
    ledger: Value,
    until: Option<Timestamp>,
    ignored: &[&str],
) -> anyhow::Result<Outcome> {
    let Some(until) = until else {
        let ignored: Vec<&str> = ignored.iter().copied().chain(["_late"]).collect();
        return Outcome::without_windows(out, &ignored, ledger);
    };
    let mut outcome = Outcome::with_ledger(out, ignored, ledger)?;
    for windows in outcome.windows.values_mut() {
        let ends = |key: &[String]| key[1].parse::<i64>().unwrap_or(i64::MAX);
        windows.retain(|key, _| ends(key) <= until.as_microsecond());
    }
    Ok(outcome)
}

/// Number of windows, of all names and groups.
pub fn windows_of(outcome: &Outcome) -> usize {
    outcome.windows.values().map(BTreeMap::len).sum()
}

/// What was refused and why, each once.
pub fn refusals(lines: &[String]) -> anyhow::Result<BTreeSet<String>> {
    let refusal = |line: &String| -> anyhow::Result<String> {
        let line: Value = serde_json::from_str(line)?;
        Ok(format!("{} {} {}", line["reason"], line["pointer"], line["original"]))
    };
    lines.iter().map(refusal).collect()
}
