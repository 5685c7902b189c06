//! Checks the ledger against what is stored, by counts that come from elsewhere than the ledger.

use std::fs::File;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy};

use crate::folder;
use crate::report::Report;
use crate::role::RoleError;

/// Rows of an event type's table: the sum over its Parquet files' footers, which are read by so many threads.
pub fn table_rows(table: &Path, threads: usize) -> Result<u64, RoleError> {
    let files = folder::files(table, ".parquet")?;
    let share = files.len().div_ceil(threads.max(1)).max(1);
    let rows_of =
        |files: &[PathBuf]| files.iter().map(|path| file_rows(path)).sum::<Result<u64, RoleError>>();
    thread::scope(|scope| {
        let threads: Vec<_> = files.chunks(share).map(|files| scope.spawn(move || rows_of(files))).collect();
        // A panic goes on here.
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).sum()
    })
}

/// Rows of a Parquet file, by its footer.
fn file_rows(path: &Path) -> Result<u64, RoleError> {
    let rows = File::open(path).map_err(ParquetError::from).and_then(footer_rows);
    rows.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The rows that a footer says, of which no more than that is wanted.
fn footer_rows(file: File) -> Result<u64, ParquetError> {
    let options = ParquetMetaDataOptions::new()
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata =
        ParquetMetaDataReader::new().with_metadata_options(Some(options)).parse_and_finish(&file)?;
    Ok(u64::try_from(metadata.file_metadata().num_rows())?)
}

/// Whether the ledger adds up and every event type's table has as many rows as were accepted, by the function that counts
/// them; the differences in words. Holds once the table sink has flushed everything.
pub fn differences(
    report: &Report,
    mut rows_of: impl FnMut(&str) -> Result<u64, RoleError>,
) -> Result<Vec<String>, RoleError> {
    let mut differences = Vec::new();
    if !report.adds_up {
        differences.push("the ledger does not add up: read ≠ accepted + duplicate + rejected".to_owned());
    }
    for (event_type, accepted) in &report.event_types {
        let rows = rows_of(event_type)?;
        if rows != *accepted {
            differences.push(format!(
                "{event_type}: {accepted} events were accepted, but its table has {rows} rows"
            ));
        }
    }
    Ok(differences)
}
