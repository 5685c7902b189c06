//! The roles as processes on a real broker: what they make of events is what one process makes of them.

use anyhow::{Context, ensure};
use transect_e2e::agreement::{Agreement, until};
use transect_e2e::command::{Up, manifests};
use transect_e2e::kafka::Kafka;
use transect_e2e::stream::Stream;
use transect_e2e::workers::{Worker, Workers};

const EVENTS: &str = "/v1/studies/faults/events";
const NDJSON: &str = "application/x-ndjson";
const REQUESTS: u64 = 100;
const EVENTS_OF_REQUEST: u64 = 220;

/// Whether a worker tells of these, and more of each than nothing.
fn check_metrics(worker: &Worker, names: &[&str]) -> anyhow::Result<()> {
    let (_, text) = worker.get("/metrics")?;
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
    let told = |name: &&&str| text.lines().any(|line| line.starts_with(**name) && value(line) > Some(0.0));
    let missing: Vec<_> = names.iter().filter(|name| !told(name)).collect();
    ensure!(missing.is_empty(), "it says nothing of {missing:?}: {text}");
    Ok(())
}

/// Posts until it is accepted, as a client does.
fn post(gateway: &Worker, body: &str) -> anyhow::Result<()> {
    until(|| {
        let (status, text) = gateway.post(EVENTS, NDJSON, body)?;
        Ok((status != 200).then(|| format!("{status}: {text}")))
    })
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
    let mut stream = Stream::new(1);
    for at in 0..REQUESTS {
        let request = stream.request(EVENTS_OF_REQUEST);
        post(&gateway, &request)?;
        posted.push_str(&request);
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
    let (last, time) = stream.last();
    post(&gateway, &last)?;
    posted.push_str(&last);

    let up = Up::new(&manifests("fault"), &folder.path().join("one"));
    let agreement = Agreement::new(&up, &posted, time)?;
    let total = agreement.wait(&workers)?;
    let read = posted.lines().count() as u64;
    ensure!(total.read == read, "{total:?}: nothing was posted twice, and {read} were posted");
    check_metrics(&gateway, &["transect_gateway_requests_total", "transect_transaction_seconds_count"])?;
    check_metrics(
        &second,
        &[
            "transect_events_total",
            "transect_transaction_bytes_count",
            "transect_commit_timestamp_seconds",
            "transect_watermark_timestamp_seconds",
            "transect_dedup_identities",
        ],
    )?;
    let (_, text) = second.get("/metrics")?;
    let behind =
        text.lines().find(|line| line.starts_with("transect_lag_seconds{") && !line.ends_with(" 0.0"));
    ensure!(behind.is_none(), "all is read: {behind:?}");
    for worker in [gateway, first.context("it was started again")?, second, aggregate] {
        worker.stop()?;
    }
    sink.context("it was started again")?.stop()?;
    agreement.check(&workers)
}
