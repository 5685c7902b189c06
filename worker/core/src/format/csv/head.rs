//! The header line of a CSV file.

use bytes::Bytes;

use super::Cells;

/// More columns than this are no table.
const COLUMNS_MAX: usize = 10_000;

/// A header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    names: Vec<Box<str>>,
    delimiter: u8,
    line: Bytes,
}

/// What is wrong with a header line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {problem}")]
pub struct HeadError {
    /// The column, from 1.
    pub column: usize,
    /// What is wrong and how to fix it.
    pub problem: String,
}

impl Head {
    /// Reads a header line, which comes without its line end.
    pub fn parse(line: Bytes, delimiter: u8) -> Result<Self, HeadError> {
        let mut cells = Cells::default();
        if cells.read(&line, delimiter, COLUMNS_MAX) {
            let problem = format!("a file has at most {COLUMNS_MAX} columns");
            return Err(HeadError { column: COLUMNS_MAX + 1, problem });
        }
        let mut names: Vec<Box<str>> = Vec::with_capacity(cells.len());
        for column in 0..cells.len() {
            let fail = |problem: String| HeadError { column: column + 1, problem };
            let Ok(name) = str::from_utf8(cells.get(column)) else {
                return Err(fail("its name is not UTF-8; save the file as UTF-8".to_owned()));
            };
            if name.trim().is_empty() {
                return Err(fail("it has no name; the first line names the columns".to_owned()));
            }
            if let Some(first) = names.iter().position(|other| **other == *name) {
                let first = first + 1;
                return Err(fail(format!("`{name}` is the name of column {first} too; rename one of them")));
            }
            names.push(name.into());
        }
        Ok(Self { names, delimiter, line })
    }

    /// The columns' names, each once.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// What stands between cells.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The line as it came, without its line end.
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}
