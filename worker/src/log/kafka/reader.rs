//! Reading topics: one consumer for all partitions of a process, a queue for each of them. It belongs to no group's
//! assignment: what is read is said by whoever reads.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ExponentialBuilder};
use bytes::Bytes;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::context::Context;
use super::settings::{KafkaSettings, Patience};
use crate::log::{LogError, Record, Topic};

/// Bytes that are fetched ahead of a partition.
const AHEAD_KBYTES: &str = "8192";
const ASK_AGAIN: Duration = Duration::from_millis(50);
const ASK_AGAIN_MAX: Duration = Duration::from_secs(2);
/// How long to wait for a message at a time.
const PATIENCE: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Reader {
    settings: KafkaSettings,
    state_topic: String,
    consumer: Arc<BaseConsumer<Context>>,
}

impl Reader {
    pub(super) fn connect(settings: &KafkaSettings) -> Result<Self, LogError> {
        let failed = LogError::broker("connect to", settings.bootstrap_servers.clone());
        let mut config = settings.consumer("readers")?;
        config
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", AHEAD_KBYTES)
            // A transaction is read as soon as it is there.
            .set("fetch.wait.max.ms", "100");
        let consumer: BaseConsumer<Context> = config.create_with_context(Context).map_err(&failed)?;
        let consumer = Arc::new(consumer);
        serve_events(&consumer).map_err(|source| LogError::Io {
            doing: "start a thread for",
            path: settings.bootstrap_servers.clone(),
            source,
        })?;
        Ok(Self { settings: settings.clone(), state_topic: settings.state_topic(), consumer })
    }

    /// Number of partitions, the same for all topics of a pipeline.
    pub(super) fn partitions(&self) -> Result<u32, LogError> {
        let failed = LogError::broker("ask for", self.state_topic.clone());
        let metadata = self.consumer.fetch_metadata(Some(&self.state_topic), self.settings.timeout);
        let partitions =
            metadata.map_err(&failed)?.topics().first().map_or(0, |topic| topic.partitions().len());
        match u32::try_from(partitions) {
            Ok(0) | Err(_) => Err(failed(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopic))),
            Ok(partitions) => Ok(partitions),
        }
    }

    pub(super) fn state_topic(&self) -> &str {
        &self.state_topic
    }

    /// The first offset that is kept, and the one after the last that is committed.
    pub(super) fn ends(&self, topic: Topic, partition: u32) -> Result<(u64, u64), LogError> {
        self.ends_of(&self.settings.topic(topic), partition)
    }

    pub(super) fn state_ends(&self, partition: u32) -> Result<(u64, u64), LogError> {
        self.ends_of(&self.state_topic, partition)
    }

    /// The same for any topic of the pipeline, by its whole name.
    pub(super) fn ends_of(&self, topic: &str, partition: u32) -> Result<(u64, u64), LogError> {
        ends_of(&self.consumer, topic, partition, &self.settings.patience())
    }
}

/// The first offset of a partition that is kept, and the one after the last that the consumer may see.
pub(super) fn ends_of(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: u32,
    patience: &Patience,
) -> Result<(u64, u64), LogError> {
    // A partition may be without a leader for a moment: then the next one is asked.
    let ask = || consumer.fetch_watermarks(topic, partition as i32, patience.answer);
    let delays = ExponentialBuilder::default()
        .with_min_delay(ASK_AGAIN)
        .with_max_delay(ASK_AGAIN_MAX)
        .without_max_times();
    let may_pass =
        |error: &KafkaError| !patience.is_over() && error.rdkafka_error_code().is_some_and(is_passing);
    let ends = ask.retry(delays).when(may_pass).call();
    let (first, end) = ends.map_err(LogError::broker("ask for the ends of", topic.to_owned()))?;
    Ok((first.max(0) as u64, end.max(0) as u64))
}

/// Serves what is not a message, as long as there is the consumer.
fn serve_events(consumer: &Arc<BaseConsumer<Context>>) -> std::io::Result<()> {
    let consumer: Weak<BaseConsumer<Context>> = Arc::downgrade(consumer);
    let serve = move || {
        while let Some(consumer) = consumer.upgrade() {
            // Messages come in the partitions' own queues.
            if let Some(Err(error)) = consumer.poll(PATIENCE) {
                tracing::warn!(%error, "Kafka");
            }
        }
    };
    thread::Builder::new().name("kafka".into()).spawn(serve).map(|_| ())
}

/// Where the reading of a partition stands.
pub(super) struct Cursor {
    reader: Arc<Reader>,
    word: &'static str,
    topic: String,
    partition: i32,
    queue: PartitionQueue<Context>,
    /// Messages from here on come next.
    next: u64,
    /// Whether nothing was there after the last message.
    at_end: bool,
    /// The end as the broker has said it, and when.
    end: Option<(u64, Instant)>,
}

impl Cursor {
    pub(super) fn open(
        reader: Arc<Reader>,
        topic: Topic,
        partition: u32,
        from: u64,
    ) -> Result<Self, LogError> {
        let name = reader.settings.topic(topic);
        Self::open_named(reader, topic.as_str(), name, partition, from)
    }

    pub(super) fn open_state(reader: Arc<Reader>, partition: u32, from: u64) -> Result<Self, LogError> {
        let name = reader.state_topic.clone();
        Self::open_named(reader, "state", name, partition, from)
    }

    fn open_named(
        reader: Arc<Reader>,
        word: &'static str,
        topic: String,
        partition: u32,
        from: u64,
    ) -> Result<Self, LogError> {
        let failed = LogError::broker("read", topic.clone());
        let partition = partition as i32;
        // Before anything is fetched, so that nothing of it goes elsewhere.
        let queue = reader.consumer.split_partition_queue(&topic, partition);
        let queue = queue.ok_or_else(|| failed(KafkaError::Subscription(topic.clone())))?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, partition, Offset::Offset(from as i64)).map_err(&failed)?;
        reader.consumer.incremental_assign(&list).map_err(&failed)?;
        Ok(Self { reader, word, topic, partition, queue, next: from, at_end: false, end: None })
    }

    /// Records from an offset on, as [`crate::log::Log::read`] gives them.
    pub(super) fn read(&mut self, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        Ok(self.read_keyed(from, bytes_max)?.into_iter().map(|(_, record)| record).collect())
    }

    /// The same, with the records' keys. Waits until there is something or the end is certain.
    pub(super) fn read_keyed(
        &mut self,
        from: u64,
        bytes_max: usize,
    ) -> Result<Vec<(String, Record)>, LogError> {
        if from != self.next {
            self.seek(from)?;
        }
        let deadline = Instant::now() + self.reader.settings.timeout;
        let (mut records, mut bytes) = (Vec::new(), 0);
        loop {
            let wait = if self.at_end || !records.is_empty() { Duration::ZERO } else { PATIENCE };
            match self.queue.poll(wait) {
                Some(Ok(message)) => {
                    let offset = message.offset() as u64;
                    // Left from before a seek.
                    if offset < self.next {
                        continue;
                    }
                    let record = record_of(&message);
                    (self.next, self.at_end) = (offset + 1, false);
                    bytes += record.1.value.len();
                    records.push(record);
                    if bytes >= bytes_max {
                        return Ok(records);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.at_end = true;
                    return Ok(records);
                }
                Some(Err(error)) if is_out_of_range(&error) => return Err(self.trimmed(from)?),
                Some(Err(error)) => {
                    tracing::warn!(topic = self.topic, partition = self.partition, %error, "Kafka");
                }
                None if self.at_end || !records.is_empty() => return Ok(records),
                None if Instant::now() > deadline => {
                    let failed = LogError::broker("read", self.topic.clone());
                    return Err(failed(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)));
                }
                None => {}
            }
        }
    }

    fn seek(&mut self, from: u64) -> Result<(), LogError> {
        let sought = self.reader.consumer.seek(
            &self.topic,
            self.partition,
            Offset::Offset(from as i64),
            self.reader.settings.timeout,
        );
        sought.map_err(LogError::broker("read", self.topic.clone()))?;
        (self.next, self.at_end) = (from, false);
        Ok(())
    }

    fn trimmed(&self, asked: u64) -> Result<LogError, LogError> {
        let (start, _) = self.reader.ends_of(&self.topic, self.partition as u32)?;
        Ok(LogError::Trimmed { topic: self.word, asked, start })
    }

    /// Where reading goes on for who has read up to an offset: behind the marks of ended transactions that have come after the
    /// last record, as far as they have.
    pub(super) fn behind_marks(&self, next: u64) -> u64 {
        if next < self.next {
            return next;
        }
        let Ok(positions) = self.reader.consumer.position() else { return next };
        // None where nothing has come since the reading began.
        match positions.find_partition(&self.topic, self.partition).map(|found| found.offset()) {
            Some(Offset::Offset(position)) => next.max(position.max(0) as u64),
            _ => next,
        }
    }

    /// The end of the topic, if it was read or asked for not long ago.
    pub(super) fn end(&self, now: Instant, fresh: Duration) -> Option<u64> {
        if self.at_end {
            return Some(self.next);
        }
        let (end, asked) = self.end?;
        (now.duration_since(asked) < fresh).then_some(end.max(self.next))
    }

    /// Notes the end as the broker says it.
    pub(super) fn note_end(&mut self, end: u64, now: Instant) -> u64 {
        self.end = Some((end, now));
        end.max(self.next)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, self.partition);
        if let Err(error) = self.reader.consumer.incremental_unassign(&list) {
            tracing::warn!(topic = self.topic, partition = self.partition, %error, "Kafka");
        }
    }
}

fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::BrokerNotAvailable
            | Code::BrokerTransportFailure
            | Code::DestroyBroker
            | Code::OperationTimedOut
    )
}

fn is_out_of_range(error: &KafkaError) -> bool {
    let codes = [RDKafkaErrorCode::OffsetOutOfRange, RDKafkaErrorCode::AutoOffsetReset];
    error.rdkafka_error_code().is_some_and(|code| codes.contains(&code))
}

fn record_of(message: &BorrowedMessage<'_>) -> (String, Record) {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let record = Record {
        offset: message.offset() as u64,
        headers: headers.map(|header| (header.key.to_owned().into(), text(header.value))).collect(),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
    };
    (text(message.key()), record)
}
