//! The same events in every format give the same table, windows and rejects, however often the process is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_e2e::command::{Up, manifests, wait_for};
use transect_e2e::events::{Random, write_file};
use transect_e2e::formats;
use transect_e2e::outcome::{Outcome, files};

/// Where an event stood is all that may differ.
const PLACE: [&str; 3] = ["_file", "_line", "_received"];
/// As in the soak.
const TOLERANCES: [(&str, f64); 1] = [("rolling", 60.0)];

struct Bench {
    folder: tempfile::TempDir,
    ndjson: String,
}

impl Bench {
    /// Events with faults of all kinds, as NDJSON in `events.ndjson`.
    fn new(events: u64) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("events.ndjson");
        write_file(&path, events, 5)?;
        Ok(Self { ndjson: fs::read_to_string(path)?, folder })
    }

    fn file(&self, name: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn up(&self, name: &str, input: &Path) -> Up {
        Up::new(&manifests("fault"), &self.folder.path().join(name)).input("web", input).arg("--drain")
    }

    fn outcome(&self, name: &str, input: &Path) -> anyhow::Result<Outcome> {
        let up = self.up(name, input).arg("--threads=2");
        up.succeed().with_context(|| name.to_owned())?;
        Outcome::read(&up.out, &PLACE).with_context(|| name.to_owned())
    }
}

/// Takes the rejects out: of each its place less that of the first event, and why, without the words.
fn refusals(outcome: &mut Outcome, first: u64) -> anyhow::Result<Vec<[String; 4]>> {
    let rejected = std::mem::take(&mut outcome.rejected);
    let refusal = |line: &String| {
        let reject: Value = serde_json::from_str(line)?;
        let text = |name: &str| reject[name].as_str().unwrap_or_default().to_owned();
        let place = reject["line"].as_u64().context("a reject has no line")? - first;
        Ok([place.to_string(), text("reason"), text("pointer"), text("keyword")])
    };
    rejected.iter().map(refusal).collect()
}

#[test]
fn the_same_events_in_every_format_come_to_the_same() -> anyhow::Result<()> {
    let bench = Bench::new(20_000)?;
    let mut json = bench.outcome("json", &bench.folder.path().join("events.ndjson"))?;
    let refused = refusals(&mut json, 1)?;
    ensure!(refused.len() > 100 && json.rows() > 10_000, "{}", json.ledger);
    let csv = formats::csv(&bench.ndjson);
    let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1);
    for (name, bytes, first) in [
        ("events.csv", csv.clone().into_bytes(), 2),
        ("events.csv.zst", zstd(&csv)?, 2),
        ("events.tsv", csv.replace(',', "\t").into_bytes(), 2),
    ] {
        let mut outcome = bench.outcome(&format!("of-{name}"), &bench.file(name, &bytes)?)?;
        ensure!(refusals(&mut outcome, first)? == refused, "{name}: the rejects differ");
        outcome.same_as(&json, &TOLERANCES).context(name)?;
    }
    Ok(())
}

#[test]
fn what_the_archive_keeps_can_be_fed_again() -> anyhow::Result<()> {
    let bench = Bench::new(5_000)?;
    let csv = formats::csv(&bench.ndjson);
    for (name, bytes, extension) in [("events.csv", csv.as_bytes(), "zst")] {
        let input = bench.file(name, bytes)?;
        let first = bench.outcome(&format!("first-{name}"), &input)?;
        let archived = files(&bench.folder.path().join(format!("first-{name}/out/archive")), extension)?;
        ensure!(archived.len() == 1, "{archived:?}");
        let again = bench.outcome(&format!("again-{name}"), &archived[0])?;
        ensure!(again.table == first.table && again.ledger == first.ledger, "{name}: {}", again.ledger);
    }
    Ok(())
}

#[test]
fn files_of_other_formats_are_stored_once_however_often_the_process_is_killed() -> anyhow::Result<()> {
    let bench = Bench::new(30_000)?;
    let csv = formats::csv(&bench.ndjson);
    let mut random = Random::new(3);
    for (name, bytes) in
        [("events.csv", csv.clone().into_bytes()), ("packed.csv.zst", zstd::encode_all(csv.as_bytes(), 1)?)]
    {
        let input = bench.file(name, &bytes)?;
        let up = |run: &str, threads: u64| {
            let up = bench.up(&format!("{run}-{name}"), &input);
            up.arg(&format!("--threads={threads}")).arg("--epoch-bytes=100000").arg("--commit-interval=5")
        };
        let started = Instant::now();
        let undisturbed = up("undisturbed", 1);
        undisturbed.succeed()?;
        let whole = started.elapsed();
        let expected = Outcome::read(&undisturbed.out, &[])?;
        let mut kills = 0;
        for run in 0..3 {
            let disturbed = up(&format!("disturbed-{run}"), 1 + run);
            for _ in 0..3 {
                let mut child = disturbed.start()?;
                let moment = Duration::from_micros(random.below(whole.as_micros() as u64));
                if wait_for(&mut child, moment)?.is_none() {
                    child.kill()?;
                    child.wait()?;
                    kills += 1;
                }
            }
            disturbed.succeed()?;
            let outcome = Outcome::read(&disturbed.out, &[])?;
            outcome.same_as(&expected, &TOLERANCES).with_context(|| format!("{name}, run {run}"))?;
        }
        ensure!(kills > 0, "{name}: no run was killed, so that nothing was tried");
    }
    Ok(())
}
