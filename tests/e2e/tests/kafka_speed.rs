//! How fast workers on Kafka are, as ratios within one run. Not one of the tests: `make bench` runs it, and it says what it has found
//! in docs/benchmarks/kafka.md.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use transect_e2e::agreement::{ledger, until};
use transect_e2e::command::manifests;
use transect_e2e::kafka::Kafka;
use transect_e2e::stream::Stream;
use transect_e2e::workers::{Worker, Workers};
use transect_worker::log::Topic;

const EVENTS: &str = "/v1/studies/faults/events";
const NDJSON: &str = "application/x-ndjson";
const EVENTS_OF_REQUEST: u64 = 100;
const REQUESTS: usize = 6000;
const CLIENTS: usize = 16;
/// Requests of one event each, one after the other.
const SINGLES: usize = 1500;
const PAUSE: Duration = Duration::from_millis(10);
const TURNS: usize = 3;

/// Events a second that gateways take in, by requests of 100.
fn take_in(gateway: &Worker, bodies: &[String]) -> anyhow::Result<f64> {
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let send = || -> anyhow::Result<()> {
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (status, text) = gateway.post(EVENTS, NDJSON, body)?;
            ensure!(status == 200, "{status}: {text}");
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(send)).collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(bodies.len() as f64 * EVENTS_OF_REQUEST as f64 / begun.elapsed().as_secs_f64())
}

/// Records a second of Kafka's own test of producers, of a size, to a topic of the same shape, as durable.
fn producer_test(kafka: &Kafka, topic: &str, bytes: usize, records: usize) -> anyhow::Result<f64> {
    let jars = std::env::var("TRANSECT_KAFKA").context("TRANSECT_KAFKA")?;
    let mut command = Command::new("java");
    command.args(["-Xmx512m", "-cp"]).arg(format!("{jars}/*"));
    command.arg("org.apache.kafka.tools.ProducerPerformance").args(["--topic", topic, "--throughput", "-1"]);
    command.args(["--num-records", &records.to_string(), "--record-size", &bytes.to_string()]);
    command.args(["--producer-props", &format!("bootstrap.servers={}", kafka.bootstrap_servers), "acks=all"]);
    let output = command.stdin(Stdio::null()).output().context("run java")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    // `1000000 records sent, 412541.3 records/sec (…`
    let rate = last.split(" records/sec").next().and_then(|text| text.rsplit(' ').next());
    rate.and_then(|rate| rate.parse().ok()).with_context(|| format!("it says no rate: {text}"))
}

/// Events that a process worker judges for each second of its CPU time, from its start on; and a second of the clock.
fn process_all(workers: &Workers, read: u64) -> anyhow::Result<(f64, f64)> {
    let process = workers.start("process", "p1")?;
    let begun = Instant::now();
    until(|| {
        let total = ledger(workers)?.total();
        Ok((total.read < read).then(|| format!("{total:?} of {read}")))
    })?;
    let (wall, cpu) = (begun.elapsed(), process.cpu_seconds()?);
    process.stop()?;
    Ok((read as f64 / cpu, read as f64 / wall.as_secs_f64()))
}

/// Times from a request of one event to its row in `clean`, as a reader of committed records sees it; sorted.
fn latencies(workers: &Workers, gateway: &Worker, kafka: &Kafka) -> anyhow::Result<Vec<Duration>> {
    let mut process = workers.start("process", "p1")?;
    process.wait_until_ready()?;
    let settings = workers.settings("reader");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.bootstrap_servers)
        .set("group.id", "speed")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "10");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..workers.pipeline().partitions {
        list.add_partition_offset(&settings.topic(Topic::Clean), partition as i32, Offset::End)?;
    }
    consumer.assign(&list)?;
    consumer.poll(Duration::from_secs(2));
    let mut stream = Stream::new(99);
    let sent: Vec<String> = std::iter::repeat_with(|| stream.request(1))
        .filter(|body| body.contains("\"value\"") && body.contains("\"s07\""))
        .take(SINGLES)
        .collect();
    thread::scope(|scope| {
        let sender = scope.spawn(|| -> anyhow::Result<Vec<Instant>> {
            let mut times = Vec::new();
            for body in &sent {
                times.push(Instant::now());
                let (status, text) = gateway.post(EVENTS, NDJSON, body)?;
                ensure!(status == 200, "{status}: {text}");
                thread::sleep(PAUSE);
            }
            Ok(times)
        });
        // All of one key, and so in their order.
        let (mut seen, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(120));
        while seen.len() < SINGLES && Instant::now() < deadline {
            let Some(message) = consumer.poll(Duration::from_millis(20)) else {
                if sender.is_finished() && seen.len() + 100 > SINGLES {
                    break;
                }
                continue;
            };
            let message = message?;
            let count = message.headers().and_then(|all| {
                let found = all.iter().find(|header| header.key == "count")?;
                str::from_utf8(found.value?).ok()?.parse::<usize>().ok()
            });
            seen.extend(std::iter::repeat_n(Instant::now(), count.context("no count")?));
        }
        let times = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let mut took: Vec<Duration> = times.iter().zip(&seen).map(|(sent, seen)| *seen - *sent).collect();
        took.sort_unstable();
        process.stop()?;
        Ok(took)
    })
}

#[test]
#[ignore = "measures speed, on a machine that has nothing else to do: make bench"]
fn speed_on_kafka() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let kafka = Kafka::start(1)?;
    let workers = Workers::new(&kafka, "speed", &manifests("fault"), folder.path())?;
    let mut gateway = workers.start("gateway", "g1")?;
    gateway.wait_until_ready()?;
    let mut stream = Stream::new(1);
    let bodies: Vec<String> = (0..REQUESTS).map(|_| stream.request(EVENTS_OF_REQUEST)).collect();
    let bytes = bodies.iter().map(String::len).sum::<usize>() / (REQUESTS * EVENTS_OF_REQUEST as usize);
    let topic = workers.settings("reader").topic(Topic::Alerts);
    // By turns, so that a busy neighbour disturbs both.
    let (mut gateways, mut producers) = (Vec::new(), Vec::new());
    let part = REQUESTS / TURNS;
    for turn in bodies.chunks(part) {
        gateways.push(take_in(&gateway, turn)?);
        producers.push(producer_test(&kafka, &topic, bytes, turn.len() * EVENTS_OF_REQUEST as usize)?);
    }
    let (by_cpu, by_clock) = process_all(&workers, REQUESTS as u64 * EVENTS_OF_REQUEST)?;
    let took = latencies(&workers, &gateway, &kafka)?;
    gateway.stop()?;
    let best = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    let (gateway, producer) = (best(&gateways), best(&producers));
    let mut ratios: Vec<f64> = gateways.iter().zip(&producers).map(|(one, other)| one / other).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let mut page = String::from("# On Kafka\n\n");
    let _ = write!(
        page,
        "`make bench` writes this page. One broker, and the workers' processes, on the same machine; events of {bytes} bytes, of which one in \
         ten is a repeat and one in fifty invalid. Turns are taken, the best of {TURNS} counts.\n\n\
         | | |\n|---|---:|\n\
         | gateway, {EVENTS_OF_REQUEST} events a request, {CLIENTS} clients | {gateway:.0} events/s |\n\
         | Kafka's own producer-perf-test, records of that size, acks=all | {producer:.0} records/s |\n\
         | the ratio, of the best and the median of turns | {:.2} ({:.2}) |\n\
         | `raw` to `clean`, a process worker from its start on | {by_cpu:.0} events a CPU second |\n\
         | the same by the clock | {by_clock:.0} events/s |\n\
         | from a request of one event to its row in `clean`, p50 | {:.0} ms |\n\
         | p99 | {:.0} ms |\n",
        gateway / producer,
        ratios[ratios.len() / 2],
        at(50),
        at(99),
    );
    let page_of = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("../../docs/benchmarks/kafka.md");
    fs::write(page_of, &page)?;
    // Shown with --nocapture.
    let _ = writeln!(std::io::stderr(), "{page}");
    Ok(())
}
