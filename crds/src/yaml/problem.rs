//! What is wrong with a manifest: where, what, and how to fix it.

use std::fmt;
use std::sync::Arc;

/// One thing that is wrong. Shown as `file:line:column: spec.field: message; fix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, or what else the object came from.
    pub file: Arc<str>,
    /// Line from 1; 0 where there is none.
    pub line: u32,
    /// Column in characters from 1; 0 where there is none.
    pub column: u32,
    /// The field, such as `spec.windows[0].size`; empty where no single field is meant.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it; empty where the message says all.
    pub fix: String,
}

impl Problem {
    /// A problem of a file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            path: String::new(),
            message: message.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.fix.is_empty() {
            write!(f, "; {}", self.fix)?;
        }
        Ok(())
    }
}
