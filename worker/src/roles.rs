//! The roles as processes, on Kafka: each runs for the partitions that its process is given, as in one process it runs for
//! all there is (`pipeline`).

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use transect_config::{PipelineConfig, SourceConfig, SourceKind, Span, WorkerConfig};
use transect_core::identity::PipelineKey;
use transect_core::process::ProcessSource;

use crate::aggregate::{self, Aggregate};
use crate::assignment::{self, Assignment};
use crate::compiled::Compiled;
use crate::gateway::{self, Bridge, GatewayParts, GatewaySource};
use crate::health;
use crate::log::kafka::{KafkaSettings, Outlet};
use crate::log::{Log, Topic};
use crate::metrics::Metrics;
use crate::pipeline::{EPOCH_BYTES, FLUSH_INTERVAL, TABLE, now_micros};
use crate::process::{self, Process, ProcessParts};
use crate::role::{Role, RoleError};
use crate::runner::Flag;
use crate::secret;
use crate::sink::Folders;
use crate::sink::archive::{self, Archive};
use crate::sink::lines::LineSink;
use crate::sink::table::{TableOptions, TableSink};
use crate::sink::windows::WindowSink;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Takes events in over HTTP.
    Gateway,
    /// Judges events.
    Process,
    /// Gathers windows.
    Aggregate,
    /// Writes the cold tier.
    Sink,
}

/// Works until it is told to stop. The member is this process among those of its job: the same after a restart, another
/// for each that runs at the same time.
///
/// # Errors
///
/// What no further try would mend: a configuration that can't be run, a key that is missing, an address that is taken.
pub fn run(config: &WorkerConfig, job: Job, member: &str, stop: &Flag) -> Result<(), RoleError> {
    let worker = Worker::open(config, member, stop)?;
    match job {
        Job::Gateway => worker.gateway(),
        Job::Process => worker.process(),
        Job::Aggregate => worker.aggregate(),
        Job::Sink => worker.sinks(),
    }
}

/// Makes the role of a partition, from its log.
type MakeRole<'a> = dyn Fn(Arc<dyn Log>) -> Result<Box<dyn Role>, RoleError> + Send + Sync + 'a;

/// A group of workers: who shares out which topic, and what they do with a partition.
struct Group<'a> {
    name: &'static str,
    topic: Topic,
    role: Box<MakeRole<'a>>,
}

struct Worker<'a> {
    config: &'a WorkerConfig,
    pipeline: &'a PipelineConfig,
    member: &'a str,
    stop: &'a Flag,
    compiled: Compiled,
    key: PipelineKey,
    metrics: Arc<Metrics>,
}

impl<'a> Worker<'a> {
    fn open(config: &'a WorkerConfig, member: &'a str, stop: &'a Flag) -> Result<Self, RoleError> {
        let pipeline = &config.pipeline;
        refuse_what_is_not_there_yet(pipeline)?;
        let (compiled, key) = (Compiled::of(pipeline)?, secret::load(&config.key)?);
        Ok(Self { config, pipeline, member, stop, compiled, key, metrics: Arc::new(Metrics::default()) })
    }

    /// How this process is known to the brokers in a group. Groups are apart, so that none waits for another.
    fn settings(&self, group: &str) -> KafkaSettings {
        let kafka = &self.config.kafka;
        KafkaSettings {
            bootstrap_servers: kafka.bootstrap_servers.clone(),
            prefix: kafka.prefix.clone(),
            security: kafka.security.clone(),
            member: format!("{group}.{}", self.member),
            session_timeout: duration(kafka.session_timeout),
            timeout: duration(kafka.timeout),
        }
    }

    /// With another number, keys would be elsewhere than before.
    fn check_partitions(&self, found: u32) -> Result<(), RoleError> {
        let (wanted, prefix) = (self.pipeline.partitions, &self.config.kafka.prefix);
        if found == wanted {
            return Ok(());
        }
        let problem = format!("the topics {prefix}.… have {found} partitions, and the pipeline has {wanted}");
        Err(format!("{problem}; make the topics anew, or give `partitions` the number that they have").into())
    }

    /// HTTP, topics of Kafka → raw
    fn gateway(&self) -> Result<(), RoleError> {
        let outlet = Outlet::connect(self.settings("gateway"))?;
        self.check_partitions(outlet.partitions())?;
        let sources = self.pipeline.sources.iter();
        let parts = GatewayParts {
            partitions: Some(outlet.partitions()),
            commit: Box::new(move |transaction| outlet.commit(transaction)),
            study: self.pipeline.study.clone(),
            sources: sources.filter(|source| is_http(source)).map(GatewaySource::of).collect(),
            types: Arc::clone(&self.compiled.types),
            key: self.key.clone(),
            keys: None,
            metrics: Arc::clone(&self.metrics),
            shows_health: false,
            stop: self.stop.clone(),
            clock: now_micros,
        };
        let listening = |address: SocketAddr| tracing::info!(%address, "listening");
        let serving = gateway::serve(&self.config.gateway, parts, Some(listening))?;
        let bridges = self.bridges();
        let joined = bridges.iter().map(|bridge| bridge.joined.clone()).collect();
        health::serve(self.config.listen, Arc::clone(&self.metrics), joined)?;
        let ended = thread::scope(|scope| {
            let threads = bridges.iter().map(|bridge| scope.spawn(move || bridge.run()));
            join(threads.collect())
        });
        serving.join().and(ended)
    }

    /// The sources that are topics of Kafka.
    fn bridges(&self) -> Vec<Bridge> {
        let bridge = |source: &SourceConfig| {
            let SourceKind::Kafka { topic, bootstrap_servers, security, start } = &source.kind else {
                return None;
            };
            let to = self.settings("gateway");
            let from = match bootstrap_servers {
                None => to.clone(),
                Some(servers) => {
                    let (bootstrap_servers, security) = (servers.clone(), security.clone());
                    KafkaSettings { bootstrap_servers, security, ..to.clone() }
                }
            };
            Some(Bridge {
                source: GatewaySource::of(source),
                from,
                topic: topic.clone(),
                start: *start,
                to,
                types: Arc::clone(&self.compiled.types),
                key: self.key.clone(),
                stop: self.stop.clone(),
                joined: Flag::default(),
                clock: now_micros,
            })
        };
        self.pipeline.sources.iter().filter_map(bridge).collect()
    }

    /// raw → clean, rejected, ids, partials, alerts
    fn process(&self) -> Result<(), RoleError> {
        let role = |log: Arc<dyn Log>| -> Result<Box<dyn Role>, RoleError> {
            let sources = self.pipeline.sources.iter();
            let source =
                |source: &SourceConfig| ProcessSource { name: source.name.as_str().into(), bounded: false };
            // Inputs with an end are read elsewhere.
            let (input_errors, _) = channel();
            let parts = ProcessParts {
                log,
                types: Arc::clone(&self.compiled.types),
                windows: self.compiled.windows.clone(),
                detectors: self.compiled.detectors.events.clone(),
                lookups: self.compiled.lookups.clone(),
                sources: sources.map(|of| (source(of), None)).collect(),
                key: self.key.clone(),
                keys: None,
                partitions: self.pipeline.partitions,
                generation: self.pipeline.generation,
                dedup_window_micros: self.pipeline.dedup.window.micros(),
                threads: self.config.threads,
                epoch_bytes: EPOCH_BYTES,
                end: Flag::default(),
                drain: false,
                behind: None,
                input_errors,
                metrics: Arc::clone(&self.metrics),
                clock: now_micros,
            };
            Ok(Box::new(Process::new(parts)?))
        };
        self.work(vec![Group { name: process::GROUP, topic: Topic::Raw, role: Box::new(role) }])
    }

    /// partials → windows
    fn aggregate(&self) -> Result<(), RoleError> {
        let role = |log: Arc<dyn Log>| -> Result<Box<dyn Role>, RoleError> {
            let detectors = self.compiled.detectors.windows.clone();
            let (plans, metrics) = (self.compiled.window_plans(), Arc::clone(&self.metrics));
            Ok(Box::new(Aggregate::new(log, plans, detectors, metrics)?))
        };
        self.work(vec![Group { name: aggregate::GROUP, topic: Topic::Partials, role: Box::new(role) }])
    }

    /// clean → table, windows → windows, rejected → rejected, alerts → alerts, raw → archive
    fn sinks(&self) -> Result<(), RoleError> {
        let folders = Folders { out: self.config.out.clone(), state: self.config.out.clone() };
        fs::create_dir_all(&folders.out)
            .map_err(|error| format!("create {}: {error}", folders.out.display()))?;
        let (folders, study) = (&folders, &self.pipeline.study);
        let lines = |topic: Topic| Group {
            name: topic.as_str(),
            topic,
            role: Box::new(move |log| Ok(Box::new(LineSink::open(log, topic, folders)?))),
        };
        let mut groups = vec![lines(Topic::Rejected), lines(Topic::Alerts), lines(Topic::Redriven)];
        let windows = move |log| -> Result<Box<dyn Role>, RoleError> {
            Ok(Box::new(WindowSink::open(log, folders, study)?))
        };
        groups.push(Group { name: Topic::Windows.as_str(), topic: Topic::Windows, role: Box::new(windows) });
        if self.pipeline.cold.table {
            let table = move |log| -> Result<Box<dyn Role>, RoleError> {
                Ok(Box::new(TableSink::open(log, folders, TableOptions::new(study, self.config.threads))?))
            };
            groups.push(Group { name: TABLE, topic: Topic::Clean, role: Box::new(table) });
        }
        if self.pipeline.cold.archive {
            let archive = move |log| -> Result<Box<dyn Role>, RoleError> {
                let spill = tempfile::tempfile().map_err(|error| format!("create a file: {error}"))?;
                Ok(Box::new(Archive::new(log, folders, Vec::new(), spill, None, Flag::default())?))
            };
            groups.push(Group { name: archive::GROUP, topic: Topic::Raw, role: Box::new(archive) });
        }
        self.work(groups)
    }

    /// Works for several groups, each on a thread of its own.
    fn work(&self, groups: Vec<Group<'_>>) -> Result<(), RoleError> {
        let groups: Vec<_> = groups.into_iter().map(|group| (group, Flag::default())).collect();
        let joined = groups.iter().map(|(_, joined)| joined.clone()).collect();
        health::serve(self.config.listen, Arc::clone(&self.metrics), joined)?;
        thread::scope(|scope| {
            let work = |(Group { name, topic, role }, joined)| {
                let settings = self.settings(name);
                let assigned = move || {
                    let checked = |log: Arc<dyn Log>| {
                        self.check_partitions(log.share().map_or(1, |share| share.of))?;
                        role(log)
                    };
                    assignment::run(&Assignment {
                        topic: settings.topic(topic),
                        session: &|member| assignment::of_partitions(&settings, name, member, &checked),
                        settings: settings.clone(),
                        group: name,
                        flush_interval: FLUSH_INTERVAL,
                        joined,
                        stop: self.stop.clone(),
                    })
                };
                thread::Builder::new().name(name.into()).spawn_scoped(scope, assigned)
            };
            let threads: Vec<_> = groups.into_iter().map(work).collect::<Result<_, _>>()?;
            join(threads)
        })
    }
}

/// Waits for all; the first error.
fn join(threads: Vec<ScopedJoinHandle<'_, Result<(), RoleError>>>) -> Result<(), RoleError> {
    let panicked = || Err(RoleError::from("a role has panicked; this is a bug in Transect"));
    let join = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|_| panicked());
    threads.into_iter().map(join).fold(Ok(()), Result::and)
}

/// Says so of what works in one process only.
fn refuse_what_is_not_there_yet(pipeline: &PipelineConfig) -> Result<(), RoleError> {
    if let Some(source) = pipeline.sources.iter().find(|source| is_file(source)) {
        let name = &source.name;
        return Err(format!(
            "source {name}: files are read by `transect up`, not by workers on Kafka; post its events to a source of \
             kind http"
        )
        .into());
    }
    if pipeline.is_private() {
        let problem = "personal fields are treated by `transect up`, not yet by workers on Kafka; take `privacy` out \
                       of the schemas, or run the pipeline in one process";
        return Err(format!("pipeline {}: {problem}", pipeline.name).into());
    }
    Ok(())
}

fn is_http(source: &SourceConfig) -> bool {
    matches!(source.kind, SourceKind::Http {})
}

fn is_file(source: &SourceConfig) -> bool {
    matches!(source.kind, SourceKind::Files { .. })
}

fn duration(span: Span) -> Duration {
    Duration::from_micros(span.micros().unsigned_abs())
}
