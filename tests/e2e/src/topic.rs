//! A topic that was there before the pipeline: one of its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::command::manifests;
use crate::kafka::Kafka;

/// How long brokers may take to have it all.
const PATIENCE: Duration = Duration::from_secs(120);

/// See the module.
pub struct SourceTopic {
    name: &'static str,
    producer: ThreadedProducer<Refused>,
    refused: Arc<AtomicU64>,
}

/// Counts the messages that brokers have not taken.
struct Refused(Arc<AtomicU64>);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl SourceTopic {
    /// Makes the topic.
    pub fn create(kafka: &Kafka, name: &'static str, partitions: u32) -> anyhow::Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &kafka.bootstrap_servers);
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        let copies = TopicReplication::Fixed(kafka.brokers() as i32);
        let topic = NewTopic::new(name, partitions as i32, copies);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for made in runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))? {
            made.map_err(|(name, code)| anyhow!("make {name}: {code}"))?;
        }
        let refused = Arc::new(AtomicU64::new(0));
        config.set("enable.idempotence", "true");
        let producer = config.create_with_context(Refused(Arc::clone(&refused)))?;
        Ok(Self { name, producer, refused })
    }

    /// Writes messages, an event each, by the key of their station; and now and then one without a value, which is no event.
    /// They are there once this returns, each once.
    pub fn write(&self, events: &str) -> anyhow::Result<()> {
        let send = |record: BaseRecord<'_, str, str>| {
            self.producer.send(record).map_err(|(error, record)| anyhow!("{error}: {:?}", record.payload))
        };
        for (at, event) in events.lines().enumerate() {
            let key = event.get(26..30).unwrap_or("none");
            send(BaseRecord::to(self.name).key(key).payload(event))?;
            if at % 100 == 0 {
                send(BaseRecord::to(self.name).key(key))?;
            }
        }
        self.producer.flush(PATIENCE)?;
        let refused = self.refused.load(Ordering::Relaxed);
        ensure!(refused == 0, "{refused} messages were not taken");
        Ok(())
    }
}

/// The manifests `fault` in a folder, with other words for its only source.
pub fn with_source(folder: &Path, source: &str) -> anyhow::Result<PathBuf> {
    let to = folder.join("manifests");
    fs::create_dir(&to)?;
    for entry in fs::read_dir(manifests("fault"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        fs::write(
            to.join(path.file_name().context("a name")?),
            text.replace("{name: web, http: {}}", source),
        )?;
    }
    Ok(to)
}
