//! The log in one folder, for one process: durable, checksummed, and all or nothing over several topics.
//!
//! ```text
//! FORMAT                           the format's version
//! lock                             held while a process has the log
//! journal                          what is committed: framed changes, the first a snapshot
//! <topic>/<first offset>.seg       framed records
//! ```
//!
//! Only the journal says what is committed: the end of every topic, the groups' progress. Whatever else the files
//! hold is removed when the log is opened. Readers never wait for a commit that is being written.

mod codec;
mod files;
mod frame;
mod journal;
mod pending;
mod segment;
mod state;
mod tail;
mod topic;
mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use self::files::{corrupt, failed};
use self::journal::Journal;
use self::segment::SegmentReader;
use self::state::State;
use self::tail::Tail;
use self::writer::Writer;
use super::{Committed, Log, LogError, Record, Topic, Transaction};

/// What `FORMAT` holds.
const FORMAT: &str = "transect log 1";

/// When files are rolled, and what is kept in memory.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// A segment of at least so many bytes takes no more records.
    segment_bytes: u64,
    /// A journal of at least so many bytes is replaced by a snapshot.
    journal_bytes: u64,
    /// Values of the last records, of all topics together, that are kept in memory.
    tail_bytes: usize,
    /// Values of records that are in memory only: one more is written with all of them. A table commits after up to 48
    /// MiB of `clean`, and what was let go meanwhile stays until then. With 64 MiB, a run of a million events wrote all
    /// of it two or three times, 3 % of its time.
    unwritten_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            journal_bytes: 1 << 20,
            tail_bytes: 32 << 20,
            unwritten_bytes: 128 << 20,
        }
    }
}

/// A durable log in one folder.
#[derive(Debug)]
pub struct EmbeddedLog {
    dir: PathBuf,
    sizes: Sizes,
    writer: Mutex<Writer>,
    /// What is visible. Its segments are those on the disk; records that are in none are in the tail.
    state: RwLock<State>,
    tail: Mutex<Tail>,
    /// Who reads which topic to its end.
    readers: Vec<(Topic, &'static str)>,
    /// Number of commits, and of calls of `wake`.
    sequence: Mutex<u64>,
    published: Condvar,
    /// Held open for its lock.
    _lock: File,
}

impl EmbeddedLog {
    /// Opens the log in a folder, creating both where there is none, and removes what an unfinished commit has left.
    ///
    /// # Errors
    ///
    /// `Locked` if another process (or this one) has it open, `Format` if the folder holds something else, `Corrupt`
    /// if committed bytes are missing; damage within a record shows when it is read.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_with(dir, Sizes::default())
    }

    fn open_with(dir: &Path, sizes: Sizes) -> Result<Self, LogError> {
        files::create_dir(dir)?;
        let lock = lock(&dir.join("lock"))?;
        create_unless_there(dir)?;
        let writer = Writer::open(dir, sizes)?;
        let state = writer.on_disk().clone();
        Ok(Self {
            dir: dir.into(),
            sizes,
            tail: Mutex::new(Tail::new(sizes.tail_bytes, on_disk(&state))),
            sequence: Mutex::new(state.sequence),
            state: RwLock::new(state),
            writer: Mutex::new(writer),
            readers: Vec::new(),
            published: Condvar::new(),
            _lock: lock,
        })
    }

    /// Lets records go once every group that reads their topic has committed beyond them. Topics without a reader keep
    /// theirs until they are trimmed.
    #[must_use]
    pub fn read_by(mut self, readers: Vec<(Topic, &'static str)>) -> Self {
        self.readers = readers;
        self
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        // Nothing panics while it changes the state; were it so, the writer's lock would be poisoned too.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, LogError> {
        let writer = self.writer.lock().map_err(|_| LogError::Closed {
            path: self.dir.display().to_string(),
            problem: "a thread panicked while it was writing".into(),
        })?;
        writer.refuse_if_closed()?;
        Ok(writer)
    }

    /// Makes a transaction durable, after so many of those that are not yet, and visible.
    fn write(&self, writer: &mut Writer, transaction: Transaction, pending: usize) -> Result<(), LogError> {
        let mut target = writer.on_disk().clone();
        writer.pending.apply(pending, &mut target);
        let new = target.take(transaction.clone());
        self.let_go(&mut target);
        let mut records = self.tail().unwritten();
        new.into_iter().for_each(|(topic, record)| records[topic as usize].push(record));
        for (records, topic) in records.iter_mut().zip(&target.topics) {
            // What nobody needs any more need not be written at all.
            records.retain(|record| (topic.start..topic.next).contains(&record.offset));
        }
        let dropped = writer.commit(&target, &records)?;
        writer.pending.forget(pending);

        let mut state = self.state().clone();
        let records = state.take(transaction);
        self.let_go(&mut state);
        state.find_on(writer.on_disk());
        self.publish(state, records);
        dropped.into_iter().for_each(|topic| writer.remove_trimmed(topic));
        writer.compact_if_long();
        Ok(())
    }

    /// Lets topics begin where the last of their readers is.
    fn let_go(&self, state: &mut State) {
        for topic in Topic::ALL {
            let offset = |group: &str| state.groups.get(group).map_or(0, |committed| committed.offset(topic));
            let readers = self.readers.iter().filter(|(read, _)| *read == topic);
            if let Some(before) = readers.map(|(_, group)| offset(group)).min() {
                state.trim(topic, before);
            }
        }
    }

    /// Makes a state visible, and the records that are new in it.
    fn publish(&self, state: State, records: Vec<(Topic, Record)>) {
        // Before the state, so that records that are not on the disk are found here.
        let mut tail = self.tail();
        records.into_iter().for_each(|(topic, record)| tail.push(topic, record));
        let written = on_disk(&state);
        // What is let go and not on the disk stays until that it was let go is durable: the disk may need it before.
        let gone = Topic::ALL.map(|topic| state.topic(topic).start.min(written[topic as usize]));
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        // After it, so that records that are let go here are found on the disk.
        tail.set_written(written);
        Topic::ALL.into_iter().zip(gone).for_each(|(topic, before)| tail.trim(topic, before));
        tail.shrink();
        drop(tail);
        self.wake();
    }

    fn missing(&self, topic: Topic, offset: u64) -> LogError {
        let problem = format!("the record at offset {offset} is in no segment");
        corrupt(&self.dir.join(topic.as_str()), 0, problem)
    }

    /// The segment that holds an offset, as it is committed now.
    fn segment(&self, topic: Topic, offset: u64) -> Result<Option<SegmentReader>, LogError> {
        let state = self.state();
        let topic_state = state.topic(topic);
        if offset < topic_state.start {
            return Err(LogError::Trimmed { topic: topic.as_str(), asked: offset, start: topic_state.start });
        }
        Ok(topic_state.segment_with(offset).map(|at| {
            let segment = &topic_state.segments[at];
            SegmentReader {
                path: segment::path(&self.dir.join(topic.as_str()), segment.first),
                first: segment.first,
                end: topic_state.segment_end(at),
                length: segment.length,
                index: segment.index.clone(),
            }
        }))
    }
}

impl Log for EmbeddedLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        // In this order: what is visible and not in the tail is on the disk, or trimmed.
        let visible = from >= self.start(topic) && from < self.end(topic);
        if visible && let Some(records) = self.tail().read(topic, from, bytes_max) {
            return Ok(records);
        }
        let segment = match self.segment(topic, from)? {
            Some(segment) => segment,
            None if visible => return Err(self.missing(topic, from)),
            None => return Ok(Vec::new()),
        };
        segment.read(from, bytes_max).or_else(|error| {
            // The segment may have been trimmed away meanwhile: then that is the answer.
            self.segment(topic, from)?;
            Err(error)
        })
    }

    fn end(&self, topic: Topic) -> u64 {
        self.state().topic(topic).next
    }

    fn start(&self, topic: Topic) -> u64 {
        self.state().topic(topic).start
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        self.state().groups.get(group).cloned()
    }

    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut writer = self.writer()?;
        transaction.records.iter().try_for_each(writer::check_size)?;
        let needed = writer.pending.needed_by(&transaction);
        self.write(&mut writer, transaction, needed)
    }

    fn commit_soon(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut writer = self.writer()?;
        transaction.records.iter().try_for_each(writer::check_size)?;
        let bytes: usize = transaction.records.iter().map(|record| record.value.len()).sum();
        if self.tail().unwritten_bytes() + bytes > self.sizes.unwritten_bytes {
            let all = writer.pending.len();
            return self.write(&mut writer, transaction, all);
        }
        let (before, mut state) = (self.state().clone(), self.state().clone());
        let records = state.take(transaction.clone());
        writer.pending.push(&transaction, &before, &state);
        self.let_go(&mut state);
        self.publish(state, records);
        Ok(())
    }

    fn sync(&self) -> Result<(), LogError> {
        let mut writer = self.writer()?;
        match writer.pending.len() {
            0 => Ok(()),
            all => self.write(&mut writer, Transaction::default(), all),
        }
    }

    fn sequence(&self) -> u64 {
        *self.sequence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.published.wait_timeout_while(sequence, timeout, |sequence| *sequence <= seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn wake(&self) {
        *self.sequence.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.published.notify_all();
    }
}

/// The offsets before which all records are on the disk, or gone.
fn on_disk(state: &State) -> [u64; Topic::ALL.len()] {
    Topic::ALL.map(|topic| state.topic(topic).on_disk)
}

fn lock(path: &Path) -> Result<File, LogError> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failed("lock", path)(error)),
    }
}

/// Checks that the folder holds a log of this format. Writes an empty one where it holds nothing yet: `FORMAT` comes
/// last, so that a folder without it has never held a record.
fn create_unless_there(dir: &Path) -> Result<(), LogError> {
    let path = dir.join("FORMAT");
    let wrong =
        |found: String| LogError::Format { path: path.display().to_string(), found, expected: FORMAT };
    match std::fs::read(&path) {
        Ok(found) if found.trim_ascii_end() == FORMAT.as_bytes() => Ok(()),
        Ok(found) => Err(wrong(format!("{:?}", String::from_utf8_lossy(&found[..found.len().min(64)])))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(other) = other_file(dir)? {
                return Err(wrong(format!("none, though the folder holds {other:?}")));
            }
            Journal::create(&dir.join("journal"))?;
            Ok(files::replace(&path, format!("{FORMAT}\n").as_bytes())?)
        }
        Err(error) => Err(failed("read", &path)(error)),
    }
}

/// Any file that doesn't come from the beginning of a log.
fn other_file(dir: &Path) -> Result<Option<String>, LogError> {
    for entry in std::fs::read_dir(dir).map_err(failed("list", dir))? {
        let name = entry.map_err(failed("list", dir))?.file_name().to_string_lossy().into_owned();
        if !["lock", "journal", "journal.tmp", "FORMAT.tmp"].contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
