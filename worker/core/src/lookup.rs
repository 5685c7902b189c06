//! Tables that rules look values up in: rows found by their key, read once and never changed.
//!
//! Which columns there are, and of which types, is said by the manifest and not guessed from the cells, so that another
//! content can't give a rule another meaning. docs/rules.md says what rules make of them.

mod read;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, new_empty_array};
use arrow_schema::{DataType, TimeUnit};
use sha2::{Digest, Sha256};
use transect_config::{LookupColumn, LookupConfig, LookupType};

/// So large may a table be, as it is written: it is held in memory by each process, and read before its first event.
pub const BYTES_MAX: usize = 64 << 20;
/// So many rows may it have.
pub const ROWS_MAX: usize = 1_000_000;

/// Why a table can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lookup {lookup}: {}{message}; {fix}", at(*line))]
pub struct LookupError {
    /// The table.
    pub lookup: String,
    /// The line of its text, from 1; 0 where it is of none.
    pub line: u64,
    /// What is wrong. Quotes no cell.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

impl LookupError {
    /// What is wrong and where, without the table's name.
    pub fn told(&self) -> String {
        format!("{}{}", at(self.line), self.message)
    }
}

fn at(line: u64) -> String {
    if line == 0 { String::new() } else { format!("line {line}: ") }
}

/// The tables of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Lookups(pub(crate) Arc<[Arc<Table>]>);

impl Lookups {
    /// These tables.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Self {
        Self(tables.into_iter().map(Arc::new).collect())
    }

    /// What rules are checked against where the content is not known: each table without a row.
    pub fn declared(configs: &[LookupConfig]) -> Self {
        Self::new(configs.iter().map(Table::empty))
    }

    /// The tables, in the order of the manifest.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().map(|table| &**table)
    }
}

/// One table.
#[derive(Debug)]
pub struct Table {
    name: String,
    key: LookupColumn,
    keys: Keys,
    columns: Vec<Column>,
    digest: String,
}

/// Where the row of each key is.
#[derive(Debug)]
enum Keys {
    Texts(HashMap<Box<str>, u32>),
    /// By the number's bits.
    Numbers(HashMap<u64, u32>),
}

/// One column but the key's.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: LookupType,
    /// A cell a row; what is empty is null.
    pub(crate) cells: ArrayRef,
}

impl Table {
    /// Reads a table.
    pub fn read(config: &LookupConfig, text: &[u8]) -> Result<Self, LookupError> {
        let mut table = Self::empty(config);
        table.digest = format!("sha256:{}", hex::encode(Sha256::digest(text)));
        let rows = read::rows(config, text)?;
        table.keys = rows.keys;
        for (column, cells) in table.columns.iter_mut().zip(rows.columns) {
            column.cells = cells;
        }
        Ok(table)
    }

    /// The table without a row.
    pub fn empty(config: &LookupConfig) -> Self {
        let column = |LookupColumn { name, kind }: &LookupColumn| Column {
            name: name.clone(),
            kind: *kind,
            cells: new_empty_array(&data_type(*kind)),
        };
        Self {
            name: config.name.clone(),
            key: config.key.clone(),
            keys: Keys::of(config.key.kind),
            columns: config.columns.iter().map(column).collect(),
            digest: String::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of its rows.
    pub fn rows(&self) -> usize {
        match &self.keys {
            Keys::Texts(rows) => rows.len(),
            Keys::Numbers(rows) => rows.len(),
        }
    }

    /// `sha256:` and the digest of what was read, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn key(&self) -> &LookupColumn {
        &self.key
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The row of a text.
    pub(crate) fn row_of_text(&self, key: &str) -> Option<u32> {
        match &self.keys {
            Keys::Texts(rows) => rows.get(key).copied(),
            Keys::Numbers(_) => None,
        }
    }

    /// The row of a number.
    pub(crate) fn row_of_number(&self, key: f64) -> Option<u32> {
        match &self.keys {
            Keys::Texts(_) => None,
            Keys::Numbers(rows) => rows.get(&bits(key)).copied(),
        }
    }
}

impl Keys {
    fn of(kind: LookupType) -> Self {
        match kind {
            LookupType::Number => Self::Numbers(HashMap::new()),
            _ => Self::Texts(HashMap::new()),
        }
    }
}

/// Equal for equal numbers: there are two zeros.
fn bits(number: f64) -> u64 {
    if number == 0.0 { 0 } else { number.to_bits() }
}

fn data_type(kind: LookupType) -> DataType {
    match kind {
        LookupType::Text => DataType::Utf8,
        LookupType::Number => DataType::Float64,
        LookupType::Boolean => DataType::Boolean,
        LookupType::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}
