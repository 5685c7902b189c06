//! Checks the ledger against what is stored, by counts that come from elsewhere than the ledger.

use std::fs::{self, File};
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy};

use crate::report::Report;
use crate::role::RoleError;

/// Rows of an event type's table: the sum over its Parquet files' footers.
pub fn table_rows(table: &Path) -> Result<u64, RoleError> {
    let mut rows = 0;
    if !table.is_dir() {
        return Ok(0);
    }
    for entry in fs::read_dir(table)? {
        let path = entry?.path();
        if path.is_dir() {
            rows += table_rows(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            rows += file_rows(File::open(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(rows)
}

/// Rows of a Parquet file, by its footer, of which no more than that is wanted.
fn file_rows(file: File) -> Result<u64, ParquetError> {
    let options = ParquetMetaDataOptions::new()
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let metadata =
        ParquetMetaDataReader::new().with_metadata_options(Some(options)).parse_and_finish(&file)?;
    Ok(u64::try_from(metadata.file_metadata().num_rows())?)
}

/// Whether the ledger adds up and every event type's table has as many rows as were accepted; the differences in
/// words. Holds once the table sink has flushed everything.
pub fn differences(report: &Report, out: &Path) -> Result<Vec<String>, RoleError> {
    let mut differences = Vec::new();
    if !report.adds_up {
        differences.push("the ledger does not add up: read ≠ accepted + duplicate + rejected".to_owned());
    }
    for (event_type, accepted) in &report.event_types {
        let rows = table_rows(&out.join("table").join(event_type))?;
        if rows != *accepted {
            differences.push(format!(
                "{event_type}: {accepted} events were accepted, but its table has {rows} rows"
            ));
        }
    }
    Ok(differences)
}
