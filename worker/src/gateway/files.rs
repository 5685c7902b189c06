//! Files as sources, on Kafka: each of their events goes into `raw` once, in the order in which one process reads them.
//!
//! One process has all files of a pipeline: the one that a consumer group gives the first partition of `raw`. It writes under a
//! transactional id of that work, so that the one who had it before can write no more. How far the files are read stands in the
//! transaction that holds what was read. When a source is read through, every partition is told: then it holds no watermark back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use transect_config::{InputFormat, Limits, SourceConfig, SourceKind};
use transect_core::events::EventType;
use transect_core::format::Format;
use transect_core::identity::PipelineKey;
use transect_core::input::EventBatch;
use transect_core::watermark;

use super::check::{Checked, Checker};
use super::committer::records;
use super::parts::{self, Sender};
use crate::assignment::{self, Assignment, Begin, Begun};
use crate::input::{FileSource, Progress, SourcePosition};
use crate::log::kafka::{KafkaLog, KafkaSettings, Member, PartitionLog};
use crate::log::{Committed, Log, NewRecord, Topic, Transaction};
use crate::record;
use crate::role::{Role, RoleError};
use crate::runner::Flag;

/// The group that picks who reads, and the one under which is kept how far.
const GROUP: &str = "files";
/// The partition with which the work comes.
const PARTITION: u32 = 0;
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// A source whose events are in files.
pub struct FilesOf {
    name: String,
    event_type: Option<String>,
    schema_version: Option<u32>,
    paths: Vec<PathBuf>,
    format: Option<InputFormat>,
}

impl FilesOf {
    /// As its manifest says; None for another kind.
    pub fn of(source: &SourceConfig) -> Option<Self> {
        let SourceKind::Files { paths, format } = &source.kind else { return None };
        Some(Self {
            name: source.name.clone(),
            event_type: source.event_type.clone(),
            schema_version: source.schema_version,
            paths: paths.clone(),
            format: *format,
        })
    }
}

/// The files of a pipeline.
pub struct Files {
    /// By source, in the order of the manifest.
    pub sources: Vec<FilesOf>,
    /// What an event may cost.
    pub limits: Limits,
    /// The pipeline's cluster.
    pub settings: KafkaSettings,
    /// The event types.
    pub types: Arc<[EventType]>,
    /// The secret of identities.
    pub key: PipelineKey,
    /// Goes up once the process has had its first word from the group.
    pub joined: Flag,
    /// Ends it when it goes up.
    pub stop: Flag,
}

impl Files {
    /// Works until it is told to stop.
    pub fn run(&self) -> Result<(), RoleError> {
        let session = |_: Arc<Member>| -> Result<Begin<'_>, RoleError> {
            Ok(Box::new(|partition| (partition == PARTITION).then(|| self.begin()).transpose()))
        };
        assignment::run(&Assignment {
            settings: self.settings.clone(),
            group: GROUP,
            topic: self.settings.topic(Topic::Raw),
            flush_interval: FLUSH_INTERVAL,
            session: &session,
            joined: self.joined.clone(),
            stop: self.stop.clone(),
        })
    }

    fn begin(&self) -> Result<Begun, RoleError> {
        // Fences whoever had the work before; what that has committed is read afterwards.
        let settings = KafkaSettings { member: GROUP.to_owned(), ..self.settings.clone() };
        let log = KafkaLog::connect(settings, Vec::new())?;
        let partitions = log.partitions();
        let log = Arc::new(log.partition(PARTITION, &[])?);
        let state: State = match log.committed(GROUP) {
            Some(committed) => serde_json::from_str(&committed.metadata)?,
            None => State::default(),
        };
        let lanes = self.sources.iter().map(|source| self.lane(source, state.sources.get(&source.name)));
        let reading = Reading {
            lanes: lanes.collect(),
            checker: Checker::new(Arc::clone(&self.types), self.key.clone()),
            log: Arc::clone(&log),
            partitions,
            state,
        };
        Ok((log, Box::new(reading)))
    }

    fn lane(&self, source: &FilesOf, read: Option<&Read>) -> Lane {
        let FilesOf { name, event_type, schema_version, paths, format } = source;
        let position = read.map(|read| read.position.clone());
        let progress = Progress::default();
        let files = FileSource::new(paths, name, event_type.as_deref(), self.limits, position, progress);
        Lane {
            sender: Sender {
                source: name.clone(),
                event_type: event_type.clone(),
                schema_version: *schema_version,
                received: 0,
            },
            files: files.written_as(*format).of_version(*schema_version),
            next: None,
            ended: false,
        }
    }
}

/// What is committed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    sources: BTreeMap<String, Read>,
}

/// How far a source is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Read {
    position: SourcePosition,
    /// The greatest event time less its type's delay, microseconds since 1970 UTC.
    mark: i64,
    /// Whether the partitions were told that nothing more comes.
    read_through: bool,
}

impl Default for Read {
    fn default() -> Self {
        Self { position: SourcePosition::default(), mark: watermark::NONE, read_through: false }
    }
}

/// A source as it is read.
struct Lane {
    sender: Sender,
    files: FileSource,
    /// The next batch, and where it ends.
    next: Option<(EventBatch, SourcePosition)>,
    /// Whether there is no next one.
    ended: bool,
}

/// The role.
struct Reading {
    lanes: Vec<Lane>,
    checker: Checker,
    log: Arc<PartitionLog>,
    partitions: u32,
    state: State,
}

impl Reading {
    /// Reads each source's next batch, and says which sources are read through just now.
    fn read_on(&mut self) -> Vec<usize> {
        let mut through = Vec::new();
        for (at, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.ended) {
            if lane.next.is_some() {
                continue;
            }
            match lane.files.next_batch() {
                Ok(Some(batch)) => lane.next = Some((batch, lane.files.position())),
                Ok(None) => {
                    lane.ended = true;
                    through.push(at);
                }
                // The others go on. It holds the watermark back until its file is mended and read to its end.
                Err(error) => {
                    lane.ended = true;
                    let source = &lane.sender.source;
                    tracing::error!(%error, source, "what stands before is kept; mend the file and start the gateway again");
                }
            }
        }
        through
    }

    fn tell_partitions(&mut self, at: usize) -> Result<(), RoleError> {
        let Lane { sender, files, .. } = &self.lanes[at];
        let mut state = self.state.clone();
        let read = state.sources.entry(sender.source.clone()).or_default();
        if std::mem::replace(&mut read.read_through, true) {
            return Ok(());
        }
        read.position = files.position();
        let record = |partition| {
            let headers = vec![
                (record::SOURCE.into(), sender.source.clone()),
                (record::RECEIVED.into(), sender.received.to_string()),
                (record::COUNT.into(), "0".to_owned()),
                (record::READ_THROUGH.into(), "true".to_owned()),
            ];
            NewRecord::new(Topic::Raw, headers, bytes::Bytes::new()).to(Some(partition))
        };
        tracing::info!(source = sender.source, "read through");
        self.commit((0..self.partitions).map(record).collect(), state)
    }

    fn commit(&mut self, records: Vec<NewRecord>, state: State) -> Result<(), RoleError> {
        let metadata = serde_json::to_string(&state)?;
        let progress = Some((GROUP.to_owned(), Committed { offsets: Vec::new(), metadata }));
        self.log.commit(Transaction { records, progress, ..Transaction::default() })?;
        self.state = state;
        Ok(())
    }
}

impl Role for Reading {
    fn name(&self) -> &str {
        GROUP
    }

    /// The source that is least far goes on, so that none makes another's events late; ties go to the order of the manifest.
    fn step(&mut self) -> Result<bool, RoleError> {
        for at in self.read_on() {
            self.tell_partitions(at)?;
        }
        let mark = |lane: &Lane| {
            self.state.sources.get(&lane.sender.source).map_or(watermark::NONE, |read| read.mark)
        };
        let waiting = self.lanes.iter().enumerate().filter(|(_, lane)| lane.next.is_some());
        let Some((at, _)) = waiting.min_by_key(|(_, lane)| mark(lane)) else { return Ok(false) };
        let lane = &mut self.lanes[at];
        let Some((batch, position)) = lane.next.take() else { return Ok(false) };
        lane.sender.received = batch.received;
        let sender = lane.sender.clone();
        let mut checked = self.checker.check(batch, self.partitions);
        if let Format::Avro(head) = &checked.batch.format {
            // Its own bytes are not compressed any more.
            checked.batch.format = Format::Avro(Arc::new(head.plain()?));
        }
        let posts = parts::by_partition(&sender, &checked);
        let Checked { mark, .. } = checked;
        let mut state = self.state.clone();
        let read = state.sources.entry(sender.source).or_default();
        *read = Read { position, mark: read.mark.max(mark), read_through: false };
        self.commit(records(posts.iter(), None), state)?;
        Ok(true)
    }

    /// It holds nothing back.
    fn flush(&mut self) -> Result<(), RoleError> {
        Ok(())
    }
}
