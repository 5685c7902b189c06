//! The master keys.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use transect_core::privacy::{KEY_BYTES, KeyRing, MasterKey};

use super::KeysError;
use crate::log::{Committed, Log, Transaction};

/// The group under which the log notes fingerprints.
pub(super) const GROUP: &str = "keys";

/// What the log notes.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// By number of the key.
    fingerprints: BTreeMap<u32, String>,
}

/// See `Keys::open`.
pub(super) fn open(folder: &Path, log: &dyn Log) -> Result<KeyRing, KeysError> {
    let noted: Note = match log.committed(GROUP) {
        Some(committed) => serde_json::from_str(&committed.metadata)?,
        None => Note::default(),
    };
    let mut masters = read_all(folder)?;
    let missing = |version: &u32, problem| KeysError::Missing { path: folder.join(name(*version)), problem };
    if masters.is_empty() && noted.fingerprints.is_empty() {
        masters.insert(1, create(folder).map_err(KeysError::io("write a key into", folder))?);
    }
    let Some(ring) = KeyRing::new(&masters) else {
        let first = noted.fingerprints.keys().next().copied().unwrap_or(1);
        return Err(missing(&first, "is missing"));
    };
    let found: BTreeMap<u32, String> = ring.fingerprints().map(|(v, print)| (v, print.to_owned())).collect();
    for (version, fingerprint) in &noted.fingerprints {
        match found.get(version) {
            Some(found) if found == fingerprint => {}
            Some(_) => return Err(missing(version, "is another key than before")),
            None => return Err(missing(version, "is missing")),
        }
    }
    let note = Note { fingerprints: found };
    if note != noted {
        let committed = Committed { offsets: Vec::new(), metadata: serde_json::to_string(&note)? };
        log.commit(Transaction { progress: Some((GROUP.to_owned(), committed)), ..Transaction::default() })?;
    }
    Ok(ring)
}

fn name(version: u32) -> String {
    format!("v{version}")
}

/// The keys in the folder, by number; files of other names are not ours.
pub(super) fn read_all(folder: &Path) -> Result<BTreeMap<u32, MasterKey>, KeysError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.map_err(KeysError::io("read", folder))?,
    };
    let mut keys = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(KeysError::io("read", folder))?;
        let version = entry.file_name().to_str().and_then(|name| name.strip_prefix('v')?.parse().ok());
        let Some(version) = version.filter(|version| entry.file_name() == *name(*version)) else { continue };
        let text = fs::read_to_string(entry.path()).map_err(KeysError::io("read", &entry.path()))?;
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| KeysError::Damaged { path: entry.path() })?;
        keys.insert(version, MasterKey::new(key));
    }
    Ok(keys)
}

/// Makes the first key: durable before anything is sealed with it, and readable by this user alone.
fn create(folder: &Path) -> io::Result<MasterKey> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let mut file = NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", hex::encode(key))?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(folder.join(name(1)))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(MasterKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::MemoryLog;

    #[test]
    fn the_first_key_is_made_once_and_one_that_was_used_must_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, log) = (dir.path().join("keys"), MemoryLog::default());
        let pseudonym = open(&folder, &log).unwrap().pseudonym("Ada");
        assert_eq!(open(&folder, &log).unwrap().pseudonym("Ada"), pseudonym);
        let v1 = fs::read_to_string(folder.join("v1")).unwrap();
        assert_eq!(fs::metadata(folder.join("v1")).unwrap().permissions().mode() & 0o777, 0o600);

        // A second one takes over; both are needed from then on.
        fs::write(folder.join("v2"), "2".repeat(64)).unwrap();
        fs::write(folder.join("readme"), "not a key").unwrap();
        assert_eq!(open(&folder, &log).unwrap().newest(), 2);
        for (name, text, said) in [
            ("v1", None, "v1 is missing, and this pipeline has used it"),
            ("v2", None, "v2 is missing"),
            ("v1", Some("1".repeat(64)), "v1 is another key than before"),
            ("v2", Some("zz".into()), "v2 is no key; write 64 hex digits"),
        ] {
            let before = fs::read_to_string(folder.join(name)).unwrap();
            match text {
                Some(text) => fs::write(folder.join(name), text).unwrap(),
                None => fs::remove_file(folder.join(name)).unwrap(),
            }
            let error = open(&folder, &log).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            fs::write(folder.join(name), before).unwrap();
        }
        // With the whole folder gone, none is made in its place.
        fs::remove_dir_all(&folder).unwrap();
        assert!(open(&folder, &log).unwrap_err().to_string().contains("PseudonymKeyMissing"));
        assert!(!folder.exists());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("v1"), v1).unwrap();
        fs::write(folder.join("v2"), "2".repeat(64)).unwrap();
        open(&folder, &log).unwrap();
    }
}
