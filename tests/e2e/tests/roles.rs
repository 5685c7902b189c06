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
    for worker in [gateway, first.context("it was started again")?, second, aggregate] {
        worker.stop()?;
    }
    sink.context("it was started again")?.stop()?;
    agreement.check(&workers)
}
