//! The process role: decode → privacy → dedup → fold → detect, from the inputs to `clean`, `rejected`, `ids`, `partials` and
//! `alerts`, one transaction an epoch.

mod backlog;
mod committer;
mod decode_pool;
mod epoch;
mod lane;
pub mod raw;
mod state;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use transect_core::anomaly::DetectorPlan;
use transect_core::events::EventType;
use transect_core::identity::PipelineKey;
use transect_core::lookup::Lookups;
use transect_core::privacy::TreatedBatch;
use transect_core::process::{ProcessSource, Processor};
use transect_core::watermark;
use transect_core::window::WindowPlan;

use self::backlog::Backlog;
use self::committer::Committer;
use self::decode_pool::{BatchReader, DecodePool};
use self::epoch::{Epoch, decode_ids, header};
use self::lane::Lane;
use self::raw::Raw;
pub use self::state::ProcessState;
use crate::input::{FileSource, InputError};
use crate::keys::Keys;
use crate::lent::Lent;
use crate::log::{self, Committed, Log, NewRecord, Topic, Transaction};
use crate::metrics::{Metrics, PartitionMetrics};
use crate::observations::Observations;
use crate::record;
use crate::role::{Role, RoleError};
use crate::runner::Flag;

/// The group under which the process role commits.
pub const GROUP: &str = "process";

const RAW_READ_BYTES: usize = 1024 * 1024;
/// So many records of `clean` are held by the log and the table before their memory is back, if they are of the usual size,
/// and none of more bytes is waited for.
const RECORDS_LENT_MAX: usize = 256;
const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// How long to wait for the table at a time.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the gateway must be silent before windows close at the pace of the clock.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// What the process role is made of.
pub struct ProcessParts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The event types.
    pub types: Arc<[EventType]>,
    /// The windows, each with the position of its event type.
    pub windows: Vec<(usize, Arc<WindowPlan>)>,
    /// The detectors of anomalies in events, each with the position of its event type.
    pub detectors: Vec<(usize, Arc<DetectorPlan>)>,
    /// The tables that the event types' rules look values up in.
    pub lookups: Lookups,
    /// The sources, each with its reader if it is bounded.
    pub sources: Vec<(ProcessSource, Option<FileSource>)>,
    /// The secret of identities.
    pub key: PipelineKey,
    /// The keys of personal fields, if any event type has some.
    pub keys: Option<Keys>,
    /// Number of partitions by key.
    pub partitions: u32,
    /// The pipeline's generation.
    pub generation: u64,
    /// The dedup window in microseconds.
    pub dedup_window_micros: i64,
    /// An epoch ends at so many bytes of events.
    pub epoch_bytes: usize,
    /// Number of decoding threads. With none, the role does all its work on the caller's thread, commits too, and a step
    /// is over when it returns.
    pub threads: usize,
    /// Goes up when no more files are to be read; what is in the raw topic is still worked off.
    pub end: Flag,
    /// Whether to close all windows once the bounded sources are read through.
    pub drain: bool,
    /// The group that must not fall too far behind, if the pipeline has a table.
    pub behind: Option<&'static str>,
    /// Takes the errors of inputs that can't be read to their end; the pipeline ends in good order.
    pub input_errors: Sender<InputError>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Microseconds since 1970 UTC; only stamped on idle records, never asked for a decision.
    pub clock: fn() -> i64,
    /// What silence is measured by.
    pub instant: fn() -> Instant,
}

/// See the module.
pub struct Process {
    parts: ProcessParts,
    processor: Processor,
    pool: DecodePool,
    /// Reads records of the raw topic, on the role's own thread.
    raw_reader: BatchReader,
    committer: Committer,
    lanes: Vec<Lane>,
    /// Whether an input ended early.
    failed: bool,
    epoch: Epoch,
    /// Of records of `clean`.
    memory: Lent,
    state: ProcessState,
    sources: Vec<(String, bool)>,
    raw_offset: u64,
    /// Position in the ids topic, and which of its records are still needed: (offset, source, newest stamp).
    ids_offset: u64,
    ids_alive: VecDeque<(u64, usize, u32)>,
    observations: Observations,
    backlog: Backlog,
    quiet_since: Instant,
    gauges: PartitionMetrics,
    /// When what was read last of the raw topic was received, microseconds since 1970 UTC.
    received: i64,
    ended: bool,
}

impl Process {
    /// The state that the role last committed.
    pub fn committed_state(log: &dyn Log) -> Result<ProcessState, RoleError> {
        match log.committed(GROUP) {
            Some(committed) => Ok(serde_json::from_str(&committed.metadata)?),
            None => Ok(ProcessState::default()),
        }
    }

    /// Rebuilds the role from the log.
    pub fn new(mut parts: ProcessParts) -> Result<Self, RoleError> {
        let state = Self::committed_state(&*parts.log)?;
        let raw_offset = parts.log.committed(GROUP).unwrap_or_default().offset(Topic::Raw);
        let sources: Vec<(String, bool)> =
            parts.sources.iter().map(|(source, _)| (source.name.to_string(), source.bounded)).collect();
        let mut processor = Processor::new(
            Arc::clone(&parts.types),
            parts.sources.iter().map(|(source, _)| source.clone()).collect(),
            parts.windows.clone(),
            parts.partitions,
            parts.generation,
            parts.dedup_window_micros,
        )
        .with_detectors(parts.detectors.clone())
        .with_lookups(parts.lookups.clone());
        state.restore(&mut processor, &sources);
        let observations = Observations::of_events(&*parts.log, processor.detectors(), state.watermark)?;
        let readers = parts.sources.iter_mut().enumerate();
        let lanes: Vec<Lane> =
            readers.filter_map(|(at, (_, reader))| Some(Lane::new(at, reader.take()?))).collect();
        // A source counts as read through only once this run has seen its end: its files may have grown.
        for lane in &lanes {
            processor.watermarks().set_done(lane.source, false);
        }
        let privacy = parts.keys.as_ref().map(|keys| keys.privacy.clone());
        let reader = || BatchReader::new(Arc::clone(&parts.types), &parts.key, privacy.clone());
        let mut process = Self {
            pool: DecodePool::new(parts.threads, lanes.len(), reader),
            raw_reader: reader(),
            committer: Committer::new(Arc::clone(&parts.log), parts.threads > 0)?,
            ids_offset: parts.log.end(Topic::Ids),
            processor,
            lanes,
            failed: false,
            epoch: Epoch::default(),
            memory: Lent::new(RECORDS_LENT_MAX, RECORD_BYTES_MAX),
            state,
            sources,
            raw_offset,
            ids_alive: VecDeque::new(),
            observations,
            backlog: Backlog::new(parts.log.end(Topic::Clean)),
            quiet_since: (parts.instant)(),
            gauges: parts.metrics.of_partition(GROUP, parts.log.share().map_or(0, |share| share.partition)),
            received: 0,
            ended: false,
            parts,
        };
        process.rebuild_dedup()?;
        Ok(process)
    }

    /// Reads the ids topic through.
    fn rebuild_dedup(&mut self) -> Result<(), RoleError> {
        let log = Arc::clone(&self.parts.log);
        for rec in log::between(&*log, Topic::Ids, log.start(Topic::Ids), self.ids_offset) {
            let rec = rec?;
            let name = rec.header(record::SOURCE).unwrap_or_default();
            // A source that the manifest no longer names has nothing to compare with.
            let Some(source) = self.sources.iter().position(|(source, _)| source == name) else { continue };
            let Some(entries) = decode_ids(&rec.value) else {
                let problem = "its length is wrong; this is a bug in Transect";
                return Err(format!("ids record {}: {problem}", rec.offset).into());
            };
            let mut newest = 0;
            for entry in entries {
                newest = newest.max(entry.stamp());
                self.processor.dedup().insert(source, entry);
            }
            self.ids_alive.push_back((rec.offset, source, newest));
        }
        Ok(())
    }

    /// Takes one batch in.
    fn accept(&mut self, source: usize, treated: TreatedBatch, redrive_of: &[u64]) -> Result<(), RoleError> {
        let processed = self.processor.accept(source, treated)?;
        let ring = self.parts.keys.as_ref().map(|keys| &*keys.privacy.ring);
        self.epoch.add(&self.parts.types, processed, redrive_of, ring, &mut self.memory)?;
        if self.epoch.bytes() >= self.parts.epoch_bytes || self.processor.detectors().is_full() {
            self.end_epoch()?;
        }
        Ok(())
    }

    /// Reads from the raw topic; false where there is nothing new.
    fn step_raw(&mut self) -> Result<bool, RoleError> {
        let records = self.parts.log.read(Topic::Raw, self.raw_offset, RAW_READ_BYTES)?;
        let ring = self.parts.keys.as_ref().map(|keys| Arc::clone(&keys.privacy.ring));
        for rec in &records {
            let raw = raw::read(rec, ring.as_deref())?;
            self.raw_offset = rec.offset + 1;
            let name = match &raw {
                Raw::Events { batch, .. } => &batch.source,
                Raw::Idle { source, .. } | Raw::ReadThrough { source } => source,
            };
            let Some(source) = self.sources.iter().position(|(source, _)| **source == **name) else {
                return Err(format!(
                    "raw record {}: its source `{name}` is not in the manifest; put it back until its events are \
                     processed",
                    rec.offset
                )
                .into());
            };
            match raw {
                Raw::Events { batch, redrive_of } => {
                    self.received = batch.received;
                    // Its files have grown after all. Corrections come when they come.
                    if redrive_of.is_empty() && self.processor.watermarks().is_done(source) {
                        self.processor.watermarks().set_done(source, false);
                    }
                    let treated = self.raw_reader.read(batch)?;
                    let accepted = self.processor.position();
                    self.accept(source, treated, &redrive_of)?;
                    // Refused events move no watermark: however many come, others need not wait for it.
                    if self.processor.position() > accepted {
                        self.quiet_since = (self.parts.instant)();
                        self.state.idle = false;
                    }
                }
                Raw::ReadThrough { .. } => {
                    self.processor.watermarks().set_done(source, true);
                    self.epoch.touch();
                }
                Raw::Idle { now, watermark, .. } => {
                    let (bounded, marks) = (self.sources[source].1, self.processor.watermarks());
                    match watermark {
                        Some(watermark) if bounded => marks.raise(watermark),
                        Some(watermark) => marks.follow(source, watermark, now),
                        None => marks.idle(source, now),
                    }
                    self.state.idle = true;
                    self.epoch.touch();
                }
            }
        }
        if records.is_empty() {
            self.gauges.set_lag(0);
        }
        Ok(!records.is_empty())
    }

    /// Reads from the bounded source whose watermark is the lowest, so that no file runs ahead of the others; ties go
    /// to the order of the manifest. False where all are read through.
    fn step_lanes(&mut self) -> Result<bool, RoleError> {
        for lane in &mut self.lanes {
            lane.advance(&mut self.pool)?;
            let marks = self.processor.watermarks();
            if lane.is_exhausted() && !lane.has_failed() && !marks.is_done(lane.source) {
                marks.set_done(lane.source, true);
                self.epoch.touch();
            }
        }
        let marks = self.processor.watermarks();
        let waiting = self.lanes.iter_mut().filter(|lane| !lane.is_exhausted());
        let Some(lane) = waiting.min_by_key(|lane| marks.of(lane.source)) else { return Ok(false) };
        let source = lane.source;
        if let Some(treated) = lane.pop() {
            self.accept(source, treated, &[])?;
        }
        Ok(true)
    }

    /// Once everything is read: hands over the errors of inputs that ended early, or closes the last windows.
    fn end_of_inputs(&mut self) -> Result<bool, RoleError> {
        for error in self.lanes.iter_mut().filter_map(Lane::take_error) {
            tracing::error!(%error, "an input could not be read to its end; what stands before is kept");
            self.failed = true;
            // Whoever waits for it is gone only when the pipeline has ended.
            let _ = self.parts.input_errors.send(error);
        }
        // Windows stay open for what is still to come of that input.
        if self.failed {
            return Ok(false);
        }
        if !self.parts.drain || self.ended {
            return Ok(false);
        }
        self.ended = true;
        let closing = self.processor.closing();
        self.processor.watermarks().raise(closing);
        self.epoch.touch();
        Ok(true)
    }

    /// Writes idle records when the gateway has long been silent: a partition that others are ahead of follows them, the foremost
    /// goes on by the clock while it has windows to close or silences to find.
    fn step_idle(&mut self) -> Result<(), RoleError> {
        let instant = (self.parts.instant)();
        if self.parts.drain || instant.duration_since(self.quiet_since) < IDLE_AFTER {
            return Ok(());
        }
        self.quiet_since = instant;
        let current = self.processor.watermarks().current();
        let raised = self.watermark_elsewhere()?.filter(|elsewhere| *elsewhere > current);
        if self.processor.due() <= current && raised.is_none() {
            return Ok(());
        }
        let now = (self.parts.clock)();
        let mut quiet: Vec<&str> =
            self.sources.iter().filter(|(_, bounded)| !bounded).map(|(source, _)| source.as_str()).collect();
        if quiet.is_empty() && raised.is_some() {
            // Any does, to say what the partition's watermark is raised to.
            quiet.extend(self.sources.first().map(|(source, _)| source.as_str()));
        }
        let records: Vec<NewRecord> = quiet
            .into_iter()
            .map(|source| {
                let mut headers = vec![
                    header(record::SOURCE, source),
                    header(record::RECEIVED, now),
                    header(record::COUNT, 0),
                ];
                headers.extend(raised.map(|watermark| header(record::WATERMARK, watermark)));
                NewRecord::new(Topic::Raw, headers, bytes::Bytes::new())
            })
            .collect();
        if !records.is_empty() {
            self.parts.log.commit_soon(Transaction { records, ..Transaction::default() })?;
        }
        Ok(())
    }

    /// The watermark that this partition may have as far as the others are concerned: the least of those that are busy; when
    /// none is, the greatest, since nothing is left to wait for. None where there are no others, or none has begun.
    fn watermark_elsewhere(&self) -> Result<Option<i64>, RoleError> {
        let mut states = Vec::new();
        for committed in self.parts.log.elsewhere(GROUP)?.values() {
            let state: ProcessState = serde_json::from_str(&committed.metadata)?;
            states.push(state);
        }
        let begun = || states.iter().filter(|state| state.watermark != watermark::NONE);
        let busy = begun().filter(|state| !state.idle).map(|state| state.watermark).min();
        Ok(busy.or_else(|| begun().map(|state| state.watermark).max()))
    }

    /// Whether the table is so far behind that reading must pause.
    fn is_ahead(&mut self) -> bool {
        let Some(group) = self.parts.behind else { return false };
        let table = self.parts.log.committed(group).unwrap_or_default().offset(Topic::Clean);
        self.backlog.is_full(table)
    }

    fn end_epoch(&mut self) -> Result<(), RoleError> {
        let mut end = self.processor.end_epoch()?;
        let (anomalies, watermark) = (std::mem::take(&mut end.anomalies), end.watermark);
        self.parts.metrics.count(&end.ledger);
        self.state.ledger += &end.ledger;
        self.gauges.set_watermark(watermark);
        self.gauges.set_identities(self.processor.dedup().len());
        if self.received > 0 {
            self.gauges.set_lag((self.parts.clock)() - self.received);
        }
        self.state.update(&mut self.processor, &self.sources);
        for lane in &self.lanes {
            self.state.set_input(&self.sources[lane.source].0, lane.position());
        }
        for (source, ids) in end.ids.iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
            self.ids_alive.push_back((self.ids_offset, source, ids.newest()));
            self.ids_offset += 1;
        }
        let committed = Committed {
            offsets: vec![(Topic::Raw, self.raw_offset)],
            metadata: serde_json::to_string(&self.state)?,
        };
        if let Some(keys) = &self.parts.keys {
            keys.settle()?;
        }
        let epoch = std::mem::take(&mut self.epoch);
        let (records, bytes) = epoch.clean();
        self.backlog.push(records, bytes);
        let progress = (GROUP.to_owned(), committed);
        let mut transaction =
            epoch.into_transaction(end, &self.sources, &self.parts.windows, progress, self.parts.log.share());
        self.observations.records(anomalies, &mut transaction.records)?;
        transaction.trim = self.expired_ids().map(|before| (Topic::Ids, before)).into_iter().collect();
        transaction.trim.extend(self.observations.expired(&*self.parts.log, watermark));
        Ok(self.committer.submit(transaction)?)
    }

    /// The offset before which all ids have expired, if there are any that had not before.
    fn expired_ids(&mut self) -> Option<u64> {
        let mut before = None;
        while let Some(&(offset, source, newest)) = self.ids_alive.front()
            && offset < self.parts.log.end(Topic::Ids)
            && self.processor.dedup().has_expired(source, newest)
        {
            before = Some(offset + 1);
            self.ids_alive.pop_front();
        }
        before
    }
}

impl Role for Process {
    fn name(&self) -> &str {
        GROUP
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        if self.is_ahead() {
            // There is work, only not now: a role that says otherwise at the end would be taken to be done.
            self.parts.log.wait(self.parts.log.sequence(), PAUSE);
            return Ok(true);
        }
        if self.step_raw()? {
            return Ok(true);
        }
        if !self.parts.end.is_raised() && (self.step_lanes()? || self.end_of_inputs()?) {
            return Ok(true);
        }
        // Nothing more to read: what is there is committed at once.
        if !self.epoch.is_empty() {
            self.flush()?;
        }
        self.step_idle()?;
        Ok(false)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        if !self.epoch.is_empty() {
            self.end_epoch()?;
        }
        self.memory.forget();
        Ok(self.committer.settle()?)
    }
}
