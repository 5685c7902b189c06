//! The windows: `windows/<name>/windows-<first>-<last>.parquet`, all revisions as they were issued, in their order.
//! Holds batches of `windows` up to a bound and writes them all at once, each definition to a file of its own.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use super::batches::{self, Batches};
use super::columns::{Format, Packer};
use super::publish::{Files, Publisher};
use super::{Folders, READ_BYTES_MAX, SinkError};
use crate::log::{Log, Record, Topic};
use crate::record;
use crate::role::{Role, RoleError};

/// Group and folder of the sink.
const GROUP: &str = "windows";

/// Bytes of batches that are held before they are written.
const HELD_BYTES_MAX: usize = 16 << 20;

/// Writes `windows` as Parquet files.
pub struct WindowSink {
    publisher: Publisher,
    packer: Packer,
    study: String,
    /// The next offset of `windows` to read.
    next: u64,
    /// By window definition and columns.
    held: Vec<(String, Batches)>,
    held_bytes: usize,
}

impl WindowSink {
    /// Opens the windows in the output folder and finishes what a crash left behind. An error if the files there are
    /// not of this log.
    pub fn open(log: Arc<dyn Log>, folders: &Folders, study: &str) -> Result<Self, SinkError> {
        let publisher = Publisher::open(log, GROUP, folders)?;
        let next = publisher.position(Topic::Windows);
        let packer = Packer::new().map_err(SinkError::columns(&folders.out))?;
        Ok(Self { publisher, packer, study: study.to_owned(), next, held: Vec::new(), held_bytes: 0 })
    }

    fn hold(&mut self, record: &Record) -> Result<(), SinkError> {
        let window = batches::header(Topic::Windows, record, record::WINDOW)?;
        let batch = batches::decode(Topic::Windows, record)?;
        let fits = |(name, batches): &(String, Batches)| name == window && batches.fit(&batch);
        let at = self.held.iter().position(fits).unwrap_or_else(|| {
            self.held.push((window.to_owned(), Batches::new(Topic::Windows, record.offset)));
            self.held.len() - 1
        });
        self.held[at].1.push(record, batch)?;
        self.held_bytes += record.value.len();
        self.next = record.offset + 1;
        Ok(())
    }

    fn publish(&mut self) -> Result<(), SinkError> {
        let (held, packer, study) = (self.take_held(), &mut self.packer, &self.study);
        let offsets = vec![(Topic::Windows, self.next)];
        self.publisher.publish(offsets, |files| write_all(files, packer, study, &held))
    }

    fn take_held(&mut self) -> Vec<(String, Batches)> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }
}

impl Role for WindowSink {
    fn name(&self) -> &str {
        GROUP
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let records = self.publisher.log().read(Topic::Windows, self.next, READ_BYTES_MAX)?;
        for record in &records {
            self.hold(record)?;
            if self.held_bytes >= HELD_BYTES_MAX {
                self.publish()?;
            }
        }
        Ok(!records.is_empty())
    }

    fn prepare(&mut self) -> Result<(), RoleError> {
        let (held, packer, study) = (self.take_held(), &mut self.packer, &self.study);
        Ok(self.publisher.write_ahead(|files| write_all(files, packer, study, &held))?)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        self.publish()?;
        Ok(self.publisher.settle()?)
    }
}

fn write_all(
    files: &Files,
    packer: &mut Packer,
    study: &str,
    held: &[(String, Batches)],
) -> Result<(), SinkError> {
    held.iter().try_for_each(|(window, batches)| write(files, packer, study, window, batches))
}

/// Writes and seals one file.
fn write(
    files: &Files,
    packer: &mut Packer,
    study: &str,
    window: &str,
    batches: &Batches,
) -> Result<(), SinkError> {
    let Some(sample) = batches.largest() else { return Ok(()) };
    let format = Format::choose(sample).map_err(SinkError::columns(&PathBuf::from(window)))?;
    let words = [
        ("transect.study", study.to_owned()),
        ("transect.window", window.to_owned()),
        ("transect.offsets", format!("{}-{}", batches.first, batches.last)),
    ];
    let file = files.create(&format!("{window}/{}", batches.file_name(files.partition())))?;
    let path = file.path().to_owned();
    let (file, rows) = format.write(packer, file, &batches.all, &words).map_err(SinkError::columns(&path))?;
    batches.check(rows, &path)?;
    files.seal(file);
    Ok(())
}
