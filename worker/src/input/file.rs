//! One file, read in chunks. Where a chunk ends depends on the content from its first byte on, and on nothing else, so a
//! run that resumes cuts as an undisturbed one does.

mod begin;
mod oversized;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use transect_config::{InputFormat, Limits};
use transect_core::format::Format;
use transect_core::format::avro::BLOCK_BYTES_MAX;
use transect_core::input::{EventBatch, EventSpan, Oversized, Place};

pub(super) use self::oversized::Passing;
use super::buffers::Buffers;
use super::error::InputError;
use super::position::{FilePosition, ReadState};
use super::progress::Progress;
use super::raw_bytes::{Compression, RawBytes, head_hash};
use super::{blocks, format, lines, records, values};

/// What is kept of an event beyond the size limit.
const HEAD_BYTES: usize = 4096;

/// See the module.
pub struct FileInput {
    path: PathBuf,
    name: Arc<str>,
    source: Arc<str>,
    event_type: Option<Arc<str>>,
    /// How the file is written, where that is known without looking into it.
    written_as: Option<InputFormat>,
    /// How its events are written.
    format: Format,
    event_bytes_max: usize,
    bytes: RawBytes,
    /// Read and not yet handed out; begins at `position.bytes`. Batches are split off.
    rest: BytesMut,
    buffers: Buffers,
    position: FilePosition,
    /// Whether nothing more can be read: the file's end, or trouble.
    ended: bool,
    trouble: Option<io::Error>,
    events: u64,
    spill: Option<File>,
    chunk_bytes: usize,
}

/// The events found at the beginning of a buffer.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) events: Vec<EventSpan>,
    pub(super) oversized: Vec<Oversized>,
    /// Bytes that are done with.
    pub(super) consumed: usize,
    /// Line ends among them.
    pub(super) lines: u64,
    /// Line ends before the first event.
    pub(super) first_line: u64,
}

impl Found {
    /// Adds an event that lies whole in the buffer.
    pub(super) fn push(
        &mut self,
        buffer: &[u8],
        start: usize,
        end: usize,
        line: u64,
        event_bytes_max: usize,
    ) {
        if self.events.is_empty() {
            self.first_line = line;
        }
        let mut span = EventSpan {
            start: start as u32,
            len: (end - start) as u32,
            index: (line - self.first_line) as u32,
            oversized: u32::MAX,
        };
        if end - start > event_bytes_max {
            let mut passing = Passing::new();
            passing.take(&buffer[start..end]);
            span.oversized = self.oversized.len() as u32;
            span.len = span.len.min(HEAD_BYTES as u32);
            self.oversized.push(passing.finish());
        }
        self.events.push(span);
    }
}

impl FileInput {
    /// Opens a file at a position.
    pub fn open(
        path: &Path,
        source: Arc<str>,
        event_type: Option<Arc<str>>,
        written_as: Option<InputFormat>,
        limits: Limits,
        position: Option<FilePosition>,
        progress: Progress,
    ) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let failed = |doing| {
            let path = name.clone();
            move |source| InputError::Io { doing, path, source }
        };
        let file = File::open(path).map_err(failed("open"))?;
        let metadata = file.metadata().map_err(failed("open"))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a folder" } else { "no regular file" };
            return Err(InputError::NotAFile { path: name, what });
        }
        let size = metadata.len();
        let position = match position {
            Some(position) => known_again(path, &name, size, position)?,
            None => {
                let (head_bytes, head) = head_hash(path, None).map_err(failed("read"))?;
                let modified = metadata.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
                let received = modified.unwrap_or_default().as_microsecond();
                FilePosition { bytes: 0, line: 1, state: ReadState::Start, size, head_bytes, head, received }
            }
        };
        let bytes = RawBytes::open(file, position.bytes, progress).map_err(failed("read"))?;
        if bytes.compression == Compression::None && size < position.bytes {
            let problem = format!("it has {size} bytes, but {} were read of it", position.bytes);
            return Err(InputError::Replaced { path: name, problem });
        }
        let format = format::head_again(position.state, written_as, path)?;
        let written_as = written_as.or_else(|| format::by_name(path));
        let input = Self::over(path, name.into(), (source, event_type), limits, bytes, position);
        Ok(Self { written_as, format, ..input })
    }

    /// Reads a stream such as standard input, from its beginning; `name` is what its events' places call it.
    pub fn of_stream(
        stream: impl Read + Send + 'static,
        name: &str,
        limits: Limits,
    ) -> Result<Self, InputError> {
        let failed = |source| InputError::Io { doing: "read", path: name.to_owned(), source };
        let bytes = RawBytes::of_stream(stream).map_err(failed)?;
        let (size, head_bytes, head, received) = Default::default();
        let position =
            FilePosition { bytes: 0, line: 1, state: ReadState::Start, size, head_bytes, head, received };
        Ok(Self::over(Path::new(name), name.into(), (name.into(), None), limits, bytes, position))
    }

    fn over(
        path: &Path,
        name: Arc<str>,
        (source, event_type): (Arc<str>, Option<Arc<str>>),
        limits: Limits,
        bytes: RawBytes,
        position: FilePosition,
    ) -> Self {
        Self {
            path: path.to_owned(),
            name,
            source,
            event_type,
            written_as: None,
            format: Format::Json,
            event_bytes_max: limits.event_bytes as usize,
            bytes,
            rest: BytesMut::new(),
            buffers: Buffers::default(),
            position,
            ended: false,
            trouble: None,
            events: 0,
            spill: None,
            chunk_bytes: super::CHUNK_BYTES,
        }
    }

    /// Reads it as written in a format, whatever it looks like.
    pub fn written_as(self, format: Option<InputFormat>) -> Self {
        Self { written_as: format.or(self.written_as), ..self }
    }

    /// Reads batches of about so many bytes.
    pub fn chunks_of(self, bytes: usize) -> Self {
        Self { chunk_bytes: bytes, ..self }
    }

    pub(super) fn spill_into(mut self, file: Option<File>) -> Self {
        self.spill = file;
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next batch begins.
    pub fn position(&self) -> FilePosition {
        self.position.clone()
    }

    /// The next events; None at the end of the file.
    pub fn next_batch(&mut self) -> Result<Option<EventBatch>, InputError> {
        loop {
            // The format shows in the first line, of which this is enough.
            let at_start = self.position.state == ReadState::Start;
            let mut wanted = if at_start { self.chunk_bytes.max(HEAD_BYTES) } else { self.chunk_bytes };
            let (buffer, found) = loop {
                self.fill(wanted);
                if self.rest.is_empty() {
                    return self.end().map(|()| None);
                }
                if self.position.state == ReadState::Start && !self.begin()? {
                    break (BytesMut::new(), Found::default());
                }
                let found = self.find()?;
                if found.consumed > 0 {
                    break (self.rest.split_to(found.consumed), found);
                }
                if self.ended {
                    // Half an event is left that can't be completed.
                    return self.end().map(|()| None);
                }
                let most = self.held_bytes_max();
                if self.rest.len() > most {
                    return self.pass_oversized().map(Some);
                }
                wanted = (2 * self.rest.len()).min(most + 1);
            };
            let line = self.position.line + found.first_line;
            self.position.bytes += found.consumed as u64;
            self.position.line += found.lines;
            if !found.events.is_empty() {
                let bytes = buffer.freeze();
                self.buffers.lend(&bytes);
                return Ok(Some(self.batch(bytes, found, line)));
            }
        }
    }

    /// How much is read in search of the end of what is handed out whole.
    fn held_bytes_max(&self) -> usize {
        match self.format {
            // With its frame a block is a little larger; beyond that its own head refuses it.
            Format::Avro(_) => BLOCK_BYTES_MAX + HEAD_BYTES,
            _ => self.event_bytes_max.max(self.chunk_bytes),
        }
    }

    fn batch(&mut self, bytes: Bytes, found: Found, line: u64) -> EventBatch {
        self.events += found.events.len() as u64;
        EventBatch {
            source: Arc::clone(&self.source),
            event_type: self.event_type.clone(),
            schema_version: None,
            format: self.format.clone(),
            bytes,
            events: found.events,
            oversized: found.oversized,
            place: Place::File { file: Arc::clone(&self.name), line },
            received: self.position.received,
        }
    }

    /// Reads on; trouble is kept until everything before it has been handed out.
    fn fill(&mut self, wanted: usize) {
        if self.ended {
            return;
        }
        let read = self.rest.len();
        self.buffers.make_room(&mut self.rest, wanted);
        match self.bytes.fill(&mut self.rest, read, wanted) {
            Ok(at_end) => self.ended = at_end,
            Err(error) => {
                self.ended = true;
                self.trouble = Some(error);
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.position.line += memchr::memchr_iter(b'\n', &self.rest[..bytes]).count() as u64;
        self.position.bytes += bytes as u64;
        self.rest.advance(bytes);
    }

    /// The whole events at the beginning of what has been read.
    fn find(&mut self) -> Result<Found, InputError> {
        // The last line counts without its line end, but not if trouble cut it off.
        let at_end = self.ended && self.trouble.is_none();
        if self.position.state == ReadState::Line {
            return Ok(lines::find(&self.rest, at_end, self.event_bytes_max));
        }
        if let Format::Avro(head) = &self.format {
            return match blocks::find(&self.rest, head) {
                // What stands before the trouble goes out first; it will be found again then.
                (found, Some(problem)) if found.consumed == 0 => Err(self.container(problem)),
                (found, _) => Ok(found),
            };
        }
        if let Format::Csv(head) = &self.format {
            return Ok(records::find(&self.rest, at_end, head.delimiter(), self.event_bytes_max));
        }
        match values::find(&self.rest, self.position.state, self.event_bytes_max) {
            (found, state, None) => {
                self.position.state = state;
                Ok(found)
            }
            // What stands before the trouble goes out first; it will be found again then.
            (found, state, Some(_)) if !found.events.is_empty() => {
                self.position.state = state;
                Ok(found)
            }
            (found, _, Some(broken)) => Err(self.structure(found, broken.expected)),
        }
    }

    fn container(&self, problem: String) -> InputError {
        let (path, byte, next) = (self.name.to_string(), self.position.bytes, self.position.line);
        InputError::Container { path, byte, next, problem }
    }

    fn structure(&self, found: Found, expected: &'static str) -> InputError {
        let at = self.rest.get(found.consumed);
        InputError::Structure {
            path: self.name.to_string(),
            line: self.position.line + found.lines,
            byte: self.position.bytes + found.consumed as u64,
            expected,
            found: at.map_or("the end of the file".to_owned(), |byte| format!("`{}`", byte.escape_ascii())),
        }
    }

    /// At the end of what can be read: trouble, half a value, or nothing to complain of.
    fn end(&mut self) -> Result<(), InputError> {
        self.end_within(self.rest.len())
    }

    /// The same, after so many bytes of a value that isn't whole.
    fn end_within(&mut self, left: usize) -> Result<(), InputError> {
        if let Some(error) = self.trouble.take() {
            return Err(match self.bytes.compression {
                Compression::None => {
                    InputError::Io { doing: "read", path: self.name.to_string(), source: error }
                }
                compressed => InputError::Broken {
                    path: self.name.to_string(),
                    format: compressed.name(),
                    read: self.bytes.read_on_disk(),
                    // That of a stream shows at its end only.
                    size: self.position.size.max(self.bytes.read_on_disk()),
                    problem: error.to_string(),
                    events: self.events,
                },
            });
        }
        let expected = match self.position.state {
            ReadState::Start | ReadState::Line | ReadState::Record | ReadState::Closed => return Ok(()),
            ReadState::Value | ReadState::Block if left == 0 => return Ok(()),
            ReadState::Block => {
                return Err(self.container(format!("the file ends within a block, after {left} bytes of it")));
            }
            ReadState::First => "an element or `]`",
            ReadState::Element => "`,` or `]`",
            ReadState::Value | ReadState::Comma => "a whole JSON value",
        };
        Err(self.structure(Found { consumed: left, ..Found::default() }, expected))
    }
}

/// Checks that a file is the one that was read before, perhaps grown.
fn known_again(
    path: &Path,
    name: &str,
    size: u64,
    mut position: FilePosition,
) -> Result<FilePosition, InputError> {
    let (bytes, head) = head_hash(path, Some(position.head_bytes)).map_err(|source| InputError::Io {
        doing: "read",
        path: name.to_owned(),
        source,
    })?;
    if bytes != position.head_bytes || head != position.head {
        let problem = "it begins with other bytes".to_owned();
        return Err(InputError::Replaced { path: name.to_owned(), problem });
    }
    position.size = size;
    Ok(position)
}
