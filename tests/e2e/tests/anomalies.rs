//! Alerts on events and windows: the same however a run is cut, killed and started again, and in the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_e2e::command::{Up, manifests, transect, wait_for};
use transect_e2e::events::{Random, write_file};
use transect_e2e::outcome::Outcome;
use transect_e2e::serving::Serving;

const DETECTORS: [&str; 9] =
    ["beyond", "busy-hour", "far", "high", "long-burst", "low", "odd", "peak", "quiet"];

fn alerts(out: &Path) -> anyhow::Result<Vec<String>> {
    Ok(Outcome::read(out, &[])?.alerts)
}

/// Alerts by detector: as the ledger counts them, and as they are there.
fn counts(out: &Path) -> anyhow::Result<[BTreeMap<String, u64>; 2]> {
    let ledger = Outcome::read(out, &[])?.ledger;
    let counted = serde_json::from_value(ledger["alerts"].clone())?;
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for line in alerts(out)? {
        let alert: Value = serde_json::from_str(&line)?;
        let detector = alert["detector"].as_str().context("an alert has no detector")?;
        *found.entry(detector.to_owned()).or_default() += 1;
    }
    Ok([counted, found])
}

#[test]
fn alerts_are_the_same_however_often_the_process_is_killed() -> anyhow::Result<()> {
    let events = 40_000;
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("events.ndjson");
    write_file(&input, events, 17)?;
    let up = |name: &str, threads: u64, epoch_bytes: u64| {
        let up = Up::new(&manifests("anomalies"), &folder.path().join(name)).input("web", &input);
        up.arg("--drain")
            .arg(&format!("--threads={threads}"))
            .arg(&format!("--epoch-bytes={epoch_bytes}"))
            .arg("--commit-interval=5")
    };

    let undisturbed = up("undisturbed", 1, 16 << 20);
    let started = Instant::now();
    let said = undisturbed.succeed()?;
    let whole = started.elapsed();
    let expected = alerts(&undisturbed.out)?;
    let [counted, found] = counts(&undisturbed.out)?;
    ensure!(counted == found, "the ledger counts {counted:?}, and there are {found:?}");
    ensure!(
        found.keys().eq(DETECTORS),
        "some detectors found nothing, so that they were not tried: {found:?}"
    );
    ensure!(said.contains("busy-hour"), "the summary doesn't show alerts: {said}");
    let [raised, ended] = ["Raised", "Ended"]
        .map(|state| expected.iter().filter(|line| line.contains("quiet") && line.contains(state)).count());
    // At the end all stations are silent, as the last windows are closed.
    ensure!(raised == ended + 20 && ended > 10, "{raised} silences began and {ended} ended");

    let cut = up("cut", 3, 100_000);
    cut.succeed()?;
    same(&alerts(&cut.out)?, &expected).context("in small epochs")?;

    let mut random = Random::new(5);
    let mut kills = 0;
    for run in 0..3 {
        let disturbed = up("disturbed", 1 + run, events * 10);
        for folder in [&disturbed.out, &disturbed.state] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        for _ in 0..6 {
            let mut child = disturbed.start()?;
            let moment = Duration::from_micros(random.below(whole.as_micros() as u64 / 2));
            if wait_for(&mut child, moment)?.is_none() {
                child.kill()?;
                child.wait()?;
                kills += 1;
            }
        }
        disturbed.succeed()?;
        same(&alerts(&disturbed.out)?, &expected).with_context(|| format!("run {run}, after its kills"))?;
        let [counted, found] = counts(&disturbed.out)?;
        ensure!(counted == found, "run {run}: the ledger counts {counted:?}, and there are {found:?}");
    }
    ensure!(kills > 6, "most runs were done before they could be killed");
    Ok(())
}

fn same(found: &[String], expected: &[String]) -> anyhow::Result<()> {
    let missing = expected.iter().find(|line| found.binary_search(line).is_err());
    let more = found.iter().find(|line| expected.binary_search(line).is_err());
    ensure!(
        missing.is_none() && more.is_none() && found.len() == expected.len(),
        "{} alerts instead of {}; missing: {missing:?}; not expected: {more:?}",
        found.len(),
        expected.len()
    );
    Ok(())
}

#[test]
fn what_comes_over_http_is_judged_too_and_listed_and_counted() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("anomalies"), folder.path());
    let serving = Serving::start(&up)?;
    let event = |at: u64, value: u64| {
        format!(
            r#"{{"id":"e{at:08}","station":{{"name":"s01","kind":"fixed"}},"time":"2026-01-01T10:{at:02}:00Z","value":{value},"count":1}}"#
        )
    };
    let body = [event(1, 12), event(2, 995), event(3, 13)].join("\n");
    let headers = [("content-type", "application/x-ndjson")];
    let reply = serving.request("POST", "/v1/studies/faults/events", &headers, body.as_bytes())?;
    ensure!(reply.status == 200, "{reply:?}");
    let out = up.out.to_str().context("a path of text")?;
    serving.stop()?;

    let listed = transect(&["alerts", "list", "--out", out, "-o", "json"])?;
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    let expected = serde_json::json!([{
        "detector": "high", "method": "Threshold", "state": "Raised", "event_type": "reading", "field": "/value",
        "group": {"/station/name": "s01"}, "time": "2026-01-01T10:02:00Z", "value": 995.0, "expected": 990.0,
        "distance": 5.0, "origin": {"source": "web", "offset": 0, "index": 1},
    }]);
    ensure!(listed == expected, "{listed}");
    let shown = transect(&["alerts", "list", "--out", out, "--detector", "high"])?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(shown.contains("raw 0, event 1") && shown.contains("995"), "{shown}");
    ensure!(counts(&up.out)?[0]["high"] == 1);
    Ok(())
}
