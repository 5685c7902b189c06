//! The examples, read from their files by workers on Kafka, give what they give in one process.
//!
//! With one partition, everything is the same. With several, each has a watermark of its own, so that fewer events are late: all
//! but that is the same.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_core::ledger::Tally;
use transect_e2e::agreement::{WHERE, ledger, refusals, until, windows_of};
use transect_e2e::command::{Up, manifests};
use transect_e2e::kafka::Kafka;
use transect_e2e::outcome::Outcome;
use transect_e2e::workers::{Worker, Workers};

const EXAMPLES: [&str; 3] = ["01-earthquakes", "02-weather-stations", "04-mixed"];
/// Windows with quantiles, whose sketches are merged of other parts.
const TOLERANCES: [(&str, f64); 9] = [
    ("aftershocks", 0.5),
    ("daily-by-network", 0.5),
    ("rolling-day", 0.5),
    ("whole-week", 0.5),
    ("daily", 2.0),
    ("rolling", 2.0),
    ("rolling-week", 2.0),
    ("thirty-days", 2.0),
    ("weekly", 2.0),
];

/// An example in a folder, with so many partitions.
fn example(name: &str, partitions: u32, folder: &Path) -> anyhow::Result<PathBuf> {
    let to = folder.join(name);
    fs::create_dir_all(&to)?;
    let from = manifests("../../..").join("examples").join(name);
    for entry in fs::read_dir(&from)? {
        let path = entry?.path();
        let copy = to.join(path.file_name().context("a name")?);
        if path.ends_with("pipeline.yaml") {
            let text = fs::read_to_string(&path)?;
            let changed = text.replace("partitions: 4", &format!("partitions: {partitions}"));
            ensure!(text.contains("partitions: 4"), "{name} says no partitions");
            fs::write(copy, changed)?;
        } else {
            fs::copy(&path, copy)?;
        }
    }
    Ok(to)
}

/// What came out, with or without what depends on which events are late.
fn outcome_of(out: &Path, ledger: Value, is_whole: bool) -> anyhow::Result<Outcome> {
    if is_whole {
        return Outcome::of_open(out, &WHERE, ledger);
    }
    let ignored: Vec<&str> = WHERE.into_iter().chain(["_late"]).collect();
    // Detectors of silence and of windows go by the watermark, too.
    Ok(Outcome { alerts: Vec::new(), ..Outcome::without_windows(out, &ignored, ledger)? })
}

/// An alert without where its event was read.
fn without_place(alert: &str) -> anyhow::Result<String> {
    let mut alert: Value = serde_json::from_str(alert)?;
    if let Some(origin) = alert["origin"].as_object_mut() {
        origin.retain(|key, _| key == "source");
    }
    Ok(alert.to_string())
}

fn agrees(name: &str, partitions: u32) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let manifests = example(name, partitions, folder.path())?;
    let up = Up::new(&manifests, &folder.path().join("one"));
    up.succeed()?;
    let all: Value = serde_json::from_slice(&fs::read(up.out.join("ledger.json"))?)?;
    let in_one: Tally = serde_json::from_value(all["total"].clone()).context("the total")?;
    let is_whole = partitions == 1;
    let expected = outcome_of(&up.out, Value::Null, is_whole)?;

    let prefix = format!("tests.{name}.{partitions}");
    let many = folder.path().join("many");
    fs::create_dir(&many)?;
    let workers = Workers::new(Kafka::shared()?, &prefix, &manifests, &many)?;
    let seated =
        [("gateway", "g1"), ("gateway", "g2"), ("process", "p1"), ("aggregate", "a1"), ("sink", "s1")]
            .map(|(role, member)| workers.start(role, member));
    let mut seated = seated.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    // Whoever has nothing to do is ready, too.
    seated.iter_mut().try_for_each(Worker::wait_until_ready)?;
    until(|| {
        let total = ledger(&workers)?.total();
        Ok((total.read < in_one.read).then(|| format!("{name}: {total:?} of {:?}", in_one)))
    })?;
    until(|| {
        let found = match outcome_of(workers.out(), Value::Null, is_whole) {
            Ok(found) => found,
            Err(error) => return Ok(Some(format!("{name}: {error:#}"))),
        };
        let (rows, windows, alerts) = (found.rows(), windows_of(&found), found.alerts.len());
        let all = (expected.rows(), windows_of(&expected), expected.alerts.len());
        let refused = found.rejected.len();
        let done = (rows, windows, alerts) == all && refused == expected.rejected.len();
        Ok((!done).then(|| {
            format!("{name}: {rows} rows, {windows} windows, {alerts} alerts of {all:?}; {refused} rejects")
        }))
    })?;
    let on_kafka = ledger(&workers)?;
    for worker in seated {
        worker.stop()?;
    }
    let mut found = outcome_of(workers.out(), Value::Null, is_whole)?;
    ensure!(refusals(&found.rejected)? == refusals(&expected.rejected)?, "{name}: other rejects");
    found.rejected.clone_from(&expected.rejected);
    found.alerts = found.alerts.iter().map(|alert| without_place(alert)).collect::<Result<_, _>>()?;
    let alerts = expected.alerts.iter().map(|alert| without_place(alert)).collect::<Result<_, _>>()?;
    let expected = Outcome { alerts, ..expected };
    found.same_as(&expected, &TOLERANCES).with_context(|| format!("{name}, {partitions} partitions"))?;
    let (one, many) = (in_one, on_kafka.total());
    ensure!(
        (one.read, one.accepted, one.duplicate) == (many.read, many.accepted, many.duplicate),
        "{one:?}; {many:?}"
    );
    ensure!(!is_whole || one == many, "{name}: {one:?} in one process, {many:?} on Kafka");
    Ok(())
}

#[test]
fn with_one_partition_everything_is_the_same() -> anyhow::Result<()> {
    EXAMPLES.iter().try_for_each(|name| agrees(name, 1))
}

#[test]
fn with_several_partitions_all_but_lateness_is_the_same() -> anyhow::Result<()> {
    EXAMPLES.iter().try_for_each(|name| agrees(name, 4))
}
