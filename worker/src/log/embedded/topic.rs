//! One topic: its segment files, and where each committed record stands in them.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::frame::{self, HEAD, Head};
use super::io_error;
use super::journal::{End, sync_dir};
use crate::log::{Header, LogError, Record};

/// A segment takes no more records beyond this size.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// A file of records with consecutive offsets.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) base: u64,
    path: PathBuf,
    file: Arc<File>,
    /// Where each record begins.
    positions: Vec<u64>,
    bytes: u64,
}

impl Segment {
    fn next(&self) -> u64 {
        self.base + self.positions.len() as u64
    }
}

/// The committed segments of a topic, oldest first. What is read.
#[derive(Clone, Default)]
pub(super) struct Segments(Vec<Segment>);

/// Appended and not yet committed: the segment as it will be, or the segments if it rolled.
pub(super) struct Appended {
    changed: Vec<Segment>,
    end: End,
    rolled: bool,
}

fn path_of(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}.seg"))
}

impl Segments {
    /// Opens a topic at its committed end; whatever lies beyond it is removed.
    pub(super) fn open(dir: &Path, start: u64, end: End) -> Result<Self, LogError> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let mut bases = Vec::new();
        for entry in fs::read_dir(dir).map_err(io_error("read", dir))? {
            let path = entry.map_err(io_error("read", dir))?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if let Ok(base) = name.parse::<u64>() {
                let committed = base >= start && base <= end.segment && end.next > 0;
                if committed {
                    bases.push(base)
                } else {
                    fs::remove_file(&path).map_err(io_error("remove", &path))?
                }
            }
        }
        bases.sort_unstable();
        let mut segments: Vec<Segment> = Vec::with_capacity(bases.len());
        let mut expected = start;
        for base in bases {
            let bytes = (base == end.segment).then_some(end.bytes);
            let segment = open_segment(&path_of(dir, base), base, bytes)?;
            if base != expected {
                return Err(corrupt(&segment.path, 0, format!("records from {expected} on are missing")));
            }
            expected = segment.next();
            segments.push(segment);
        }
        if expected != end.next.max(start) {
            return Err(corrupt(
                dir,
                0,
                format!("it ends before record {expected}, but {} were committed", end.next),
            ));
        }
        Ok(Self(segments))
    }

    pub(super) fn start(&self) -> u64 {
        self.0.first().map_or(0, |segment| segment.base)
    }

    pub(super) fn next(&self) -> u64 {
        self.0.last().map_or(0, Segment::next)
    }

    /// The places of records from an offset on, up to about so many bytes: (segment, first, how many).
    pub(super) fn find(&self, from: u64, bytes_max: usize) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut budget = bytes_max as u64;
        let mut from = from;
        let unread = self.0.partition_point(|segment| segment.next() <= from);
        for segment in &self.0[unread..] {
            let first = (from - segment.base) as usize;
            let start = segment.positions[first];
            let within =
                segment.positions[first..].partition_point(|position| position - start < budget).max(1);
            let last = first + within;
            let end = segment.positions.get(last).copied().unwrap_or(segment.bytes);
            runs.push(Run {
                offset: from,
                path: segment.path.clone(),
                file: Arc::clone(&segment.file),
                start,
                end,
            });
            if last < segment.positions.len() || end - start >= budget {
                break;
            }
            budget -= end - start;
            from = segment.next();
        }
        runs
    }

    /// Appends records to files, without making them part of the topic; `commit` does.
    pub(super) fn append(&self, dir: &Path, records: &[(&[Header], &Bytes)]) -> Result<Appended, LogError> {
        let mut rolled = false;
        let mut current = match self.0.last() {
            Some(last) if last.bytes < SEGMENT_BYTES => last.clone(),
            _ => {
                rolled = true;
                create_segment(dir, self.next())?
            }
        };
        let mut changed = Vec::new();
        let mut at = 0;
        while at < records.len() {
            if current.bytes >= SEGMENT_BYTES {
                rolled = true;
                let next = create_segment(dir, current.next())?;
                changed.push(std::mem::replace(&mut current, next));
            }
            at += fill(&mut current, &records[at..])?;
        }
        let end = End { segment: current.base, bytes: current.bytes, next: current.next() };
        changed.push(current);
        Ok(Appended { changed, end, rolled })
    }

    /// Takes back what `append` wrote, or had written when it failed.
    pub(super) fn roll_back(&self, dir: &Path) -> Result<(), LogError> {
        if let Some(last) = self.0.last() {
            last.file.set_len(last.bytes).map_err(io_error("cut", &last.path))?;
        }
        let kept: Vec<&PathBuf> = self.0.iter().map(|segment| &segment.path).collect();
        for entry in fs::read_dir(dir).map_err(io_error("read", dir))? {
            let path = entry.map_err(io_error("read", dir))?.path();
            if !kept.contains(&&path) {
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Makes what was appended part of the topic.
    pub(super) fn commit(&mut self, appended: Appended) {
        for segment in appended.changed {
            match self.0.last_mut() {
                Some(last) if last.base == segment.base => *last = segment,
                _ => self.0.push(segment),
            }
        }
    }

    /// The base offset of the segment that holds an offset: all segments before it may go.
    pub(super) fn base_of(&self, offset: u64) -> u64 {
        let before = self.0.iter().rev().find(|segment| segment.base <= offset);
        before.map_or(self.start(), |segment| segment.base)
    }

    /// Removes the segments before a base offset.
    pub(super) fn remove_before(&mut self, base: u64) -> Result<(), LogError> {
        while let Some(first) = self.0.first()
            && first.base < base
        {
            fs::remove_file(&first.path).map_err(io_error("remove", &first.path))?;
            self.0.remove(0);
        }
        Ok(())
    }
}

impl Appended {
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// Makes the bytes durable, not yet the commit.
    pub(super) fn sync(&self, dir: &Path) -> Result<(), LogError> {
        for segment in &self.changed {
            segment.file.sync_data().map_err(io_error("sync", &segment.path))?;
        }
        if self.rolled { sync_dir(dir) } else { Ok(()) }
    }
}

/// Writes records until the segment is full; how many.
fn fill(segment: &mut Segment, records: &[(&[Header], &Bytes)]) -> Result<usize, LogError> {
    let failed = io_error("append to", &segment.path);
    let mut file = BufWriter::with_capacity(64 * 1024, &*segment.file);
    let mut written = 0;
    let mut write = || -> std::io::Result<()> {
        for (headers, value) in records {
            if segment.bytes >= SEGMENT_BYTES {
                break;
            }
            let (head, padding) = encode_headers(headers, value.len());
            let length = frame::write(&mut file, &[&head, value, &[0; ALIGNMENT][..padding]])?;
            segment.positions.push(segment.bytes);
            segment.bytes += length;
            written += 1;
        }
        file.flush()
    };
    write().map_err(failed)?;
    Ok(written)
}

fn create_segment(dir: &Path, base: u64) -> Result<Segment, LogError> {
    let path = path_of(dir, base);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    let file = Arc::new(options.open(&path).map_err(io_error("create", &path))?);
    Ok(Segment { base, path, file, positions: Vec::new(), bytes: 0 })
}

/// Opens a segment; the last one is cut to its committed bytes.
fn open_segment(path: &Path, base: u64, committed: Option<u64>) -> Result<Segment, LogError> {
    let failed = |doing| io_error(doing, path);
    let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed("open"))?;
    let length = file.metadata().map_err(failed("open"))?.len();
    let bytes = committed.unwrap_or(length);
    if length < bytes {
        return Err(corrupt(path, length, format!("{} bytes are missing at its end", bytes - length)));
    }
    if length > bytes {
        tracing::info!(path = %path.display(), bytes = length - bytes, "cut records that were never committed");
        file.set_len(bytes).map_err(failed("cut"))?;
        file.sync_all().map_err(failed("sync"))?;
    }
    let mut positions = Vec::new();
    let mut at = 0;
    while at < bytes {
        let head = if bytes - at >= HEAD { Head::read(&file, at).map_err(failed("read"))? } else { None };
        match head {
            Some(head) if head.frame() <= bytes - at => {
                positions.push(at);
                at += head.frame();
            }
            _ => return Err(corrupt(path, at, "the length of a record is garbled".to_owned())),
        }
    }
    Ok(Segment { base, path: path.to_owned(), file: Arc::new(file), positions, bytes })
}

/// Consecutive records in one file.
pub(super) struct Run {
    offset: u64,
    path: PathBuf,
    file: Arc<File>,
    start: u64,
    end: u64,
}

impl Run {
    /// Reads the records, with their checksums.
    pub(super) fn read(self, records: &mut Vec<Record>) -> Result<(), LogError> {
        let mut bytes = BytesMut::zeroed((self.end - self.start) as usize);
        self.file.read_exact_at(&mut bytes, self.start).map_err(io_error("read", &self.path))?;
        let mut bytes = bytes.freeze();
        let mut offset = self.offset;
        while !bytes.is_empty() {
            let position = self.end - bytes.len() as u64;
            let garbled = |problem: &str| corrupt(&self.path, position, problem.to_owned());
            let head = bytes.first_chunk().and_then(Head::parse);
            let Some(head) = head.filter(|head| head.frame() <= bytes.len() as u64) else {
                return Err(garbled("the length of a record is garbled"));
            };
            bytes.advance(HEAD as usize);
            let payload = bytes.split_to(head.length as usize);
            if !head.fits(&payload) {
                return Err(garbled("a record fails its checksum"));
            }
            let (headers, value) =
                decode(payload).ok_or_else(|| garbled("the headers of a record are garbled"))?;
            records.push(Record { offset, headers, value });
            offset += 1;
        }
        Ok(())
    }
}

/// Values begin, and records end, at multiples of this: Arrow reads columns in place where they are aligned.
const ALIGNMENT: usize = 64;

/// What stands before a value: the number of headers, the length of the padding before the value and of that after it;
/// then name and value of each header, with their lengths; then the padding.
fn encode_headers(headers: &[Header], value_length: usize) -> (Vec<u8>, usize) {
    let mut bytes = vec![headers.len() as u8, 0, 0];
    for text in headers.iter().flat_map(|(name, value)| [name.as_ref(), value.as_str()]) {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    let before = (HEAD as usize + bytes.len()).next_multiple_of(ALIGNMENT) - HEAD as usize;
    let after = value_length.next_multiple_of(ALIGNMENT) - value_length;
    (bytes[1], bytes[2]) = ((before - bytes.len()) as u8, after as u8);
    bytes.resize(before, 0);
    (bytes, after)
}

fn decode(mut payload: Bytes) -> Option<(Vec<Header>, Bytes)> {
    let count = payload.try_get_u8().ok()?;
    let (before, after) = (usize::from(payload.try_get_u8().ok()?), usize::from(payload.try_get_u8().ok()?));
    let mut headers = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let name = decode_text(&mut payload)?;
        headers.push((name.into(), decode_text(&mut payload)?));
    }
    let end = payload.len().checked_sub(after)?;
    (before <= end).then(|| (headers, payload.slice(before..end)))
}

fn decode_text(payload: &mut Bytes) -> Option<String> {
    let length = payload.try_get_u32_le().ok()? as usize;
    let text = (length <= payload.len()).then(|| payload.split_to(length))?;
    String::from_utf8(text.into()).ok()
}

fn corrupt(path: &Path, position: u64, problem: String) -> LogError {
    LogError::Corrupt { path: path.display().to_string(), position, problem }
}
