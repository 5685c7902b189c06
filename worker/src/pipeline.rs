//! One pipeline in one process: the table of contents. Stages stand in the order in which data passes them, and speak
//! to each other only through the log.
//!
//! ```text
//! gateway ─► raw ─┐
//! files ──────────┴► process ─► clean ────► table sink     ─► table/
//!        └► archive          ├► rejected ─► rejected sink  ─► rejected/
//!                            ├► partials ─► aggregate ─► windows ─► windows sink ─► windows/
//!                            └► alerts ◄───────┘    └──► alerts sink ─► alerts/
//! ```

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use transect_config::{GatewayConfig, PipelineConfig, SourceConfig, SourceKind};
use transect_core::identity::PipelineKey;
use transect_core::process::ProcessSource;

use crate::aggregate::Aggregate;
use crate::compiled::Compiled;
use crate::gateway::{self, GatewayParts, GatewaySource};
use crate::housekeeping::Housekeeping;
use crate::input::{FileSource, InputError, Progress, SourcePosition};
use crate::keys::{self, Keys};
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, Topic};
use crate::metrics::Metrics;
use crate::process::{self, Process, ProcessParts};
use crate::report::Report;
use crate::role::RoleError;
use crate::runner::{Flag, Runner};
use crate::secret;
use crate::sink::Folders;
use crate::sink::archive::{self, Archive, ArchiveState, SealedArchive};
use crate::sink::lines::LineSink;
use crate::sink::table::{TableOptions, TableSink};
use crate::sink::windows::WindowSink;

/// Sinks write what they hold at least so often while events trickle in.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// The group of the table sink.
pub(crate) const TABLE: &str = "table";

/// How a pipeline is run in one process.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where results go.
    pub out: PathBuf,
    /// Where the log and the key are kept.
    pub state: PathBuf,
    /// Where the keys of personal fields are; only used if any event type has some.
    pub keys: PathBuf,
    /// How the gateway takes events in; None for no gateway: then the run ends when the bounded sources are read.
    pub gateway: Option<GatewayConfig>,
    /// Whether to end once the bounded sources are read and the last windows are closed.
    pub drain: bool,
    /// Number of decoding threads.
    pub threads: usize,
    /// Bytes of events in one transaction. Fewer make windows be issued and revised in smaller steps.
    pub epoch_bytes: usize,
    /// How often what has been done is made durable, where nothing else has: so much at most is done again after a
    /// crash.
    pub commit_interval: Duration,
}

/// The usual size of an epoch: large enough that what a commit costs is lost in it, small enough to be held in memory.
pub const EPOCH_BYTES: usize = 16 * 1024 * 1024;

/// What the caller sees of a running pipeline.
#[derive(Clone, Default)]
pub struct Watch {
    /// Ends the pipeline in good order when it goes up.
    pub stop: Flag,
    /// How far the inputs have been read.
    pub progress: Progress,
    /// Called once with the address that the gateway listens on.
    pub listening: Option<fn(SocketAddr)>,
}

/// Runs a pipeline until it is drained or told to stop, and returns its ledger.
pub fn run(config: &PipelineConfig, options: &Options, watch: &Watch) -> Result<Report, RoleError> {
    let pipeline = Pipeline::open(config, options, watch)?;
    let (log, end) = (&pipeline.log, &pipeline.end);
    let mut runner = Runner::new(Arc::clone(log), end.clone(), FLUSH_INTERVAL);

    // HTTP → raw
    let close = Flag::default();
    let gateway = options.gateway.as_ref().map(|gateway| pipeline.gateway(gateway, &close)).transpose()?;

    // raw, files → clean, rejected, ids, partials
    let (input_errors, failed_inputs) = channel();
    let process = Process::new(pipeline.process(input_errors)?)?;
    // Without a gateway nothing more can come once the files are read.
    let is_finite = options.drain || options.gateway.is_none();
    let processed = vec![runner.spawn(process, is_finite.then(Vec::new))?];

    // partials → windows
    let (windows, detectors) =
        (pipeline.compiled.window_plans(), pipeline.compiled.detectors.windows.clone());
    let aggregate = Aggregate::new(Arc::clone(log), windows, detectors, Arc::clone(&pipeline.metrics))?;
    let aggregated = vec![runner.spawn(aggregate, Some(processed.clone()))?];

    // clean → table, windows → windows, rejected → rejected, alerts → alerts, inputs → archive
    let folders = &pipeline.folders;
    let mut sinks = Vec::new();
    if config.cold.table {
        let sink =
            TableSink::open(Arc::clone(log), folders, TableOptions::new(&config.study, options.threads))?;
        sinks.push(runner.spawn(sink, Some(processed.clone()))?);
    }
    // These end after the table: what that has stored, their last commits need not write into the log.
    let table = sinks.clone();
    let windows = WindowSink::open(Arc::clone(log), folders, &config.study)?;
    sinks.push(runner.spawn_behind(table.clone(), windows, Some(aggregated.clone()))?);
    // What is redriven was written into raw before the start: without that there is nothing to wait for.
    if log.end(Topic::Raw) > 0 || log.end(Topic::Redriven) > 0 {
        let redriven = LineSink::open(Arc::clone(log), Topic::Redriven, folders)?;
        sinks.push(runner.spawn_behind(table.clone(), redriven, Some(processed.clone()))?);
    }
    // Also what is left of detectors that the manifest no longer has.
    if !config.anomalies.is_empty() || log.end(Topic::Alerts) > 0 {
        let alerts = LineSink::open(Arc::clone(log), Topic::Alerts, folders)?;
        let both = [processed.clone(), aggregated].concat();
        sinks.push(runner.spawn_behind(table.clone(), alerts, Some(both))?);
    }
    let rejected = LineSink::open(Arc::clone(log), Topic::Rejected, folders)?;
    sinks.push(runner.spawn_behind(table.clone(), rejected, Some(processed.clone()))?);
    if config.cold.archive {
        sinks.push(runner.spawn_behind(table, pipeline.archive()?, Some(processed))?);
    }

    // whatever is not durable yet → durable; the ledger → ledger.json
    runner.spawn(pipeline.housekeeping(), Some(sinks))?;

    // The gateway closes first, so that what it has acknowledged is worked off by the others.
    runner.wait(&watch.stop);
    close.raise();
    let closed = gateway.map_or(Ok(()), gateway::Serving::join);
    end.raise();
    runner.join().and(closed)?;
    if let Ok(error) = failed_inputs.try_recv() {
        return Err(error.into());
    }
    Report::of(&**log, &config.study, &config.name)
}

/// A pipeline, compiled and its log open: what the stages are made from.
struct Pipeline<'a> {
    config: &'a PipelineConfig,
    options: &'a Options,
    watch: &'a Watch,
    folders: Folders,
    log: Arc<dyn Log>,
    key: PipelineKey,
    /// If any event type has personal fields.
    keys: Option<Keys>,
    metrics: Arc<Metrics>,
    compiled: Compiled,
    /// Goes up when no more is to be read.
    end: Flag,
}

impl<'a> Pipeline<'a> {
    fn open(config: &'a PipelineConfig, options: &'a Options, watch: &'a Watch) -> Result<Self, RoleError> {
        for folder in [&options.state, &options.out] {
            fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        }
        // Raw is kept, ids and partials are let go by the roles that write and read them.
        let own = [Topic::Windows, Topic::Rejected, Topic::Redriven, Topic::Alerts];
        let mut readers: Vec<_> = own.map(|topic| (topic, topic.as_str())).to_vec();
        readers.extend(config.cold.table.then_some((Topic::Clean, TABLE)));
        let log = EmbeddedLog::open(&options.state.join("log"))?;
        // What was sealed must be opened, though nothing may be personal any more.
        let is_private = config.is_private() || keys::are_noted(&log);
        if is_private {
            // Nobody's own key opens it, so that an erasure would not reach what is kept of it.
            readers.push((Topic::Raw, process::GROUP));
            readers.extend(config.cold.archive.then_some((Topic::Raw, archive::GROUP)));
        }
        let log = Arc::new(log.read_by(readers));
        let key = secret::load_or_create(&options.state)?;
        let keys = is_private.then(|| Keys::open(&options.keys, &*log, key.clone())).transpose()?;
        let compiled = Compiled::of(config)?;
        Ok(Self {
            folders: Folders { out: options.out.clone(), state: options.state.clone() },
            key,
            keys,
            metrics: Arc::new(Metrics::default()),
            compiled,
            end: Flag::default(),
            config,
            options,
            watch,
            log,
        })
    }

    fn gateway(&self, config: &GatewayConfig, close: &Flag) -> Result<gateway::Serving, RoleError> {
        let http = self.config.sources.iter().filter(|source| matches!(source.kind, SourceKind::Http {}));
        let parts = GatewayParts {
            commit: Box::new({
                let log = Arc::clone(&self.log);
                move |transaction| log.commit(transaction)
            }),
            partitions: None,
            study: self.config.study.clone(),
            sources: http.map(GatewaySource::of).collect(),
            types: Arc::clone(&self.compiled.types),
            key: self.key.clone(),
            keys: self.keys.as_ref().map(|keys| Arc::clone(&keys.privacy.ring)),
            metrics: Arc::clone(&self.metrics),
            shows_health: true,
            stop: close.clone(),
            clock: now_micros,
        };
        gateway::serve(config, parts, self.watch.listening)
    }

    fn process(&self, input_errors: Sender<InputError>) -> Result<ProcessParts, RoleError> {
        let state = Process::committed_state(&*self.log)?;
        let mut sources = Vec::with_capacity(self.config.sources.len());
        for source in &self.config.sources {
            let reader = match &source.kind {
                SourceKind::Http {} => None,
                SourceKind::Kafka { .. } => {
                    let problem = "topics of Kafka are read by workers on Kafka, not in one process";
                    return Err(format!("source {}: {problem}; give it files by --input", source.name).into());
                }
                SourceKind::Files { paths, format } => {
                    let position = state.sources.get(&source.name).and_then(|s| s.input.clone());
                    let files = self.files(source, paths, position, self.watch.progress.clone());
                    Some(files.written_as(*format))
                }
            };
            let bounded = reader.is_some();
            sources.push((ProcessSource { name: source.name.as_str().into(), bounded }, reader));
        }
        Ok(ProcessParts {
            log: Arc::clone(&self.log),
            types: Arc::clone(&self.compiled.types),
            windows: self.compiled.windows.clone(),
            detectors: self.compiled.detectors.events.clone(),
            lookups: self.compiled.lookups.clone(),
            sources,
            key: self.key.clone(),
            keys: self.keys.clone(),
            partitions: self.config.partitions,
            generation: self.config.generation,
            dedup_window_micros: self.config.dedup.window.micros(),
            threads: self.options.threads,
            epoch_bytes: self.options.epoch_bytes,
            end: self.end.clone(),
            drain: self.options.drain,
            behind: self.config.cold.table.then_some(TABLE),
            input_errors,
            metrics: Arc::clone(&self.metrics),
            clock: now_micros,
            instant: Instant::now,
        })
    }

    fn files(
        &self,
        source: &SourceConfig,
        paths: &[PathBuf],
        position: Option<SourcePosition>,
        progress: Progress,
    ) -> FileSource {
        let event_type = source.event_type.as_deref();
        FileSource::new(paths, &source.name, event_type, self.config.limits, position, progress)
            .of_version(source.schema_version)
            .chunks_of(self.options.epoch_bytes)
    }

    /// The archive reads the inputs a second time, in its own time; its reading is no progress to show.
    fn archive(&self) -> Result<Archive, RoleError> {
        let state = ArchiveState::committed(&*self.log)?;
        let failed = |error| format!("create a file in {}: {error}", self.folders.state.display());
        // Without a name: what is too large to hold is on no disk once this process has ended.
        let spill = tempfile::tempfile_in(&self.folders.state).map_err(failed)?;
        let mut readers = Vec::new();
        for source in &self.config.sources {
            if let SourceKind::Files { paths, format } = &source.kind {
                let reader = self.files(source, paths, state.input(&source.name), Progress::default());
                let reader = reader.written_as(*format);
                readers.push((source.name.clone(), reader.spill_into(spill.try_clone().map_err(failed)?)));
            }
        }
        let sealing = self.keys.clone().map(|keys| SealedArchive::new(&self.compiled.types, &self.key, keys));
        Archive::new(Arc::clone(&self.log), &self.folders, readers, spill, sealing, self.end.clone())
    }

    fn housekeeping(&self) -> Housekeeping {
        let ledger = self.folders.out.join("ledger.json");
        let Self { log, options, config, .. } = self;
        Housekeeping::new(Arc::clone(log), options.commit_interval, ledger, &config.study, &config.name)
    }
}

pub(crate) fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
