//! The journal: one file of framed changes. A transaction is committed once its change stands here, synced.
//!
//! The first frame is a snapshot, put in place by a rename; of the frames after it only the last can be torn, since
//! each is synced before the next is written.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::files::{self, ReplaceError, corrupt, failed};
use super::frame::{self, FrameHeader, HEADER_BYTES};
use super::state::{Change, State};
use crate::log::LogError;

/// The journal, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Length in bytes, all of it synced.
    length: u64,
    /// Length from which on it is replaced by a snapshot.
    compact_at: u64,
    /// `compact_at` is at least this.
    compact_at_least: u64,
}

impl Journal {
    /// Creates a journal of nothing.
    pub(super) fn create(path: &Path) -> Result<(), LogError> {
        Ok(files::replace(path, &encode(0, &State::default().snapshot(), path)?)?)
    }

    /// Reads a journal to its last whole change and cuts what may follow.
    pub(super) fn open(path: PathBuf, compact_at: u64) -> Result<(Self, State), LogError> {
        let bytes = std::fs::read(&path).map_err(failed("read", &path))?;
        let (state, length) = replay(&bytes, &path)?;
        let file = files::open_append(&path)?;
        if length < bytes.len() as u64 {
            let cut = bytes.len() as u64 - length;
            tracing::info!(path = %path.display(), cut, "cut an unfinished commit off the journal");
            file.set_len(length).map_err(failed("cut", &path))?;
        }
        // What was read may be in the cache only, if the last sync before a crash had failed.
        files::sync(&file, &path)?;
        Ok((Self { path, file, length, compact_at, compact_at_least: compact_at }, state))
    }

    /// Writes a change, which isn't committed before `sync`.
    pub(super) fn append(&mut self, change: &Change) -> Result<Appended, LogError> {
        let frame = encode(self.length, change, &self.path)?;
        self.file.write_all(&frame).map_err(failed("append to", &self.path))?;
        Ok(Appended(frame.len() as u64))
    }

    /// Commits what was appended.
    pub(super) fn sync(&mut self, appended: Appended) -> Result<(), LogError> {
        files::sync(&self.file, &self.path)?;
        self.length += appended.0;
        Ok(())
    }

    /// Removes what was appended but not synced.
    pub(super) fn undo(&mut self) -> Result<(), LogError> {
        self.file.set_len(self.length).map_err(failed("cut", &self.path))
    }

    /// Whether it has grown so long that a snapshot should take its place.
    pub(super) fn wants_compaction(&self) -> bool {
        self.length >= self.compact_at
    }

    /// Puts a snapshot in the journal's place. `Kept` does no harm: the next attempt is made some growth later.
    pub(super) fn compact(&mut self, state: &State) -> Result<(), ReplaceError> {
        self.compact_at = self.length + self.compact_at_least;
        let frame = encode(0, &state.snapshot(), &self.path).map_err(ReplaceError::Kept)?;
        files::replace(&self.path, &frame)?;
        self.file = files::open_append(&self.path).map_err(ReplaceError::Unsure)?;
        self.length = frame.len() as u64;
        self.compact_at = self.compact_at_least.max(2 * self.length);
        Ok(())
    }
}

/// Bytes appended to the journal but not synced.
#[must_use]
pub(super) struct Appended(u64);

fn encode(position: u64, change: &Change, path: &Path) -> Result<Vec<u8>, LogError> {
    let payload =
        serde_json::to_vec(change).map_err(std::io::Error::from).map_err(failed("encode for", path))?;
    let mut bytes = FrameHeader::of(position, &[&payload]).to_bytes().to_vec();
    bytes.extend(payload);
    Ok(bytes)
}

/// The state that the changes lead to, and the length of the whole frames.
fn replay(bytes: &[u8], path: &Path) -> Result<(State, u64), LogError> {
    let mut state = State::default();
    let mut position = 0;
    while let Some(payload) = payload_at(bytes, position) {
        let change = serde_json::from_slice(payload)
            .map_err(|error| corrupt(path, position as u64, format!("not a change: {error}")))?;
        state.apply(change).map_err(|problem| corrupt(path, position as u64, problem))?;
        position += HEADER_BYTES + payload.len();
    }
    let rest = &bytes[position..];
    if position == 0 {
        return Err(corrupt(path, 0, "the snapshot fails its checksum or is missing"));
    }
    if let Some(at) = frame::find(rest, position as u64) {
        let problem = format!("a change fails its checksum, and the one at byte {} is whole", position + at);
        return Err(corrupt(path, position as u64, problem));
    }
    Ok((state, position as u64))
}

fn payload_at(bytes: &[u8], position: usize) -> Option<&[u8]> {
    let header = FrameHeader::parse(&bytes[position..])?;
    let payload = bytes[position + HEADER_BYTES..].get(..header.length())?;
    header.fits(position as u64, payload).then_some(payload)
}
