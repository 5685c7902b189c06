//! A real Kafka broker on loopback, with ports and a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

/// Names the folder of the broker's jars; `make test` installs them.
const FOLDER: &str = "TRANSECT_KAFKA";
/// How long a broker may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Kills the broker as soon as its own input ends, which it does with the test's process, however that ends.
const UNTIL_INPUT_ENDS: &str = r#""$@" & broker=$!; cat >/dev/null; kill -KILL $broker"#;

/// A broker that is its own controller.
pub struct Kafka {
    /// `host:port`.
    pub bootstrap_servers: String,
    folder: TempDir,
    shell: Child,
}

impl Kafka {
    /// The one that all tests of this process share.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Kafka, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Starts one, and waits until it answers.
    pub fn start() -> anyhow::Result<Self> {
        let jars = std::env::var_os(FOLDER).with_context(|| {
            format!(
                "{FOLDER} names no folder with Kafka's jars; run `make test`, or tools/install-kafka.sh DIR"
            )
        })?;
        let folder = tempfile::tempdir()?;
        let (port, controller) = (free_port()?, free_port()?);
        let properties = folder.path().join("server.properties");
        fs::write(&properties, server_properties(folder.path(), port, controller))?;
        let java = Java { jars: PathBuf::from(jars), folder: folder.path().to_owned() };
        java.format(&properties)?;
        let shell = java.serve(&properties)?;
        let kafka = Self { bootstrap_servers: format!("127.0.0.1:{port}"), folder, shell };
        kafka.wait_until_it_answers()?;
        Ok(kafka)
    }

    fn wait_until_it_answers(&self) -> anyhow::Result<()> {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer = config.set("bootstrap.servers", &self.bootstrap_servers).create()?;
        let deadline = Instant::now() + PATIENCE;
        while consumer.fetch_metadata(None, Duration::from_secs(1)).is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            ensure!(Instant::now() < deadline, "the broker does not answer: {}", log());
            thread::park_timeout(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // Its input ends, so the shell kills the broker and ends too.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

struct Java {
    jars: PathBuf,
    folder: PathBuf,
}

impl Java {
    fn arguments(&self, class: &str) -> Vec<String> {
        let class_path = format!("{}/*", self.jars.display());
        // Quick to start rather than fast in the long run.
        let options = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp"];
        options.into_iter().chain([class_path.as_str(), class]).map(str::to_owned).collect()
    }

    fn format(&self, properties: &Path) -> anyhow::Result<()> {
        let mut command = Command::new("java");
        command.args(self.arguments("kafka.tools.StorageTool"));
        command.args(["format", "--cluster-id", "dHJhbnNlY3QtdGVzdHMtMQ", "--config"]).arg(properties);
        let output = command.stdin(Stdio::null()).output().context("run java")?;
        if !output.status.success() {
            bail!("the broker's folder can't be made: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn serve(&self, properties: &Path) -> anyhow::Result<Child> {
        let log = fs::File::create(self.folder.join("log"))?;
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_INPUT_ENDS, "sh", "java"]);
        command.args(self.arguments("kafka.Kafka")).arg(properties);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        command.spawn().context("start the broker")
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn server_properties(folder: &Path, port: u16, controller: u16) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
",
        data = data.display()
    )
}
