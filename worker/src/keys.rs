//! The keys of a pipeline with personal fields: a folder that is not the state and not the output, so that whoever can
//! read those can't read what is sealed.
//!
//! ```text
//! keys/v1, v2, …                      master keys, 64 hex digits each; the newest seals, all open
//! keys/participants/3f/<32 digits>    a participant's key, sealed with a master key; or `erased`
//! ```

mod participants;
mod ring;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use transect_core::identity::PipelineKey;
use transect_core::privacy::{KeyRing, PrivacyKeys};

pub use participants::ParticipantFiles;

use crate::log::{Log, LogError};
use crate::role::RoleError;
use crate::sink::SinkError;
use crate::sink::archive::sealed::{Opened, Piece};

/// Why there are no keys. Nothing was processed without them.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The disk or the file system refused.
    #[error(
        "{doing} {path}: {source}; the folder of keys must be readable and writable by this user",
        path = path.display()
    )]
    Io {
        /// What was being done, such as "read".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no key.
    #[error(
        "{path} is no key; write 64 hex digits, such as `openssl rand -hex 32` gives, or restore it from a backup",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A master key that the pipeline has used is not there, or is another.
    #[error(
        "PseudonymKeyMissing: {path} {problem}, and this pipeline has used it; restore it from a backup, or name its \
         folder with --keys: under another key the same person would get another pseudonym, and nothing that was sealed \
         would open",
        path = path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is noted of the keys in the log can't be read.
    #[error("the log notes of its keys can't be read: {0}; use the transect that wrote the state folder")]
    Note(#[from] serde_json::Error),
}

impl KeysError {
    /// For `map_err` on what the file system says.
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Whether the log notes keys: then the pipeline has personal fields, or had.
pub(crate) fn are_noted(log: &dyn Log) -> bool {
    log.committed(ring::GROUP).is_some()
}

/// The master keys of a folder, to read with; nothing is made or noted.
pub fn ring(folder: &Path) -> Result<KeyRing, KeysError> {
    let missing = || KeysError::Missing { path: folder.join("v1"), problem: "is missing" };
    KeyRing::new(&ring::read_all(folder)?).ok_or_else(missing)
}

/// Keys to open with: without the pipeline, and without making any.
pub struct Opener {
    ring: Arc<KeyRing>,
    participants: ParticipantFiles,
}

impl Opener {
    /// The keys of a folder.
    pub fn open(folder: &Path) -> Result<Self, KeysError> {
        let ring = Arc::new(ring(folder)?);
        Ok(Self { participants: ParticipantFiles::new(folder.join("participants"), Arc::clone(&ring)), ring })
    }

    /// Opens a piece of an archive.
    pub fn piece(&self, piece: &Piece) -> Result<Opened, RoleError> {
        match piece.participant {
            None => piece.open(&self.ring, None),
            Some(participant) => piece.open(&self.ring, self.participants.existing(participant)?.as_deref()),
        }
    }
}

/// All keys of a pipeline, opened.
#[derive(Clone)]
pub struct Keys {
    /// What the core works with.
    pub privacy: PrivacyKeys,
    files: Arc<ParticipantFiles>,
}

impl Keys {
    /// Opens the folder, and holds its master keys against those that the log notes. Makes the first one where the
    /// pipeline has never had any, and notes new ones.
    pub fn open(folder: &Path, log: &dyn Log, pipeline: PipelineKey) -> Result<Self, KeysError> {
        let ring = Arc::new(ring::open(folder, log)?);
        let files = Arc::new(ParticipantFiles::new(folder.join("participants"), Arc::clone(&ring)));
        Ok(Self { privacy: PrivacyKeys { ring, participants: files.clone(), pipeline }, files })
    }

    /// Makes durable the participants' keys that were made since. Comes before any commit of what they have sealed.
    pub fn settle(&self) -> Result<(), SinkError> {
        self.files.settle()
    }

    /// The participants' keys.
    pub fn participants(&self) -> &ParticipantFiles {
        &self.files
    }
}
