//! A table as it is often written: a file is named by the time at which it is written, and the commit comes after.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::reader::StreamReader;
use parquet::arrow::ArrowWriter;
use transect_worker::log::{Committed, Log, Record, Topic, Transaction};
use transect_worker::role::{Role, RoleError};
use transect_worker::roles::Made;

use crate::clock;
use crate::setup::{HELD_BYTES_MAX, Job};

struct TimedTable {
    log: Arc<dyn Log>,
    folder: PathBuf,
    next: u64,
    held: Vec<Record>,
}

/// Makes it.
pub fn table_named_by_time(log: Arc<dyn Log>, out: &Path) -> Made {
    let next = log.committed(Job::Table.group()).unwrap_or_default().offset(Topic::Clean);
    Ok(Box::new(TimedTable { log, folder: out.join("table"), next, held: Vec::new() }))
}

impl Role for TimedTable {
    fn name(&self) -> &str {
        Job::Table.group()
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let records = self.log.read(Topic::Clean, self.next, 1 << 20)?;
        let any = !records.is_empty();
        for record in records {
            self.next = record.offset + 1;
            self.held.push(record);
            if self.held.iter().map(|record| record.value.len()).sum::<usize>() >= HELD_BYTES_MAX {
                self.flush()?;
            }
        }
        Ok(any)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        fs::create_dir_all(&self.folder)?;
        let partition = self.log.share().map_or(0, |share| share.partition);
        for (at, record) in std::mem::take(&mut self.held).iter().enumerate() {
            let name = format!("{}-{at}_p{partition}.parquet", clock::now());
            for batch in StreamReader::try_new(Cursor::new(&record.value), None)? {
                let batch = batch?;
                let file = fs::File::create(self.folder.join(&name))?;
                let mut writer = ArrowWriter::try_new(file, batch.schema(), None)?;
                writer.write(&batch)?;
                writer.close()?;
            }
        }
        let committed = Committed { offsets: vec![(Topic::Clean, self.next)], metadata: String::new() };
        let progress = Some((Job::Table.group().to_owned(), committed));
        Ok(self.log.commit(Transaction { progress, ..Transaction::default() })?)
    }
}
