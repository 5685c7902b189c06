//! A pipeline's workers as processes, on a real broker.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use transect_config::{GatewayConfig, KafkaConfig, KafkaSecurity, PipelineConfig, Span, WorkerConfig};
use transect_crds::yaml;
use transect_operator::resolve::{Overrides, resolve};
use transect_worker::log::kafka::{KafkaSettings, TopicSettings, create_topics};
use transect_worker::runner::Flag;
use ureq::http::Request;

use crate::command::{binary, terminate, wait_for};
use crate::kafka::Kafka;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
const DAY_MS: u64 = 86_400_000;

/// A pipeline whose topics are there.
pub struct Workers {
    config: WorkerConfig,
    folder: PathBuf,
}

impl Workers {
    /// The pipeline of some manifests, with topics of its own, and everything else in a folder.
    pub fn new(kafka: &Kafka, prefix: &str, manifests: &Path, folder: &Path) -> anyhow::Result<Self> {
        let pipeline = pipeline(manifests)?;
        let key = folder.join("key");
        fs::write(&key, [7; 16])?;
        let replication_factor = kafka.brokers() as u32;
        let kafka = KafkaConfig {
            bootstrap_servers: kafka.bootstrap_servers.clone(),
            prefix: prefix.to_owned(),
            security: KafkaSecurity::default(),
            session_timeout: Span::from_micros(SESSION_TIMEOUT.as_micros() as i64),
            timeout: Span::from_micros(PATIENCE.as_micros() as i64),
        };
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (out, folder) = (folder.join("out"), folder.to_owned());
        let gateway = GatewayConfig { listen, ..GatewayConfig::default() };
        let config = WorkerConfig { pipeline, kafka, key, out, listen, gateway, threads: 1 };
        let workers = Self { config, folder };
        let topics = TopicSettings {
            partitions: workers.config.pipeline.partitions,
            replication_factor,
            retention_ms: 7 * DAY_MS,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(create_topics(&workers.settings("topics"), topics))?;
        Ok(workers)
    }

    /// The same, of which brokers may keep their answers back no longer than this.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.config.kafka.timeout = Span::from_micros(timeout.as_micros() as i64);
        self
    }

    /// The same, whose gateways serve no more than so many requests at a time.
    #[must_use]
    pub fn with_requests_in_flight(mut self, requests: usize) -> Self {
        self.config.gateway.requests_in_flight = requests;
        self
    }

    /// How a process is known to the broker.
    pub fn settings(&self, member: &str) -> KafkaSettings {
        KafkaSettings {
            bootstrap_servers: self.config.kafka.bootstrap_servers.clone(),
            prefix: self.config.kafka.prefix.clone(),
            security: self.config.kafka.security.clone(),
            member: member.to_owned(),
            session_timeout: SESSION_TIMEOUT,
            timeout: PATIENCE,
            ending: Flag::default(),
            metrics: Arc::default(),
        }
    }

    /// The pipeline as the workers read it.
    pub fn pipeline(&self) -> &PipelineConfig {
        &self.config.pipeline
    }

    /// Where the cold tier is.
    pub fn out(&self) -> &Path {
        &self.config.out
    }

    /// Starts a process, which need not be ready yet.
    pub fn start(&self, role: &str, member: &str) -> anyhow::Result<Worker> {
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let (address, door) = (free()?, free()?);
        let mut config = WorkerConfig { listen: address, ..self.config.clone() };
        config.gateway.listen = door;
        let path = self.folder.join(format!("{role}-{member}.json"));
        fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
        let log = path.with_extension("log");
        let said = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = Command::new(binary()?.with_file_name("transect-worker"));
        command.arg(role).arg("--config").arg(&path).args(["--member", member]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        let child = child.context("start transect-worker; build it first")?;
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        Ok(Worker { child, address, door, log, agent: agent.build().into() })
    }
}

/// The one pipeline of some manifests, as the operator would write it.
fn pipeline(manifests: &Path) -> anyhow::Result<PipelineConfig> {
    let loaded = yaml::load(&[manifests.to_owned()]);
    let pipeline = loaded.pipelines.first().context("there is no pipeline")?;
    let resolved = resolve(&loaded.schemas, &loaded.config_maps, pipeline, &Overrides::new());
    Ok(resolved.map_err(|problems| anyhow!("{problems:?}"))?.config)
}

/// A process of a pipeline.
pub struct Worker {
    child: Child,
    /// Of its health and metrics.
    address: SocketAddr,
    /// Of the gateway.
    door: SocketAddr,
    log: PathBuf,
    agent: ureq::Agent,
}

impl Worker {
    /// Waits until it has joined its groups, or listens.
    pub fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.get("/readyz").is_ok_and(|(status, _)| status == 200) {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended by itself with {status}: {}", self.said());
            }
            ensure!(Instant::now() < deadline, "it was not ready within {PATIENCE:?}: {}", self.said());
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Asks for a page of its health or metrics.
    pub fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        self.send(Request::get(format!("http://{}{path}", self.address)).body(Vec::new())?)
    }

    /// Posts to a path of the gateway.
    pub fn post(&self, path: &str, content_type: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let request = Request::post(format!("http://{}{path}", self.door));
        self.send(request.header("content-type", content_type).body(body.as_bytes().to_vec())?)
    }

    /// Posts to a path of the gateway; the status, and when to come back.
    pub fn try_post(
        &self,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> anyhow::Result<(u16, Option<String>)> {
        let request = Request::post(format!("http://{}{path}", self.door));
        let request = request.header("content-type", content_type).body(body.as_bytes().to_vec())?;
        let response = self.agent.run(request)?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        Ok((response.status().as_u16(), retry_after.map(str::to_owned)))
    }

    fn send(&self, request: Request<Vec<u8>>) -> anyhow::Result<(u16, String)> {
        let mut response = self.agent.run(request)?;
        Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
    }

    /// Where the gateway takes events.
    pub fn door(&self) -> SocketAddr {
        self.door
    }

    /// The most memory that it has had at a time, in bytes.
    pub fn memory_peak(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// The time that it has had of the processors, in seconds.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything: utime and stime in ticks of 10 ms.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("no time");
        Ok((ticks(11)? + ticks(12)?) / 100.0)
    }

    /// Halts it where it stands, or lets it go on.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).context("send a signal")
    }

    /// Ends it at once.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        wait_for(&mut self.child, PATIENCE)?;
        Ok(())
    }

    /// Ends it in good order; how long that took.
    pub fn stop(mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        terminate(&mut self.child).with_context(|| self.said())?;
        Ok(begun.elapsed())
    }

    /// The file that it logs to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What it has logged.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Has ended already, unless a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
