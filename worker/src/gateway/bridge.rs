//! Existing topics of Kafka as sources, of any cluster: each message is an event, and goes into `raw` once.
//!
//! A consumer group of the topic's cluster shares its partitions out. Whoever has one writes under a transactional id of that
//! partition, so that the one who had it before can write no more. How far it was read stands in the transaction that holds what was
//! read, in the pipeline's own topic of state: the group's offsets are of no account.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rdkafka::consumer::Consumer;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use transect_config::StartAt;
use transect_core::events::EventType;
use transect_core::format::Format;
use transect_core::identity::PipelineKey;

use super::GatewaySource;
use super::body::Body;
use super::check::Checker;
use super::committer::records;
use super::parts::{self, Sender};
use crate::assignment::{self, Assignment, Begin, Begun};
use crate::log::kafka::{KafkaLog, KafkaSettings, Member, PartitionConsumer, PartitionLog};
use crate::log::{Committed, Log, LogError, Transaction};
use crate::role::{Role, RoleError};
use crate::runner::Flag;

/// How long to wait for a message.
const WAIT: Duration = Duration::from_millis(50);
/// What one transaction takes at most, but for its last message.
const BYTES_MAX: usize = 4 << 20;
const MESSAGES_MAX: usize = 20_000;
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// A topic that is a source.
pub struct Bridge {
    /// What its events are stamped with.
    pub source: GatewaySource,
    /// The topic's cluster; groups and clients are named as the pipeline's.
    pub from: KafkaSettings,
    /// The topic.
    pub topic: String,
    /// Where to begin the first time.
    pub start: StartAt,
    /// The pipeline's own topics.
    pub to: KafkaSettings,
    /// The event types.
    pub types: Arc<[EventType]>,
    /// The secret of identities.
    pub key: PipelineKey,
    /// Ends it when it goes up.
    pub stop: Flag,
    /// Goes up once the process has had its first word from the group.
    pub joined: Flag,
    /// Microseconds since 1970 UTC: the received time.
    pub clock: fn() -> i64,
}

impl Bridge {
    /// Works until it is told to stop.
    pub fn run(&self) -> Result<(), RoleError> {
        let group = format!("source.{}", self.source.name);
        let session = |_: Arc<Member>| -> Result<Begin<'_>, RoleError> {
            Ok(Box::new(|partition| self.begin(partition).map(Some)))
        };
        assignment::run(&Assignment {
            settings: self.from.clone(),
            group: &group,
            topic: self.topic.clone(),
            flush_interval: FLUSH_INTERVAL,
            session: &session,
            joined: self.joined.clone(),
            stop: self.stop.clone(),
        })
    }

    fn begin(&self, partition: u32) -> Result<Begun, RoleError> {
        let name = format!("source.{}.{partition}", self.source.name);
        // Fences whoever had the partition before; what that has committed is read afterwards.
        let log = KafkaLog::connect(KafkaSettings { member: name.clone(), ..self.to.clone() }, Vec::new())?;
        let partitions = log.partitions();
        let log = Arc::new(log.partition(partition % partitions, &[])?);
        let reading = Reading::open(self, partition, &name, &log)?;
        let checker = Checker::new(Arc::clone(&self.types), self.key.clone());
        let (source, clock) = (self.source.clone(), self.clock);
        let role = Bridging { log: Arc::clone(&log), name, source, checker, partitions, reading, clock };
        Ok((log, Box::new(role)))
    }
}

/// What is committed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    /// The message to be read next.
    next: u64,
}

impl Position {
    fn progress(&self, group: &str) -> Option<(String, Committed)> {
        // A number only, so that this can't fail.
        let metadata = serde_json::to_string(self).unwrap_or_default();
        Some((group.to_owned(), Committed { offsets: Vec::new(), metadata }))
    }
}

/// A partition of the topic as it is read.
struct Reading {
    consumer: PartitionConsumer,
    next: u64,
}

impl Reading {
    fn open(bridge: &Bridge, partition: u32, name: &str, log: &PartitionLog) -> Result<Self, RoleError> {
        let Bridge { from, topic, start, .. } = bridge;
        let failed = LogError::broker("read", topic.clone());
        let consumer = from.reading(name)?;
        let next = match (log.committed(name), start) {
            (Some(committed), _) => serde_json::from_str::<Position>(&committed.metadata)?.next,
            (None, StartAt::Earliest | StartAt::Latest) => {
                let ends =
                    consumer.fetch_watermarks(topic, partition as i32, from.timeout).map_err(&failed)?;
                let next = if *start == StartAt::Earliest { ends.0 } else { ends.1 }.max(0) as u64;
                // At once: who comes after a crash must not begin at what is the end by then.
                let progress = Position { next }.progress(name);
                log.commit(Transaction { progress, ..Transaction::default() })?;
                next
            }
        };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition as i32, Offset::Offset(next as i64)).map_err(&failed)?;
        consumer.assign(&list).map_err(&failed)?;
        tracing::info!(topic, partition, next, "reads");
        Ok(Self { consumer, next })
    }

    /// The next messages, if any come soon.
    fn read(&mut self) -> Result<Batch, RoleError> {
        let (mut batch, mut wait) = (Batch::default(), WAIT);
        while batch.bytes.len() < BYTES_MAX && batch.events.len() < MESSAGES_MAX {
            let Some(message) = self.consumer.poll(wait) else { break };
            let message = message.map_err(|error| {
                format!("read message {} of the source's topic: {error}; messages that were removed before they were read \
                         are lost to the pipeline", self.next)
            })?;
            self.next = message.offset() as u64 + 1;
            batch.push(&message);
            wait = Duration::ZERO;
        }
        Ok(batch)
    }
}

/// Messages, an event each.
#[derive(Default)]
struct Batch {
    bytes: BytesMut,
    events: Vec<Range<usize>>,
}

impl Batch {
    /// One without a value says that its key is gone, which is no event.
    fn push(&mut self, message: &BorrowedMessage<'_>) {
        if let Some(value) = message.payload() {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(value);
            self.events.push(start..self.bytes.len());
        }
    }
}

/// The role of a partition.
struct Bridging {
    log: Arc<PartitionLog>,
    /// Its group in the pipeline's state.
    name: String,
    source: GatewaySource,
    checker: Checker,
    /// Of the pipeline.
    partitions: u32,
    reading: Reading,
    clock: fn() -> i64,
}

impl Bridging {
    fn records(&self, Batch { bytes, events }: Batch) -> Vec<crate::log::NewRecord> {
        let body = Body { bytes: bytes.freeze(), events, format: Format::Json };
        let GatewaySource { name, event_type, schema_version } = self.source.clone();
        let sender = Sender { source: name, event_type, schema_version, received: (self.clock)() };
        let checked = self.checker.check(body.batch(&sender), self.partitions);
        records(parts::by_partition(&sender, &checked).iter(), None)
    }
}

impl Role for Bridging {
    fn name(&self) -> &str {
        &self.name
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let before = self.reading.next;
        let batch = self.reading.read()?;
        if self.reading.next == before {
            return Ok(false);
        }
        let records = if batch.events.is_empty() { Vec::new() } else { self.records(batch) };
        let progress = Position { next: self.reading.next }.progress(&self.name);
        self.log.commit(Transaction { records, progress, ..Transaction::default() })?;
        Ok(true)
    }

    /// It holds nothing back.
    fn flush(&mut self) -> Result<(), RoleError> {
        Ok(())
    }
}
