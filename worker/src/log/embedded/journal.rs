//! The journal: one frame a commit, saying what has become true. A commit exists once its frame is durable.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::frame::{self, HEAD, Head};
use super::io_error;
use crate::log::{LogError, Topic};

/// The journal is rewritten as one frame beyond this size.
const COMPACT_BYTES: u64 = 1024 * 1024;

/// How far a topic goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// Base offset of the last segment.
    pub(super) segment: u64,
    /// Bytes of that segment.
    pub(super) bytes: u64,
    /// The offset after the last record.
    pub(super) next: u64,
}

/// A group's progress, by names of topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GroupState {
    pub(super) offsets: BTreeMap<String, u64>,
    pub(super) metadata: String,
}

/// What a frame says: all of the state, or what has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// Ends of topics by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) ends: BTreeMap<String, End>,
    /// The base offset of the first segment that is kept, by topic.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) starts: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) groups: BTreeMap<String, GroupState>,
}

impl State {
    pub(super) fn end(&self, topic: Topic) -> End {
        self.ends.get(topic.as_str()).copied().unwrap_or_default()
    }

    pub(super) fn start(&self, topic: Topic) -> u64 {
        self.starts.get(topic.as_str()).copied().unwrap_or(0)
    }

    pub(super) fn apply(&mut self, change: Self) {
        self.ends.extend(change.ends);
        self.starts.extend(change.starts);
        self.groups.extend(change.groups);
    }
}

/// The journal's file, at its end.
pub(super) struct Journal {
    dir: PathBuf,
    file: File,
    bytes: u64,
    compact_at: u64,
}

impl Journal {
    /// Opens a journal and reads the state. What a crash left half-written at its end is cut off.
    pub(super) fn open(dir: &Path) -> Result<(Self, State), LogError> {
        let path = dir.join("journal");
        let failed = |doing| io_error(doing, &path);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(failed("read"))?,
        };
        let (state, end) = replay(&bytes, &path)?;
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).open(&path).map_err(failed("open"))?;
        if end < bytes.len() as u64 {
            tracing::info!(bytes = bytes.len() as u64 - end, "cut an unfinished commit off the journal");
            file.set_len(end).map_err(failed("cut"))?;
        }
        file.sync_all().map_err(failed("sync"))?;
        sync_dir(dir)?;
        Ok((Self { dir: dir.to_owned(), file, bytes: end, compact_at: COMPACT_BYTES }, state))
    }

    /// Makes a change durable. An error of kind `Poison` means that it is unknown whether it is.
    pub(super) fn append(&mut self, change: &State) -> Result<(), AppendError> {
        let path = self.dir.join("journal");
        let payload = serde_json::to_vec(change)
            .map_err(|error| AppendError::Refused(io_error("write", &path)(error.into())))?;
        let mut frame = Vec::with_capacity(payload.len() + HEAD as usize);
        // Writing to memory can't fail but for the length, which is refused.
        let written = frame::write(&mut frame, &[&payload]).and_then(|_| self.file.write_all(&frame));
        if let Err(error) = written {
            let refused = io_error("append to", &path)(error);
            return match self.file.set_len(self.bytes) {
                Ok(()) => Err(AppendError::Refused(refused)),
                Err(_) => Err(AppendError::Unknown(refused)),
            };
        }
        self.file.sync_data().map_err(|error| AppendError::Unknown(io_error("sync", &path)(error)))?;
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// Rewrites the journal as one frame once it has grown long.
    pub(super) fn compact(&mut self, state: &State) -> Result<(), LogError> {
        if self.bytes < self.compact_at {
            return Ok(());
        }
        let (path, temporary) = (self.dir.join("journal"), self.dir.join("journal.tmp"));
        let failed = |doing| io_error(doing, &temporary);
        let payload = serde_json::to_vec(state).map_err(|error| failed("write")(error.into()))?;
        let mut file = File::create(&temporary).map_err(failed("create"))?;
        let bytes = frame::write(&mut file, &[&payload]).map_err(failed("write"))?;
        file.sync_all().map_err(failed("sync"))?;
        drop(file);
        let file = OpenOptions::new().append(true).open(&temporary).map_err(failed("open"))?;
        fs::rename(&temporary, &path).map_err(failed("rename"))?;
        sync_dir(&self.dir)?;
        (self.file, self.bytes, self.compact_at) = (file, bytes, COMPACT_BYTES.max(4 * bytes));
        Ok(())
    }
}

/// Why a change was not appended.
pub(super) enum AppendError {
    /// It was not, for sure.
    Refused(LogError),
    /// It may have been.
    Unknown(LogError),
}

/// The state that a journal says, and where its last whole frame ends.
fn replay(bytes: &[u8], path: &Path) -> Result<(State, u64), LogError> {
    let corrupt = |position: usize, problem: &str| LogError::Corrupt {
        path: path.display().to_string(),
        position: position as u64,
        problem: problem.to_owned(),
    };
    let mut state = State::default();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        let Some((head, after)) = rest.split_first_chunk() else { return Ok((state, at as u64)) };
        let Some(head) = Head::parse(head) else {
            // A crash may leave zeros where a frame was to be, but nothing else.
            let zeros = rest.iter().all(|byte| *byte == 0);
            return if zeros {
                Ok((state, at as u64))
            } else {
                Err(corrupt(at, "the length of a commit is garbled"))
            };
        };
        let Some(payload) = after.get(..head.length as usize) else { return Ok((state, at as u64)) };
        let last = after.len() == payload.len();
        if !head.fits(payload) {
            return if last {
                Ok((state, at as u64))
            } else {
                Err(corrupt(at, "a commit fails its checksum"))
            };
        }
        state.apply(serde_json::from_slice(payload).map_err(|error| corrupt(at, &error.to_string()))?);
        at += head.frame() as usize;
    }
}

/// Makes names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir))
}
