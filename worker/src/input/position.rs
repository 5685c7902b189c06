//! How far inputs have been read: what the process role commits.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How far the files of a source have been read, by the files' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourcePosition {
    files: BTreeMap<String, FilePosition>,
}

impl SourcePosition {
    /// How far a file has been read; None if it is new.
    pub fn of(&self, path: &Path) -> Option<FilePosition> {
        self.files.get(path.to_string_lossy().as_ref()).cloned()
    }

    pub(super) fn set(&mut self, path: &Path, position: FilePosition) {
        self.files.insert(path.to_string_lossy().into_owned(), position);
    }
}

/// How far one file has been read, and by what it is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilePosition {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// The line (from 1) in which the next byte stands.
    pub line: u64,
    /// What is expected next.
    pub state: ReadState,
    /// Size of the file when it was last opened, as it lies on the disk.
    pub size: u64,
    /// Number of bytes that `head` is the hash of.
    pub head_bytes: u32,
    /// SHA-256 of the first bytes as they lie on the disk, in hex.
    pub head: String,
    /// Received time of all its events, microseconds since 1970 UTC: when it was last changed, as of its first opening.
    pub received: i64,
}

/// Where in the grammar of its format a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadState {
    /// At the very beginning; the format isn't known yet.
    Start,
    /// NDJSON: at the beginning of a line.
    Line,
    /// JSON values with white space between them.
    Value,
    /// A JSON array: after `[`.
    First,
    /// A JSON array: after an element.
    Element,
    /// A JSON array: after a comma.
    Comma,
    /// A JSON array: after `]`.
    Closed,
    /// CSV: at the beginning of a record, after the header line.
    Record,
    /// An Avro container: at the beginning of a block; `line` is the number of the next event.
    Block,
}
