//! The same events in every format give the same table, windows and rejects, however often the process is killed.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use transect_e2e::command::{Up, manifests, wait_for};
use transect_e2e::events::{Random, write_file};
use transect_e2e::formats;
use transect_e2e::outcome::{Outcome, batches, files};
use transect_e2e::serving::Serving;

/// Where an event stood is all that may differ.
const PLACE: [&str; 3] = ["_file", "_line", "_received"];
const EVENTS: &str = "/v1/studies/faults/events";
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

    /// Runs manifests that say how the file is written.
    fn declared(&self, format: &str, input: &Path) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join(format!("manifests-{format}"));
        fs::create_dir_all(&folder)?;
        fs::copy(manifests("fault").join("study.yaml"), folder.join("study.yaml"))?;
        let pipeline = fs::read_to_string(manifests("fault").join("pipeline.yaml"))?;
        let source = format!("{{name: web, files: {{paths: [{}], format: {format}}}}}", input.display());
        fs::write(folder.join("pipeline.yaml"), pipeline.replace("{name: web, http: {}}", &source))?;
        Ok(folder)
    }

    fn outcome(&self, name: &str, input: &Path) -> anyhow::Result<Outcome> {
        let up = self.up(name, input).arg("--threads=2");
        up.succeed().with_context(|| name.to_owned())?;
        Outcome::read(&up.out, &PLACE).with_context(|| name.to_owned())
    }
}

/// Rows of all tables.
fn rows(out: &Path) -> anyhow::Result<u64> {
    let mut rows = 0;
    for path in files(&out.join("table"), "parquet")? {
        rows += batches(&path)?.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
    }
    Ok(rows)
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
    let envelopes = bench.file("envelopes.ndjson", formats::cloud_events(&bench.ndjson).as_bytes())?;
    let folder = bench.folder.path().join("of-envelopes");
    let up = Up::new(&bench.declared("CloudEvents", &envelopes)?, &folder).arg("--drain");
    up.succeed()?;
    let mut outcome = Outcome::read(&up.out, &PLACE)?;
    ensure!(refusals(&mut outcome, 1)? == refused, "envelopes: the rejects differ");
    outcome.same_as(&json, &TOLERANCES).context("envelopes")?;
    Ok(())
}

#[test]
fn an_avro_container_comes_to_the_same_as_its_events_in_json() -> anyhow::Result<()> {
    let bench = Bench::new(20_000)?;
    let valid = bench.ndjson.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
    let valid: Vec<&str> = valid.collect();
    let mut json = bench.outcome("json", &bench.file("valid.ndjson", valid.join("\n").as_bytes())?)?;
    let refused = refusals(&mut json, 1)?;
    ensure!(refused.len() > 100 && json.rows() > 10_000, "{}", json.ledger);
    let avro = formats::avro(&bench.ndjson)?;
    for (name, bytes) in [
        ("events.avro", avro.clone()),
        ("by-its-content", avro.clone()),
        ("events.avro.zst", zstd::encode_all(&avro[..], 1)?),
    ] {
        let mut outcome = bench.outcome(&format!("of-{name}"), &bench.file(name, &bytes)?)?;
        ensure!(refusals(&mut outcome, 1)? == refused, "{name}: the rejects differ");
        outcome.same_as(&json, &TOLERANCES).context(name)?;
    }
    // What stands before a break is kept, and reading goes on there once the file is whole.
    let cut = bench.file("cut.avro", &avro[..avro.len() / 2])?;
    let up = bench.up("of-cut", &cut);
    let said = up.fail()?;
    ensure!(said.contains("cut.avro") && said.contains("the file ends within a block"), "{said}");
    let kept = rows(&up.out)?;
    ensure!(kept > 1000 && kept < json.rows(), "{kept} rows before the break");
    fs::write(&cut, &avro)?;
    up.succeed()?;
    let mut outcome = Outcome::read(&up.out, &PLACE)?;
    ensure!(refusals(&mut outcome, 1)? == refused, "the rejects of the mended file differ");
    outcome.same_as(&json, &TOLERANCES).context("the mended file")?;
    Ok(())
}

/// An envelope as the headers and the body of a CloudEvent in binary mode.
fn in_binary_mode(envelope: &str) -> anyhow::Result<(Vec<(String, String)>, String)> {
    let Value::Object(mut members) = serde_json::from_str(envelope)? else {
        bail!("{envelope} is no object")
    };
    let data = members.remove("data").context("no data")?.to_string();
    members.remove("datacontenttype");
    let header = |(name, value): (String, Value)| {
        (format!("ce-{name}"), value.as_str().unwrap_or_default().replace(' ', "%20"))
    };
    let mut headers: Vec<_> = members.into_iter().map(header).collect();
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    Ok((headers, data))
}

#[test]
fn the_gateway_takes_envelopes_and_encoded_bodies() -> anyhow::Result<()> {
    let bench = Bench::new(3_000)?;
    let lines: Vec<&str> = bench.ndjson.lines().collect();
    let valid: Vec<&str> =
        lines.iter().copied().filter(|line| serde_json::from_str::<Value>(line).is_ok()).collect();
    let up = Up::new(&manifests("fault"), &bench.folder.path().join("gateway"));
    let serving = Serving::start(&up)?;
    let envelopes = formats::cloud_events(&valid.join("\n"));
    let envelopes: Vec<&str> = envelopes.lines().collect();
    let batch = |from: usize, to: usize| format!("[{}]", envelopes[from..to].join(",\n "));
    let gzip = |text: &str| -> anyhow::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes())?;
        Ok(encoder.finish()?)
    };
    let (one, several) = ("application/cloudevents+json", "application/cloudevents-batch+json");
    for (headers, body) in [
        (vec![("content-type", one)], envelopes[0].as_bytes().to_vec()),
        (vec![("content-type", several)], batch(1, 1000).into_bytes()),
        (vec![("content-type", several), ("content-encoding", "gzip")], gzip(&batch(1000, 1499))?),
        (
            vec![("content-type", "application/x-ndjson"), ("content-encoding", "zstd")],
            zstd::encode_all(valid[1500..].join("\n").as_bytes(), 1)?,
        ),
    ] {
        let reply = serving.request("POST", EVENTS, &headers, &body)?;
        ensure!(reply.status == 200, "{headers:?}: {reply:?}");
    }
    let (headers, data) = in_binary_mode(envelopes[1499])?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let reply = serving.request("POST", EVENTS, &headers, data.as_bytes())?;
    ensure!(reply.status == 200 && reply.json()?["accepted"] == 1, "{headers:?} {data}: {reply:?}");
    let broken = envelopes[0].replace("\"1.0\"", "\"2.0\"");
    let reply = serving.request("POST", EVENTS, &[("content-type", one)], broken.as_bytes())?.json()?;
    let verdict = &reply["events"][0];
    ensure!(verdict["reason"] == "InvalidEnvelope" && verdict["pointer"] == "/specversion", "{reply}");
    // A gigabyte of blanks in some kilobytes is not held.
    let blanks = zstd::encode_all(std::io::repeat(b' ').take(1 << 30), 1)?;
    let bomb = serving.request("POST", EVENTS, &[("content-encoding", "zstd")], &blanks)?;
    ensure!(bomb.status == 413 && bomb.text.contains("once it is decoded"), "{bomb:?}");
    serving.stop()?;
    // What is open is closed by a run that drains.
    up.clone().arg("--drain").succeed()?;

    let outcome = Outcome::read(&up.out, &["_received", "_offset", "_index"])?;
    ensure!(outcome.total("read") == valid.len() as u64 + 1, "{}", outcome.ledger);
    let rejected = outcome.rejected.iter().any(|line| line.contains("\\\"specversion\\\":\\\"2.0\\\""));
    ensure!(rejected, "the envelope was not kept as it came");
    let input = bench.file("valid.ndjson", valid.join("\n").as_bytes())?;
    let json = bench.outcome("valid", &input)?;
    ensure!(outcome.rows() == json.rows(), "{} and {} rows", outcome.rows(), json.rows());
    Ok(())
}

#[test]
fn what_the_archive_keeps_can_be_fed_again() -> anyhow::Result<()> {
    let bench = Bench::new(5_000)?;
    let csv = formats::csv(&bench.ndjson);
    let avro = formats::avro(&bench.ndjson)?;
    for (name, bytes, extension) in
        [("events.csv", csv.into_bytes(), "zst"), ("events.avro", avro.clone(), "avro")]
    {
        let input = bench.file(name, &bytes)?;
        let first = bench.outcome(&format!("first-{name}"), &input)?;
        let archived = files(&bench.folder.path().join(format!("first-{name}/out/archive")), extension)?;
        ensure!(archived.len() == 1, "{archived:?}");
        ensure!(extension != "avro" || fs::read(&archived[0])? == avro, "the container is not as it came");
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
    for (name, bytes) in [
        ("events.csv", csv.clone().into_bytes()),
        ("packed.csv.zst", zstd::encode_all(csv.as_bytes(), 1)?),
        ("events.avro", formats::avro(&bench.ndjson)?),
    ] {
        let input = bench.file(name, &bytes)?;
        let up = |run: &str, threads: u64| {
            let up = bench.up(&format!("{run}-{name}"), &input);
            up.arg(&format!("--threads={threads}")).arg("--epoch-bytes=100000").arg("--commit-interval=5")
        };
        let started = Instant::now();
        let undisturbed = up("undisturbed", 1);
        undisturbed.succeed()?;
        // The shortest that a run has taken: kills come within it.
        let mut whole = started.elapsed();
        let expected = Outcome::read(&undisturbed.out, &[])?;
        for run in 0..3 {
            let disturbed = up(&format!("disturbed-{run}"), 1 + run);
            while !is_killed(&disturbed, &mut whole, &mut random)? {
                // Too quick for a kill, so that nothing was tried.
                for folder in [&disturbed.out, &disturbed.state] {
                    fs::remove_dir_all(folder)?;
                }
            }
            disturbed.succeed()?;
            let outcome = Outcome::read(&disturbed.out, &[])?;
            outcome.same_as(&expected, &TOLERANCES).with_context(|| format!("{name}, run {run}"))?;
        }
    }
    Ok(())
}

/// Starts a run up to three times and kills it at random moments; whether a kill found it running.
fn is_killed(up: &Up, whole: &mut Duration, random: &mut Random) -> anyhow::Result<bool> {
    let mut kills = 0;
    for _ in 0..3 {
        let started = Instant::now();
        let mut child = up.start()?;
        let moment = Duration::from_micros(random.below(whole.as_micros() as u64));
        match wait_for(&mut child, moment)? {
            None => {
                child.kill()?;
                child.wait()?;
                kills += 1;
            }
            Some(ended) => {
                ensure!(ended.success(), "it ended by itself with {ended}");
                if kills == 0 {
                    *whole = (*whole).min(started.elapsed());
                }
                break;
            }
        }
    }
    ensure!(*whole > Duration::from_millis(2), "a run is too short to be killed");
    Ok(kills > 0)
}
