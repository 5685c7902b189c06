//! Topics of lines, byte for byte: `rejected/rejected-<first>-<last>.ndjson`, and `alerts` likewise. A file is sealed at a
//! flush or when it is large.

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::publish::{FileName, Publisher};
use super::{Folders, READ_BYTES_MAX, SinkError, batches};
use crate::log::{Log, Record, Topic};
use crate::role::{Role, RoleError};

/// Bytes that are held before they are written, which is the size of a file, about.
const HELD_BYTES_MAX: usize = 16 << 20;

/// Writes a topic as NDJSON files; group and folder have the topic's name.
pub struct LineSink {
    topic: Topic,
    publisher: Publisher,
    /// The first offset in `held`.
    first: u64,
    /// The next offset to read.
    next: u64,
    held: Vec<u8>,
    /// Sum of the count headers of what is held.
    counted: u64,
}

impl LineSink {
    /// Opens the topic's lines in the output folder and finishes what a crash left behind. An error if the files there are
    /// not of this log.
    pub fn open(log: Arc<dyn Log>, topic: Topic, folders: &Folders) -> Result<Self, SinkError> {
        let publisher = Publisher::open(log, topic.as_str(), folders)?;
        let next = publisher.position(topic);
        Ok(Self { topic, publisher, first: next, next, held: Vec::new(), counted: 0 })
    }

    fn hold(&mut self, record: &Record) -> Result<(), SinkError> {
        self.counted += batches::count(self.topic, record)?;
        self.held.extend_from_slice(&record.value);
        if self.held.last().is_some_and(|last| *last != b'\n') {
            self.held.push(b'\n');
        }
        self.next = record.offset + 1;
        Ok(())
    }

    fn write_held(&mut self) -> Result<(), SinkError> {
        let (held, counted) = (std::mem::take(&mut self.held), std::mem::take(&mut self.counted));
        let first = std::mem::replace(&mut self.first, self.next);
        let (topic, next) = (self.topic, self.next);
        self.publisher.publish(vec![(topic, next)], |files| {
            if held.is_empty() && counted == 0 {
                return Ok(());
            }
            let (stem, partition) = (topic.as_str(), files.partition());
            let name = FileName { stem, partition, first, last: next - 1, extension: "ndjson" };
            let mut file = files.create(&name.to_string())?;
            let path = file.path().to_owned();
            check_lines(topic, &held, counted, &path)?;
            file.write_all(&held).map_err(SinkError::io("write", &path))?;
            files.seal(file);
            Ok(())
        })
    }
}

impl Role for LineSink {
    fn name(&self) -> &str {
        self.topic.as_str()
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let records = self.publisher.log().read(self.topic, self.next, READ_BYTES_MAX)?;
        for record in &records {
            self.hold(record)?;
            if self.held.len() >= HELD_BYTES_MAX {
                self.write_held()?;
            }
        }
        Ok(!records.is_empty())
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        self.write_held()?;
        Ok(self.publisher.settle()?)
    }
}

fn check_lines(topic: Topic, lines: &[u8], counted: u64, path: &Path) -> Result<(), SinkError> {
    let written = memchr::memchr_iter(b'\n', lines).count() as u64;
    if written == counted {
        return Ok(());
    }
    Err(SinkError::Count { path: path.to_owned(), topic: topic.as_str(), written, counted })
}
