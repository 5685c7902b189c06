//! What every client of a pipeline's cluster is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use transect_config::KafkaSecurity;

use super::context::Context;
use super::security;
use crate::log::{LogError, Topic};
use crate::metrics::Metrics;
use crate::runner::Flag;

/// How long a broker may take for one answer, before it or another is asked again.
const ANSWER: Duration = Duration::from_secs(2);

/// A consumer of one partition, which logs what goes wrong.
pub(crate) type PartitionConsumer = BaseConsumer<Context>;

/// Where a pipeline's topics are, and how this process is known there.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// The brokers to begin with: `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// The beginning of the names of topics, groups and transactional ids.
    pub prefix: String,
    /// How connections are made, and by whom.
    pub security: KafkaSecurity,
    /// This process among those of its role; the same after a restart.
    pub member: String,
    /// After how long without a sign of life a process loses its partitions.
    pub session_timeout: Duration,
    /// How long brokers may take to answer before that is an error.
    pub timeout: Duration,
    /// Goes up when the process is to end: then it waits for no more than is needed to commit what is open.
    pub ending: Flag,
    /// Where transactions are counted.
    pub metrics: Arc<Metrics>,
}

/// How long to ask again for what a broker has not answered.
pub(super) struct Patience {
    deadline: Instant,
    ending: Flag,
    /// For one answer.
    pub(super) answer: Duration,
}

impl Patience {
    pub(super) fn is_over(&self) -> bool {
        self.ending.is_raised() || Instant::now() > self.deadline
    }
}

impl KafkaSettings {
    pub(super) fn patience(&self) -> Patience {
        let deadline = Instant::now() + self.timeout;
        Patience { deadline, ending: self.ending.clone(), answer: ANSWER.min(self.timeout) }
    }

    /// The name of a topic.
    pub fn topic(&self, topic: Topic) -> String {
        format!("{}.{}", self.prefix, topic.as_str())
    }

    /// The topic of what groups have committed.
    pub(super) fn state_topic(&self) -> String {
        format!("{}.state", self.prefix)
    }

    /// The name of a group.
    pub(super) fn group(&self, group: &str) -> String {
        format!("{}.{group}", self.prefix)
    }

    /// A consumer that is told what to read.
    pub(crate) fn reading(&self, name: &str) -> Result<PartitionConsumer, LogError> {
        let failed = LogError::broker("connect to", self.bootstrap_servers.clone());
        self.consumer(name)?.create_with_context(Context).map_err(failed)
    }

    /// What all clients have in common.
    pub(super) fn client(&self) -> Result<ClientConfig, LogError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", format!("{}.{}", self.prefix, self.member))
            .set("socket.keepalive.enable", "true")
            // A broker that comes back is found again soon.
            .set("reconnect.backoff.max.ms", "2000");
        security::apply(&self.security, &mut config)?;
        Ok(config)
    }

    /// A consumer that reads what is committed and never commits by itself.
    pub(super) fn consumer(&self, group: &str) -> Result<ClientConfig, LogError> {
        let mut config = self.client()?;
        config
            .set("group.id", self.group(group))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error");
        Ok(config)
    }
}
