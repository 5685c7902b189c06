//! Accepted events over event time: by source, how many were late, by schema version, how long they were under way. Only
//! provenance columns are read, and those not where a footer says that all values are the same.

mod columns;
mod delay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use self::columns::{Columns, Group};
pub use self::delay::Delay;
use super::bins::Bins;
use super::{SummaryError, files};

/// Parts of time that are told apart.
const BINS: usize = 90;
/// Rows that are read one by one of an event type. Of more, most are taken from the footers: a second of work at most.
const ROWS_MAX: u64 = 5_000_000;

/// The accepted events of one event type.
#[derive(Clone, Debug)]
pub struct Table {
    /// The event type.
    pub event_type: String,
    /// All rows, by the footers.
    pub rows: u64,
    /// Rows of which only the footer was read: they are spread evenly between their first and last time, and are in
    /// `all` only.
    pub estimated: u64,
    /// The least event time, microseconds since 1970 UTC.
    pub first: i64,
    /// The greatest.
    pub last: i64,
    /// The parts of time that the counts below are of.
    pub bins: Bins,
    /// Events.
    pub all: Vec<u64>,
    /// Events by source.
    pub sources: BTreeMap<String, Vec<u64>>,
    /// Events that were late for one of their windows.
    pub late: Vec<u64>,
    /// Events by schema version.
    pub versions: BTreeMap<i32, u64>,
    /// How long events that came through the gateway had been under way.
    pub delay: Delay,
}

/// Reads all tables.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Table>, SummaryError> {
    let mut tables = Vec::new();
    for path in files::entries(folder)? {
        tables.extend(Table::read(&path, ROWS_MAX)?);
    }
    Ok(tables)
}

impl Table {
    /// Reads the table of an event type; None if it has no rows.
    fn read(folder: &Path, rows_max: u64) -> Result<Option<Self>, SummaryError> {
        let paths = files::under(folder, "parquet")?;
        let mut span: Option<(i64, i64)> = None;
        let mut rows = 0;
        for path in &paths {
            let (_, metadata) = files::parquet(path)?;
            for group in groups(path, &metadata)? {
                rows += group.rows;
                let (first, last) = span.unwrap_or(group.times);
                span = Some((first.min(group.times.0), last.max(group.times.1)));
            }
        }
        let Some((first, last)) = span else { return Ok(None) };
        let bins = Bins::over(first, last, BINS);
        let mut table = Self {
            event_type: files::name(folder),
            rows,
            estimated: 0,
            first,
            last,
            bins,
            all: vec![0; bins.count],
            sources: BTreeMap::new(),
            late: vec![0; bins.count],
            versions: BTreeMap::new(),
            delay: Delay::default(),
        };
        table.count(&paths, rows_max)?;
        Ok(Some(table))
    }

    /// Of many rows, each n-th row group is read.
    fn count(&mut self, paths: &[PathBuf], rows_max: u64) -> Result<(), SummaryError> {
        let step = self.rows.div_ceil(rows_max.max(1)).max(1);
        let mut at = 0;
        for path in paths {
            let (file, metadata) = files::parquet(path)?;
            for group in groups(path, &metadata)? {
                if at % step == 0 {
                    let file = file.try_clone();
                    let file = file.map_err(|source| SummaryError::Io { path: path.clone(), source })?;
                    group.read(file, metadata.clone(), self).map_err(files::broken(path))?;
                } else {
                    self.spread(&group);
                }
                at += 1;
            }
        }
        Ok(())
    }

    fn spread(&mut self, group: &Group) {
        self.estimated += group.rows;
        let (first, last) = (self.bins.of(group.times.0), self.bins.of(group.times.1));
        let parts = (last - first + 1) as u64;
        for (at, bin) in self.all[first..=last].iter_mut().enumerate() {
            let at = at as u64;
            *bin += group.rows * (at + 1) / parts - group.rows * at / parts;
        }
    }

    fn add(&mut self, columns: &Columns<'_>) {
        let words = columns.sources();
        let mut by_source = vec![0; words.len() * self.bins.count];
        for (row, time) in columns.times.values().iter().enumerate() {
            let bin = self.bins.of(*time);
            self.all[bin] += 1;
            self.late[bin] += u64::from(columns.is_late(row));
            if let Some(count) =
                columns.source(row).and_then(|word| by_source.get_mut(word * self.bins.count + bin))
            {
                *count += 1;
            }
        }
        for (word, counts) in words.iter().zip(by_source.chunks(self.bins.count)) {
            let source = self.sources.entry((*word).to_owned()).or_insert_with(|| vec![0; self.bins.count]);
            source.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        columns.for_each_version(|version, rows| *self.versions.entry(version).or_default() += rows);
        columns.for_each_delay(|micros| self.delay.add(micros));
    }
}

fn groups(path: &Path, metadata: &ArrowReaderMetadata) -> Result<Vec<Group>, SummaryError> {
    Group::all(metadata).map_err(files::broken(path))
}
