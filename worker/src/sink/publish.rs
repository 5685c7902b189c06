//! How files are published exactly once. Each is written under a hidden temporary name beside its final one and
//! synced; then one log transaction commits the group's progress together with the names of these files; then they
//! are renamed. Whoever opens the output after a crash renames what the last commit names and removes every other
//! temporary: a file is visible if and only if its records are committed. Final names are durable before the next
//! commit, which names other files.
//!
//! File names say what is inside: `<stem>-<first>-<last>.<extension>`, with positions of 20 digits, both inclusive; where a
//! pipeline has several partitions, `<stem>_p<partition>-<first>-<last>.<extension>`. Files of other names are not ours and
//! are never touched, nor are those of other partitions.
//!
//! A process that has lost a partition may still be writing when the next one begins with the same file. So temporaries have
//! their writer in their names there; the commit says which writer's are to be published.

pub(crate) mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Folders, SinkError};
use crate::log::{Committed, Log, Topic, Transaction};

/// Ends the name of a file that is not published yet, so that no `*.parquet` or `*.ndjson` pattern matches it.
const TEMPORARY: &str = ".tmp";

/// The parts of a published file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName<'a> {
    /// What the positions count: a topic or an input.
    pub stem: &'a str,
    /// The partition, where there are several.
    pub partition: Option<u32>,
    /// The first position in the file.
    pub first: u64,
    /// The last position in the file.
    pub last: u64,
    /// What follows the first dot.
    pub extension: &'a str,
}

impl<'a> FileName<'a> {
    /// Reads a name; None for files that are not ours. The stem holds no dot.
    pub fn parse(name: &'a str) -> Option<Self> {
        let (base, extension) = name.split_once('.')?;
        let (rest, last) = base.rsplit_once('-')?;
        let (stem, first) = rest.rsplit_once('-')?;
        let (stem, partition) = match stem.rsplit_once("_p") {
            Some((stem, partition)) => (stem, Some(partition.parse().ok()?)),
            None => (stem, None),
        };
        let position = |digits: &str| -> Option<u64> {
            let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        Some(Self { stem, partition, first: position(first)?, last: position(last)?, extension })
    }
}

impl std::fmt::Display for FileName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stem, partition, first, last, extension } = self;
        match partition {
            None => write!(f, "{stem}-{first:020}-{last:020}.{extension}"),
            Some(partition) => write!(f, "{stem}_p{partition}-{first:020}-{last:020}.{extension}"),
        }
    }
}

/// A file under its temporary name. It counts for nothing until [`Files::seal`].
#[derive(Debug)]
pub struct Temporary {
    file: File,
    path: PathBuf,
    name: String,
}

impl Temporary {
    /// Where it is now; for errors.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The files of one sink, and the steps of the protocol: `create`, `seal`, `prepare`, (a commit of what `prepare`
/// gave), `publish`; and `settle` before a pause. For sinks whose progress is committed by someone else; others use [`Publisher`]. Several threads
/// may create and seal.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    writer: Writer,
    changes: Mutex<Changes>,
}

/// Who writes.
#[derive(Clone, Debug, Default)]
struct Writer {
    /// The partition that it writes of, where there are several.
    partition: Option<u32>,
    /// What sets its temporaries apart from those of others that write of the same partition; empty for the only one.
    token: String,
}

impl Writer {
    fn new(partition: Option<u32>) -> Result<Self, SinkError> {
        let Some(partition) = partition else { return Ok(Self::default()) };
        let number = getrandom::u64().map_err(|error| io::Error::other(error.to_string()));
        let number = number.map_err(SinkError::io("draw a number for", Path::new("a writer")))?;
        Ok(Self { partition: Some(partition), token: format!("{number:016x}") })
    }
}

/// The files that a commit publishes; part of its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Their names.
    pub files: Vec<String>,
    /// Who has written them, where there may be several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub writer: String,
}

/// What has changed since the last commit, and what needs no change any more.
#[derive(Debug, Default)]
struct Changes {
    /// Names relative to the sink's folder, with `/`; written, not published.
    sealed: BTreeSet<String>,
    /// Folders that were made or seen by this process.
    known: HashSet<PathBuf>,
    /// Folders whose entries changed since they were last synced.
    unsynced: BTreeSet<PathBuf>,
}

impl Files {
    /// Opens the folder of a sink in the output folder, for one partition where there are several, and finishes what a crash
    /// left behind: publishes what the last commit lists, removes all other temporaries. Refuses, before it changes
    /// anything, if there is a published file that is neither listed nor `remembered` by the state.
    pub fn open(
        folders: &Folders,
        folder: &str,
        partition: Option<u32>,
        listed: &Listed,
        remembered: impl Fn(&FileName<'_>) -> bool,
    ) -> Result<Self, SinkError> {
        let folder = folders.out.join(folder);
        let found = Found::walk(&folder, partition)?;
        let mut changes = Changes { sealed: listed.files.iter().cloned().collect(), ..Changes::default() };
        let before = Writer { partition, token: listed.writer.clone() };
        let listed: HashSet<PathBuf> = listed.files.iter().map(|name| folder.join(name)).collect();
        for file in &found.published {
            let name = file.file_name().and_then(|name| name.to_str()).and_then(FileName::parse);
            if !listed.contains(file) && !name.is_some_and(|name| remembered(&name)) {
                let (out, state) = (folders.out.clone(), folders.state.clone());
                return Err(SinkError::Foreign { file: file.clone(), out, state });
            }
        }
        let temporaries: HashSet<&PathBuf> = found.temporaries.iter().collect();
        changes.sealed.retain(|name| {
            let path = folder.join(name);
            let unpublished = temporaries.contains(&temporary(&path, &before.token));
            if !unpublished && path.exists() {
                // Renamed, but perhaps not for good yet, and the next commit will not list it.
                changes.unsynced.extend(path.parent().map(Path::to_owned));
            } else if !unpublished {
                tracing::warn!(file = %path.display(), "the file was removed after it was written; its rows are not in the output any more");
            }
            unpublished
        });
        let mut files = Self { folder, writer: before, changes: Mutex::new(changes) };
        files.publish()?;
        files.writer = Writer::new(partition)?;
        for path in found.temporaries.iter().filter(|path| path.exists()) {
            fs::remove_file(path).map_err(SinkError::io("remove", path))?;
        }
        Ok(files)
    }

    /// The partition whose files it writes, where there are several: part of their names.
    pub fn partition(&self) -> Option<u32> {
        self.writer.partition
    }

    /// Creates a file, and its folders. `name` is relative to the sink's folder, with `/`; its last part is a
    /// [`FileName`] that no file has had before.
    pub fn create(&self, name: &str) -> Result<Temporary, SinkError> {
        let path = self.folder.join(name);
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let last = name.rsplit('/').next().and_then(FileName::parse);
        let new = !self.changes().sealed.contains(name);
        let own = last.filter(|last| last.partition == self.partition());
        let (true, true, Some(_), Some(parent)) = (plain, new, own, path.parent()) else {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "not a name for a new published file");
            return Err(SinkError::Io { doing: "create", path, source });
        };
        self.make_folder(parent)?;
        let path = temporary(&path, &self.writer.token);
        let file = File::create(&path).map_err(SinkError::io("create", &path))?;
        Ok(Temporary { file, path, name: name.to_owned() })
    }

    /// Gives a file another name before it is sealed, for files whose last position is known only at their end.
    pub fn rename(&self, file: Temporary, name: &str) -> Result<Temporary, SinkError> {
        let path = temporary(&self.folder.join(name), &self.writer.token);
        fs::rename(&file.path, &path).map_err(SinkError::io("rename", &file.path))?;
        Ok(Temporary { file: file.file, path, name: name.to_owned() })
    }

    /// Declares a file finished. It will be part of the next `prepare`.
    pub fn seal(&self, file: Temporary) {
        self.changes().sealed.insert(file.name);
    }

    /// Makes the sealed files durable, and returns their names, to be committed as the list that `open` takes.
    pub fn prepare(&mut self) -> Result<Listed, SinkError> {
        let sealed: Vec<String> = self.changes().sealed.iter().cloned().collect();
        let token = &self.writer.token;
        let files: Vec<PathBuf> =
            sealed.iter().map(|name| temporary(&self.folder.join(name), token)).collect();
        self.sync(&files)?;
        Ok(Listed { files: sealed, writer: self.writer.token.clone() })
    }

    /// Renames the sealed files to their final names, once what `prepare` returned is committed. The names are durable
    /// after the next `prepare` or `settle`; until then the commit says what they are to be.
    pub fn publish(&mut self) -> Result<(), SinkError> {
        let mut changes = self.changes();
        for name in std::mem::take(&mut changes.sealed) {
            let path = self.folder.join(name);
            fs::rename(temporary(&path, &self.writer.token), &path)
                .map_err(SinkError::io("publish", &path))?;
            changes.unsynced.extend(path.parent().map(Path::to_owned));
        }
        Ok(())
    }

    /// Makes the final names durable.
    pub fn settle(&mut self) -> Result<(), SinkError> {
        self.sync(&[])
    }

    /// A folder is an entry of its parent, which must be synced like any other. That of a folder which exists may have
    /// been made by a process that died before it could.
    fn make_folder(&self, folder: &Path) -> Result<(), SinkError> {
        let mut changed = vec![folder.to_owned()];
        if self.changes().known.contains(folder) {
            self.changes().unsynced.extend(changed);
            return Ok(());
        }
        for ancestor in folder.ancestors().skip(1) {
            let ancestor = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
            changed.push(ancestor.to_owned());
            if !ancestor.starts_with(&self.folder) && ancestor.exists() {
                break;
            }
        }
        // Without the lock: it takes as long as writing a small file.
        fs::create_dir_all(folder).map_err(SinkError::io("create the folder", folder))?;
        let mut changes = self.changes();
        changes.unsynced.extend(changed);
        changes.known.insert(folder.to_owned());
        Ok(())
    }

    /// Makes files durable, and the folders that changed.
    fn sync(&mut self, files: &[PathBuf]) -> Result<(), SinkError> {
        let folders: Vec<PathBuf> = std::mem::take(&mut self.changes().unsynced).into_iter().collect();
        sync::all(files, &folders)
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        // Every change is one step, so that none is left half done.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `NAME` under its temporary name, `.NAME.tmp`, or `.NAME.WRITER.tmp` where there may be several.
fn temporary(path: &Path, writer: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    if !writer.is_empty() {
        name.push(".");
        name.push(writer);
    }
    name.push(TEMPORARY);
    path.with_file_name(name)
}

/// The files under a folder that a sink has written.
#[derive(Default)]
struct Found {
    published: Vec<PathBuf>,
    temporaries: Vec<PathBuf>,
}

impl Found {
    /// Those of one partition, where there are several.
    fn walk(folder: &Path, partition: Option<u32>) -> Result<Self, SinkError> {
        let own = |name: &str| FileName::parse(name).is_some_and(|name| name.partition == partition);
        let mut found = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(SinkError::io("read the folder", &folder))?,
            };
            for entry in entries {
                let entry = entry.map_err(SinkError::io("read the folder", &folder))?;
                let path = entry.path();
                if entry.file_type().map_err(SinkError::io("read", &path))?.is_dir() {
                    folders.push(path);
                } else if let Some(name) = entry.file_name().to_str() {
                    let hidden = name.strip_prefix('.').and_then(|name| name.strip_suffix(TEMPORARY));
                    if hidden.is_some_and(own) {
                        found.temporaries.push(path);
                    } else if own(name) {
                        found.published.push(path);
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Files and progress of a group that reads topics of the log; its folder is named like the group.
pub struct Publisher {
    log: Arc<dyn Log>,
    group: &'static str,
    files: Files,
    committed: Committed,
    /// Set while files are written and published, and for good by an error.
    stopped: bool,
}

impl Publisher {
    /// Opens the group's folder as [`Files::open`] does. A published file named after a topic must lie before the
    /// group's committed offset there, else it is of another state.
    pub fn open(log: Arc<dyn Log>, group: &'static str, folders: &Folders) -> Result<Self, SinkError> {
        let committed = log.committed(group);
        let listed = match &committed {
            None => Listed::default(),
            Some(committed) => serde_json::from_str(&committed.metadata).map_err(|error| {
                SinkError::Memory { group, state: folders.state.clone(), problem: error.to_string() }
            })?,
        };
        let committed = committed.unwrap_or_default();
        let partition = log.share().map(|share| share.partition);
        let files = Files::open(folders, group, partition, &listed, |name| {
            let topic = Topic::ALL.into_iter().find(|topic| topic.as_str() == name.stem);
            topic.is_some_and(|topic| name.last < committed.offset(topic))
        })?;
        Ok(Self { log, group, files, committed, stopped: false })
    }

    /// The log that the group reads.
    pub fn log(&self) -> &dyn Log {
        &*self.log
    }

    /// The offset from which the group has to read: what lies before it is published.
    pub fn position(&self, topic: Topic) -> u64 {
        self.committed.offset(topic)
    }

    /// Lets `write` create and seal files, commits the next offsets to read together with these, and publishes them.
    /// After an error nothing is written or committed any more until the group is opened again: rows may be in files
    /// that were not sealed, and the commit may or may not have happened.
    pub fn publish(
        &mut self,
        offsets: Vec<(Topic, u64)>,
        write: impl FnOnce(&Files) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        self.unless_stopped(|this| {
            write(&this.files)?;
            if !this.files.changes().sealed.is_empty() || offsets != this.committed.offsets {
                this.commit(offsets)?;
            }
            Ok(())
        })
    }

    /// The first part of `publish`, ahead of time: files that are durable, to be committed by the next one.
    pub fn write_ahead(
        &mut self,
        write: impl FnOnce(&Files) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        self.unless_stopped(|this| {
            write(&this.files)?;
            this.files.prepare().map(|_| ())
        })
    }

    /// Makes the final names of what was published durable; for when nothing is to be published for a while.
    pub fn settle(&mut self) -> Result<(), SinkError> {
        self.unless_stopped(|this| this.files.settle())
    }

    fn unless_stopped(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        if std::mem::replace(&mut self.stopped, true) {
            return Err(SinkError::Stopped { group: self.group });
        }
        work(self)?;
        self.stopped = false;
        Ok(())
    }

    fn commit(&mut self, offsets: Vec<(Topic, u64)>) -> Result<(), SinkError> {
        let listed = self.files.prepare()?;
        let metadata = serde_json::to_string(&listed).map_err(|error| SinkError::Io {
            doing: "list the files of",
            path: self.files.folder.clone(),
            source: error.into(),
        })?;
        let committed = Committed { offsets, metadata };
        let progress = Some((self.group.to_owned(), committed.clone()));
        self.log.commit(Transaction { progress, ..Transaction::default() })?;
        self.committed = committed;
        self.files.publish()
    }
}
