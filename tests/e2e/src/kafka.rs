//! Real Kafka brokers on loopback, with ports and folders of their own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;
use tempfile::TempDir;

use crate::authority::Authority;

/// Names the folder of the broker's jars; `make test` installs them.
const FOLDER: &str = "TRANSECT_KAFKA";
/// The one user that brokers know, and its password.
pub const USER: (&str, &str) = ("transect", "not a secret");
/// How long a broker may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Kills the broker as soon as its own input ends, which it does with the test's process, however that ends.
const UNTIL_INPUT_ENDS: &str = r#""$@" & broker=$!; cat >/dev/null; kill -KILL $broker"#;

/// Brokers that are their own controllers.
pub struct Kafka {
    /// `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// Other listeners, if there are some.
    pub guarded: Option<Guarded>,
    brokers: Vec<Broker>,
    _folder: TempDir,
}

impl Kafka {
    /// The one broker that all tests of this process share.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Kafka, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start(1).map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Starts so many, and waits until they answer.
    pub fn start(brokers: usize) -> anyhow::Result<Self> {
        Self::start_with(brokers, None)
    }

    /// Starts one that also knows who comes: under TLS, with the name and password of [`USER`], or with a certificate of its
    /// authority's.
    pub fn start_guarded(authority: &Authority) -> anyhow::Result<Self> {
        Self::start_with(1, Some(authority))
    }

    fn start_with(count: usize, authority: Option<&Authority>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let guarded = authority.map(|authority| Guarded::make(authority, folder.path())).transpose()?;
        let ports =
            (0..count).map(|_| Ok((free_port()?, free_port()?))).collect::<anyhow::Result<Vec<_>>>()?;
        let voters = (1..).zip(&ports).map(|(id, (_, controller))| format!("{id}@127.0.0.1:{controller}"));
        let voters = voters.collect::<Vec<_>>().join(",");
        let brokers = (1..).zip(&ports).map(|(id, (port, controller))| {
            let listeners = Listeners { port: *port, controller: *controller, voters: &voters };
            Broker::make(id, &folder.path().join(id.to_string()), &listeners, count, guarded.as_ref())
        });
        let mut brokers = brokers.collect::<anyhow::Result<Vec<_>>>()?;
        brokers.iter_mut().try_for_each(Broker::start)?;
        let servers = ports.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect::<Vec<_>>();
        let kafka = Self { bootstrap_servers: servers.join(","), guarded, brokers, _folder: folder };
        kafka.wait_for(|metadata| metadata.brokers().len() == count)?;
        Ok(kafka)
    }

    /// Number of brokers.
    pub fn brokers(&self) -> usize {
        self.brokers.len()
    }

    /// Kills a broker, and leaves what it has on its disk.
    pub fn kill(&mut self, broker: usize) {
        self.brokers[broker].kill();
    }

    /// Starts a broker again that was killed.
    pub fn restart(&mut self, broker: usize) -> anyhow::Result<()> {
        self.brokers[broker].start()
    }

    /// Waits until every broker answers, and every partition has all its copies again.
    pub fn wait_until_in_sync(&self) -> anyhow::Result<()> {
        self.wait_for(|metadata| {
            // The others learn late of one that has died.
            let answers = |broker: &str| TcpStream::connect(broker).is_ok();
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            self.bootstrap_servers.split(',').all(answers)
                && metadata.brokers().len() == self.brokers.len()
                && partitions
                    .into_iter()
                    .all(|of| of.error().is_none() && of.isr().len() == of.replicas().len())
        })
    }

    fn wait_for(&self, holds: impl Fn(&Metadata) -> bool) -> anyhow::Result<()> {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer = config.set("bootstrap.servers", &self.bootstrap_servers).create()?;
        let deadline = Instant::now() + PATIENCE;
        while !consumer.fetch_metadata(None, Duration::from_secs(1)).is_ok_and(|metadata| holds(&metadata)) {
            let logs = || self.brokers.iter().map(Broker::log).collect::<String>();
            ensure!(Instant::now() < deadline, "the brokers are not as they should be: {}", logs());
            thread::park_timeout(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// Where a broker listens.
struct Listeners<'a> {
    port: u16,
    controller: u16,
    /// The controllers of all brokers.
    voters: &'a str,
}

/// One broker.
struct Broker {
    jars: PathBuf,
    folder: PathBuf,
    shell: Option<Child>,
}

impl Broker {
    fn make(
        id: usize,
        folder: &Path,
        listeners: &Listeners<'_>,
        count: usize,
        guarded: Option<&Guarded>,
    ) -> anyhow::Result<Self> {
        let jars = std::env::var_os(FOLDER).with_context(|| {
            format!(
                "{FOLDER} names no folder with Kafka's jars; run `make test`, or tools/install-kafka.sh DIR"
            )
        })?;
        fs::create_dir_all(folder)?;
        let broker = Self { jars: jars.into(), folder: folder.to_owned(), shell: None };
        fs::write(broker.properties(), properties(id, folder, listeners, count, guarded))?;
        broker.format()?;
        Ok(broker)
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn arguments(&self, class: &str) -> Vec<String> {
        let class_path = format!("{}/*", self.jars.display());
        // Quick to start rather than fast in the long run.
        let options = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp"];
        options.into_iter().chain([class_path.as_str(), class]).map(str::to_owned).collect()
    }

    fn format(&self) -> anyhow::Result<()> {
        let mut command = Command::new("java");
        command.args(self.arguments("kafka.tools.StorageTool"));
        command.args(["format", "--cluster-id", "dHJhbnNlY3QtdGVzdHMtMQ", "--config"]).arg(self.properties());
        let (name, password) = USER;
        command.arg("--add-scram").arg(format!("SCRAM-SHA-512=[name={name},password={password}]"));
        let output = command.stdin(Stdio::null()).output().context("run java")?;
        if !output.status.success() {
            bail!("the broker's folder can't be made: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_INPUT_ENDS, "sh", "java"]);
        command.args(self.arguments("kafka.Kafka")).arg(self.properties());
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        self.shell = Some(command.spawn().context("start the broker")?);
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            // Its input ends, so the shell kills the broker and ends too.
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn properties(
    id: usize,
    folder: &Path,
    Listeners { port, controller, voters }: &Listeners<'_>,
    count: usize,
    guarded: Option<&Guarded>,
) -> String {
    let data = folder.join("data");
    let others = guarded.map(Guarded::listeners).unwrap_or_default();
    let guarded = guarded.map(Guarded::properties).unwrap_or_default();
    format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{others}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{others}
log.dirs={data}
auto.create.topics.enable=false
min.insync.replicas={in_sync}
offsets.topic.replication.factor={count}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={count}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
{guarded}",
        data = data.display(),
        // One may be away.
        in_sync = count.saturating_sub(1).max(1),
    )
}

/// Listeners that know who comes.
pub struct Guarded {
    /// `host:port` for who has a name and a password, under TLS.
    pub scram: String,
    /// `host:port` for who has a certificate.
    pub mtls: String,
    folder: PathBuf,
}

impl Guarded {
    fn make(authority: &Authority, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("tls");
        authority.write(&folder)?;
        let read = |name: &str| fs::read_to_string(folder.join(name));
        fs::write(folder.join("keystore.pem"), read("tls.key")? + &read("tls.crt")?)?;
        let address = || free_port().map(|port| format!("localhost:{port}"));
        Ok(Self { scram: address()?, mtls: address()?, folder })
    }

    fn listeners(&self) -> String {
        format!(",SASL_SSL://{},SSL://{}", self.scram, self.mtls)
    }

    fn properties(&self) -> String {
        let folder = self.folder.display();
        format!(
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.ssl.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.crt
"
        )
    }
}
