//! The files of one topic, as their only writer sees them: a folder of segments, the last of which grows.
//!
//! Nothing here is committed by itself. What a failed transaction has left is removed by `settle`, and so is what a
//! crash has left.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::codec;
use super::files::{self, corrupt, failed};
use super::frame::{FrameHeader, HEADER_BYTES};
use super::segment;
use super::state::{TopicChange, TopicState};
use crate::log::{LogError, Record, Topic};

/// Values below this are gathered before they are written; larger ones are written from where they are.
const GATHER_BYTES: usize = 256 * 1024;

/// Writer of a topic's segments.
#[derive(Debug)]
pub(super) struct TopicFiles {
    topic: Topic,
    dir: PathBuf,
    /// The segment that grows, once something was written since the last `settle`.
    active: Option<Active>,
    /// Segments that became full since the last `sync`.
    full: Vec<Active>,
    /// Whether a segment was created since the last `sync`.
    created: bool,
}

#[derive(Debug)]
struct Active {
    path: PathBuf,
    file: File,
    first: u64,
    /// The offset after its last record, committed or not.
    next: u64,
    /// Bytes written, committed or not.
    length: u64,
}

impl TopicFiles {
    /// Opens the topic's folder in the log's, and brings it to what is committed.
    pub(super) fn open(log_dir: &Path, topic: Topic, committed: &TopicState) -> Result<Self, LogError> {
        let dir = log_dir.join(topic.as_str());
        files::create_dir(&dir)?;
        let mut opened = Self { topic, dir, active: None, full: Vec::new(), created: false };
        opened.settle(committed)?;
        Ok(opened)
    }

    /// Writes consecutive records, to be made durable by `sync`. Between them and those on the disk may be some that were
    /// trimmed before they were ever written. The topic is then as `target`, but for its segments.
    pub(super) fn append(
        &mut self,
        on_disk: &TopicState,
        target: &TopicState,
        records: &[Record],
        segment_bytes: u64,
    ) -> Result<TopicChange, LogError> {
        let mut segments = Vec::new();
        let mut rest = records;
        while let Some(first) = rest.first() {
            let active = self.active(on_disk, first.offset, segment_bytes)?;
            let written = active.fill(rest, segment_bytes)?;
            segments.push((active.first, active.length));
            rest = &rest[written..];
        }
        Ok(TopicChange { topic: self.topic, start: target.start, next: target.next, segments })
    }

    /// Makes durable what was appended.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        for segment in self.full.iter().chain(&self.active) {
            files::sync(&segment.file, &segment.path)?;
        }
        self.full.clear();
        if std::mem::take(&mut self.created) {
            files::sync_dir(&self.dir)?;
        }
        Ok(())
    }

    /// Brings the files to what is committed: cuts the last segment to its length, removes those that are not listed.
    pub(super) fn settle(&mut self, committed: &TopicState) -> Result<(), LogError> {
        self.active = None;
        self.full.clear();
        for first in self.segments_on_disk()? {
            if committed.segments.binary_search_by_key(&first, |segment| segment.first).is_err() {
                let path = segment::path(&self.dir, first);
                std::fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        for segment in &committed.segments {
            settle_segment(&segment::path(&self.dir, segment.first), segment.length)?;
        }
        Ok(())
    }

    fn segments_on_disk(&self) -> Result<Vec<u64>, LogError> {
        let entries = std::fs::read_dir(&self.dir).map_err(failed("list", &self.dir))?;
        let mut firsts = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed("list", &self.dir))?.file_name();
            firsts.extend(name.to_str().and_then(segment::first_of));
        }
        Ok(firsts)
    }

    /// The segment that takes the record at an offset.
    fn active(
        &mut self,
        on_disk: &TopicState,
        offset: u64,
        segment_bytes: u64,
    ) -> Result<&mut Active, LogError> {
        let last = self.active.take().filter(|active| active.next == offset);
        let usable = match (last, on_disk.segments.last()) {
            (None, Some(last)) if offset == on_disk.next => {
                Some(Active::open(&self.dir, last.first, last.length, offset)?)
            }
            (last, _) => last,
        };
        let active = match usable {
            Some(active) if active.length < segment_bytes => active,
            full => {
                self.full.extend(full);
                self.created = true;
                Active::create(&self.dir, offset)?
            }
        };
        Ok(self.active.insert(active))
    }
}

impl Active {
    fn open(dir: &Path, first: u64, length: u64, next: u64) -> Result<Self, LogError> {
        let path = segment::path(dir, first);
        Ok(Self { file: files::open_append(&path)?, path, first, next, length })
    }

    fn create(dir: &Path, first: u64) -> Result<Self, LogError> {
        let path = segment::path(dir, first);
        let file =
            OpenOptions::new().append(true).create_new(true).open(&path).map_err(failed("create", &path))?;
        Ok(Self { path, file, first, next: first, length: 0 })
    }

    /// Writes records until there are no more or the segment is full; how many, at least one.
    fn fill(&mut self, records: &[Record], segment_bytes: u64) -> Result<usize, LogError> {
        let mut writer = BufWriter::with_capacity(GATHER_BYTES, &self.file);
        let mut length = self.length;
        let mut written = 0;
        for record in records {
            let (head, padding) = codec::encode_around(&record.headers, record.value.len());
            let frame = FrameHeader::of(record.offset, &[&head, &record.value, padding]);
            let parts: [&[u8]; 4] = [&frame.to_bytes(), &head, &record.value, padding];
            for part in parts {
                writer.write_all(part).map_err(failed("append to", &self.path))?;
            }
            length += (HEADER_BYTES + frame.length()) as u64;
            written += 1;
            if length >= segment_bytes {
                break;
            }
        }
        writer.flush().map_err(failed("append to", &self.path))?;
        self.length = length;
        self.next += written as u64;
        Ok(written)
    }
}

fn settle_segment(path: &Path, committed: u64) -> Result<(), LogError> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(corrupt(path, 0, "the file is missing"));
        }
        Err(error) => return Err(failed("look at", path)(error)),
    };
    if length < committed {
        return Err(corrupt(
            path,
            length,
            format!("the file ends here, but {committed} bytes were committed"),
        ));
    }
    if length > committed {
        tracing::info!(path = %path.display(), cut = length - committed, "cut what was not committed off a segment");
        files::open_append(path)?.set_len(committed).map_err(failed("cut", path))?;
    }
    Ok(())
}
