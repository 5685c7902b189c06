//! Where the fields of a manifest stand in its file.

use std::collections::HashMap;
use std::sync::Arc;

use super::problem::Problem;

/// Line and column, each from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Line from 1; 0 for none.
    pub line: u32,
    /// Column in characters from 1; 0 for none.
    pub column: u32,
}

/// The places of all fields of one object, by path (`spec.windows[0].size`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub(super) file: Arc<str>,
    pub(super) fields: HashMap<String, Position>,
}

impl Places {
    /// Where a field stands; where it isn't written, its nearest parent.
    pub fn position(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(position) = self.fields.get(path) {
                return *position;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.fields.get("").copied().unwrap_or_default(),
            }
        }
    }

    /// A problem of a field.
    pub fn problem(&self, path: &str, message: impl Into<String>, fix: impl Into<String>) -> Problem {
        let Position { line, column } = self.position(path);
        Problem {
            file: self.file.clone(),
            line,
            column,
            path: path.to_owned(),
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// The path of what a JSON Pointer names below a field: `spec.versions[0].schema` and `/anyOf/0` make
    /// `spec.versions[0].schema.anyOf[0]`.
    pub fn below(&self, path: &str, pointer: &str) -> String {
        let mut path = path.to_owned();
        for step in pointer.split('/').skip(1) {
            let item = format!("{path}[{step}]");
            path = if self.fields.contains_key(&item) {
                item
            } else {
                join(&path, &step.replace("~1", "/").replace("~0", "~"))
            };
        }
        path
    }
}

/// The path of a field of what a path names; the empty path is the object itself.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An object together with the places of its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The object.
    pub value: T,
    /// Where its fields stand.
    pub places: Arc<Places>,
}

impl<T> Located<T> {
    /// An object that came from no file; `origin` is what problems name instead, such as `StudySchema studies/air`.
    pub fn without_file(value: T, origin: &str) -> Self {
        Self { value, places: Arc::new(Places { file: origin.into(), fields: HashMap::new() }) }
    }

    /// The file that the object is in.
    pub fn file(&self) -> &str {
        &self.places.file
    }

    /// A problem of one of its fields.
    pub fn problem(&self, path: &str, message: impl Into<String>, fix: impl Into<String>) -> Problem {
        self.places.problem(path, message, fix)
    }
}
