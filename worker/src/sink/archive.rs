//! The archive: what was received, its bytes untouched, zstd: `archive/<source>/*.ndjson.zst`, one event a line;
//! `*.csv.zst`, each with its header line; `*.avro`, each with its head. What it holds can be fed to a pipeline again.
//!
//! Of a pipeline with personal fields everything is sealed, by participant: `*.sealed.avro`.
//!
//! Reads the inputs and the raw topic on its own, in its own time. An element of a JSON array that is printed over
//! several lines has its line ends replaced by spaces: they are white space between its parts.

mod file;
pub mod sealed;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use transect_core::format::Format;
use transect_core::input::{EventBatch, EventSpan};

use self::file::ArchiveFile;
pub use self::sealed::SealedArchive;
use super::Folders;
use super::publish::{Files, Listed};
use crate::input::{FileSource, SourcePosition};
use crate::log::{Committed, Log, Record, Topic, Transaction};
use crate::process::raw::{self, Raw};
use crate::record::{self, COUNT, SOURCE};
use crate::role::{Role, RoleError};
use crate::runner::Flag;

/// The group under which the archive commits; also its folder.
pub const GROUP: &str = "archive";

/// A file is sealed at so many bytes of events.
const FILE_BYTES: u64 = 256 * 1024 * 1024;
const READ_BYTES: usize = 1024 * 1024;

/// The metadata of the archive's commits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArchiveState {
    /// What the last commit publishes.
    files: Vec<String>,
    /// Who has written that, where there may be several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    writer: String,
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
    /// If anything is personal.
    sealing: Option<SealedArchive>,
    open: BTreeMap<String, ArchiveFile>,
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
        sealing: Option<SealedArchive>,
        end: Flag,
    ) -> Result<Self, RoleError> {
        let state = ArchiveState::committed(&*log)?;
        let archived: u64 = state.sources.values().map(|source| source.events).max().unwrap_or(0);
        let listed = Listed { files: state.files.clone(), writer: state.writer.clone() };
        let partition = log.share().map(|share| share.partition);
        let files = Files::open(folders, GROUP, partition, &listed, |name| name.last < archived)?;
        let raw_offset = log.committed(GROUP).unwrap_or_default().offset(Topic::Raw);
        Ok(Self {
            log,
            files,
            state,
            readers,
            end,
            spill,
            sealing,
            open: BTreeMap::new(),
            raw_offset,
            touched: false,
        })
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
        if let Some(sealing) = &mut self.sealing {
            let (blocks, spilled) = sealing.seal(batch)?;
            for block in blocks {
                self.append(source, &batch.format, &block.bytes, block.events)?;
            }
            return if spilled { self.append_spilled(source, &batch.format) } else { Ok(()) };
        }
        let format = &batch.format;
        if matches!(format, Format::Avro(_)) {
            // Blocks are kept whole, frames and all.
            return self.append(source, format, &batch.bytes, batch.events.len() as u64);
        }
        let mut lines = Vec::with_capacity(batch.bytes.len() + batch.events.len());
        for span in &batch.events {
            match whole(batch, *span) {
                Some(event) => push_line(&mut lines, event, format),
                None => {
                    self.append(source, format, &lines, 0)?;
                    lines.clear();
                    self.append_spilled(source, format)?;
                    lines.push(b'\n');
                }
            }
        }
        self.append(source, format, &lines, batch.events.len() as u64)
    }

    /// Archives what is new in the raw topic; false where there is nothing.
    fn step_raw(&mut self) -> Result<bool, RoleError> {
        let records: Vec<Record> = self.log.read(Topic::Raw, self.raw_offset, READ_BYTES)?;
        for record in &records {
            if let Some(sealing) = &self.sealing {
                let ring = Arc::clone(&sealing.keys().privacy.ring);
                self.raw_offset = record.offset + 1;
                if let Raw::Events { batch, .. } = raw::read(record, Some(&ring))? {
                    self.touched = true;
                    self.write_batch(&batch.source.clone(), &batch)?;
                }
                continue;
            }
            self.raw_offset = record.offset + 1;
            let count: u64 = record.header(COUNT).unwrap_or_default().parse()?;
            let source = record.header(SOURCE).unwrap_or_default().to_owned();
            let format = record::format(record).unwrap_or_default();
            if count > 0 {
                self.touched = true;
                let bytes = record::behind_head(record, &format);
                self.append(&source, &format, &bytes, count)?;
                if !matches!(format, Format::Avro(_)) && !bytes.ends_with(b"\n") {
                    self.append(&source, &format, b"\n", 0)?;
                }
            }
        }
        Ok(!records.is_empty())
    }

    /// Appends bytes that hold so many more events to the source's file.
    fn append(&mut self, source: &str, format: &Format, bytes: &[u8], events: u64) -> Result<(), RoleError> {
        if self.open.get(source).is_some_and(|open| !open.takes(format)) {
            self.seal(source)?;
        }
        let is_sealed = self.sealing.is_some();
        let archived = self.state.sources.entry(source.to_owned()).or_default();
        let open = match self.open.entry(source.to_owned()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => {
                none.insert(ArchiveFile::create(&self.files, source, format, is_sealed, archived.events)?)
            }
        };
        open.write(bytes).map_err(|error| format!("write the archive of {source}: {error}"))?;
        archived.events += events;
        Ok(())
    }

    /// Ends a source's file.
    fn seal(&mut self, source: &str) -> Result<(), RoleError> {
        let Some(open) = self.open.remove(source) else { return Ok(()) };
        let archived = self.state.sources.get(source).map_or(0, |archived| archived.events);
        Ok(open.seal(&self.files, source, archived.saturating_sub(1))?)
    }

    /// Appends the event that was spilled.
    fn append_spilled(&mut self, source: &str, format: &Format) -> Result<(), RoleError> {
        self.spill.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; READ_BYTES];
        loop {
            match self.spill.read(&mut block)? {
                0 if self.sealing.is_some() => return self.append_part(source, format, b"\n", true),
                0 => return Ok(()),
                read => {
                    if by_line(format) {
                        spaces_for_line_ends(&mut block[..read]);
                    }
                    if self.sealing.is_some() {
                        self.append_part(source, format, &block[..read], false)?;
                        continue;
                    }
                    self.append(source, format, &block[..read], 0)?;
                }
            }
        }
    }

    /// Appends a sealed part of an event that was spilled.
    fn append_part(
        &mut self,
        source: &str,
        format: &Format,
        plain: &[u8],
        last: bool,
    ) -> Result<(), RoleError> {
        let Some(sealing) = &self.sealing else { return Ok(()) };
        let part = sealing.part(format, plain, last)?;
        self.append(source, format, &part.bytes, part.events)
    }
}

/// An event's own bytes, if the batch holds them all.
fn whole(batch: &EventBatch, span: EventSpan) -> Option<&[u8]> {
    let length =
        batch.oversized.get(span.oversized as usize).map_or(u64::from(span.len), |event| event.length);
    let end = u64::from(span.start) + length;
    batch.bytes.get(span.start as usize..usize::try_from(end).ok()?)
}

fn push_line(lines: &mut Vec<u8>, event: &[u8], format: &Format) {
    let start = lines.len();
    lines.extend_from_slice(event);
    if by_line(format) {
        spaces_for_line_ends(&mut lines[start..]);
    }
    lines.push(b'\n');
}

/// Whether a line end ends an event, wherever it stands.
fn by_line(format: &Format) -> bool {
    matches!(format, Format::Json | Format::CloudEvents)
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
        if self.open.values().map(ArchiveFile::bytes).sum::<u64>() >= FILE_BYTES {
            self.flush()?;
        }
        Ok(worked)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        if !std::mem::take(&mut self.touched) {
            return Ok(());
        }
        let sources: Vec<String> = self.open.keys().cloned().collect();
        for source in sources {
            self.seal(&source)?;
        }
        if let Some(sealing) = &self.sealing {
            sealing.keys().settle()?;
        }
        Listed { files: self.state.files, writer: self.state.writer } = self.files.prepare()?;
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
