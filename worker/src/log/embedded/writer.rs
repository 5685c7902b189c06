//! The only writer of a log's files. A transaction goes to the segments, which are synced, then to the journal, which
//! is synced: that is the commit. Any failure before is undone.
//!
//! After a sync that failed nobody knows what the disk holds (the system may drop the pages and report success the
//! next time), so the writer refuses everything until the log is opened again.

use std::path::{Path, PathBuf};

use super::Sizes;
use super::files::ReplaceError;
use super::journal::Journal;
use super::state::{Change, GroupChange, State, TopicChange, TopicState};
use super::topic::TopicFiles;
use crate::log::{LogError, NewRecord, Topic, Transaction};

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
    sizes: Sizes,
    /// Why nothing more is written.
    closed: Option<String>,
}

impl Writer {
    /// Opens the files of a log and brings them to what is committed.
    pub(super) fn open(dir: &Path, sizes: Sizes) -> Result<(Self, State), LogError> {
        let (journal, state) = Journal::open(dir.join("journal"), sizes.journal_bytes)?;
        let topics = Topic::ALL.iter().map(|topic| TopicFiles::open(dir, *topic, state.topic(*topic)));
        let topics = topics.collect::<Result<_, _>>()?;
        Ok((Self { dir: dir.into(), journal, topics, sizes, closed: None }, state))
    }

    /// Makes a transaction durable; the change that it is. `state` is what is committed so far.
    pub(super) fn commit(&mut self, state: &State, transaction: Transaction) -> Result<Change, LogError> {
        self.refuse_if_closed()?;
        let mut by_topic: [Vec<NewRecord>; Topic::ALL.len()] = Default::default();
        for record in transaction.records {
            check_size(&record)?;
            by_topic[record.topic as usize].push(record);
        }
        let groups = transaction.progress.map(|(name, committed)| GroupChange {
            name,
            offsets: committed.offsets,
            metadata: committed.metadata,
        });
        let written = self.write_records(state, &by_topic).and_then(|mut topics| {
            transaction.trim.iter().for_each(|(topic, before)| trim(&mut topics, state, *topic, *before));
            let change =
                Change { sequence: state.sequence + 1, topics, groups: groups.into_iter().collect() };
            self.write_change(change)
        });
        if written.is_err() {
            let touched = Topic::ALL.into_iter().filter(|topic| !by_topic[*topic as usize].is_empty());
            self.undo(state, touched);
        }
        written
    }

    /// Removes the segments that a topic doesn't need any more; what fails is tried again when the log is opened.
    pub(super) fn remove_trimmed(&mut self, state: &State, topic: Topic) {
        if let Err(error) = self.topics[topic as usize].settle(state.topic(topic)) {
            tracing::warn!(%error, "trimmed records could not be removed");
        }
    }

    /// Replaces a journal that has grown long by a snapshot.
    pub(super) fn compact_if_long(&mut self, state: &State) {
        if !self.journal.wants_compaction() {
            return;
        }
        match self.journal.compact(state) {
            Ok(()) => {}
            Err(ReplaceError::Kept(error)) => tracing::warn!(%error, "the journal could not be compacted"),
            Err(ReplaceError::Unsure(error)) => {
                self.close(error.to_string());
            }
        }
    }

    fn write_records(
        &mut self,
        state: &State,
        by_topic: &[Vec<NewRecord>; Topic::ALL.len()],
    ) -> Result<Vec<TopicChange>, LogError> {
        let mut changes = Vec::new();
        for (topic, records) in Topic::ALL.into_iter().zip(by_topic) {
            if !records.is_empty() {
                let files = &mut self.topics[topic as usize];
                changes.push(files.append(state.topic(topic), records, self.sizes.segment_bytes)?);
            }
        }
        for change in &changes {
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

    fn undo(&mut self, state: &State, touched: impl IntoIterator<Item = Topic>) {
        let mut undone = self.journal.undo();
        for topic in touched {
            undone = undone.and(self.topics[topic as usize].settle(state.topic(topic)));
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

    fn refuse_if_closed(&self) -> Result<(), LogError> {
        match &self.closed {
            Some(problem) => {
                Err(LogError::Closed { path: self.dir.display().to_string(), problem: problem.clone() })
            }
            None => Ok(()),
        }
    }
}

/// Lets a topic begin at a later offset. The files are removed by `remove_trimmed`.
fn trim(changes: &mut Vec<TopicChange>, state: &State, topic: Topic, before: u64) {
    let TopicState { start, next, .. } = *state.topic(topic);
    match changes.iter_mut().find(|change| change.topic == topic) {
        Some(change) => change.start = start.max(before.min(change.next)),
        None if before > start => {
            changes.push(TopicChange { topic, start: before.min(next), next, segments: Vec::new() });
        }
        None => {}
    }
}

fn check_size(record: &NewRecord) -> Result<(), LogError> {
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let sizes = [(record.value.len(), VALUE_BYTES_MAX), (headers, HEADERS_BYTES_MAX)];
    match sizes.into_iter().find(|(bytes, limit)| bytes > limit) {
        Some((bytes, limit)) => Err(LogError::TooLarge { topic: record.topic.as_str(), bytes, limit }),
        None => Ok(()),
    }
}
