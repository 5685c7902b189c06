//! Inputs that are files. A file is a replayable log: it is read in place, and what is committed is how far.
//!
//! NDJSON, JSON arrays and pretty-printed JSON values, plain, gzip or zstd, told apart by content; and other formats
//! ([`format`]), where the source or the file's name says so.

mod blocks;
mod buffers;
mod error;
mod file;
mod format;
mod lines;
mod position;
mod progress;
mod raw_bytes;
mod records;
mod split;
#[cfg(test)]
mod tests;
mod values;

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use transect_config::{InputFormat, Limits};
use transect_core::input::EventBatch;

pub(crate) use self::blocks::events as avro_events;
pub use self::error::InputError;
pub use self::file::FileInput;
pub use self::position::{FilePosition, SourcePosition};
pub use self::progress::Progress;
pub(crate) use self::records::events as csv_events;
pub use self::split::{BodyError, split_body};

/// A batch holds about so many bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The files of one source, one after the other.
pub struct FileSource {
    source: Arc<str>,
    event_type: Option<Arc<str>>,
    schema_version: Option<u32>,
    written_as: Option<InputFormat>,
    limits: Limits,
    waiting: VecDeque<PathBuf>,
    current: Option<FileInput>,
    position: SourcePosition,
    progress: Progress,
    spill: Option<File>,
    chunk_bytes: usize,
}

impl FileSource {
    /// The files of a source, to be read from a position on; nothing is opened yet.
    pub fn new(
        paths: &[PathBuf],
        source: &str,
        event_type: Option<&str>,
        limits: Limits,
        position: Option<SourcePosition>,
        progress: Progress,
    ) -> Self {
        progress.expect(paths);
        Self {
            source: source.into(),
            event_type: event_type.map(Into::into),
            schema_version: None,
            written_as: None,
            limits,
            waiting: paths.iter().cloned().collect(),
            current: None,
            position: position.unwrap_or_default(),
            progress,
            spill: None,
            chunk_bytes: CHUNK_BYTES,
        }
    }

    /// Reads all files as written in a format, whatever they look like.
    pub fn written_as(self, format: Option<InputFormat>) -> Self {
        Self { written_as: format, ..self }
    }

    /// Says of events that don't say so themselves which schema version they are of.
    pub fn of_version(self, schema_version: Option<u32>) -> Self {
        Self { schema_version, ..self }
    }

    /// Writes each event that is too large to hold into the file, in place of the one before.
    pub fn spill_into(mut self, file: File) -> Self {
        self.spill = Some(file);
        self
    }

    /// Reads batches of at most about so many bytes, if that is less than usual.
    pub fn chunks_of(self, bytes: usize) -> Self {
        Self { chunk_bytes: bytes.clamp(1, CHUNK_BYTES), ..self }
    }

    /// The next batch; None when all files are read through. After an error the position is where it occurred, and
    /// everything before it has been handed out.
    pub fn next_batch(&mut self) -> Result<Option<EventBatch>, InputError> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.waiting.pop_front() else { return Ok(None) };
                let position = self.position.of(&path);
                let (source, event_type) = (Arc::clone(&self.source), self.event_type.clone());
                let progress = self.progress.clone();
                let opened = FileInput::open(
                    &path,
                    source,
                    event_type,
                    self.written_as,
                    self.limits,
                    position,
                    progress,
                )?;
                let spill = || self.spill.as_ref().and_then(|file| file.try_clone().ok());
                self.current = Some(opened.chunks_of(self.chunk_bytes).spill_into(spill()));
                continue;
            };
            let batch = current.next_batch();
            self.position.set(current.path(), current.position());
            match batch? {
                Some(batch) => return Ok(Some(EventBatch { schema_version: self.schema_version, ..batch })),
                None => self.current = None,
            }
        }
    }

    /// Where the next batch begins.
    pub fn position(&self) -> SourcePosition {
        self.position.clone()
    }
}
