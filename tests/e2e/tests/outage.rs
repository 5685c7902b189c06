//! Kafka goes away and comes back, what it keeps of groups is removed by hand, stores go away: nothing acknowledged is lost, nothing is
//! done twice, clients are told when to come back, and whoever does not need what is away goes on.
//!
//! `TRANSECT_STORE_SECONDS` says for how long a store is away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use transect_e2e::agreement::{Agreement, ledger, until};
use transect_e2e::command::{Up, manifests};
use transect_e2e::kafka::Kafka;
use transect_e2e::outcome::files;
use transect_e2e::stream::Stream;
use transect_e2e::workers::{Worker, Workers};

const EVENTS: &str = "/v1/studies/faults/events";
const NDJSON: &str = "application/x-ndjson";
const OUTAGE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 8;
/// Some hundred kilobytes, so that what waits fills its room while nothing is taken.
const EVENTS_OF_REQUEST: u64 = 4000;
/// Of the gateway: what may wait is 64 MiB of it.
const MEMORY_MAX: u64 = 400 << 20;
/// On a machine that has other things to do; how long it took is said.
const BACK_TO_NORMAL: Duration = Duration::from_secs(60);
const BROKER_PATIENCE: Duration = Duration::from_secs(10);

/// What clients have sent, and how it was answered.
#[derive(Default)]
struct Sent {
    stream: Mutex<Option<Stream>>,
    posted: Mutex<String>,
    /// By status.
    refused: Mutex<BTreeMap<u16, u64>>,
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Sent {
    fn new(seed: u64) -> Self {
        Self { stream: Mutex::new(Some(Stream::new(seed))), ..Self::default() }
    }

    fn body(&self) -> anyhow::Result<String> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stream.as_mut().context("no stream")?.request(EVENTS_OF_REQUEST))
    }

    /// Sends requests one after the other, each until it is acknowledged.
    fn send(&self, gateway: &Worker) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Acquire) {
            let body = self.body()?;
            loop {
                let (status, retry_after) = gateway.try_post(EVENTS, NDJSON, &body)?;
                if status == 200 {
                    self.posted.lock().unwrap_or_else(PoisonError::into_inner).push_str(&body);
                    self.acknowledged.fetch_add(1, Ordering::AcqRel);
                    break;
                }
                ensure!(matches!(status, 429 | 503), "answered with {status}");
                let seconds: u64 = retry_after.context("no Retry-After")?.parse()?;
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
                thread::sleep(Duration::from_secs(seconds));
            }
        }
        Ok(())
    }
}

/// Identities of the valid ones of these events.
fn valid(posted: &str) -> BTreeSet<&str> {
    posted.lines().filter(|line| line.contains("\"value\"")).filter_map(|line| line.get(..17)).collect()
}

#[test]
fn while_kafka_is_away_clients_wait_and_nothing_acknowledged_is_lost() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut kafka = Kafka::start(1)?;
    let workers = Workers::new(&kafka, "tests.outage", &manifests("fault"), folder.path())?;
    let workers = workers.with_timeout(BROKER_PATIENCE).with_requests_in_flight(CLIENTS - 2);
    let mut gateway = workers.start("gateway", "g1")?;
    let process = workers.start("process", "p1")?;
    gateway.wait_until_ready()?;
    let sent = Sent::new(3);
    let back = thread::scope(|scope| -> anyhow::Result<Duration> {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| sent.send(&gateway))).collect();
        let acknowledged = || sent.acknowledged.load(Ordering::Acquire);
        let some_more =
            |than: u64| until(|| Ok((acknowledged() < than).then(|| "nothing is taken".to_owned())));
        let mut disturbed = || -> anyhow::Result<Duration> {
            some_more(20)?;
            kafka.kill(0);
            thread::sleep(OUTAGE);
            kafka.restart(0)?;
            kafka.wait_until_in_sync()?;
            let (begun, before) = (Instant::now(), acknowledged());
            while acknowledged() < before + CLIENTS as u64 {
                ensure!(begun.elapsed() < BACK_TO_NORMAL, "still nothing is taken");
                thread::sleep(Duration::from_millis(20));
            }
            let back = begun.elapsed();
            some_more(before + 40)?;
            Ok(back)
        };
        let back = disturbed();
        sent.stop.store(true, Ordering::Release);
        for client in clients {
            client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        back
    })?;
    let posted = sent.posted.lock().unwrap_or_else(PoisonError::into_inner);
    let valid = valid(&posted).len() as u64;
    until(|| {
        let total = ledger(&workers)?.total();
        let done = total.accepted >= valid && total.read >= posted.lines().count() as u64;
        Ok((!done).then(|| format!("{total:?}; {valid} are valid")))
    })?;
    let total = ledger(&workers)?.total();
    ensure!(total.accepted == valid, "{total:?}; {valid} are valid");
    let (memory, refused) =
        (gateway.memory_peak()?, sent.refused.lock().unwrap_or_else(PoisonError::into_inner));
    ensure!(memory < MEMORY_MAX, "the gateway has had {memory} bytes");
    ensure!(refused.contains_key(&429) && refused.contains_key(&503), "{refused:?}");
    // Shown with --nocapture.
    let _ = writeln!(
        std::io::stderr(),
        "{} events acknowledged; refused meanwhile, by status: {refused:?}; at most {} MiB; normal {:.1} s after Kafka",
        posted.lines().count(),
        memory >> 20,
        back.as_secs_f64()
    );
    process.stop()?;
    gateway.stop()?;
    Ok(())
}

#[test]
fn what_kafka_keeps_of_groups_may_be_removed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let kafka = Kafka::start(1)?;
    let workers = Workers::new(&kafka, "tests.groups", &manifests("fault"), folder.path())?;
    let mut gateway = workers.start("gateway", "g1")?;
    gateway.wait_until_ready()?;
    let (mut stream, mut posted) = (Stream::new(4), String::new());
    let mut post = |body: String| -> anyhow::Result<()> {
        let (status, text) = gateway.post(EVENTS, NDJSON, &body)?;
        ensure!(status == 200, "{status}: {text}");
        posted.push_str(&body);
        Ok(())
    };
    let all = || {
        [("process", "p1"), ("aggregate", "a1"), ("sink", "s1")].map(|(role, name)| workers.start(role, name))
    };
    let seated = all();
    for _ in 0..20 {
        post(stream.request(200))?;
    }
    until(|| {
        let total = ledger(&workers)?.total();
        Ok((total.read < 4000).then(|| format!("{total:?}")))
    })?;
    for worker in seated {
        worker?.stop()?;
    }
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> =
        config.set("bootstrap.servers", &kafka.bootstrap_servers).create()?;
    let groups = ["process", "aggregate", "table", "windows", "rejected", "archive"];
    let groups = groups.map(|group| format!("tests.groups.{group}"));
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for removed in runtime.block_on(admin.delete_groups(&names, &AdminOptions::new()))? {
        removed.map_err(|(group, code)| anyhow::anyhow!("remove {group}: {code}"))?;
    }
    let seated = all();
    for _ in 0..20 {
        post(stream.request(200))?;
    }
    let (last, time) = stream.last();
    post(last)?;
    let up = Up::new(&manifests("fault"), &folder.path().join("one"));
    let agreement = Agreement::new(&up, &posted, time)?;
    let total = agreement.wait(&workers)?;
    ensure!(total.read == 8001, "{total:?}");
    for worker in seated {
        worker?.stop()?;
    }
    gateway.stop()?;
    agreement.check(&workers)
}

/// Folders of sinks, each with what is to come of the others meanwhile.
const STORES: [&str; 2] = ["archive", "table"];
const STORE_SECONDS: &str = "TRANSECT_STORE_SECONDS";

/// Puts a file where a sink's folder is, so that nothing can be written there; what was in it is as before afterwards.
fn take_away(store: &Path) -> std::io::Result<()> {
    fs::rename(store, store.with_extension("away"))?;
    fs::write(store, "")
}

fn bring_back(store: &Path) -> std::io::Result<()> {
    fs::remove_file(store)?;
    fs::rename(store.with_extension("away"), store)
}

#[test]
fn while_a_store_is_away_all_others_go_on() -> anyhow::Result<()> {
    let seconds = std::env::var(STORE_SECONDS).map_or(Ok(10), |text| text.parse()).context(STORE_SECONDS)?;
    let folder = tempfile::tempdir()?;
    let kafka = Kafka::start(1)?;
    let workers = Workers::new(&kafka, "tests.stores", &manifests("fault"), folder.path())?;
    let mut gateway = workers.start("gateway", "g1")?;
    gateway.wait_until_ready()?;
    let seated = [("process", "p1"), ("aggregate", "a1"), ("sink", "s1")]
        .map(|(role, name)| workers.start(role, name));
    let (mut stream, mut posted, mut slowest) = (Stream::new(6), String::new(), Duration::ZERO);
    let mut post = |body: String| -> anyhow::Result<u64> {
        let begun = Instant::now();
        let (status, text) = gateway.post(EVENTS, NDJSON, &body)?;
        ensure!(status == 200, "{status}: {text}");
        slowest = slowest.max(begun.elapsed());
        posted.push_str(&body);
        Ok(posted.lines().count() as u64)
    };
    // Every file of a sink has the offsets of what is in it.
    let reached = |sink: &str| -> anyhow::Result<BTreeSet<PathBuf>> {
        let extension = if sink == "archive" { "zst" } else { "parquet" };
        Ok(files(&workers.out().join(sink), extension)?.into_iter().collect())
    };
    for store in STORES {
        post(stream.request(500))?;
        until(|| Ok(reached(store)?.is_empty().then(|| format!("nothing in {store}"))))?;
        let path = workers.out().join(store);
        let others: Vec<&str> = STORES.into_iter().chain(["windows"]).filter(|of| *of != store).collect();
        let before: Vec<_> = others.iter().map(|other| reached(other)).collect::<Result<_, _>>()?;
        take_away(&path)?;
        let begun = Instant::now();
        while begun.elapsed().as_secs() < seconds {
            post(stream.request(500))?;
            thread::sleep(Duration::from_millis(500));
        }
        let all = post(stream.request(500))?;
        until(|| {
            let total = ledger(&workers)?.total();
            Ok((total.read < all).then(|| format!("{store} is away: {total:?}; {all} were posted")))
        })?;
        until(|| {
            for (other, before) in others.iter().zip(&before) {
                if reached(other)?.is_subset(before) {
                    return Ok(Some(format!("{store} is away, and nothing comes into {other}")));
                }
            }
            Ok(None)
        })?;
        bring_back(&path)?;
    }
    let (last, time) = stream.last();
    post(last)?;
    let up = Up::new(&manifests("fault"), &folder.path().join("one"));
    let agreement = Agreement::new(&up, &posted, time)?;
    agreement.wait(&workers)?;
    for worker in seated {
        worker?.stop()?;
    }
    gateway.stop()?;
    agreement.check(&workers)?;
    // Shown with --nocapture.
    let _ = writeln!(
        std::io::stderr(),
        "{} events; stores away for {seconds} s each; the slowest request took {:.1} s",
        posted.lines().count(),
        slowest.as_secs_f64()
    );
    Ok(())
}
