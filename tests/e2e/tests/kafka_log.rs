//! The log on a real Kafka broker against the contract that roles rely on: it does what the log in memory does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use proptest::prelude::*;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use transect_config::KafkaSecurity;
use transect_e2e::kafka::Kafka;
use transect_worker::assignment::{self, Assignment};
use transect_worker::log::kafka::{
    KafkaLog, KafkaSettings, Member, PartitionLog, TopicSettings, create_topics,
};
use transect_worker::log::{Committed, Log, LogError, MemoryLog, NewRecord, Topic, Transaction};
use transect_worker::role::{Role, RoleError};
use transect_worker::runner::Flag;

const GROUP: &str = "process";
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const TOPICS: TopicSettings =
    TopicSettings { partitions: 3, replication_factor: 1, retention_ms: 86_400_000 };

/// Tests take turns: side by side on two cores, members and brokers keep each other waiting.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pipeline of its own on the broker that all tests share.
fn pipeline() -> anyhow::Result<KafkaSettings> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let settings = KafkaSettings {
        bootstrap_servers: Kafka::shared()?.bootstrap_servers.clone(),
        prefix: format!("tests.p{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        security: KafkaSecurity::default(),
        member: "one".into(),
        session_timeout: Duration::from_secs(6),
        timeout: PATIENCE,
        ending: Flag::default(),
        metrics: Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(create_topics(&settings, TOPICS))?;
    Ok(settings)
}

/// The log of a process of this name, which may commit for the group once that knows of it.
fn connect(settings: &KafkaSettings, member: &str) -> anyhow::Result<KafkaLog> {
    let settings = KafkaSettings { member: member.into(), ..settings.clone() };
    let member = Member::join(&settings, GROUP, Topic::Raw)?;
    let deadline = Instant::now() + PATIENCE;
    let given = loop {
        ensure!(Instant::now() < deadline, "no word from the group");
        if let Some(change) = member.next(Duration::from_millis(100))? {
            break change;
        }
    };
    member.done(&given)?;
    Ok(KafkaLog::connect(settings, vec![member])?)
}

fn record(topic: Topic, value: impl Into<Bytes>) -> NewRecord {
    let value = value.into();
    NewRecord::new(topic, vec![("count".into(), value.len().to_string())], value)
}

fn progress(group: &str, raw: u64) -> Option<(String, Committed)> {
    let committed = Committed { offsets: vec![(Topic::Raw, raw)], metadata: format!("{{\"at\":{raw}}}") };
    Some((group.into(), committed))
}

fn records(records: impl IntoIterator<Item = NewRecord>) -> Transaction {
    Transaction { records: records.into_iter().collect(), ..Transaction::default() }
}

/// Values of a topic, read to its end in steps.
fn values(log: &dyn Log, topic: Topic, bytes_max: usize) -> Result<Vec<(Bytes, String)>, LogError> {
    let (mut from, mut all) = (log.start(topic), Vec::new());
    loop {
        let some = log.read(topic, from, bytes_max)?;
        let Some(last) = some.last() else { return Ok(all) };
        from = last.offset + 1;
        all.extend(some.into_iter().map(|rec| (rec.value.clone(), format!("{:?}", rec.headers))));
    }
}

/// What can be seen of a log, but for offsets, between which a broker leaves room.
fn dump(log: &dyn Log, bytes_max: usize) -> Result<BTreeMap<Topic, Vec<(Bytes, String)>>, LogError> {
    Topic::ALL.into_iter().map(|topic| Ok((topic, values(log, topic, bytes_max)?))).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Commit { sizes: Vec<(usize, usize)>, progress: bool },
    Read { topic: usize, back: u64 },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..Topic::ALL.len(), prop_oneof![9 => 0..200_usize, 1 => 100_000..2_000_000_usize]);
    prop_oneof![
        6 => (prop::collection::vec(record, 0..6), any::<bool>())
            .prop_map(|(sizes, progress)| Step::Commit { sizes, progress }),
        3 => (0..Topic::ALL.len(), 0..6_u64).prop_map(|(topic, back)| Step::Read { topic, back }),
        1 => Just(Step::Reopen),
    ]
}

fn same_as_in_memory(steps: Vec<Step>) -> anyhow::Result<()> {
    let settings = pipeline()?;
    let model = MemoryLog::new();
    let mut log = connect(&settings, "one")?.partition(1, &[GROUP])?;
    for (n, step) in steps.into_iter().enumerate() {
        match step {
            Step::Commit { sizes, progress: with_progress } => {
                let of = |(k, (topic, size)): (usize, &(usize, usize))| {
                    record(Topic::ALL[*topic], vec![(n * 7 + k) as u8; *size])
                };
                let records = sizes.iter().enumerate().map(of).collect();
                let progress = progress(GROUP, n as u64).filter(|_| with_progress);
                let transaction = Transaction { records, progress, ..Transaction::default() };
                log.commit(transaction.clone())?;
                model.commit(transaction)?;
            }
            Step::Read { topic, back } => {
                let topic = Topic::ALL[topic];
                let all = values(&model, topic, usize::MAX)?;
                let from = log.end(topic).saturating_sub(back);
                let some = log.read(topic, from, 1000)?;
                ensure!(some.iter().all(|rec| rec.offset >= from), "{some:?} from {from}");
                let some: Vec<_> = some.into_iter().map(|rec| rec.value).collect();
                let all: Vec<_> = all.into_iter().map(|(value, _)| value).collect();
                ensure!(some.is_empty() || all.windows(some.len()).any(|part| part == some), "{topic:?}");
            }
            Step::Reopen => {
                drop(log);
                log = connect(&settings, "one")?.partition(1, &[GROUP])?;
            }
        }
        ensure!(log.committed(GROUP) == model.committed(GROUP), "{:?}", log.committed(GROUP));
    }
    ensure!(dump(&log, 1000)? == dump(&model, 1000)?, "what can be read differs");
    let again = connect(&settings, "one")?.partition(1, &[GROUP])?;
    ensure!(dump(&again, 1 << 20)? == dump(&model, 1000)?, "what can be read again differs");
    ensure!(again.committed(GROUP) == model.committed(GROUP), "{:?}", again.committed(GROUP));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_log_in_memory_does(steps in prop::collection::vec(step(), 1..20)) {
        let _alone = alone();
        if let Err(error) = same_as_in_memory(steps) {
            return Err(TestCaseError::fail(format!("{error:#}")));
        }
    }
}

#[test]
fn who_comes_again_under_its_name_fences_the_one_before() -> anyhow::Result<()> {
    let _alone = alone();
    let settings = pipeline()?;
    let first = connect(&settings, "one")?.partition(0, &[GROUP])?;
    let write = |log: &PartitionLog, value: &'static str, raw| {
        let records = vec![record(Topic::Clean, value)];
        log.commit(Transaction { records, progress: progress(GROUP, raw), trim: vec![] })
    };
    write(&first, "a", 1)?;
    let second = connect(&settings, "one")?.partition(0, &[GROUP])?;
    ensure!(second.committed(GROUP) == progress(GROUP, 1).map(|(_, committed)| committed));
    let refused = write(&first, "b", 2).err().context("the first could still write")?;
    ensure!(matches!(refused, LogError::Broker { .. }), "{refused}");
    // And never again, though the broker may have forgotten.
    ensure!(matches!(write(&first, "c", 3), Err(LogError::Closed { .. })));
    write(&second, "d", 2)?;
    let clean: Vec<_> = values(&second, Topic::Clean, 100)?.into_iter().map(|(value, _)| value).collect();
    ensure!(clean == ["a", "d"], "{clean:?}");
    let third = connect(&settings, "two")?.partition(0, &[GROUP])?;
    ensure!(third.committed(GROUP) == progress(GROUP, 2).map(|(_, committed)| committed));
    Ok(())
}

/// Another process that has begun to commit for the group, and stands still.
fn stalled(settings: &KafkaSettings) -> anyhow::Result<BaseProducer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.bootstrap_servers);
    let producer: BaseProducer = config.clone().set("transactional.id", "stalled").create()?;
    let group = format!("{}.{GROUP}", settings.prefix);
    let consumer: BaseConsumer = config.set("group.id", group).create()?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    let clean = settings.topic(Topic::Clean);
    let record = BaseRecord::<(), str>::to(&clean).partition(0).payload("stalled");
    producer.send(record).map_err(|(error, _)| error)?;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&settings.topic(Topic::Raw), 0, Offset::Offset(7))?;
    let metadata = consumer.group_metadata().context("no metadata")?;
    producer.send_offsets_to_transaction(&offsets, &metadata, PATIENCE)?;
    Ok(producer)
}

#[test]
fn a_partition_is_opened_once_nobody_else_can_commit_for_it() -> anyhow::Result<()> {
    let _alone = alone();
    let settings = pipeline()?;
    let stalled = stalled(&settings)?;
    let log = connect(&settings, "one")?;
    thread::scope(|scope| {
        let opening = scope.spawn(|| log.partition(0, &[GROUP]));
        thread::park_timeout(Duration::from_secs(2));
        ensure!(!opening.is_finished(), "it is open though another's transaction is");
        stalled.commit_transaction(PATIENCE)?;
        let opened = opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let clean: Vec<_> = values(&opened, Topic::Clean, 100)?.into_iter().map(|(value, _)| value).collect();
        ensure!(clean == ["stalled"], "{clean:?}");
        Ok(())
    })
}

/// A transaction of someone else that has written to a topic, and is not ended.
fn unended(settings: &KafkaSettings, topic: &str) -> anyhow::Result<BaseProducer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.bootstrap_servers).set("transactional.id", "unended");
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    let record = BaseRecord::<str, str>::to(topic).partition(0).key("another").payload("");
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(PATIENCE)?;
    Ok(producer)
}

/// What was committed behind it is out of sight until it ends.
#[test]
fn a_partition_is_opened_once_all_that_was_committed_can_be_read() -> anyhow::Result<()> {
    let _alone = alone();
    let settings = pipeline()?;
    let first = connect(&settings, "one")?.partition(0, &[GROUP])?;
    for topic in [format!("{}.state", settings.prefix), settings.topic(Topic::Ids)] {
        let unended = unended(&settings, &topic)?;
        let before = first.committed(GROUP).map_or(0, |committed| committed.offset(Topic::Raw));
        let id = vec![record(Topic::Ids, "id")];
        first.commit(Transaction { records: id, progress: progress(GROUP, before + 1), trim: vec![] })?;
        let log = connect(&settings, "two")?;
        thread::scope(|scope| {
            let opening = scope.spawn(|| log.partition(0, &[GROUP]));
            thread::park_timeout(Duration::from_secs(2));
            unended.abort_transaction(PATIENCE)?;
            let opened = opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            ensure!(opened.committed(GROUP) == first.committed(GROUP), "{:?}", opened.committed(GROUP));
            let ids = values(&opened, Topic::Ids, 100)?.len() as u64;
            ensure!(ids == before + 1, "{ids} records of ids where {} were committed", before + 1);
            Ok(())
        })?;
    }
    Ok(())
}

/// Behind the last record of a transaction is a mark, which is removed when its time is over, as records are.
#[test]
fn who_has_read_everything_does_not_miss_what_is_removed() -> anyhow::Result<()> {
    let _alone = alone();
    let settings = pipeline()?;
    let first = connect(&settings, "one")?.partition(0, &[GROUP])?;
    first.commit(records([record(Topic::Raw, "early")]))?;
    let read = first.read(Topic::Raw, 0, 100)?.last().map_or(0, |last| last.offset + 1);
    first.commit(Transaction { progress: progress(GROUP, read), ..Transaction::default() })?;
    ensure!(first.read(Topic::Raw, read, 100)?.is_empty());
    first.advance(GROUP)?;
    let reached = first.committed(GROUP).map(|committed| committed.offset(Topic::Raw));
    ensure!(reached == Some(read + 1), "{reached:?} after {read}");
    keep_nothing(&settings, Topic::Raw)?;
    let deadline = Instant::now() + PATIENCE;
    while first.start(Topic::Raw) <= read {
        ensure!(Instant::now() < deadline, "what is too old is still there");
        thread::park_timeout(Duration::from_millis(200));
    }
    ensure!(first.read(Topic::Raw, read, 100)?.is_empty(), "who goes on");
    let second = connect(&settings, "two")?.partition(0, &[GROUP])?;
    let from = second.committed(GROUP).context("nothing is committed")?.offset(Topic::Raw);
    ensure!(second.read(Topic::Raw, from, 100)?.is_empty(), "who begins again");
    Ok(())
}

/// Has the broker remove all that is in a topic.
fn keep_nothing(settings: &KafkaSettings, topic: Topic) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> =
        config.set("bootstrap.servers", &settings.bootstrap_servers).create()?;
    let name = settings.topic(topic);
    let change = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("retention.ms", "1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for outcome in runtime.block_on(admin.alter_configs([&change], &AdminOptions::new()))? {
        outcome.map_err(|(of, code)| anyhow::anyhow!("{of:?}: {code}"))?;
    }
    Ok(())
}

#[test]
fn partitions_commit_side_by_side_and_see_their_own_only() -> anyhow::Result<()> {
    let _alone = alone();
    let settings = pipeline()?;
    let log = connect(&settings, "one")?;
    let partitions = (0..3).map(|p| log.partition(p, &[GROUP])).collect::<Result<Vec<_>, _>>()?;
    thread::scope(|scope| {
        let commit = |p: usize, log: &PartitionLog| -> Result<(), LogError> {
            for n in 0..20 {
                let records = vec![record(Topic::Raw, format!("{p}-{n}")), record(Topic::Ids, "id")];
                log.commit(Transaction { records, progress: progress(GROUP, n), trim: vec![] })?;
            }
            Ok(())
        };
        let threads: Vec<_> =
            partitions.iter().enumerate().map(|(p, log)| scope.spawn(move || commit(p, log))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    for (p, log) in partitions.iter().enumerate() {
        let raw: Vec<_> = values(log, Topic::Raw, 10)?.into_iter().map(|(value, _)| value).collect();
        ensure!(raw == (0..20).map(|n| Bytes::from(format!("{p}-{n}"))).collect::<Vec<_>>(), "{raw:?}");
        ensure!(log.committed(GROUP) == progress(GROUP, 19).map(|(_, committed)| committed));
    }
    Ok(())
}

#[test]
fn a_reader_waits_for_what_is_to_come() -> anyhow::Result<()> {
    let _alone = alone();
    let settings = pipeline()?;
    let writer = KafkaSettings { member: "writer".into(), ..settings.clone() };
    let writer = KafkaLog::connect(writer, Vec::new())?.partition(2, &["gateway"])?;
    let reader = connect(&settings, "reader")?.partition(2, &[GROUP])?;
    ensure!(reader.read(Topic::Raw, 0, 100)?.is_empty());
    ensure!((reader.start(Topic::Raw), reader.end(Topic::Raw)) == (0, 0));
    writer.commit(records([record(Topic::Raw, "a"), record(Topic::Raw, "b")]))?;
    let mut from = 0;
    while from < 2 {
        let sequence = reader.sequence();
        for rec in reader.read(Topic::Raw, from, 0)? {
            ensure!(rec.offset == from && rec.header("count") == Some("1"), "{rec:?}");
            from = rec.offset + 1;
        }
        reader.wait(sequence, Duration::from_millis(10));
    }
    Ok(())
}

/// Copies `raw` to `clean`, some records a transaction.
struct Copy {
    log: std::sync::Arc<dyn Log>,
    next: u64,
}

impl Copy {
    fn begin(log: std::sync::Arc<dyn Log>) -> Self {
        let next = log.committed(GROUP).unwrap_or_default().offset(Topic::Raw);
        Self { log, next }
    }
}

impl Role for Copy {
    fn name(&self) -> &str {
        GROUP
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let records = self.log.read(Topic::Raw, self.next, 20)?;
        let Some(last) = records.last() else { return Ok(false) };
        self.next = last.offset + 1;
        let progress = progress(GROUP, self.next);
        let records = records.into_iter().map(|rec| record(Topic::Clean, rec.value)).collect();
        self.log.commit(Transaction { records, progress, trim: vec![] })?;
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        Ok(())
    }
}

/// A process in a group, on a thread.
struct Worker {
    stop: Flag,
    thread: thread::JoinHandle<Result<(), String>>,
}

impl Worker {
    fn start(settings: &KafkaSettings, member: &str) -> Self {
        let (stop, settings) = (Flag::default(), KafkaSettings { member: member.into(), ..settings.clone() });
        let told = stop.clone();
        let work = move || {
            let copy = |log| -> Result<Box<dyn Role>, RoleError> { Ok(Box::new(Copy::begin(log))) };
            let assignment = Assignment {
                topic: settings.topic(Topic::Raw),
                session: &|member| assignment::of_partitions(&settings, GROUP, member, &copy),
                settings: settings.clone(),
                group: GROUP,
                flush_interval: Duration::from_secs(1),
                joined: Flag::default(),
                stop: told,
            };
            assignment::run(&assignment).map_err(|error| error.to_string())
        };
        Self { stop, thread: thread::spawn(work) }
    }

    fn stop(self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.stop.raise();
        let ended = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended.map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(begun.elapsed())
    }
}

#[test]
fn while_partitions_move_every_record_is_copied_once() -> anyhow::Result<()> {
    let _alone = alone();
    // So long that nobody is missed: who leaves must say so.
    let settings = KafkaSettings { session_timeout: Duration::from_secs(30), ..pipeline()? };
    // Of no group: it only writes and reads.
    let source =
        KafkaLog::connect(KafkaSettings { member: "source".into(), ..settings.clone() }, Vec::new())?;
    let sources = (0..3).map(|p| source.partition(p, &["source"])).collect::<Result<Vec<_>, _>>()?;
    let write = |from: u32, count: u32| -> anyhow::Result<()> {
        for (p, log) in sources.iter().enumerate() {
            log.commit(records((from..from + count).map(|n| record(Topic::Raw, format!("{p}-{n}")))))?;
        }
        Ok(())
    };
    let copied = || -> anyhow::Result<Vec<Vec<Bytes>>> {
        let all = sources.iter().map(|log| {
            let values = values(log, Topic::Clean, 1 << 20)?;
            Ok(values.into_iter().map(|(value, _)| value).collect())
        });
        all.collect()
    };
    let all = |count: u32| -> Vec<Vec<Bytes>> {
        let of = |p: usize| (0..count).map(|n| Bytes::from(format!("{p}-{n}"))).collect();
        (0..3).map(of).collect()
    };
    let wait_for = |count: u32| -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let copied = copied()?;
            if copied == all(count) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{copied:?}");
        }
    };
    write(0, 20)?;
    let one = Worker::start(&settings, "one");
    wait_for(20)?;
    let two = Worker::start(&settings, "two");
    write(20, 40)?;
    wait_for(60)?;
    one.stop()?;
    write(60, 20)?;
    wait_for(80)?;
    let one = Worker::start(&settings, "one");
    write(80, 20)?;
    two.stop()?;
    wait_for(100)?;
    one.stop()?;
    Ok(())
}
