//! A topic that was there before as a source: each of its messages goes into the pipeline once, whatever is killed meanwhile.

use anyhow::ensure;
use transect_e2e::agreement::{Agreement, ledger, until};
use transect_e2e::command::Up;
use transect_e2e::kafka::Kafka;
use transect_e2e::stream::Stream;
use transect_e2e::topic::{SourceTopic, with_source};
use transect_e2e::workers::{PATIENCE, Workers};

const TOPIC: &str = "sensors.v1";
const PARTITIONS: u32 = 3;
const MESSAGES: u64 = 5000;

#[test]
fn each_message_goes_in_once_whoever_reads_it() -> anyhow::Result<()> {
    let (folder, outside) = (tempfile::tempdir()?, Kafka::start(1)?);
    let topic = SourceTopic::create(&outside, TOPIC, PARTITIONS)?;
    let servers = &outside.bootstrap_servers;
    let source = format!("{{name: web, kafka: {{topic: {TOPIC}, bootstrapServers: \"{servers}\"}}}}");
    let manifests = with_source(folder.path(), &source)?;
    let workers = Workers::new(Kafka::shared()?, "tests.bridge", &manifests, folder.path())?;
    let (mut stream, mut written) = (Stream::new(5), String::new());
    let mut write = |messages: u64| -> anyhow::Result<u64> {
        let events = stream.request(messages);
        topic.write(&events)?;
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
