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

use self::files::failed;
use self::journal::Journal;
use self::segment::SegmentReader;
use self::state::{Change, State};
use self::tail::Tail;
use self::writer::Writer;
use super::{Committed, Log, LogError, NewRecord, Record, Topic, Transaction};

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
}

impl Default for Sizes {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, journal_bytes: 1 << 20, tail_bytes: 32 << 20 }
    }
}

/// A durable log in one folder.
#[derive(Debug)]
pub struct EmbeddedLog {
    dir: PathBuf,
    writer: Mutex<Writer>,
    state: RwLock<State>,
    tail: Mutex<Tail>,
    /// The last sequence that was published.
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
        let (writer, state) = Writer::open(dir, sizes)?;
        Ok(Self {
            dir: dir.into(),
            writer: Mutex::new(writer),
            sequence: Mutex::new(state.sequence),
            state: RwLock::new(state),
            tail: Mutex::new(Tail::new(sizes.tail_bytes)),
            published: Condvar::new(),
            _lock: lock,
        })
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        // Nothing panics while it changes the state; were it so, the writer's lock would be poisoned too.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the writer, then makes visible the change that it has made durable, and the records that it adds.
    fn write(
        &self,
        records: Vec<NewRecord>,
        write: impl FnOnce(&mut Writer, &State) -> Result<Change, LogError>,
        then: impl FnOnce(&mut Writer, &State),
    ) -> Result<(), LogError> {
        let mut writer = self.writer.lock().map_err(|_| LogError::Closed {
            path: self.dir.display().to_string(),
            problem: "a thread panicked while it was writing".into(),
        })?;
        let change = write(&mut writer, &self.state())?;
        let sequence = change.sequence;
        let mut next = Topic::ALL.map(|topic| self.state().topic(topic).next);
        let applied = self.state.write().unwrap_or_else(PoisonError::into_inner).apply(change);
        applied.map_err(|problem| writer.close(problem))?;
        let mut tail = self.tail();
        for record in records {
            let next = &mut next[record.topic as usize];
            tail.push(*next, record);
            *next += 1;
        }
        Topic::ALL.into_iter().for_each(|topic| tail.trim(topic, self.state().topic(topic).start));
        drop(tail);
        *self.sequence.lock().unwrap_or_else(PoisonError::into_inner) = sequence;
        self.published.notify_all();
        then(&mut writer, &self.state());
        Ok(())
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
        let Some(segment) = self.segment(topic, from)? else { return Ok(Vec::new()) };
        if let Some(records) = self.tail().read(topic, from, bytes_max) {
            return Ok(records);
        }
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
        // A header is short and a value is shared: copies are cheap.
        let records = transaction.records.clone();
        let trimmed: Vec<Topic> = transaction.trim.iter().map(|(topic, _)| *topic).collect();
        self.write(
            records,
            |writer, state| writer.commit(state, transaction),
            |writer, state| {
                trimmed.into_iter().for_each(|topic| writer.remove_trimmed(state, topic));
                writer.compact_if_long(state);
            },
        )
    }

    fn sequence(&self) -> u64 {
        *self.sequence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.published.wait_timeout_while(sequence, timeout, |sequence| *sequence <= seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
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
