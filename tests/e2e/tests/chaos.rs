//! Workers and brokers are killed, halted, frozen and started again while events come in by many requests and by another topic, some of
//! them twice. What comes out is what one process makes of the events, without any of that.
//!
//! `TRANSECT_CHAOS_SECONDS` says for how long; `make chaos` does it for half an hour.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use rustix::process::Signal;
use transect_core::ledger::Tally;
use transect_e2e::agreement::Agreement;
use transect_e2e::command::{Up, manifests};
use transect_e2e::events::Random;
use transect_e2e::kafka::Kafka;
use transect_e2e::stream::Stream;
use transect_e2e::topic::{SourceTopic, with_source};
use transect_e2e::workers::{Worker, Workers};
use transect_worker::runner::Flag;

const EVENTS: &str = "/v1/studies/faults/events";
const TOPIC: &str = "sensors.v1";
const TOPIC_PARTITIONS: u32 = 3;
const SECONDS: &str = "TRANSECT_CHAOS_SECONDS";
/// Without it: long enough for some of each fault.
const SHORT: u64 = 150;
const EVENTS_OF_REQUEST: u64 = 500;
/// Between two requests: as fast as two cores are with all of it.
const PAUSE: Duration = Duration::from_millis(400);
/// A client that has waited so long asks another gateway.
const CLIENT_PATIENCE: Duration = Duration::from_secs(8);
/// And gives up after so long.
const PERSISTENCE: Duration = Duration::from_secs(240);
/// How long brokers may take to answer a worker.
const BROKER_PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a session lasts without a sign of life.
const FROZEN_SECONDS: u64 = 9;
/// After so long clients hear of a group no more whose coordinator has died.
const UNHEARD_SECONDS: u64 = 7;
/// Of a worker that is told to end under load, whatever is down.
const GRACE: Duration = Duration::from_secs(30);

/// The processes that are to be there.
const SEATS: [(&str, &str); 8] = [
    ("gateway", "g1"),
    ("gateway", "g2"),
    ("process", "p1"),
    ("process", "p2"),
    ("process", "p3"),
    ("aggregate", "a1"),
    ("aggregate", "a2"),
    ("sink", "s1"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A worker dies, and is started again so many seconds later.
    Kill(usize, u64),
    /// A worker is told to end, and is started again.
    Terminate(usize, u64),
    /// A worker stands still, then goes on as if nothing had been.
    Freeze(usize),
    /// A broker dies, and is started again.
    Broker(usize, u64),
    /// A broker dies and stays away until a worker has been told to end, and has ended.
    Failover(usize, usize),
}

impl Fault {
    fn draw(random: &mut Random) -> Self {
        let (seat, seconds) = (random.below(SEATS.len() as u64) as usize, random.below(4));
        match random.below(11) {
            0..4 => Self::Kill(seat, seconds),
            4..6 => Self::Terminate(seat, seconds),
            6..8 => Self::Freeze(seat),
            8 => Self::Failover(random.below(3) as usize, seat),
            _ => Self::Broker(random.below(3) as usize, seconds * 2),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill(..) => "workers killed",
            Self::Terminate(..) => "workers told to end",
            Self::Freeze(_) => "workers frozen beyond their session",
            Self::Broker(..) => "brokers killed",
            Self::Failover(..) => "brokers away while a worker ends",
        }
    }
}

/// By seat, where events are taken in.
type Doors = Arc<Mutex<Vec<Option<SocketAddr>>>>;

/// Everything that runs.
struct Stage {
    kafka: Kafka,
    workers: Workers,
    /// By seat; none while it is away.
    seated: Vec<Option<Worker>>,
    doors: Doors,
    slowest_end: Duration,
}

impl Stage {
    fn set(kafka: Kafka, folder: &Path) -> anyhow::Result<Self> {
        let sources =
            format!("{{name: web, http: {{}}}}\n    - {{name: sensors, kafka: {{topic: {TOPIC}}}}}");
        let manifests = with_source(folder, &sources)?;
        let workers = Workers::new(&kafka, "tests.chaos", &manifests, folder)?;
        let workers = workers.with_timeout(BROKER_PATIENCE);
        let mut stage = Self {
            kafka,
            workers,
            seated: SEATS.map(|_| None).into(),
            doors: Arc::new(Mutex::new(vec![None; SEATS.len()])),
            slowest_end: Duration::ZERO,
        };
        (0..SEATS.len()).try_for_each(|seat| stage.seat(seat))?;
        for worker in stage.seated.iter_mut().flatten() {
            worker.wait_until_ready()?;
        }
        Ok(stage)
    }

    fn seat(&mut self, seat: usize) -> anyhow::Result<()> {
        let (role, member) = SEATS[seat];
        let worker = self.workers.start(role, member)?;
        let door = (role == "gateway").then(|| worker.door());
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)[seat] = door;
        self.seated[seat] = Some(worker);
        Ok(())
    }

    fn rise(&mut self, seat: usize) -> anyhow::Result<Worker> {
        self.seated[seat].take().with_context(|| format!("nobody in the seat {:?}", SEATS[seat]))
    }
}

fn rest(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

/// Does a fault from its beginning to its end.
fn suffer(stage: &mut Stage, fault: Fault) -> anyhow::Result<()> {
    match fault {
        Fault::Kill(seat, seconds) => {
            stage.rise(seat)?.kill()?;
            rest(seconds);
            stage.seat(seat)
        }
        Fault::Terminate(seat, seconds) => {
            let worker = stage.rise(seat)?;
            let log = worker.log().to_owned();
            let took = worker.stop()?;
            let said = || fs::read_to_string(log).unwrap_or_default();
            ensure!(took < GRACE, "{:?} took {took:?} to end: {}", SEATS[seat], said());
            stage.slowest_end = stage.slowest_end.max(took);
            rest(seconds);
            stage.seat(seat)
        }
        Fault::Freeze(seat) => {
            let worker = stage.seated[seat].as_ref().context("an empty seat")?;
            worker.signal(Signal::STOP)?;
            rest(FROZEN_SECONDS);
            worker.signal(Signal::CONT)
        }
        Fault::Broker(broker, seconds) => {
            stage.kafka.kill(broker);
            rest(seconds);
            stage.kafka.restart(broker)?;
            stage.kafka.wait_until_in_sync()
        }
        Fault::Failover(broker, seat) => {
            stage.kafka.kill(broker);
            rest(UNHEARD_SECONDS);
            suffer(stage, Fault::Terminate(seat, 0))?;
            stage.kafka.restart(broker)?;
            stage.kafka.wait_until_in_sync()
        }
    }
}

/// What a client has sent.
#[derive(Debug, Default)]
struct Sent {
    /// Every event that was answered with 200 or is in the topic, in order.
    events: String,
    requests: u64,
    /// As many events as in a request, written to the topic.
    messages: u64,
    /// Answers that were none, or not 200: the request was made again.
    again: u64,
    slowest: Duration,
}

/// Sends events until it is told to stop, by turns through the topic and in requests, each until it is answered with 200; what it has
/// sent, and the time of the last event.
fn send(doors: &Doors, topic: &SourceTopic, stop: &Flag) -> anyhow::Result<(Sent, Timestamp)> {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(CLIENT_PATIENCE)).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let (mut stream, mut random, mut sent) = (Stream::new(7), Random::new(8), Sent::default());
    while !stop.is_raised() {
        let body = stream.request(EVENTS_OF_REQUEST);
        if sent.requests > sent.messages {
            topic.write(&body)?;
            sent.messages += 1;
        } else {
            post(&agent, doors, &body, &mut random, &mut sent)?;
        }
        sent.events.push_str(&body);
        thread::sleep(PAUSE);
    }
    // Each source holds the windows open until its own events are beyond them.
    let (last, time) = stream.last();
    topic.write(&last)?;
    sent.events.push_str(&last);
    let (last, _) = stream.last();
    post(&agent, doors, &last, &mut random, &mut sent)?;
    sent.events.push_str(&last);
    Ok((sent, time))
}

/// Makes a request, again and again until some gateway has answered it with 200.
fn post(
    agent: &ureq::Agent,
    doors: &Doors,
    body: &str,
    random: &mut Random,
    sent: &mut Sent,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let open: Vec<SocketAddr> =
            doors.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten().copied().collect();
        let door = open[random.below(open.len() as u64) as usize];
        let request =
            agent.post(format!("http://{door}{EVENTS}")).header("content-type", "application/x-ndjson");
        let reply = request.send(body);
        if reply.as_ref().is_ok_and(|reply| reply.status() == 200) {
            break;
        }
        sent.again += 1;
        ensure!(begun.elapsed() < PERSISTENCE, "not taken in for so long: {reply:?}");
        thread::sleep(Duration::from_millis(100));
    }
    sent.slowest = sent.slowest.max(begun.elapsed());
    sent.requests += 1;
    Ok(())
}

fn say(text: &str) {
    // Shown with --nocapture.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[test]
fn whatever_dies_every_event_is_there_once() -> anyhow::Result<()> {
    let seconds = std::env::var(SECONDS).map_or(Ok(SHORT), |text| text.parse()).context(SECONDS)?;
    let folder = tempfile::tempdir()?;
    let kafka = Kafka::start(3)?;
    let topic = SourceTopic::create(&kafka, TOPIC, TOPIC_PARTITIONS)?;
    let mut stage = Stage::set(kafka, folder.path())?;
    let (stop, mut random, mut faults) = (Flag::default(), Random::new(seconds), Vec::new());
    let begun = Instant::now();
    let (doors, told) = (Arc::clone(&stage.doors), stop.clone());
    let sender = thread::spawn(move || send(&doors, &topic, &told));
    while begun.elapsed().as_secs() < seconds && !sender.is_finished() {
        let fault = Fault::draw(&mut random);
        say(&format!("{:>5} s  {fault:?}", begun.elapsed().as_secs()));
        suffer(&mut stage, fault)?;
        faults.push(fault);
        rest(1 + random.below(3));
    }
    stop.raise();
    let (sent, time) = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let up = Up::new(&manifests("fault"), &folder.path().join("one"));
    let agreement = Agreement::of_sources(&up, &sent.events, time)?;
    let total = agreement.wait(&stage.workers)?;
    for worker in stage.seated.iter_mut().filter_map(Option::take) {
        worker.stop()?;
    }
    agreement.check(&stage.workers)?;
    say(&report(&faults, &sent, &total, stage.slowest_end, begun.elapsed()));
    Ok(())
}

fn report(faults: &[Fault], sent: &Sent, total: &Tally, slowest_end: Duration, took: Duration) -> String {
    let mut text = format!("{} faults in {:.0} s\n", faults.len(), took.as_secs_f64());
    for name in [
        "workers killed",
        "workers told to end",
        "workers frozen beyond their session",
        "brokers killed",
        "brokers away while a worker ends",
    ] {
        let _ = writeln!(text, "{:>8} {name}", faults.iter().filter(|fault| fault.name() == name).count());
    }
    let lines = sent.events.lines().count();
    let _ = write!(
        text,
        "{lines:>8} events acknowledged, in {requests} requests, {again} of them made again, the slowest took {slowest:.1} s; and by {messages} × {EVENTS_OF_REQUEST} messages
{read:>8} events read: {accepted} accepted, {duplicate} duplicates, {rejected} rejected
table, windows, rejects, archive and ledger are those of one process; the slowest worker took {end:.1} s to end",
        requests = sent.requests,
        messages = sent.messages,
        again = sent.again,
        slowest = sent.slowest.as_secs_f64(),
        read = total.read,
        accepted = total.accepted,
        duplicate = total.duplicate,
        rejected = total.rejected,
        end = slowest_end.as_secs_f64(),
    );
    text
}
