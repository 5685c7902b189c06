//! Reading a segment: a file of framed records, found by offset. Readers share nothing but a sparse index.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::codec;
use super::files::{corrupt, failed};
use super::frame::{FrameHeader, HEADER_BYTES};
use crate::log::{LogError, Record};

/// The least that is read at once, in bytes.
const READ_BYTES_MIN: usize = 4096;

/// Path of the segment that begins with an offset.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.seg"))
}

/// The first offset that a segment's file name tells; None for other files.
pub(super) fn first_of(file_name: &str) -> Option<u64> {
    file_name.strip_suffix(".seg").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// Where some of a segment's records begin, noted by readers as they pass. Costs some 30 bytes for every 64 KiB.
#[derive(Debug, Default)]
pub(super) struct PositionIndex(Mutex<BTreeMap<u64, u64>>);

impl PositionIndex {
    /// Two notes are at least so many bytes apart.
    const APART: u64 = 64 * 1024;

    /// The last noted record at or before an offset, and its byte position.
    fn before(&self, offset: u64) -> Option<(u64, u64)> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.range(..=offset).next_back().map(|(offset, position)| (*offset, *position))
    }

    fn note(&self, offset: u64, position: u64) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = notes.range(..=offset).next_back().map_or(0, |(_, position)| *position);
        if position >= last + Self::APART {
            notes.insert(offset, position);
        }
    }
}

/// What a reader needs to know of a segment; stays true whatever is committed meanwhile.
#[derive(Debug)]
pub(super) struct SegmentReader {
    pub(super) path: PathBuf,
    /// Offset of its first record.
    pub(super) first: u64,
    /// The offset after its last committed record.
    pub(super) end: u64,
    /// Committed bytes.
    pub(super) length: u64,
    pub(super) index: Arc<PositionIndex>,
}

/// Some of a segment's bytes, and the record that begins at `at`.
struct Chunk {
    bytes: Bytes,
    /// Position of `bytes` in the file.
    position: u64,
    at: usize,
    offset: u64,
}

impl SegmentReader {
    /// Records from an offset that the segment holds, up to about `bytes_max`, at least one. The values share one
    /// allocation.
    pub(super) fn read(&self, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let file = File::open(&self.path).map_err(failed("open", &self.path))?;
        let (mut offset, mut position) = self.index.before(from).unwrap_or((self.first, 0));
        let mut want = bytes_max.max(READ_BYTES_MIN);
        let mut records = Vec::new();
        while records.is_empty() {
            let bytes = self.read_bytes(&file, position, want)?;
            let mut chunk = Chunk { bytes, position, at: 0, offset };
            let needed = self.take_records(&mut chunk, from, &mut records)?;
            want = want.max(needed);
            offset = chunk.offset;
            position += chunk.at as u64;
        }
        Ok(records)
    }

    fn read_bytes(&self, file: &File, position: u64, want: usize) -> Result<Bytes, LogError> {
        let length = (self.length - position).min(want as u64) as usize;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, position).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                corrupt(&self.path, position, format!("the file ends before byte {}", self.length))
            }
            _ => failed("read", &self.path)(error),
        })?;
        Ok(bytes.into())
    }

    /// Skips the records before `from` and takes the others, as far as the chunk has them whole. The bytes that the
    /// record after them needs.
    fn take_records(
        &self,
        chunk: &mut Chunk,
        from: u64,
        records: &mut Vec<Record>,
    ) -> Result<usize, LogError> {
        while chunk.offset < self.end {
            let position = chunk.position + chunk.at as u64;
            self.index.note(chunk.offset, position);
            let rest = chunk.bytes.get(chunk.at..).unwrap_or_default();
            if rest.len() < HEADER_BYTES && position + (HEADER_BYTES as u64) <= self.length {
                return Ok(HEADER_BYTES);
            }
            let header = FrameHeader::parse(rest)
                .filter(|header| position + (HEADER_BYTES + header.length()) as u64 <= self.length)
                .ok_or_else(|| self.corrupt_record(chunk.offset, position, "has no valid header"))?;
            let needed = HEADER_BYTES + header.length();
            if chunk.offset >= from {
                if rest.len() < needed {
                    return Ok(needed);
                }
                let payload = chunk.bytes.slice(chunk.at + HEADER_BYTES..chunk.at + needed);
                records.push(self.decode(header, chunk.offset, position, payload)?);
            }
            chunk.at += needed;
            chunk.offset += 1;
        }
        Ok(0)
    }

    fn decode(
        &self,
        header: FrameHeader,
        offset: u64,
        position: u64,
        payload: Bytes,
    ) -> Result<Record, LogError> {
        if !header.fits(offset, &payload) {
            return Err(self.corrupt_record(offset, position, "fails its checksum"));
        }
        let (headers, value) = codec::decode(payload)
            .ok_or_else(|| self.corrupt_record(offset, position, "has unreadable headers"))?;
        Ok(Record { offset, headers, value })
    }

    fn corrupt_record(&self, offset: u64, position: u64, problem: &str) -> LogError {
        corrupt(&self.path, position, format!("the record at offset {offset} {problem}"))
    }
}
