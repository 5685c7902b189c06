//! The roles as processes, on Kafka: each runs for the partitions that its process is given, as in one process it runs for
//! all there is (`pipeline`).

mod maker;

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use transect_config::{PipelineConfig, SourceConfig, SourceKind, Span, WorkerConfig};

pub use self::maker::{Made, RoleMaker};
use crate::aggregate;
use crate::assignment::{self, Assignment};
use crate::gateway::{self, Bridge, Files, FilesOf, GatewayParts, GatewaySource};
use crate::health;
use crate::log::kafka::{KafkaSettings, Outlet};
use crate::log::{Log, Topic};
use crate::pipeline::{FLUSH_INTERVAL, TABLE, now_micros};
use crate::process;
use crate::role::RoleError;
use crate::runner::Flag;
use crate::secret;
use crate::sink::archive;

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
type MakeRole<'a> = dyn Fn(Arc<dyn Log>) -> Made + Send + Sync + 'a;

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
    maker: RoleMaker,
}

impl<'a> Worker<'a> {
    fn open(config: &'a WorkerConfig, member: &'a str, stop: &'a Flag) -> Result<Self, RoleError> {
        let pipeline = &config.pipeline;
        refuse_what_is_not_there_yet(pipeline)?;
        let maker = RoleMaker::new(pipeline.clone(), secret::load(&config.key)?, config.threads)?;
        Ok(Self { config, pipeline, member, stop, maker })
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
            ending: self.stop.clone(),
            metrics: Arc::clone(&self.maker.metrics),
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

    /// HTTP, topics of Kafka, files → raw
    fn gateway(&self) -> Result<(), RoleError> {
        let outlet = Outlet::connect(self.settings("gateway"))?;
        self.check_partitions(outlet.partitions())?;
        let sources = self.pipeline.sources.iter();
        let parts = GatewayParts {
            partitions: Some(outlet.partitions()),
            commit: Box::new(move |transaction| outlet.commit(transaction)),
            study: self.pipeline.study.clone(),
            sources: sources.filter(|source| is_http(source)).map(GatewaySource::of).collect(),
            types: Arc::clone(&self.maker.compiled.types),
            key: self.maker.key.clone(),
            keys: None,
            metrics: Arc::clone(&self.maker.metrics),
            shows_health: false,
            stop: self.stop.clone(),
            clock: now_micros,
        };
        let listening = |address: SocketAddr| tracing::info!(%address, "listening");
        let serving = gateway::serve(&self.config.gateway, parts, Some(listening))?;
        let (bridges, files) = (self.bridges(), self.files());
        let joined =
            bridges.iter().map(|bridge| &bridge.joined).chain(files.iter().map(|files| &files.joined));
        health::serve(self.config.listen, Arc::clone(&self.maker.metrics), joined.cloned().collect())?;
        let ended = thread::scope(|scope| {
            let bridges = bridges.iter().map(|bridge| scope.spawn(move || bridge.run()));
            join(bridges.chain(files.iter().map(|files| scope.spawn(move || files.run()))).collect())
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
                types: Arc::clone(&self.maker.compiled.types),
                key: self.maker.key.clone(),
                stop: self.stop.clone(),
                joined: Flag::default(),
                clock: now_micros,
            })
        };
        self.pipeline.sources.iter().filter_map(bridge).collect()
    }

    /// The sources that are files.
    fn files(&self) -> Option<Files> {
        let sources: Vec<FilesOf> = self.pipeline.sources.iter().filter_map(FilesOf::of).collect();
        (!sources.is_empty()).then(|| Files {
            sources,
            limits: self.pipeline.limits,
            settings: self.settings("gateway"),
            types: Arc::clone(&self.maker.compiled.types),
            key: self.maker.key.clone(),
            joined: Flag::default(),
            stop: self.stop.clone(),
        })
    }

    fn process(&self) -> Result<(), RoleError> {
        let role = |log| self.maker.process(log);
        self.work(vec![Group { name: process::GROUP, topic: Topic::Raw, role: Box::new(role) }])
    }

    fn aggregate(&self) -> Result<(), RoleError> {
        let role = |log| self.maker.aggregate(log);
        self.work(vec![Group { name: aggregate::GROUP, topic: Topic::Partials, role: Box::new(role) }])
    }

    fn sinks(&self) -> Result<(), RoleError> {
        let (maker, out) = (&self.maker, &self.config.out);
        fs::create_dir_all(out).map_err(|error| format!("create {}: {error}", out.display()))?;
        let lines = |topic: Topic| Group {
            name: topic.as_str(),
            topic,
            role: Box::new(move |log| maker.lines(log, topic, out)),
        };
        let mut groups = vec![lines(Topic::Rejected), lines(Topic::Alerts), lines(Topic::Redriven)];
        let windows = move |log| maker.windows(log, out);
        groups.push(Group { name: Topic::Windows.as_str(), topic: Topic::Windows, role: Box::new(windows) });
        if self.pipeline.cold.table {
            let table = move |log| maker.table(log, out);
            groups.push(Group { name: TABLE, topic: Topic::Clean, role: Box::new(table) });
        }
        if self.pipeline.cold.archive {
            let archive = move |log| maker.archive(log, out);
            groups.push(Group { name: archive::GROUP, topic: Topic::Raw, role: Box::new(archive) });
        }
        self.work(groups)
    }

    /// Works for several groups, each on a thread of its own.
    fn work(&self, groups: Vec<Group<'_>>) -> Result<(), RoleError> {
        let groups: Vec<_> = groups.into_iter().map(|group| (group, Flag::default())).collect();
        let joined = groups.iter().map(|(_, joined)| joined.clone()).collect();
        health::serve(self.config.listen, Arc::clone(&self.maker.metrics), joined)?;
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

fn duration(span: Span) -> Duration {
    Duration::from_micros(span.micros().unsigned_abs())
}
