//! Erases a participant: destroys their key, and what of them is sealed with the pipeline's own key, which stays. Then it
//! tries to open everything again, and notes the erasure in `audit`.
//!
//! A run that died is repeated: each step finds what is left to do.

mod archive;
mod rejects;
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tempfile::NamedTempFile;
use transect_core::privacy::{DataKey, participant};

use crate::folder;
use crate::keys::Keys;
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, NewRecord, Topic, Transaction};
use crate::role::RoleError;
use crate::secret;

/// What an erasure found, and what is left. Names nobody: `participant` is a MAC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// Who, as the archive names them.
    pub participant: String,
    /// When, RFC 3339.
    pub at: String,
    /// Whether there was a key to destroy.
    pub had_key: bool,
    /// Encrypted values of the table that the key opened.
    pub values: u64,
    /// Pieces of the archive that the key opened.
    pub pieces: u64,
    /// Refused events that named the participant; their originals are gone.
    pub rejects: u64,
    /// Events in the archive that named the participant and were sealed with the pipeline's key; they are gone.
    pub unclaimed: u64,
    /// What of all this can still be opened; 0, or the erasure has failed.
    pub still_open: u64,
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// The output folder.
    pub out: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// The folder of keys.
    pub keys: PathBuf,
}

/// Erases the participant whom events name by this text.
pub fn erase(places: &Places, text: &str) -> Result<Erasure, RoleError> {
    let log = EmbeddedLog::open(&places.state.join("log"))?;
    for topic in [Topic::Raw, Topic::Rejected] {
        if log.start(topic) < log.end(topic) {
            return Err(format!(
                "the log still holds events in {}, which may be of this participant; let them be stored first, with \
                 transect up --drain, and then erase",
                topic.as_str()
            )
            .into());
        }
    }
    let pipeline = secret::load_or_create(&places.state)?;
    let keys = Keys::open(&places.keys, &log, pipeline.clone())?;
    let who = participant(&pipeline, text);
    let key = keys.participants().existing(who)?;
    let mut erasure = Erasure {
        participant: format!("{who:032x}"),
        at: Timestamp::now().to_string(),
        values: table::opened_by(&places.out.join("table"), key.as_deref())?,
        pieces: archive::opened_by(&places.out.join("archive"), who, key.as_deref())?,
        ..Erasure::default()
    };
    erasure.had_key = keys.participants().erase(who)?;
    erasure.rejects = rejects::erase(&places.out.join("rejected"), &keys.privacy.ring, text)?;
    erasure.unclaimed = archive::erase(&places.out.join("archive"), &keys, text)?;

    let left: Option<Arc<DataKey>> = keys.participants().existing(who)?;
    erasure.still_open = table::opened_by(&places.out.join("table"), left.as_deref())?
        + archive::opened_by(&places.out.join("archive"), who, left.as_deref())?
        + archive::erase(&places.out.join("archive"), &keys, text)?
        + rejects::erase(&places.out.join("rejected"), &keys.privacy.ring, text)?;
    note(&log, &erasure)?;
    Ok(erasure)
}

fn note(log: &dyn Log, erasure: &Erasure) -> Result<(), RoleError> {
    let headers = vec![(crate::record::KIND.into(), "erasure".to_owned())];
    let value = serde_json::to_vec(erasure)?;
    let records = vec![NewRecord::new(Topic::Audit, headers, value)];
    Ok(log.commit(Transaction { records, ..Transaction::default() })?)
}

/// Whether a text names the participant: as a word of its own, in any place, since what was refused can't be relied on to
/// have it where it should be.
fn names(content: &[u8], participant: &str) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    let found = memchr::memmem::find_iter(content, participant.as_bytes());
    let as_written = found.into_iter().any(|at| {
        let end = at + participant.len();
        !word(at.checked_sub(1).and_then(|before| content.get(before))) && !word(content.get(end))
    });
    as_written || serde_json::from_slice(content).is_ok_and(|value| says(&value, participant))
}

/// Whether a JSON value holds the text, however it is escaped.
fn says(value: &serde_json::Value, participant: &str) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text == participant,
        Value::Array(items) => items.iter().any(|item| says(item, participant)),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name == participant || says(value, participant))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Puts other bytes in the place of a file's: all at once, and durable.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), RoleError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| format!("replace {}: {error}", path.display());
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    let permissions = std::fs::metadata(path).map_err(failed)?.permissions();
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(())
}

/// The files below a folder whose names end so.
fn files(folder: &Path, end: &str) -> Result<Vec<PathBuf>, RoleError> {
    folder::files(folder, end).map_err(|error| format!("read {}: {error}", folder.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_participant_is_named_by_a_word_of_its_own() {
        for (content, named) in [
            (r#"{"who":"p-17"}"#, true),
            (r#"{"who":"p-170"}"#, false),
            (r#"{"who":"xp-17"}"#, false),
            (r#"{"who":"p\u002d17"}"#, true),
            (r#"{"a":[{"p\u002d17":1}]}"#, true),
            ("p-17,2,3", true),
            (r#"{"who":"p-17"#, true),
            ("ép-17", false),
        ] {
            assert_eq!(names(content.as_bytes(), "p-17"), named, "{content}");
        }
    }
}
