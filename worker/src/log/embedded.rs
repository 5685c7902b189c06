//! The log of one process: a folder of checksummed segments and a journal of commits.
//!
//! A commit appends its records to the topics' segments, makes those durable, then appends one frame to the journal.
//! The frame is the commit: a crash before it is durable leaves bytes beyond the committed ends, which the next start
//! cuts off. One process at a time, by a file lock.

mod frame;
mod journal;
mod topic;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::journal::{AppendError, GroupState, Journal, State};
use self::topic::{Appended, Segments};
use crate::log::{Committed, Log, LogError, NewRecord, Record, Topic, Transaction};

const FORMAT: &str = "transect-log 1\n";

/// See the module.
pub struct EmbeddedLog {
    dir: PathBuf,
    /// Held while a commit or a trim writes; readers don't take it.
    writer: Mutex<Writer>,
    /// What has been committed. Held for moments only.
    shared: Mutex<Shared>,
    committed: Condvar,
    /// Keeps other processes away as long as it is open.
    _lock: File,
}

struct Writer {
    journal: Journal,
    /// Set once it is unknown what is on the disk: nothing is written any more.
    broken: bool,
}

struct Shared {
    state: State,
    topics: BTreeMap<Topic, Segments>,
    sequence: u64,
}

fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> LogError + use<'a> {
    move |source| LogError::Io { doing, path: path.display().to_string(), source }
}

impl EmbeddedLog {
    /// Opens the log in a folder, or makes it, and cuts off what was never committed.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let lock = lock(dir)?;
        check_format(dir)?;
        let (journal, state) = Journal::open(dir)?;
        let mut topics = BTreeMap::new();
        for topic in Topic::ALL {
            let segments = Segments::open(&dir.join(topic.as_str()), state.start(topic), state.end(topic))?;
            topics.insert(topic, segments);
        }
        journal::sync_dir(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            writer: Mutex::new(Writer { journal, broken: false }),
            shared: Mutex::new(Shared { state, topics, sequence: 0 }),
            committed: Condvar::new(),
            _lock: lock,
        })
    }

    /// A panic elsewhere can't leave the state half-changed: changes are applied in one go.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, LogError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.broken {
            return Err(LogError::Io {
                doing: "commit to",
                path: self.dir.display().to_string(),
                source: io::Error::other(
                    "an earlier write failed with its outcome unknown; start transect again",
                ),
            });
        }
        Ok(writer)
    }

    fn segments(&self, topic: Topic) -> Segments {
        self.shared().topics.get(&topic).cloned().unwrap_or_default()
    }

    fn topic_dir(&self, topic: Topic) -> PathBuf {
        self.dir.join(topic.as_str())
    }

    /// Appends all records to their topics' files; takes all back if one can't be.
    fn append(&self, writer: &mut Writer, records: &[NewRecord]) -> Result<Vec<(Topic, Appended)>, LogError> {
        let mut by_topic: BTreeMap<Topic, Vec<_>> = BTreeMap::new();
        for record in records {
            by_topic.entry(record.topic).or_default().push((record.headers.as_slice(), &record.value));
        }
        let touched: Vec<Topic> = by_topic.keys().copied().collect();
        let append = |(topic, records): (Topic, Vec<_>)| {
            Ok((topic, self.segments(topic).append(&self.topic_dir(topic), &records)?))
        };
        by_topic
            .into_iter()
            .map(append)
            .collect::<Result<_, _>>()
            .inspect_err(|_| self.roll_back(writer, &touched))
    }

    /// Takes an unfinished commit back; if that fails too, the log takes no more.
    fn roll_back(&self, writer: &mut Writer, topics: &[Topic]) {
        for topic in topics {
            writer.broken |= self.segments(*topic).roll_back(&self.topic_dir(*topic)).is_err();
        }
    }

    fn publish(&self, change: State, appended: Vec<(Topic, Appended)>) -> State {
        let mut shared = self.shared();
        for (topic, appended) in appended {
            shared.topics.entry(topic).or_default().commit(appended);
        }
        shared.state.apply(change);
        shared.sequence += 1;
        self.committed.notify_all();
        shared.state.clone()
    }
}

impl Log for EmbeddedLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let runs = {
            let shared = self.shared();
            let Some(segments) = shared.topics.get(&topic) else { return Ok(Vec::new()) };
            if from < segments.start() {
                let start = segments.start();
                return Err(LogError::Trimmed { topic: topic.as_str(), asked: from, start });
            }
            segments.find(from, bytes_max)
        };
        let mut records = Vec::new();
        for run in runs {
            run.read(&mut records)?;
        }
        Ok(records)
    }

    fn end(&self, topic: Topic) -> u64 {
        let shared = self.shared();
        shared.topics.get(&topic).map_or(0, Segments::next).max(shared.state.end(topic).next)
    }

    fn start(&self, topic: Topic) -> u64 {
        self.shared().topics.get(&topic).map_or(0, Segments::start)
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        let shared = self.shared();
        let found = shared.state.groups.get(group)?;
        let offset = |topic: Topic| Some((topic, *found.offsets.get(topic.as_str())?));
        let offsets = Topic::ALL.into_iter().filter_map(offset).collect();
        Some(Committed { offsets, metadata: found.metadata.clone() })
    }

    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut writer = self.writer()?;
        let appended = self.append(&mut writer, &transaction.records)?;
        let topics: Vec<Topic> = appended.iter().map(|(topic, _)| *topic).collect();
        for (topic, appended) in &appended {
            // After a failed sync the system may have dropped the bytes and forgotten it: never try again.
            appended.sync(&self.topic_dir(*topic)).inspect_err(|_| writer.broken = true)?;
        }
        let mut change = State::default();
        for (topic, appended) in &appended {
            change.ends.insert(topic.as_str().to_owned(), appended.end());
        }
        if let Some((group, progress)) = transaction.progress {
            let offsets = progress.offsets.iter().map(|(topic, offset)| (topic.as_str().to_owned(), *offset));
            change
                .groups
                .insert(group, GroupState { offsets: offsets.collect(), metadata: progress.metadata });
        }
        match writer.journal.append(&change) {
            Ok(()) => {}
            Err(AppendError::Refused(error)) => {
                self.roll_back(&mut writer, &topics);
                return Err(error);
            }
            Err(AppendError::Unknown(error)) => {
                writer.broken = true;
                return Err(error);
            }
        }
        let state = self.publish(change, appended);
        // The commit stands, whatever becomes of the journal's new file.
        if let Err(error) = writer.journal.compact(&state) {
            tracing::warn!(%error, "the journal could not be rewritten; it goes on growing");
        }
        Ok(())
    }

    fn trim(&self, topic: Topic, before: u64) -> Result<(), LogError> {
        let mut writer = self.writer()?;
        let mut segments = self.segments(topic);
        let base = segments.base_of(before);
        if base <= segments.start() {
            return Ok(());
        }
        let change =
            State { starts: BTreeMap::from([(topic.as_str().to_owned(), base)]), ..State::default() };
        match writer.journal.append(&change) {
            Ok(()) => {}
            Err(AppendError::Refused(error)) => return Err(error),
            Err(AppendError::Unknown(error)) => {
                writer.broken = true;
                return Err(error);
            }
        }
        let removed = segments.remove_before(base);
        let mut shared = self.shared();
        shared.topics.insert(topic, segments);
        shared.state.apply(change);
        removed
    }

    fn sequence(&self) -> u64 {
        self.shared().sequence
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let unchanged = |shared: &mut Shared| shared.sequence <= seen;
        let waited = self.committed.wait_timeout_while(self.shared(), timeout, unchanged);
        waited.unwrap_or_else(PoisonError::into_inner).0.sequence
    }
}

fn lock(dir: &Path) -> Result<File, LogError> {
    let path = dir.join("lock");
    let failed = |doing| io_error(doing, &path);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed("open"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked { path: dir.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failed("lock")(error)),
    }
}

/// Notes the format in a new folder; refuses a folder of another.
fn check_format(dir: &Path) -> Result<(), LogError> {
    let path = dir.join("FORMAT");
    match fs::read_to_string(&path) {
        Ok(found) if found == FORMAT => Ok(()),
        // A crash between creating and writing leaves it empty; then nothing has been committed yet.
        Ok(found) if !found.is_empty() => Err(LogError::Format {
            path: path.display().to_string(),
            found: found.trim().to_owned(),
            expected: FORMAT.trim(),
        }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("read", &path)(error)),
        _ => {
            fs::write(&path, FORMAT).map_err(io_error("write", &path))?;
            File::open(&path).and_then(|file| file.sync_all()).map_err(io_error("sync", &path))
        }
    }
}
