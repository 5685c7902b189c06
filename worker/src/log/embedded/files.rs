//! Calls to the file system that say what they were doing to which file, and that make names as durable as contents.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::log::LogError;

/// Wraps what the system said.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.display().to_string();
    move |source| LogError::Io { doing, path, source }
}

/// What was committed isn't as it was written.
pub(super) fn corrupt(path: &Path, position: u64, problem: impl Into<String>) -> LogError {
    LogError::Corrupt { path: path.display().to_string(), position, problem: problem.into() }
}

/// Makes a file's contents and length durable.
pub(super) fn sync(file: &File, path: &Path) -> Result<(), LogError> {
    #[cfg(test)]
    fault::check(path)?;
    file.sync_data().map_err(failed("sync", path))
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    #[cfg(test)]
    fault::check(dir)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync the folder", dir))
}

/// Creates a folder and its parents, durably; no harm where it exists.
pub(super) fn create_dir(dir: &Path) -> Result<(), LogError> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_dir(parent)?;
    }
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(failed("create the folder", dir)(error))
        }
        _ => sync_dir(parent.unwrap_or(Path::new("."))),
    }
}

/// Opens an existing file for appending.
pub(super) fn open_append(path: &Path) -> Result<File, LogError> {
    OpenOptions::new().append(true).open(path).map_err(failed("open", path))
}

/// Writes a small file such that, whatever happens, it has either the old contents or the new. A failure of the last
/// step leaves open which: `ReplaceError::Unsure`.
pub(super) fn replace(path: &Path, contents: &[u8]) -> Result<(), ReplaceError> {
    let new = path.with_extension("tmp");
    let written = || -> Result<(), LogError> {
        let mut file = File::create(&new).map_err(failed("create", &new))?;
        file.write_all(contents).map_err(failed("write", &new))?;
        sync(&file, &new)?;
        std::fs::rename(&new, path).map_err(failed("rename", &new))
    };
    if let Err(error) = written() {
        // Best effort: a file left behind is overwritten by the next attempt.
        let _ = std::fs::remove_file(&new);
        return Err(ReplaceError::Kept(error));
    }
    match path.parent() {
        Some(dir) => sync_dir(dir).map_err(ReplaceError::Unsure),
        None => Ok(()),
    }
}

/// How a file was not replaced.
pub(super) enum ReplaceError {
    /// It is as it was.
    Kept(LogError),
    /// After a power cut it may be the old one or the new one.
    Unsure(LogError),
}

impl From<ReplaceError> for LogError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Kept(error) | ReplaceError::Unsure(error) => error,
        }
    }
}

/// Lets a test say which sync fails, as no file system does on demand.
#[cfg(test)]
pub(super) mod fault {
    use std::cell::RefCell;
    use std::io;
    use std::path::Path;

    use super::{LogError, failed};

    thread_local! {
        static FAILING: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// From now on, syncs of paths that end so fail in this thread.
    pub(in crate::log::embedded) fn fail_sync_of(path_end: Option<&str>) {
        FAILING.set(path_end.map(str::to_owned));
    }

    pub(super) fn check(path: &Path) -> Result<(), LogError> {
        let fails = FAILING.with_borrow(|end| end.as_ref().is_some_and(|end| path.ends_with(end)));
        if fails { Err(failed("sync", path)(io::Error::other("injected"))) } else { Ok(()) }
    }
}
