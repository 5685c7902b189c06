//! The participants' keys, a file each.

use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::NamedTempFile;
use transect_core::privacy::{DataKey, KEY_BYTES, KeyRing, MasterKey, Participants, ParticipantsError};

use crate::sink::SinkError;
use crate::sink::publish::sync;

/// What stands in the place of a key that was destroyed, so that no other is made.
const ERASED: &str = "erased";
/// Keys that are remembered: about 24 MiB.
const KNOWN_MAX: usize = 262_144;

/// See the module.
pub struct ParticipantFiles {
    folder: PathBuf,
    ring: Arc<KeyRing>,
    /// Keys that were read or made.
    known: Mutex<HashMap<u128, MasterKey>>,
    /// Keys that may not be durable yet.
    fresh: Mutex<Vec<PathBuf>>,
    /// Held while keys are made durable: who finds none that is fresh must not think that all are durable.
    settling: Mutex<()>,
}

impl ParticipantFiles {
    pub(super) fn new(folder: PathBuf, ring: Arc<KeyRing>) -> Self {
        Self { folder, ring, known: Mutex::default(), fresh: Mutex::default(), settling: Mutex::default() }
    }

    /// The file of a participant's key.
    fn path(&self, participant: u128) -> PathBuf {
        let name = name(participant);
        self.folder.join(&name[..2]).join(&name)
    }

    /// Reads a key; None if there is none, or it was destroyed.
    fn read(&self, participant: u128) -> io::Result<Found> {
        let path = self.path(participant);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            text => text?,
        };
        if text.trim_end() == ERASED {
            return Ok(Found::Erased);
        }
        let damaged = |problem: String| io::Error::new(ErrorKind::InvalidData, problem);
        let sealed = BASE64_STANDARD.decode(text.trim_end()).map_err(|error| damaged(error.to_string()))?;
        let key =
            self.ring.open(&purpose(participant), &sealed).map_err(|error| damaged(error.to_string()))?;
        let key: [u8; KEY_BYTES] = key.try_into().map_err(|_| damaged("it has another length".into()))?;
        Ok(Found::Key(MasterKey::new(key)))
    }

    /// Makes a key, unless another process does so first.
    fn create(&self, participant: u128) -> io::Result<()> {
        let path = self.path(participant);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
        let mut file = NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", BASE64_STANDARD.encode(self.ring.seal(&purpose(participant), &key)))?;
        match file.persist_noclobber(&path) {
            Ok(_) => lock(&self.fresh).push(path),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
        Ok(())
    }

    /// Destroys a participant's key for good; whether there was one.
    pub fn erase(&self, participant: u128) -> io::Result<bool> {
        lock(&self.known).remove(&participant);
        let had = matches!(self.read(participant), Ok(Found::Key(_)) | Err(_));
        let path = self.path(participant);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if let Ok(metadata) = fs::metadata(&path) {
            // As far as a file system lets one: what held the key is written over before it is let go.
            let length = usize::try_from(metadata.len()).unwrap_or(0);
            let mut file = fs::OpenOptions::new().write(true).open(&path)?;
            file.write_all(&vec![b'0'; length])?;
            file.sync_all()?;
        }
        let mut file = NamedTempFile::new_in(folder)?;
        writeln!(file, "{ERASED}")?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        for folder in [Some(folder), folder.parent()].into_iter().flatten() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(had)
    }

    /// The key of a participant that has one; nothing is made.
    pub fn existing(&self, participant: u128) -> io::Result<Option<Arc<DataKey>>> {
        Ok(if let Found::Key(key) = self.read(participant)? {
            Some(Arc::new(DataKey::new(&key)))
        } else {
            None
        })
    }

    pub(super) fn settle(&self) -> Result<(), SinkError> {
        let _settling = lock(&self.settling);
        let fresh = std::mem::take(&mut *lock(&self.fresh));
        if fresh.is_empty() {
            return Ok(());
        }
        let mut folders: Vec<PathBuf> =
            fresh.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect();
        folders.sort();
        folders.dedup();
        folders.push(self.folder.clone());
        sync::all(&fresh, &folders).inspect_err(|_| lock(&self.fresh).extend(fresh.iter().cloned()))
    }

    /// Remembers a key; all others are forgotten where there would be too many.
    fn remember(&self, participant: u128, key: &MasterKey) {
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(participant, key.clone());
    }
}

impl Participants for ParticipantFiles {
    fn key(&self, participant: u128) -> Result<Option<Arc<DataKey>>, ParticipantsError> {
        let failed = |error: io::Error| {
            ParticipantsError(format!(
                "the participant's key {}: {error}; the folder of keys must be whole, and writable by this user",
                self.path(participant).display()
            ))
        };
        if let Some(key) = lock(&self.known).get(&participant) {
            return Ok(Some(Arc::new(DataKey::new(key))));
        }
        loop {
            match self.read(participant).map_err(failed)? {
                Found::Key(key) => {
                    self.remember(participant, &key);
                    return Ok(Some(Arc::new(DataKey::new(&key))));
                }
                Found::Erased => return Ok(None),
                Found::Nothing => self.create(participant).map_err(failed)?,
            }
        }
    }
}

/// No state is left half changed by a panic here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is at the place of a key.
enum Found {
    Key(MasterKey),
    Erased,
    Nothing,
}

fn name(participant: u128) -> String {
    format!("{participant:032x}")
}

fn purpose(participant: u128) -> String {
    format!("participant {}", name(participant))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_stays_erased() {
        let dir = tempfile::tempdir().unwrap();
        let masters = BTreeMap::from([(1, MasterKey::new([1; KEY_BYTES]))]);
        let files = || ParticipantFiles::new(dir.path().join("p"), Arc::new(KeyRing::new(&masters).unwrap()));
        let first = files();
        let sealed = first.key(7).unwrap().unwrap().seal("x", b"Ada");
        assert_ne!(first.key(8).unwrap().unwrap().seal("x", b"Ada"), sealed);
        first.settle().unwrap();
        assert_eq!(files().key(7).unwrap().unwrap().open("x", &sealed).unwrap(), b"Ada");
        assert!(files().erase(7).unwrap());
        assert!(!files().erase(7).unwrap());
        assert!(files().key(7).unwrap().is_none());
        assert!(files().existing(7).unwrap().is_none() && files().existing(9).unwrap().is_none());
        assert!(files().existing(8).unwrap().is_some());
        // One that can't be read is named, and never made again.
        fs::write(files().path(8), "AAAA\n").unwrap();
        assert!(files().key(8).unwrap_err().0.contains("the folder of keys must be whole"));
    }
}
