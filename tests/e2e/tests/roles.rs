//! The roles as processes on a real broker: what they make of events is what one process makes of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_core::ledger::Ledger;
use transect_e2e::command::{Up, manifests};
use transect_e2e::events::Random;
use transect_e2e::kafka::Kafka;
use transect_e2e::outcome::Outcome;
use transect_e2e::workers::{PATIENCE, Worker, Workers};
use transect_worker::log::Log;
use transect_worker::log::kafka::KafkaLog;
use transect_worker::process::{GROUP, ProcessState};

const EVENTS: &str = "/v1/studies/faults/events";
const NDJSON: &str = "application/x-ndjson";
/// Where an event was read, and when: as many ways as there are to run.
const WHERE: [&str; 5] = ["_received", "_offset", "_index", "_file", "_line"];
/// Sketches are merged of other parts: `rolling` has a quantile of values between 0 and 1000.
const TOLERANCES: [(&str, f64); 1] = [("rolling", 40.0)];
const REQUESTS: u64 = 100;
const EVENTS_OF_REQUEST: u64 = 200;
/// Event time between two events.
const SECONDS: u64 = 2;
/// The last event's day in January; nothing of the others is open by then.
const LAST_DAY: u64 = 20;

fn event(number: u64, day: u64, second: u64) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (station, value) = (number % 20, Random::new(number).below(1_000_000) as f64 / 1000.0);
    format!(
        "{{\"id\":\"e{number:08}\",\"station\":{{\"name\":\"s{station:02}\",\"kind\":\"{kind}\"}},\"time\":\"2026-01-{day:02}T\
         {hour:02}:{minute:02}:{second:02}Z\",\"value\":{value},\"count\":{count}}}\n",
        kind = if station % 3 == 0 { "mobile" } else { "fixed" },
        count = number % 7,
    )
}

/// Events in the order of their times; of a hundred ten are sent again and two are invalid.
fn requests() -> Vec<String> {
    let mut random = Random::new(1);
    let mut of = |request: u64| {
        let mut body = String::new();
        for at in 0..EVENTS_OF_REQUEST {
            let number = request * EVENTS_OF_REQUEST + at;
            let line = event(number, 5, number * SECONDS);
            match random.below(100) {
                0..2 => body.push_str(&line.replace("\"value\"", "\"vlaue\"")),
                2..12 => drop(write!(body, "{line}{line}")),
                _ => body.push_str(&line),
            }
        }
        body
    };
    (0..REQUESTS).map(&mut of).collect()
}

/// What the process role has counted in all partitions.
fn ledger(workers: &Workers) -> anyhow::Result<Ledger> {
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

/// Waits until a condition holds; what is not so yet is said when it takes too long.
fn until(mut holds: impl FnMut() -> anyhow::Result<Option<String>>) -> anyhow::Result<()> {
    let deadline = Instant::now() + 2 * PATIENCE;
    while let Some(problem) = holds()? {
        ensure!(Instant::now() < deadline, "{problem}");
        thread::park_timeout(Duration::from_millis(500));
    }
    Ok(())
}

/// Posts until it is accepted, as a client does.
fn post(gateway: &Worker, body: &str) -> anyhow::Result<()> {
    until(|| {
        let (status, text) = gateway.post(EVENTS, NDJSON, body)?;
        Ok((status != 200).then(|| format!("{status}: {text}")))
    })
}

/// The windows that end before the last event's day.
fn closed(mut outcome: Outcome) -> anyhow::Result<Outcome> {
    let last: jiff::Timestamp = format!("2026-01-{LAST_DAY}T00:00:00Z").parse()?;
    for windows in outcome.windows.values_mut() {
        let ends = |key: &[String]| key[1].parse::<i64>().unwrap_or(i64::MAX);
        windows.retain(|key, _| ends(key) <= last.as_microsecond());
    }
    Ok(outcome)
}

#[test]
fn processes_on_kafka_make_of_events_what_one_process_does() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let workers = Workers::new(Kafka::shared()?, "tests.roles", &manifests("fault"), folder.path())?;
    let mut gateway = workers.start("gateway", "g1")?;
    let mut first = workers.start("process", "p1")?;
    let second = workers.start("process", "p2")?;
    let aggregate = workers.start("aggregate", "a1")?;
    let mut sink = workers.start("sink", "s1")?;
    gateway.wait_until_ready()?;
    first.wait_until_ready()?;
    sink.wait_until_ready()?;

    // Whoever is killed in between leaves its work to others, or does it again.
    let (mut first, mut sink, mut posted) = (Some(first), Some(sink), String::new());
    for (at, request) in requests().iter().enumerate() {
        post(&gateway, request)?;
        posted.push_str(request);
        match at {
            30 => first.take().into_iter().try_for_each(Worker::kill)?,
            50 => {
                sink = Some({
                    sink.take().into_iter().try_for_each(Worker::kill)?;
                    workers.start("sink", "s1")?
                })
            }
            60 => first = Some(workers.start("process", "p1")?),
            _ => {}
        }
    }
    let last = event(99_999_999, LAST_DAY, 0);
    post(&gateway, &last)?;
    posted.push_str(&last);
    let read = posted.lines().count() as u64;

    // The same events in one process.
    let file = folder.path().join("events.ndjson");
    std::fs::write(&file, &posted)?;
    let up = Up::new(&manifests("fault"), &folder.path().join("one")).input("web", &file).arg("--drain");
    up.succeed()?;
    let expected = closed(Outcome::read(&up.out, &WHERE)?)?;

    until(|| {
        let total = ledger(&workers)?.total();
        Ok((total.read != read).then(|| format!("{total:?}; {read} were posted")))
    })?;
    let ledger = ledger(&workers)?;
    ensure!(ledger.adds_up(), "{ledger:?}");
    let total = serde_json::to_value(ledger.total())?;
    ensure!(total == expected.ledger["total"], "{total} and {}", expected.ledger["total"]);

    // Sinks write what they hold now and then; the last windows close once all partitions are quiet.
    let rows = |outcome: &Outcome| outcome.windows.values().map(BTreeMap::len).sum::<usize>();
    until(|| {
        // A window may not be final yet.
        let outcome = match Outcome::with_ledger(workers.out(), &WHERE, Value::Null) {
            Ok(outcome) => outcome,
            Err(error) => return Ok(Some(format!("{error:#}"))),
        };
        let all = outcome.rows() == expected.rows() && rows(&outcome) == rows(&expected);
        let found = || format!("{} rows, {} windows", outcome.rows(), rows(&outcome));
        Ok((!all).then(|| format!("{}; {} and {}", found(), expected.rows(), rows(&expected))))
    })?;
    for worker in [gateway, first.context("it was started again")?, second, aggregate] {
        worker.stop()?;
    }
    sink.context("it was started again")?.stop()?;
    let mut outcome = Outcome::with_ledger(workers.out(), &WHERE, expected.ledger.clone())?;
    ensure!(outcome.rejected.len() == expected.rejected.len(), "{} rejects", outcome.rejected.len());
    // Each says where it was read.
    outcome.rejected.clone_from(&expected.rejected);
    outcome.same_as(&expected, &TOLERANCES)
}
