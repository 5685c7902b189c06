//! The files below a folder.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Those whose names end so, at any depth, sorted; none if the folder isn't there.
pub(crate) fn files(folder: &Path, end: &str) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(end))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
