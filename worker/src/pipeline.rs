//! One pipeline in one process: the table of contents. Stages stand in the order in which data passes them, and speak
//! to each other only through the log.
//!
//! ```text
//! gateway ─► raw ─┐
//! files ──────────┴► process ─► clean ────► table sink     ─► table/
//!        └► archive          ├► rejected ─► rejected sink  ─► rejected/
//!                            └► partials ─► aggregate ─► windows ─► windows sink ─► windows/
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use transect_config::{PipelineConfig, SourceKind};
use transect_core::events::EventType;
use transect_core::plan::Plan;
use transect_core::process::ProcessSource;
use transect_core::window::WindowPlan;

use crate::aggregate::{self, Aggregate};
use crate::gateway;
use crate::housekeeping::Housekeeping;
use crate::input::{FileSource, Progress};
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, Topic};
use crate::metrics::Metrics;
use crate::process::{Process, ProcessParts};
use crate::report::Report;
use crate::role::RoleError;
use crate::runner::{Flag, Runner};
use crate::secret;
use crate::sink::Folders;
use crate::sink::archive::{Archive, ArchiveState};
use crate::sink::rejected::RejectedSink;
use crate::sink::table::{TableOptions, TableSink};
use crate::sink::windows::WindowSink;

/// Sinks write what they hold at least so often while events trickle in.
const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
/// How soon a request to end is noticed.
const POLL: Duration = Duration::from_millis(20);

/// How a pipeline is run in one process.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where results go.
    pub out: PathBuf,
    /// Where the log and the key are kept.
    pub state: PathBuf,
    /// Where the gateway listens; None for no gateway.
    pub listen: Option<SocketAddr>,
    /// Whether to end once the bounded sources are read and the last windows are closed.
    pub drain: bool,
    /// Number of decoding threads.
    pub threads: usize,
    /// Bytes of events in one transaction. Fewer make windows be issued and revised in smaller steps.
    pub epoch_bytes: usize,
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
    fs::create_dir_all(&options.state).map_err(|error| format!("create {}: {error}", options.state.display()))?;
    fs::create_dir_all(&options.out).map_err(|error| format!("create {}: {error}", options.out.display()))?;
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(&options.state.join("log"))?);
    let metrics = Arc::new(Metrics::default());
    let stages = Stages::compile(config, secret::load_or_create(&options.state)?)?;
    let (end, close) = (Flag::default(), Flag::default());
    let mut runner = Runner::new(Arc::clone(&log), end.clone(), FLUSH_INTERVAL);

    // HTTP → raw
    let gateway = match options.listen {
        Some(address) => {
            let parts = gateway::GatewayParts {
                log: Arc::clone(&log),
                study: config.study.clone(),
                sources: http_sources(config),
                types: Arc::clone(&stages.types),
                key: stages.key.clone(),
                metrics: Arc::clone(&metrics),
                stop: close.clone(),
                clock: now_micros,
            };
            Some(gateway::serve(address, parts, watch.listening)?)
        }
        None => None,
    };

    // raw, files → clean, rejected, ids, partials
    let process = Process::new(stages.process(config, options, watch, &end, &log, &metrics)?)?;
    let processed = runner.spawn(process, options.drain.then(Vec::new))?;
    let after = |flag: &Flag| Some(vec![flag.clone()]);

    // partials → windows
    let aggregate = Aggregate::new(Arc::clone(&log), stages.windows.iter().map(|(_, plan)| plan.clone()).collect())?;
    let aggregated = runner.spawn(aggregate, after(&processed))?;

    // clean → table, windows → windows, rejected → rejected, inputs → archive
    let mut readers = vec![(Topic::Partials, aggregate::GROUP)];
    let mut sinks = Vec::new();
    let mut started = |topic, group, flag| {
        readers.push((topic, group));
        sinks.push(flag);
    };
    let folders = Folders { out: options.out.clone(), state: options.state.clone() };
    if config.cold.table {
        let sink = TableSink::open(Arc::clone(&log), &folders, TableOptions::new(&config.study))?;
        started(Topic::Clean, "table", runner.spawn(sink, after(&processed))?);
    }
    let sink = WindowSink::open(Arc::clone(&log), &folders, &config.study)?;
    started(Topic::Windows, "windows", runner.spawn(sink, after(&aggregated))?);
    let sink = RejectedSink::open(Arc::clone(&log), &folders)?;
    started(Topic::Rejected, "rejected", runner.spawn(sink, after(&processed))?);
    if config.cold.archive {
        let sink = archive(&log, &folders, config, end.clone())?;
        started(Topic::Raw, "archive", runner.spawn(sink, after(&processed))?);
    }

    // what is done with → removed; the ledger → ledger.json
    readers.retain(|(topic, _)| *topic != Topic::Raw && *topic != Topic::Partials);
    let ledger = options.out.join("ledger.json");
    let housekeeping = Housekeeping::new(Arc::clone(&log), readers, ledger, &config.study, &config.name);
    runner.spawn(housekeeping, Some(sinks))?;

    // The gateway closes first, so that what it has acknowledged is worked off by the others.
    while !watch.stop.is_raised() && !runner.is_over() {
        thread::park_timeout(POLL);
    }
    close.raise();
    let closed = gateway.map_or(Ok(()), gateway::Serving::join);
    end.raise();
    runner.join().and(closed)?;
    Ok(Report::new(&config.study, &config.name, &Process::committed_state(&*log)?))
}

/// What the configuration compiles to.
struct Stages {
    types: Arc<[EventType]>,
    windows: Vec<(usize, Arc<WindowPlan>)>,
    key: transect_core::identity::PipelineKey,
}

impl Stages {
    fn compile(config: &PipelineConfig, key: transect_core::identity::PipelineKey) -> Result<Self, RoleError> {
        let mut types = Vec::with_capacity(config.event_types.len());
        for event_type in &config.event_types {
            types.push(EventType {
                name: event_type.name.as_str().into(),
                schema_version: event_type.schema_version,
                plan: Plan::compile(event_type, &config.limits)?,
                type_field: event_type.event.event_type.clone(),
                time_field: event_type.event.time.clone(),
                delay: event_type.event.delay,
                max_ahead: event_type.event.max_ahead,
            });
        }
        let position: BTreeMap<&str, usize> = types.iter().enumerate().map(|(at, t)| (&*t.name, at)).collect();
        let mut windows = Vec::with_capacity(config.windows.len());
        for window in &config.windows {
            let Some(&at) = position.get(window.event_type.as_str()) else {
                return Err(format!("window {}: there is no event type {}", window.name, window.event_type).into());
            };
            windows.push((at, WindowPlan::of(window, &types[at].plan)?));
        }
        Ok(Self { types: types.into(), windows, key })
    }

    fn process(
        &self,
        config: &PipelineConfig,
        options: &Options,
        watch: &Watch,
        end: &Flag,
        log: &Arc<dyn Log>,
        metrics: &Arc<Metrics>,
    ) -> Result<ProcessParts, RoleError> {
        let state = Process::committed_state(&**log)?;
        let mut sources = Vec::with_capacity(config.sources.len());
        for source in &config.sources {
            let (bounded, reader) = match &source.kind {
                SourceKind::Http {} => (false, None),
                SourceKind::Files { paths } => {
                    let position = state.sources.get(&source.name).and_then(|s| s.input.clone());
                    let reader = FileSource::new(
                        paths,
                        &source.name,
                        source.event_type.as_deref(),
                        config.limits,
                        position,
                        watch.progress.clone(),
                    )
                    .chunks_of(options.epoch_bytes);
                    (true, Some(reader))
                }
            };
            sources.push((ProcessSource { name: source.name.as_str().into(), bounded }, reader));
        }
        Ok(ProcessParts {
            log: Arc::clone(log),
            types: Arc::clone(&self.types),
            windows: self.windows.clone(),
            sources,
            key: self.key.clone(),
            partitions: config.partitions,
            generation: config.generation,
            dedup_window_micros: config.dedup.window.micros(),
            threads: options.threads,
            epoch_bytes: options.epoch_bytes,
            end: end.clone(),
            drain: options.drain,
            behind: config.cold.table.then_some("table"),
            metrics: Arc::clone(metrics),
            clock: now_micros,
        })
    }
}

/// The archive reads the inputs a second time, in its own time; its reading is no progress to show.
fn archive(
    log: &Arc<dyn Log>,
    folders: &Folders,
    config: &PipelineConfig,
    end: Flag,
) -> Result<Archive, RoleError> {
    let state = ArchiveState::committed(&**log)?;
    let path = folders.state.join("spill");
    let failed = |error| format!("create {}: {error}", path.display());
    let spill = File::options().read(true).write(true).create(true).truncate(true).open(&path).map_err(failed)?;
    let mut readers = Vec::new();
    for source in &config.sources {
        if let SourceKind::Files { paths } = &source.kind {
            let (position, progress) = (state.input(&source.name), Progress::default());
            let reader = FileSource::new(paths, &source.name, None, config.limits, position, progress);
            readers.push((source.name.clone(), reader.spill_into(spill.try_clone().map_err(failed)?)));
        }
    }
    Archive::new(Arc::clone(log), folders, readers, spill, end)
}

fn http_sources(config: &PipelineConfig) -> Vec<(String, Option<String>)> {
    let http = config.sources.iter().filter(|source| matches!(source.kind, SourceKind::Http {}));
    http.map(|source| (source.name.clone(), source.event_type.clone())).collect()
}

fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
