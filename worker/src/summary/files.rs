//! The files of an output folder, in the order in which they were written.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};

use super::SummaryError;
use crate::folder;

/// Bytes of lines that are read of a folder: half a second of work.
pub(super) const LINES_BYTES_MAX: u64 = 64 << 20;

/// Whatever is in a folder, sorted; nothing where there is no folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, SummaryError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| SummaryError::Io { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths: Vec<_> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// All files under a folder whose names end so, sorted.
pub(super) fn under(folder: &Path, end: &str) -> Result<Vec<PathBuf>, SummaryError> {
    folder::files(folder, end).map_err(|source| SummaryError::Io { path: folder.to_owned(), source })
}

/// Calls the function with each line of a folder's NDJSON files and its number, from 1. One line is in memory at a time. Whether
/// that was all: no line is begun after so many bytes.
pub(super) fn for_each_line(
    folder: &Path,
    bytes_max: u64,
    mut f: impl FnMut(u64, &[u8]),
) -> Result<bool, SummaryError> {
    let (mut number, mut bytes) = (0, 0);
    let mut line = Vec::new();
    for path in entries(folder)? {
        if path.extension().is_none_or(|extension| extension != "ndjson") {
            continue;
        }
        let failed = |source| SummaryError::Io { path: path.clone(), source };
        let mut lines = BufReader::with_capacity(1 << 18, File::open(&path).map_err(failed)?);
        while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            if bytes >= bytes_max {
                return Ok(false);
            }
            (number, bytes) = (number + 1, bytes + line.len() as u64);
            f(number, &line);
            line.clear();
        }
    }
    Ok(true)
}

/// The name of a file or folder, for people.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A Parquet file and its footer.
pub(super) fn parquet(path: &Path) -> Result<(File, ArrowReaderMetadata), SummaryError> {
    let file = File::open(path).map_err(|source| SummaryError::Io { path: path.to_owned(), source })?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(broken(path))?;
    Ok((file, metadata))
}

/// A Parquet file and its footer, with no more statistics than the values' range.
pub(super) fn footer(path: &Path) -> Result<(File, ParquetMetaData), SummaryError> {
    let file = File::open(path).map_err(|source| SummaryError::Io { path: path.to_owned(), source })?;
    let options = ParquetMetaDataOptions::new()
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let reader = ParquetMetaDataReader::new().with_metadata_options(Some(options));
    let metadata = reader.parse_and_finish(&file).map_err(broken(path))?;
    Ok((file, metadata))
}

/// A Parquet file that can't be read.
pub(super) fn broken<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> SummaryError {
    move |error| SummaryError::Parquet { path: path.to_owned(), problem: error.to_string() }
}
