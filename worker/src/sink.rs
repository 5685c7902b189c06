//! Sinks: roles that read committed records of the log and write files under the output folder, each row exactly
//! once whatever dies when. `publish` holds the protocol that all of them share; nothing else renames or removes a
//! file.

pub mod archive;
mod batches;
mod columns;
pub mod lines;
#[cfg(test)]
mod memory;
pub mod publish;
pub mod table;
pub mod windows;

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::log::LogError;

/// Bytes that a sink reads in one step, about.
const READ_BYTES_MAX: usize = 8 << 20;

/// Where a pipeline's files are. The state folder is never written here: it is named in errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The output folder; each sink has one folder in it, named like its group.
    pub out: PathBuf,
    /// The state folder, in which the log lives.
    pub state: PathBuf,
}

/// Why a sink stopped. Nothing that was committed is lost by any of these, and a restart writes no row twice.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The disk or the file system refused.
    #[error("{doing} {path}: {source}{hint}", path = path.display(), hint = io_hint(source))]
    Io {
        /// What was being done, such as "write".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The output folder holds files that the state has no memory of; to write beside them would double their rows.
    #[error(
        "{file} in the output folder {out} was not written from the state folder {state}, or that is older than the \
         output; to go on, give the --state that wrote this output; to start again, remove {out} and {state}",
        file = file.display(), out = out.display(), state = state.display()
    )]
    Foreign {
        /// The first such file.
        file: PathBuf,
        /// The output folder.
        out: PathBuf,
        /// The state folder.
        state: PathBuf,
    },
    /// What the group committed with its progress is not what this build writes.
    #[error(
        "the state folder {state} holds progress of the {group} sink that this build can't read ({problem}); use the \
         transect that wrote it, or a new --state and --out",
        state = state.display()
    )]
    Memory {
        /// The group.
        group: &'static str,
        /// The state folder.
        state: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A record is not as [`crate::record`] says.
    #[error(
        "record {offset} of the topic {topic} can't be stored: {problem}; the state folder was written by another \
         version of transect or changed from outside: use the transect that wrote it, or a new --state and --out"
    )]
    Record {
        /// The topic.
        topic: &'static str,
        /// The record's offset.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// A file would hold another number of rows than its records say they carry.
    #[error(
        "{path} has {written} rows, but its records of the topic {topic} count {counted}; it was not published: \
         report this as a bug, with the ledger",
        path = path.display()
    )]
    Count {
        /// The file.
        path: PathBuf,
        /// The topic.
        topic: &'static str,
        /// Rows in the file.
        written: u64,
        /// Sum of the records' count headers.
        counted: u64,
    },
    /// The sink was used again after an error.
    #[error(
        "the {group} sink stopped at an earlier error; mend that and start again: nothing that was committed is lost"
    )]
    Stopped {
        /// The group.
        group: &'static str,
    },
    /// The columns can't be written as Parquet.
    #[error("write {path}: {problem}", path = path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        problem: String,
    },
}

impl SinkError {
    /// For `map_err` on what the file system says.
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// For `map_err` on what the Parquet writer says, which wraps what the file system says.
    fn columns(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        move |error| match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => Self::io("write", path)(*source),
                Err(source) => Self::Columns { path: path.to_owned(), problem: source.to_string() },
            },
            other => Self::Columns { path: path.to_owned(), problem: other.to_string() },
        }
    }
}

fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space and start again: nothing that was committed is lost"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable for this user, or give another --out together with a new --state"
        }
        io::ErrorKind::NotFound => {
            "; was the output folder moved or removed while in use? Put it back and start again"
        }
        _ => "",
    }
}
