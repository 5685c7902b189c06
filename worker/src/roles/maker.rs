//! Makes each role from the log that it works on: the same for processes on Kafka and for their simulation, which brings
//! clocks and bounds of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use transect_config::{PipelineConfig, SourceConfig, SourceKind};
use transect_core::identity::PipelineKey;
use transect_core::process::ProcessSource;

use crate::aggregate::Aggregate;
use crate::compiled::Compiled;
use crate::log::{Log, Topic};
use crate::metrics::Metrics;
use crate::pipeline::{EPOCH_BYTES, now_micros};
use crate::process::{Process, ProcessParts};
use crate::role::{Role, RoleError};
use crate::runner::Flag;
use crate::sink::Folders;
use crate::sink::archive::Archive;
use crate::sink::lines::LineSink;
use crate::sink::table::{TableOptions, TableSink};
use crate::sink::windows::WindowSink;

/// A role, or why it can't begin.
pub type Made = Result<Box<dyn Role>, RoleError>;

/// See the module.
pub struct RoleMaker {
    pub(super) pipeline: PipelineConfig,
    pub(super) compiled: Compiled,
    pub(super) key: PipelineKey,
    pub(super) metrics: Arc<Metrics>,
    /// Threads of a role; with none, it does all its work on the caller's.
    pub threads: usize,
    /// An epoch of the process role ends at so many bytes of events.
    pub epoch_bytes: usize,
    /// The table holds so many bytes of batches before it writes them; None for what is right for a study.
    pub held_bytes_max: Option<usize>,
    /// Microseconds since 1970 UTC.
    pub clock: fn() -> i64,
    /// What stretches of time are measured by.
    pub instant: fn() -> Instant,
}

impl RoleMaker {
    /// Compiles a pipeline, and takes what is right for a process.
    ///
    /// # Errors
    ///
    /// What of the configuration can't be run.
    pub fn new(pipeline: PipelineConfig, key: PipelineKey, threads: usize) -> Result<Self, RoleError> {
        Ok(Self {
            compiled: Compiled::of(&pipeline)?,
            pipeline,
            key,
            metrics: Arc::new(Metrics::default()),
            threads,
            epoch_bytes: EPOCH_BYTES,
            held_bytes_max: None,
            clock: now_micros,
            instant: Instant::now,
        })
    }

    /// raw → clean, rejected, ids, partials, alerts
    pub fn process(&self, log: Arc<dyn Log>) -> Made {
        let sources = self.pipeline.sources.iter();
        let source = |source: &SourceConfig| {
            let bounded = matches!(source.kind, SourceKind::Files { .. });
            ProcessSource { name: source.name.as_str().into(), bounded }
        };
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
            threads: self.threads,
            epoch_bytes: self.epoch_bytes,
            end: Flag::default(),
            drain: false,
            behind: None,
            input_errors,
            metrics: Arc::clone(&self.metrics),
            clock: self.clock,
            instant: self.instant,
        };
        Ok(Box::new(Process::new(parts)?))
    }

    /// partials → windows
    pub fn aggregate(&self, log: Arc<dyn Log>) -> Made {
        let detectors = self.compiled.detectors.windows.clone();
        let (plans, metrics) = (self.compiled.window_plans(), Arc::clone(&self.metrics));
        Ok(Box::new(Aggregate::new(log, plans, detectors, metrics)?))
    }

    /// clean → table
    pub fn table(&self, log: Arc<dyn Log>, out: &Path) -> Made {
        let mut options = TableOptions::new(&self.pipeline.study, self.threads);
        options.held_bytes_max = self.held_bytes_max.unwrap_or(options.held_bytes_max);
        Ok(Box::new(TableSink::open(log, &folders(out), options)?))
    }

    /// windows → windows
    pub fn windows(&self, log: Arc<dyn Log>, out: &Path) -> Made {
        Ok(Box::new(WindowSink::open(log, &folders(out), &self.pipeline.study)?))
    }

    /// A topic of lines → a folder of its name
    pub fn lines(&self, log: Arc<dyn Log>, topic: Topic, out: &Path) -> Made {
        Ok(Box::new(LineSink::open(log, topic, &folders(out))?))
    }

    /// raw → archive
    pub fn archive(&self, log: Arc<dyn Log>, out: &Path) -> Made {
        let spill = tempfile::tempfile().map_err(|error| format!("create a file: {error}"))?;
        Ok(Box::new(Archive::new(log, &folders(out), Vec::new(), spill, None, Flag::default())?))
    }
}

/// The log is not in a folder: the state is named as the output is, in errors.
fn folders(out: &Path) -> Folders {
    Folders { out: out.to_owned(), state: out.to_owned() }
}
