//! The only writer of a log's files. The records of one or more transactions go to the segments, which are synced, then
//! one change goes to the journal, which is synced: that is the commit. Any failure before is undone.
//!
//! After a sync that failed nobody knows what the disk holds (the system may drop the pages and report success the
//! next time), so the writer refuses everything until the log is opened again.

use std::path::{Path, PathBuf};

use super::Sizes;
use super::files::ReplaceError;
use super::journal::Journal;
use super::pending::Pending;
use super::state::{Change, State, TopicChange};
use super::topic::TopicFiles;
use crate::log::{LogError, NewRecord, Record, Topic};

/// Greatest size of a record's value in bytes.
const VALUE_BYTES_MAX: usize = 1 << 30;
/// Greatest size of a record's headers in bytes, names and values.
const HEADERS_BYTES_MAX: usize = 1 << 20;

/// Writes transactions, one at a time.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    journal: Journal,
    /// By topic, in the order of `Topic::ALL`.
    topics: Vec<TopicFiles>,
    /// What the files say is committed.
    on_disk: State,
    /// What is to follow.
    pub(super) pending: Pending,
    sizes: Sizes,
    /// Why nothing more is written.
    closed: Option<String>,
}

impl Writer {
    /// Opens the files of a log and brings them to what is committed.
    pub(super) fn open(dir: &Path, sizes: Sizes) -> Result<Self, LogError> {
        let (journal, on_disk) = Journal::open(dir.join("journal"), sizes.journal_bytes)?;
        let topics = Topic::ALL.iter().map(|topic| TopicFiles::open(dir, *topic, on_disk.topic(*topic)));
        let topics = topics.collect::<Result<_, _>>()?;
        let pending = Pending::default();
        Ok(Self { dir: dir.into(), journal, topics, on_disk, pending, sizes, closed: None })
    }

    /// What is durable.
    pub(super) fn on_disk(&self) -> &State {
        &self.on_disk
    }

    /// Makes a state durable, with the records, by topic, that it has and the disk has not. The topics of which segments
    /// are not needed any more.
    pub(super) fn commit(
        &mut self,
        target: &State,
        records: &[Vec<Record>; Topic::ALL.len()],
    ) -> Result<Vec<Topic>, LogError> {
        let first = |state: &State, topic| state.topic(topic).segments.first().map(|segment| segment.first);
        let before = Topic::ALL.map(|topic| first(&self.on_disk, topic));
        let written = self.write_records(target, records).and_then(|topics| {
            let (sequence, groups) = (self.on_disk.sequence + 1, target.groups_since(&self.on_disk));
            self.write_change(Change { sequence, topics, groups })
        });
        match written {
            Ok(change) => self.on_disk.apply(change).map_err(|problem| self.close(problem))?,
            Err(error) => {
                let touched = Topic::ALL.into_iter().filter(|topic| !records[*topic as usize].is_empty());
                self.undo(touched);
                return Err(error);
            }
        }
        let dropped = |(_, before): &(Topic, Option<u64>)| before.is_some();
        let dropped = Topic::ALL.into_iter().zip(before).filter(dropped);
        Ok(dropped
            .filter(|(topic, before)| first(&self.on_disk, *topic) != *before)
            .map(|(topic, _)| topic)
            .collect())
    }

    /// Removes the segments of a topic that are not needed any more; what fails is tried again when the log is opened.
    pub(super) fn remove_trimmed(&mut self, topic: Topic) {
        if let Err(error) = self.topics[topic as usize].settle(self.on_disk.topic(topic)) {
            tracing::warn!(%error, "trimmed records could not be removed");
        }
    }

    /// Replaces a journal that has grown long by a snapshot.
    pub(super) fn compact_if_long(&mut self) {
        if !self.journal.wants_compaction() {
            return;
        }
        match self.journal.compact(&self.on_disk) {
            Ok(()) => {}
            Err(ReplaceError::Kept(error)) => tracing::warn!(%error, "the journal could not be compacted"),
            Err(ReplaceError::Unsure(error)) => {
                self.close(error.to_string());
            }
        }
    }

    fn write_records(
        &mut self,
        target: &State,
        records: &[Vec<Record>; Topic::ALL.len()],
    ) -> Result<Vec<TopicChange>, LogError> {
        let mut changes = Vec::new();
        for (topic, records) in Topic::ALL.into_iter().zip(records) {
            let (on_disk, target) = (self.on_disk.topic(topic), target.topic(topic));
            if (on_disk.start, on_disk.next) != (target.start, target.next) {
                let files = &mut self.topics[topic as usize];
                changes.push(files.append(on_disk, target, records, self.sizes.segment_bytes)?);
            }
        }
        for change in changes.iter().filter(|change| !change.segments.is_empty()) {
            let synced = self.topics[change.topic as usize].sync();
            self.close_unless(synced)?;
        }
        Ok(changes)
    }

    fn write_change(&mut self, change: Change) -> Result<Change, LogError> {
        let appended = self.journal.append(&change)?;
        let synced = self.journal.sync(appended);
        self.close_unless(synced)?;
        Ok(change)
    }

    fn undo(&mut self, touched: impl IntoIterator<Item = Topic>) {
        let mut undone = self.journal.undo();
        for topic in touched {
            undone = undone.and(self.topics[topic as usize].settle(self.on_disk.topic(topic)));
        }
        if let Err(error) = undone {
            self.close(error.to_string());
        }
    }

    fn close_unless(&mut self, synced: Result<(), LogError>) -> Result<(), LogError> {
        synced.inspect_err(|error| {
            self.close(error.to_string());
        })
    }

    /// Refuses everything from now on, for the first reason given; the error that says so.
    pub(super) fn close(&mut self, problem: String) -> LogError {
        let path = self.dir.display().to_string();
        tracing::error!(path, problem, "the log takes no more writes");
        LogError::Closed { path, problem: self.closed.get_or_insert(problem).clone() }
    }

    pub(super) fn refuse_if_closed(&self) -> Result<(), LogError> {
        match &self.closed {
            Some(problem) => {
                Err(LogError::Closed { path: self.dir.display().to_string(), problem: problem.clone() })
            }
            None => Ok(()),
        }
    }
}

/// Refuses a record that is beyond the limits.
pub(super) fn check_size(record: &NewRecord) -> Result<(), LogError> {
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let sizes = [(record.value.len(), VALUE_BYTES_MAX), (headers, HEADERS_BYTES_MAX)];
    match sizes.into_iter().find(|(bytes, limit)| bytes > limit) {
        Some((bytes, limit)) => Err(LogError::TooLarge { topic: record.topic.as_str(), bytes, limit }),
        None => Ok(()),
    }
}
