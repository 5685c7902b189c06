//! Which files hold manifests, and their text.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Skipped;
use super::problem::Problem;

/// No manifest is longer than what a cluster could hold; longer files are data.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Folders nest no deeper than this, so that a link to a parent ends.
const DEPTH_MAX: u32 = 16;

/// One file's text, and whether it was named itself rather than found in a folder.
pub(super) struct File {
    pub(super) name: Arc<str>,
    pub(super) text: String,
    pub(super) named: bool,
}

/// What was found at the given paths.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<File>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) problems: Vec<Problem>,
}

/// Reads files, and the `*.yaml`, `*.yml` and `*.json` of folders in the order of their names. Hidden files and
/// folders are left out.
pub(super) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        let name = path.to_string_lossy();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = (found.files.len(), found.problems.len());
                found.folder(path, 0);
                if (found.files.len(), found.problems.len()) == before {
                    let fix = "write manifests as *.yaml, *.yml or *.json there, or name another folder";
                    found.problems.push(Problem::of_file(&name, "is a folder without manifests", fix));
                }
            }
            Ok(metadata) => found.file(path, metadata.len(), true),
            Err(error) => found.problems.push(unreadable(&name, &error)),
        }
    }
    found
}

impl Found {
    fn folder(&mut self, folder: &Path, depth: u32) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => return self.problems.push(unreadable(&folder.to_string_lossy(), &error)),
        };
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        for path in paths.iter().filter(|path| !hidden(path)) {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() && depth < DEPTH_MAX => self.folder(path, depth + 1),
                Ok(metadata) if metadata.is_file() && is_manifest(path) => {
                    self.file(path, metadata.len(), false)
                }
                Ok(_) => {}
                Err(error) => self.problems.push(unreadable(&path.to_string_lossy(), &error)),
            }
        }
    }

    fn file(&mut self, path: &Path, length: u64, named: bool) {
        let name = path.to_string_lossy();
        if length > BYTES_MAX {
            let message = format!("has {length} bytes, more than a manifest can have ({BYTES_MAX})");
            return if named {
                self.problems.push(Problem::of_file(&name, message, "name the manifest, not the data"));
            } else {
                self.skipped.push(Skipped { file: name.into(), line: 0, what: message });
            };
        }
        match fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => self.files.push(File { name: name.into(), text, named }),
                Err(error) => {
                    self.problems.push(not_utf8(&name, error.as_bytes(), error.utf8_error().valid_up_to()))
                }
            },
            Err(error) => self.problems.push(unreadable(&name, &error)),
        }
    }
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
}

fn unreadable(name: &str, error: &std::io::Error) -> Problem {
    let fix = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path",
        std::io::ErrorKind::PermissionDenied => "allow this user to read it",
        _ => "",
    };
    Problem::of_file(name, format!("can't be read: {error}"), fix)
}

fn not_utf8(name: &str, bytes: &[u8], valid: usize) -> Problem {
    let before = &bytes[..valid];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Problem {
        line: small(before.iter().filter(|byte| **byte == b'\n').count() + 1),
        column: small(String::from_utf8_lossy(&before[line_start..]).chars().count() + 1),
        ..Problem::of_file(
            name,
            format!("is not UTF-8 text (byte 0x{:02X})", bytes.get(valid).copied().unwrap_or_default()),
            "save the file as UTF-8",
        )
    }
}
