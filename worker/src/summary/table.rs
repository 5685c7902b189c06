//! Accepted events over event time: by source, how many were late, by schema version, how long they were under way. Only
//! provenance columns are read, and those not where a footer says what is asked: of a long study, whose files are each of
//! one day, little else than footers.

mod columns;
mod delay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use self::columns::{Columns, Group};
pub use self::delay::Delay;
use super::bins::Bins;
use super::{SummaryError, files};

/// Parts of time that are told apart.
const BINS: usize = 90;
/// Rows that are read one by one of an event type. Of more, most are taken from the footers: a second of work at most.
const ROWS_MAX: u64 = 5_000_000;
/// Files that are opened of an event type. Of more, each n-th.
const FILES_MAX: usize = 10_000;

/// The accepted events of one event type.
#[derive(Clone, Debug)]
pub struct Table {
    /// The event type.
    pub event_type: String,
    /// All rows of the files that were opened, by their footers.
    pub rows: u64,
    /// Files that were not opened, since there are so many.
    pub files_skipped: u64,
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
        tables.extend(Table::read(&path, ROWS_MAX, FILES_MAX)?);
    }
    Ok(tables)
}

impl Table {
    /// Reads the table of an event type; None if it has no rows.
    fn read(folder: &Path, rows_max: u64, files_max: usize) -> Result<Option<Self>, SummaryError> {
        let mut paths = files::under(folder, ".parquet")?;
        let there = paths.len();
        let step = there.div_ceil(files_max.max(1)).max(1);
        let mut at = 0..;
        paths.retain(|_| at.next().is_some_and(|at| at % step == 0));
        let mut all = Vec::new();
        for path in &paths {
            let (_, metadata) = files::footer(path)?;
            all.extend(
                Group::all(&metadata).map_err(files::broken(path))?.into_iter().map(|group| (path, group)),
            );
        }
        let first = all.iter().map(|(_, group)| group.times.0).min();
        let last = all.iter().map(|(_, group)| group.times.1).max();
        let Some((first, last)) = first.zip(last) else { return Ok(None) };
        let bins = Bins::over(first, last, BINS);
        let mut table = Self {
            event_type: files::name(folder),
            rows: all.iter().map(|(_, group)| group.rows).sum(),
            files_skipped: (there - paths.len()) as u64,
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
        // Of many rows, each n-th row group is read.
        let step = table.rows.div_ceil(rows_max.max(1)).max(1) as usize;
        for (at, (path, group)) in all.iter().enumerate() {
            if at % step == 0 { table.count(path, group)? } else { table.spread(group) }
        }
        Ok(Some(table))
    }

    /// Spreads the rows of a group evenly between its first and last time.
    fn spread(&mut self, group: &Group) {
        self.estimated += group.rows;
        let (first, last) = (self.bins.of(group.times.0), self.bins.of(group.times.1));
        let parts = (last - first + 1) as u64;
        for (at, bin) in self.all[first..=last].iter_mut().enumerate() {
            let at = at as u64;
            *bin += group.rows * (at + 1) / parts - group.rows * at / parts;
        }
    }

    /// Counts the rows of a group: those that its footer speaks for, and what has to be read.
    fn count(&mut self, path: &Path, group: &Group) -> Result<(), SummaryError> {
        if let Some(version) = group.version {
            *self.versions.entry(version).or_default() += group.rows;
        }
        if group.says_all(&self.bins) {
            self.add_same(group, self.bins.of(group.times.0), group.rows);
            return Ok(());
        }
        let (file, metadata) = files::footer(path)?;
        let batches = group.batches(file, metadata, &self.bins).map_err(files::broken(path))?;
        for batch in batches {
            let batch = batch.map_err(files::broken(path))?;
            self.add(&Columns::of(&batch), group);
        }
        Ok(())
    }

    /// Adds rows of one part of time, as far as their group's footer speaks for them.
    fn add_same(&mut self, group: &Group, bin: usize, rows: u64) {
        self.all[bin] += rows;
        self.late[bin] += if group.late == Some(true) { rows } else { 0 };
        if let Some(source) = &group.source {
            self.source(source)[bin] += rows;
        }
    }

    fn add(&mut self, columns: &Columns<'_>, group: &Group) {
        let words = columns.sources();
        let mut by_source = vec![0; words.len() * self.bins.count];
        let mut all = vec![0; self.bins.count];
        for (row, bin) in columns.bins(&self.bins, group).into_iter().enumerate() {
            all[bin] += 1;
            self.late[bin] += u64::from(columns.is_late(row));
            let place = columns.source(row).map(|word| word * self.bins.count + bin);
            if let Some(count) = place.and_then(|place| by_source.get_mut(place)) {
                *count += 1;
            }
        }
        all.into_iter()
            .enumerate()
            .filter(|(_, rows)| *rows > 0)
            .for_each(|(bin, rows)| self.add_same(group, bin, rows));
        for (word, counts) in words.iter().zip(by_source.chunks(self.bins.count)) {
            self.source(word).iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        columns.versions().iter().for_each(|version| *self.versions.entry(*version).or_default() += 1);
        columns.delays().for_each(|micros| self.delay.add(micros));
    }

    /// The counts of a source.
    fn source(&mut self, name: &str) -> &mut Vec<u64> {
        let counts = self.sources.entry(name.to_owned()).or_default();
        counts.resize(self.bins.count, 0);
        counts
    }
}
