//! What a run has left in its output folder, summed up for people: only from the files there, and within bounds of memory
//! and time, whatever their size. What was left out for the sake of a bound is counted.
//!
//! Texts come out as events had them: whoever shows them has to escape them.

pub mod alerts;
pub mod bins;
mod files;
pub mod rejects;
pub mod table;
pub mod windows;

use std::path::{Path, PathBuf};

use self::alerts::Alerts;
use self::rejects::Rejects;
use self::table::Table;
use self::windows::Windows;
use crate::report::{Report, ReportError};

/// A run, summed up.
#[derive(Debug)]
pub struct Summary {
    /// The ledger.
    pub report: Report,
    /// Refused events.
    pub rejects: Rejects,
    /// Accepted events by event type.
    pub tables: Vec<Table>,
    /// Windows by definition.
    pub windows: Vec<Windows>,
    /// What detectors found.
    pub alerts: Alerts,
}

impl Summary {
    /// Reads an output folder.
    pub fn read(out: &Path) -> Result<Self, SummaryError> {
        let report = Report::read(&out.join("ledger.json"))?;
        Ok(Self {
            rejects: Rejects::read(out, files::LINES_BYTES_MAX)?,
            tables: table::read_all(&out.join("table"))?,
            windows: windows::read_all(&out.join("windows"))?,
            alerts: Alerts::read(out)?,
            report,
        })
    }

    /// Rows of an event type's table, by the footers of its files; None if not all of them were read.
    pub fn table_rows(&self, event_type: &str) -> Option<u64> {
        let table = self.tables.iter().find(|table| table.event_type == event_type)?;
        (table.files_skipped == 0).then_some(table.rows)
    }
}

/// Why an output folder can't be summed up. No content of events is in it.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// There is no ledger.
    #[error(transparent)]
    Ledger(#[from] ReportError),
    /// A file or folder can't be read.
    #[error("read {path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A Parquet file is broken.
    #[error("read {path}: {problem}; it is not as Transect wrote it: restore it, or remove it", path = path.display())]
    Parquet {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}
