//! The pipeline key: made once, kept in the state folder, never rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use transect_core::identity::PipelineKey;

const BYTES: usize = 16;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file can't be read or written.
    #[error("{}: {source}; the pipeline key must be readable and writable by this user", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no key.
    #[error(
        "{} holds {found} bytes, but a pipeline key has {BYTES}; restore it from a backup: under another key every \
         event would be taken for a new one", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
    },
}

/// Reads the key of a file.
pub fn load(path: &Path) -> Result<PipelineKey, KeyError> {
    let path = path.to_owned();
    match fs::read(&path) {
        Ok(bytes) => match <[u8; BYTES]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(PipelineKey::new(key)),
            Err(_) => Err(KeyError::Damaged { found: bytes.len(), path }),
        },
        Err(source) => Err(KeyError::Io { path, source }),
    }
}

/// Reads the key of a state folder, or makes it.
pub fn load_or_create(state: &Path) -> Result<PipelineKey, KeyError> {
    let path = state.join("key");
    match load(&path) {
        Err(KeyError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            create(state, &path).map_err(|source| KeyError::Io { path, source })
        }
        loaded => loaded,
    }
}

/// Under another name first, so that a key is there whole or not at all.
fn create(state: &Path, path: &Path) -> std::io::Result<PipelineKey> {
    let mut key = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let temporary = state.join("key.tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(state)?.sync_all()?;
    Ok(PipelineKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_a_damaged_one_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create(dir.path()).unwrap();
        assert_eq!(load_or_create(dir.path()).unwrap().mac(b"x"), first.mac(b"x"));
        fs::write(dir.path().join("key"), b"short").unwrap();
        assert!(load_or_create(dir.path()).unwrap_err().to_string().contains("holds 5 bytes"));
    }
}
