//! The only writer of a process: a transactional producer on a thread of its own, since its calls block. Whatever is
//! submitted while a transaction is under way goes into the next one.
//!
//! A transaction that comes just as a group goes on to its next generation is undone and done again: its partitions are still
//! this process's, since none moves before its role has ended. One that fails otherwise ends the writer. What had become of
//! it is unknown here: a new one, under the same transactional id, has the broker finish or undo it, and reads what was
//! committed.
//!
//! Whoever commits waits no longer than brokers may take to answer, whatever the client does: it has no end of waiting for a
//! group's coordinator that the cluster has lost for good. The thread then stays behind with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ExponentialBuilder};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::context::Context;
use super::member::Member;
use super::settings::KafkaSettings;
use super::{offsets, state};
use crate::log::{LogError, NewRecord, Transaction};

/// A transaction takes no more in once it has so many bytes.
const BYTES_MAX: usize = 64 << 20;
/// Greatest size of a record. The topics allow as much.
pub(super) const RECORD_BYTES_MAX: usize = 32 << 20;
/// A transaction that nobody ends is undone by the broker after so long.
const TRANSACTION_TIMEOUT_MS: &str = "30000";
/// How long to wait for the word of a group's next generation, at first and at most.
const NEXT_GENERATION: Duration = Duration::from_millis(20);
const NEXT_GENERATION_MAX: Duration = Duration::from_millis(500);

/// How long to wait for room in the producer at a time.
const ROOM: Duration = Duration::from_millis(5);

/// A transaction of a partition, and where to say what became of it.
struct Submission {
    partition: u32,
    transaction: Transaction,
    outcome: SyncSender<Result<(), LogError>>,
}

impl Submission {
    fn bytes(&self) -> usize {
        self.transaction.records.iter().map(|record| record.value.len()).sum()
    }
}

/// Where transactions are handed over. There is at most one of each role, so that what waits has a bound.
#[derive(Clone)]
pub(super) struct Submissions {
    sender: Sender<Submission>,
    prefix: String,
    timeout: Duration,
}

impl Submissions {
    /// Hands a partition's transaction over, and waits until it is durable.
    pub(super) fn commit(&self, partition: u32, transaction: Transaction) -> Result<(), LogError> {
        let (outcome, told) = sync_channel(1);
        self.sender.send(Submission { partition, transaction, outcome }).map_err(|_| gone())?;
        told.recv_timeout(self.timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                let late = KafkaError::MessageProduction(RDKafkaErrorCode::OperationTimedOut);
                LogError::broker("commit to", self.prefix.clone())(late)
            }
            RecvTimeoutError::Disconnected => gone(),
        })?
    }
}

/// The writer has ended, and nothing more is committed.
fn gone() -> LogError {
    LogError::Closed { path: "the topics".into(), problem: "an earlier transaction has failed".into() }
}

/// See the module.
pub(super) struct Writer {
    submissions: Submissions,
}

impl Writer {
    /// Commits for the groups of these members.
    pub(super) fn connect(settings: &KafkaSettings, members: Vec<Arc<Member>>) -> Result<Self, LogError> {
        let failed = LogError::broker("connect to", settings.bootstrap_servers.clone());
        let mut config = settings.client()?;
        config
            .set("transactional.id", format!("{}.{}", settings.prefix, settings.member))
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
            .set("queue.buffering.max.kbytes", (2 * BYTES_MAX / 1024).to_string())
            .set("compression.type", "lz4")
            .set("linger.ms", "1");
        let producer: ThreadedProducer<Context> = config.create_with_context(Context).map_err(&failed)?;
        producer.init_transactions(settings.timeout).map_err(&failed)?;
        let (sender, inbox) = channel();
        let session = Session { settings: settings.clone(), producer, members };
        let spawned = thread::Builder::new().name("kafka writer".into()).spawn(move || session.run(&inbox));
        spawned.map_err(|source| LogError::Io {
            doing: "start a thread for",
            path: settings.bootstrap_servers.clone(),
            source,
        })?;
        let (prefix, timeout) = (settings.prefix.clone(), settings.timeout);
        Ok(Self { submissions: Submissions { sender, prefix, timeout } })
    }

    pub(super) fn submissions(&self) -> Submissions {
        self.submissions.clone()
    }
}

struct Session {
    settings: KafkaSettings,
    /// With a thread that serves it, without which a transaction can't be undone.
    producer: ThreadedProducer<Context>,
    members: Vec<Arc<Member>>,
}

impl Session {
    fn run(self, inbox: &Receiver<Submission>) {
        while let Ok(first) = inbox.recv() {
            let mut bytes = first.bytes();
            let mut submissions = vec![first];
            while bytes < BYTES_MAX
                && let Ok(more) = inbox.try_recv()
            {
                bytes += more.bytes();
                submissions.push(more);
            }
            let delays = ExponentialBuilder::default()
                .with_min_delay(NEXT_GENERATION)
                .with_max_delay(NEXT_GENERATION_MAX)
                .with_total_delay(Some(self.settings.timeout))
                .without_max_times();
            let begun = Instant::now();
            let done = (|| self.attempt(&submissions)).retry(delays).when(is_outdated).call();
            if done.is_ok() {
                self.settings.metrics.count_transaction(bytes, begun.elapsed());
            }
            let failed = LogError::broker("commit to", self.settings.prefix.clone());
            for submission in submissions {
                // Whoever has submitted it may be gone.
                let _ = submission.outcome.send(done.clone().map_err(&failed));
            }
            if done.is_err() {
                // If it can't be undone here, the next writer sees to that.
                let _ = self.producer.abort_transaction(self.settings.timeout);
                return;
            }
        }
    }

    /// A transaction, which is undone if it can be done again.
    fn attempt(&self, submissions: &[Submission]) -> KafkaResult<()> {
        let done = self.transact(submissions);
        if let Err(error) = &done {
            tracing::warn!(%error, "a transaction has failed");
            if is_outdated(error) {
                self.producer.abort_transaction(self.settings.timeout)?;
            }
        }
        done
    }

    fn transact(&self, submissions: &[Submission]) -> KafkaResult<()> {
        self.producer.begin_transaction()?;
        let mut groups: BTreeMap<&str, TopicPartitionList> = BTreeMap::new();
        for Submission { partition, transaction, .. } in submissions {
            for record in &transaction.records {
                self.send(record.partition.unwrap_or(*partition), record)?;
            }
            if let Some((group, committed)) = &transaction.progress {
                let topic = self.settings.state_topic();
                let value = state::value_of(committed);
                let record = BaseRecord::to(&topic).partition(*partition as i32);
                self.enqueue(record.key(group.as_str()).payload(value.as_slice()))?;
                let list = groups.entry(group).or_default();
                offsets::of(&self.settings, *partition, committed, list)?;
            }
        }
        for (group, list) in groups {
            if list.count() > 0 {
                let metadata = self.metadata(group)?;
                self.producer.send_offsets_to_transaction(&list, &metadata, self.settings.timeout)?;
            }
        }
        self.commit()
    }

    fn send(&self, partition: u32, record: &NewRecord) -> KafkaResult<()> {
        let topic = self.settings.topic(record.topic);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let to = BaseRecord::<str, [u8]>::to(&topic).partition(partition as i32);
        self.enqueue(to.payload(&record.value).headers(headers))
    }

    /// Hands a record over; waits while the producer has no room.
    fn enqueue(&self, mut record: BaseRecord<'_, str, [u8]>) -> KafkaResult<()> {
        let deadline = Instant::now() + self.settings.timeout;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    record = back;
                    thread::sleep(ROOM);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Commits. One that has timed out goes on by asking again.
    fn commit(&self) -> KafkaResult<()> {
        let deadline = Instant::now() + self.settings.timeout;
        loop {
            match self.producer.commit_transaction(self.settings.timeout) {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {}
                done => return done,
            }
        }
    }

    /// On whose behalf a group's offsets are committed.
    fn metadata(&self, group: &str) -> KafkaResult<ConsumerGroupMetadata> {
        let member = self.members.iter().find(|member| member.group() == group);
        let metadata = member.and_then(|member| member.metadata());
        metadata.ok_or_else(|| KafkaError::Subscription(self.settings.group(group)))
    }
}

/// Whether a group has gone on since it was asked for on whose behalf its offsets are committed.
fn is_outdated(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::IllegalGeneration)
}
