//! A process's part in a consumer group: which partitions it has. The group is there for that only; what is read of a
//! partition is said by its roles.
//!
//! The client tells of a change in a callback, in which nothing may wait. So it is only noted there: whoever asks for
//! changes ends what has to end, and then says so. Until then the group waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::context;
use super::settings::KafkaSettings;
use crate::log::{LogError, Topic};

/// Greatest time between two signs of life.
const HEARTBEAT_MAX: Duration = Duration::from_secs(1);

/// What changes in the partitions that a process has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gets these.
    Given(Vec<u32>),
    /// These go to others, as soon as it says that it has ended with them.
    Taken(Vec<u32>),
    /// Others have these already, since it was not heard of for too long: nothing can be committed for them.
    Lost(Vec<u32>),
}

/// See the module.
pub struct Member {
    group: String,
    topic: String,
    consumer: BaseConsumer<Changes>,
    changes: Mutex<Receiver<Result<Change, RDKafkaErrorCode>>>,
}

/// Notes changes.
struct Changes {
    sender: Mutex<Sender<Result<Change, RDKafkaErrorCode>>>,
    /// Set when nobody asks for changes any more: the client closes only once the last are answered.
    closing: AtomicBool,
}

impl ClientContext for Changes {
    fn error(&self, error: KafkaError, reason: &str) {
        context::log(&error, reason);
    }
}

impl ConsumerContext for Changes {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = list.elements().iter().map(|element| element.partition() as u32).collect();
        let change = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Ok(Change::Given(partitions)),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS if consumer.assignment_lost() => {
                Ok(Change::Lost(partitions))
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Ok(Change::Taken(partitions)),
            other => Err(other.into()),
        };
        if self.closing.load(Ordering::Acquire) {
            return give_up(consumer, list);
        }
        // Whoever asks is there as long as the member is.
        let _ = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(change);
    }
}

impl Member {
    /// Joins a group over the partitions of a topic.
    ///
    /// Under its own name for good: a process that is started again soon finds its partitions as they were, and the group
    /// does not stop for it.
    pub fn join(settings: &KafkaSettings, group: &str, topic: Topic) -> Result<Arc<Self>, LogError> {
        Self::join_topic(settings, group, settings.topic(topic))
    }

    /// The same for any topic, by its whole name.
    pub fn join_topic(settings: &KafkaSettings, group: &str, topic: String) -> Result<Arc<Self>, LogError> {
        let name = settings.group(group);
        let failed = LogError::broker("join", name.clone());
        let (sender, changes) = channel();
        let heartbeat = HEARTBEAT_MAX.min(settings.session_timeout / 4);
        let mut config = settings.consumer(group)?;
        config
            .set("group.instance.id", format!("{name}.{}", settings.member))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", settings.session_timeout.as_millis().to_string())
            // By this a member learns that others come and go.
            .set("heartbeat.interval.ms", heartbeat.as_millis().to_string());
        let context = Changes { sender: Mutex::new(sender), closing: AtomicBool::new(false) };
        let consumer: BaseConsumer<Changes> = config.create_with_context(context).map_err(&failed)?;
        consumer.subscribe(&[&topic]).map_err(&failed)?;
        Ok(Arc::new(Self { group: group.to_owned(), topic, consumer, changes: Mutex::new(changes) }))
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The next change, for which it waits so long. Has to be asked for often enough: the client does its part in the
    /// group meanwhile.
    pub fn next(&self, wait: Duration) -> Result<Option<Change>, LogError> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let polled = match changes.try_recv() {
            Ok(change) => return self.checked(change).map(Some),
            Err(_) => self.consumer.poll(wait),
        };
        if let Some(Err(error)) = polled {
            if self.consumer.client().fatal_error().is_some() {
                return Err(LogError::broker("stay in", self.group.clone())(error));
            }
            tracing::warn!(group = self.group, %error, "Kafka");
        }
        changes.try_recv().ok().map(|change| self.checked(change)).transpose()
    }

    fn checked(&self, change: Result<Change, RDKafkaErrorCode>) -> Result<Change, LogError> {
        change.map_err(|code| LogError::broker("stay in", self.group.clone())(KafkaError::Rebalance(code)))
    }

    /// Says that a change is done: what was given is at work, what was taken or lost has ended.
    pub fn done(&self, change: &Change) -> Result<(), LogError> {
        let failed = LogError::broker("stay in", self.group.clone());
        let mut list = TopicPartitionList::new();
        let (Change::Given(partitions) | Change::Taken(partitions) | Change::Lost(partitions)) = change;
        for partition in partitions {
            list.add_partition_offset(&self.topic, *partition as i32, Offset::End).map_err(&failed)?;
        }
        match change {
            Change::Given(_) => {
                self.consumer.incremental_assign(&list).map_err(&failed)?;
                // It reads nothing.
                self.consumer.pause(&list).map_err(&failed)
            }
            Change::Taken(_) | Change::Lost(_) => self.consumer.incremental_unassign(&list).map_err(&failed),
        }
    }

    /// Gives back what it has and leaves, so that others need not wait until it is missed. Its work has ended before.
    pub fn leave(&self, timeout: Duration) -> Result<(), LogError> {
        self.consumer.unsubscribe();
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            match self.next(Duration::from_millis(50))? {
                Some(change) => self.done(&change)?,
                None if self.consumer.assignment().is_ok_and(|list| list.count() == 0) => break,
                None => {}
            }
        }
        Ok(())
    }

    /// What tells the broker on whose behalf offsets are committed; who is no member any more is refused.
    pub(super) fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        self.consumer.group_metadata()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.consumer.context().closing.store(true, Ordering::Release);
        if let Ok(list) = self.consumer.assignment() {
            give_up(&self.consumer, &list);
        }
    }
}

/// Answers that nothing is worked on.
fn give_up(consumer: &BaseConsumer<Changes>, list: &TopicPartitionList) {
    if consumer.incremental_unassign(list).and_then(|()| consumer.unassign()).is_err() {
        // Then it is no member any more.
        tracing::debug!("partitions could not be given back");
    }
}
