//! The archive: what was received, its bytes untouched, one event a line, zstd. `archive/<source>/*.ndjson.zst`.
//!
//! Reads the inputs and the raw topic on its own, in its own time. An element of a JSON array that is printed over
//! several lines has its line ends replaced by spaces: they are white space between its parts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use transect_core::input::{EventBatch, EventSpan};
use zstd::stream::write::Encoder;

use super::Folders;
use super::publish::{Files, Temporary};
use crate::input::{FileSource, SourcePosition};
use crate::log::{Committed, Log, Record, Topic, Transaction};
use crate::record::{COUNT, SOURCE};
use crate::role::{Role, RoleError};
use crate::runner::Flag;

/// The group under which the archive commits; also its folder.
pub const GROUP: &str = "archive";

/// A file is sealed at so many bytes of events.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
const READ_BYTES: usize = 1024 * 1024;
const LEVEL: i32 = 3;

/// The metadata of the archive's commits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveState {
    /// What the last commit publishes.
    files: Vec<String>,
    /// By name of the source.
    sources: BTreeMap<String, ArchivedSource>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ArchivedSource {
    /// Events archived so far; files are named by it.
    events: u64,
    /// How far a bounded source has been read.
    input: Option<SourcePosition>,
}

impl ArchiveState {
    /// What the archive has committed last.
    pub fn committed(log: &dyn Log) -> Result<Self, RoleError> {
        Ok(log.committed(GROUP).map(|c| serde_json::from_str(&c.metadata)).transpose()?.unwrap_or_default())
    }

    /// How far a bounded source has been archived.
    pub fn input(&self, source: &str) -> Option<SourcePosition> {
        self.sources.get(source)?.input.clone()
    }
}

/// A file in the making.
struct Open {
    encoder: Encoder<'static, Temporary>,
    /// Number of its first event.
    first: u64,
    bytes: u64,
}

/// See the module.
pub struct Archive {
    log: Arc<dyn Log>,
    files: Files,
    state: ArchiveState,
    readers: Vec<(String, FileSource)>,
    /// Goes up when no more files are to be read.
    end: Flag,
    /// Events that are too large to hold, one at a time.
    spill: File,
    open: BTreeMap<String, Open>,
    raw_offset: u64,
    /// Whether anything was read since the last commit.
    touched: bool,
}

impl Archive {
    /// Goes on from what was committed. Readers of bounded sources stand where [`ArchiveState::input`] says and spill
    /// into the file.
    pub fn new(
        log: Arc<dyn Log>,
        folders: &Folders,
        readers: Vec<(String, FileSource)>,
        spill: File,
        end: Flag,
    ) -> Result<Self, RoleError> {
        let state = ArchiveState::committed(&*log)?;
        let archived: u64 = state.sources.values().map(|source| source.events).max().unwrap_or(0);
        let files = Files::open(folders, GROUP, &state.files, |name| name.last < archived)?;
        let raw_offset = log.committed(GROUP).unwrap_or_default().offset(Topic::Raw);
        Ok(Self { log, files, state, readers, end, spill, open: BTreeMap::new(), raw_offset, touched: false })
    }

    /// Archives the next batch of a bounded source; false at the end of all.
    fn step_files(&mut self) -> Result<bool, RoleError> {
        let Some((source, reader)) = self.readers.first_mut() else { return Ok(false) };
        let source = source.clone();
        let batch = reader.next_batch();
        let position = reader.position();
        self.touched = true;
        match batch {
            Ok(Some(batch)) => {
                self.write_batch(&source, &batch)?;
                self.state.sources.entry(source).or_default().input = Some(position);
            }
            // The process role reports an input that breaks off; the archive has what could be read.
            Ok(None) | Err(_) => {
                self.state.sources.entry(source).or_default().input = Some(position);
                self.readers.remove(0);
            }
        }
        Ok(true)
    }

    fn write_batch(&mut self, source: &str, batch: &EventBatch) -> Result<(), RoleError> {
        let mut lines = Vec::with_capacity(batch.bytes.len() + batch.events.len());
        for span in &batch.events {
            match whole(batch, *span) {
                Some(event) => push_line(&mut lines, event),
                None => {
                    self.append(source, &lines, 0)?;
                    lines.clear();
                    self.append_spilled(source)?;
                    lines.push(b'\n');
                }
            }
        }
        self.append(source, &lines, batch.events.len() as u64)
    }

    /// Archives what is new in the raw topic; false where there is nothing.
    fn step_raw(&mut self) -> Result<bool, RoleError> {
        let records: Vec<Record> = self.log.read(Topic::Raw, self.raw_offset, READ_BYTES)?;
        for record in &records {
            self.raw_offset = record.offset + 1;
            let count: u64 = record.header(COUNT).unwrap_or_default().parse()?;
            let source = record.header(SOURCE).unwrap_or_default().to_owned();
            if count > 0 {
                self.touched = true;
                self.append(&source, &record.value, count)?;
                if !record.value.ends_with(b"\n") {
                    self.append(&source, b"\n", 0)?;
                }
            }
        }
        Ok(!records.is_empty())
    }

    /// Appends bytes that hold so many more events to the source's file.
    fn append(&mut self, source: &str, bytes: &[u8], events: u64) -> Result<(), RoleError> {
        let archived = self.state.sources.entry(source.to_owned()).or_default();
        let open = match self.open.entry(source.to_owned()) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(none) => {
                // The last event's number isn't known yet: `flush` gives the file its name.
                let name =
                    format!("{source}/events-{:020}-{:020}.ndjson.zst", archived.events, u64::MAX >> 1);
                let mut encoder = Encoder::new(self.files.create(&name)?, LEVEL)?;
                encoder.include_checksum(true)?;
                none.insert(Open { encoder, first: archived.events, bytes: 0 })
            }
        };
        open.encoder.write_all(bytes).map_err(|error| format!("write the archive of {source}: {error}"))?;
        open.bytes += bytes.len() as u64;
        archived.events += events;
        Ok(())
    }

    /// Appends the event that was spilled.
    fn append_spilled(&mut self, source: &str) -> Result<(), RoleError> {
        self.spill.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; READ_BYTES];
        loop {
            match self.spill.read(&mut block)? {
                0 => return Ok(()),
                read => {
                    spaces_for_line_ends(&mut block[..read]);
                    self.append(source, &block[..read], 0)?;
                }
            }
        }
    }
}

/// An event's own bytes, if the batch holds them all.
fn whole(batch: &EventBatch, span: EventSpan) -> Option<&[u8]> {
    let length =
        batch.oversized.get(span.oversized as usize).map_or(u64::from(span.len), |event| event.length);
    let end = u64::from(span.start) + length;
    batch.bytes.get(span.start as usize..usize::try_from(end).ok()?)
}

fn push_line(lines: &mut Vec<u8>, event: &[u8]) {
    let start = lines.len();
    lines.extend_from_slice(event);
    spaces_for_line_ends(&mut lines[start..]);
    lines.push(b'\n');
}

fn spaces_for_line_ends(event: &mut [u8]) {
    while let Some(at) = memchr::memchr2(b'\n', b'\r', event) {
        event[at] = b' ';
    }
}

impl Role for Archive {
    fn name(&self) -> &str {
        GROUP
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let worked = self.step_raw()? || (!self.end.is_raised() && self.step_files()?);
        if self.open.values().map(|open| open.bytes).sum::<u64>() >= FILE_BYTES {
            self.flush()?;
        }
        Ok(worked)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        if !std::mem::take(&mut self.touched) {
            return Ok(());
        }
        for (source, open) in std::mem::take(&mut self.open) {
            let failed = |error: io::Error| format!("write the archive of {source}: {error}");
            let temporary = open.encoder.finish().map_err(failed)?;
            let last =
                self.state.sources.get(&source).map_or(0, |archived| archived.events).saturating_sub(1);
            let name = format!("{source}/events-{:020}-{last:020}.ndjson.zst", open.first);
            let temporary = self.files.rename(temporary, &name)?;
            self.files.seal(temporary);
        }
        self.state.files = self.files.prepare()?;
        let committed = Committed {
            offsets: vec![(Topic::Raw, self.raw_offset)],
            metadata: serde_json::to_string(&self.state)?,
        };
        self.log.commit(Transaction {
            progress: Some((GROUP.to_owned(), committed)),
            ..Transaction::default()
        })?;
        self.files.publish()?;
        Ok(self.files.settle()?)
    }
}
