//! Making the topics. On a cluster the operator does; tests and tools without one do it here.

use std::collections::BTreeSet;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::Context;
use super::settings::KafkaSettings;
use super::writer::RECORD_BYTES_MAX;
use crate::log::{LogError, Topic};

/// What topics are made with.
#[derive(Clone, Copy, Debug)]
pub struct TopicSettings {
    /// Partitions of each, which are the pipeline's.
    pub partitions: u32,
    /// Copies of each record.
    pub replication_factor: u32,
    /// How long records are kept, in milliseconds.
    pub retention_ms: u64,
}

/// Makes the topics that are not there.
pub async fn create_topics(settings: &KafkaSettings, topics: TopicSettings) -> Result<(), LogError> {
    let failed = LogError::broker("make the topics of", settings.prefix.clone());
    let admin: AdminClient<Context> = settings.client()?.create_with_context(Context).map_err(&failed)?;
    let names: BTreeSet<String> = Topic::ALL.into_iter().map(|topic| settings.topic(topic)).collect();
    let (state, retention) = (settings.state_topic(), topics.retention_ms.to_string());
    let bytes_max = RECORD_BYTES_MAX.to_string();
    let new = |name| {
        let copies = TopicReplication::Fixed(topics.replication_factor as i32);
        NewTopic::new(name, topics.partitions as i32, copies).set("max.message.bytes", &bytes_max)
    };
    let mut all: Vec<NewTopic<'_>> =
        names.iter().map(|name| new(name).set("retention.ms", &retention)).collect();
    // Small segments, so that what is superseded goes soon.
    let compacted = new(&state).set("cleanup.policy", "compact").set("segment.bytes", "16777216");
    all.push(compacted.set("min.cleanable.dirty.ratio", "0.1"));
    let options = AdminOptions::new().operation_timeout(Some(settings.timeout));
    for outcome in admin.create_topics(&all, &options).await.map_err(&failed)? {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed(KafkaError::AdminOp(code))),
        }
    }
    Ok(())
}
