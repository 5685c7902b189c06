//! The table: `table/<event type>/day=YYYY-MM-DD/clean-<first>-<last>.parquet`, by UTC day of the event time. Holds
//! batches of `clean` up to a bound and writes them all at once, each day of each event type to a file of its own;
//! rows keep the order of the log. The day is in the path and, being derived, not in the file.

mod days;
#[cfg(test)]
mod tests;

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::{thread, vec};

use arrow_array::RecordBatch;
use arrow_array::TimestampMicrosecondArray;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;

use self::days::{Day, Days};
use super::batches::{self, Batches};
use super::columns::{Format, Packer};
use super::publish::{Files, Publisher};
use super::{Folders, READ_BYTES_MAX, SinkError};
use crate::log::{Log, Record, Topic};
use crate::record;
use crate::role::{Role, RoleError};

/// The provenance column with the event time: microseconds since 1970 UTC.
const TIME: &str = "_time";

/// Group and folder of the sink.
const GROUP: &str = "table";

/// What the table sink may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// The study's name, which is noted in every file.
    pub study: String,
    /// Bytes of batches that are held before they are written; half as many more while others wait to be read.
    pub held_bytes_max: usize,
    /// Threads that write.
    pub threads: usize,
}

impl TableOptions {
    /// What is right for a study: 32 MiB are held, so that files are large and memory stays small.
    pub fn new(study: &str, threads: usize) -> Self {
        Self { study: study.to_owned(), held_bytes_max: 32 << 20, threads }
    }
}

/// Writes `clean` as Parquet files.
pub struct TableSink {
    publisher: Publisher,
    packers: Vec<Packer>,
    options: TableOptions,
    /// The next offset of `clean` to read.
    next: u64,
    held: Vec<Held>,
    held_bytes: usize,
}

impl TableSink {
    /// Opens the table in the output folder and finishes what a crash left behind. An error if the files there are
    /// not of this log.
    pub fn open(log: Arc<dyn Log>, folders: &Folders, options: TableOptions) -> Result<Self, SinkError> {
        let publisher = Publisher::open(log, GROUP, folders)?;
        let next = publisher.position(Topic::Clean);
        let packers = (0..options.threads.max(1)).map(|_| Packer::new()).collect::<Result<_, _>>();
        let packers = packers.map_err(SinkError::columns(&folders.out))?;
        Ok(Self { publisher, packers, options, next, held: Vec::new(), held_bytes: 0 })
    }

    fn hold(&mut self, record: &Record) -> Result<(), SinkError> {
        let event_type = batches::header(Topic::Clean, record, record::EVENT_TYPE)?;
        let version = batches::header(Topic::Clean, record, record::SCHEMA_VERSION)?;
        let batch = batches::decode(Topic::Clean, record)?;
        let fits = |held: &Held| {
            held.event_type == event_type && held.version == version && held.batches.fit(&batch)
        };
        let at = self.held.iter().position(fits).unwrap_or_else(|| {
            self.held.push(Held::new(event_type, version, record.offset));
            self.held.len() - 1
        });
        self.held[at].push(record, batch)?;
        self.held_bytes += record.value.len();
        self.next = record.offset + 1;
        Ok(())
    }

    fn write_held(&mut self) -> Result<(), SinkError> {
        self.held_bytes = 0;
        let held = std::mem::take(&mut self.held);
        self.publisher.publish(vec![(Topic::Clean, self.next)], |files| {
            held.into_iter().try_for_each(|held| held.write(files, &mut self.packers, &self.options.study))
        })
    }
}

impl Role for TableSink {
    fn name(&self) -> &str {
        GROUP
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let records = self.publisher.log().read(Topic::Clean, self.next, READ_BYTES_MAX)?;
        for record in &records {
            self.hold(record)?;
            let bound = self.options.held_bytes_max;
            // Best where the log ends: of an epoch that is half in files the other half has to go to the disk.
            let caught_up = self.next == self.publisher.log().end(Topic::Clean);
            if self.held_bytes >= if caught_up { bound } else { bound.saturating_add(bound / 2) } {
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

/// Batches of one event type and schema.
#[derive(Debug)]
struct Held {
    event_type: String,
    version: String,
    batches: Batches,
    days: Days,
}

impl Held {
    fn new(event_type: &str, version: &str, first: u64) -> Self {
        Self {
            event_type: event_type.to_owned(),
            version: version.to_owned(),
            batches: Batches::new(Topic::Clean, first),
            days: Days::default(),
        }
    }

    fn push(&mut self, record: &Record, batch: RecordBatch) -> Result<(), SinkError> {
        let Some(times) = event_times(&batch).cloned() else {
            let problem = format!("its batch has no column {TIME} of microseconds");
            return Err(batches::refuse(Topic::Clean, record, problem));
        };
        let at = self.batches.all.len();
        self.batches.push(record, batch)?;
        self.days.push(at, &times);
        Ok(())
    }

    /// Writes and seals one file a day, with a thread for each of the packers.
    fn write(self, files: &Files, packers: &mut [Packer], study: &str) -> Result<(), SinkError> {
        let Some(sample) = self.batches.largest() else { return Ok(()) };
        let folder = PathBuf::from(&self.event_type);
        let writer = DayWriter {
            format: Format::choose(sample).map_err(SinkError::columns(&folder))?,
            file_name: self.batches.file_name(files.partition()).to_string(),
            words: [
                ("transect.study", study.to_owned()),
                ("transect.event_type", self.event_type.clone()),
                ("transect.schema_version", self.version.clone()),
                ("transect.offsets", format!("{}-{}", self.batches.first, self.batches.last)),
            ],
            days: Mutex::new(self.days.split(&self.batches.all).into_iter()),
            files,
            event_type: self.event_type,
        };
        let written = writer.write_on_all(packers)?;
        self.batches.check(written, &folder)
    }
}

/// Writes the days of one event type. Each is a file of its own, so that threads share nothing but the list.
struct DayWriter<'a> {
    event_type: String,
    format: Format,
    file_name: String,
    words: [(&'static str, String); 4],
    /// Those that are left.
    days: Mutex<vec::IntoIter<(Day, Vec<RecordBatch>)>>,
    files: &'a Files,
}

impl DayWriter<'_> {
    /// Writes all days; the number of rows.
    fn write_on_all(&self, packers: &mut [Packer]) -> Result<u64, SinkError> {
        let Some((own, others)) = packers.split_first_mut() else { return Ok(0) };
        thread::scope(|scope| {
            let threads: Vec<_> =
                others.iter_mut().map(|packer| scope.spawn(|| self.write_until_none(packer))).collect();
            let mut written = self.write_until_none(own);
            for thread in threads {
                // A panic goes on here.
                let outcome = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                written = written.and_then(|rows| Ok(rows + outcome?));
            }
            written
        })
    }

    /// Writes days as long as there are any; the number of rows.
    fn write_until_none(&self, packer: &mut Packer) -> Result<u64, SinkError> {
        let mut written = 0;
        while let Some((day, batches)) = self.next() {
            let file = self.files.create(&format!("{}/day={day}/{}", self.event_type, self.file_name))?;
            let path = file.path().to_owned();
            let done = self.format.write(packer, file, &batches, &self.words);
            let (file, rows) = done.map_err(SinkError::columns(&path))?;
            self.files.seal(file);
            written += rows;
        }
        Ok(written)
    }

    fn next(&self) -> Option<(Day, Vec<RecordBatch>)> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

fn event_times(batch: &RecordBatch) -> Option<&TimestampMicrosecondArray> {
    batch.column_by_name(TIME)?.as_primitive_opt::<TimestampMicrosecondType>()
}
