//! A topic that was there before as a source: each of its messages goes into the pipeline once, whatever is killed meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use transect_e2e::agreement::{Agreement, ledger, until};
use transect_e2e::command::{Up, manifests};
use transect_e2e::kafka::Kafka;
use transect_e2e::stream::Stream;
use transect_e2e::workers::{PATIENCE, Workers};

const TOPIC: &str = "sensors.v1";
const PARTITIONS: u32 = 3;
const MESSAGES: u64 = 5000;

/// The manifests `fault`, with a topic in place of the gateway.
fn with_topic(folder: &Path, servers: &str) -> anyhow::Result<PathBuf> {
    let to = folder.join("manifests");
    fs::create_dir(&to)?;
    for entry in fs::read_dir(manifests("fault"))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let source = format!("kafka: {{topic: {TOPIC}, bootstrapServers: \"{servers}\"}}");
        fs::write(to.join(path.file_name().context("a name")?), text.replace("http: {}", &source))?;
    }
    Ok(to)
}

/// Another cluster's topic.
struct Outside {
    kafka: Kafka,
    producer: ThreadedProducer<DefaultProducerContext>,
}

impl Outside {
    fn start() -> anyhow::Result<Self> {
        let kafka = Kafka::start(1)?;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &kafka.bootstrap_servers);
        let admin: AdminClient<DefaultClientContext> = config.create()?;
        let topic = NewTopic::new(TOPIC, PARTITIONS as i32, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for made in runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))? {
            made.map_err(|(name, code)| anyhow::anyhow!("make {name}: {code}"))?;
        }
        Ok(Self { kafka, producer: config.create()? })
    }

    /// Writes messages, an event each, by the key of their station; and now and then one without a value, which is no event.
    fn write(&self, events: &str) -> anyhow::Result<()> {
        for (at, event) in events.lines().enumerate() {
            let key = event.get(26..30).unwrap_or("none");
            let sent = self.producer.send(BaseRecord::to(TOPIC).key(key).payload(event));
            sent.map_err(|(error, _)| error)?;
            if at % 100 == 0 {
                let sent = self.producer.send(BaseRecord::<str, str>::to(TOPIC).key(key));
                sent.map_err(|(error, _)| error)?;
            }
        }
        Ok(self.producer.flush(Duration::from_secs(60))?)
    }
}

#[test]
fn each_message_goes_in_once_whoever_reads_it() -> anyhow::Result<()> {
    let (folder, outside) = (tempfile::tempdir()?, Outside::start()?);
    let manifests = with_topic(folder.path(), &outside.kafka.bootstrap_servers)?;
    let workers = Workers::new(Kafka::shared()?, "tests.bridge", &manifests, folder.path())?;
    let (mut stream, mut written) = (Stream::new(5), String::new());
    let mut write = |messages: u64| -> anyhow::Result<u64> {
        let events = stream.request(messages);
        outside.write(&events)?;
        written.push_str(&events);
        Ok(written.lines().count() as u64)
    };
    // What was there before the pipeline is read too.
    write(MESSAGES)?;
    let mut first = workers.start("gateway", "g1")?;
    let others = [("process", "p1"), ("aggregate", "a1"), ("sink", "s1")]
        .map(|(role, name)| workers.start(role, name));
    first.wait_until_ready()?;
    // Some of it is read, and not all.
    let read = |least: u64| {
        until(|| {
            let total = ledger(&workers)?.total();
            Ok((total.read < least).then(|| format!("{total:?}")))
        })
    };
    read(1)?;
    let second = workers.start("gateway", "g2")?;
    write(MESSAGES)?;
    first.kill()?;
    let all = write(MESSAGES)?;
    let first = workers.start("gateway", "g1")?;
    read(all)?;
    second.stop()?;
    let all = write(MESSAGES)?;
    read(all)?;

    let up = Up::new(&manifests, &folder.path().join("one"));
    let agreement = Agreement::new(&up, &written, None)?;
    let total = agreement.wait(&workers)?;
    ensure!(total.read == all, "{total:?}; {all} were written, each once");
    for worker in others {
        worker?.stop()?;
    }
    ensure!(first.stop()? < PATIENCE);
    agreement.check(&workers)
}
