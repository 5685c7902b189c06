//! The provenance columns of a row group. None is read of which the footer says that all values are the same, or that all
//! times lie in the same part.

use std::fs::File;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, DictionaryArray, Int32Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::summary::bins::Bins;

/// Rows that are in memory at a time.
const BATCH_ROWS: usize = 1 << 15;

/// What a footer says of a row group: values that are the same for all rows, if they are.
#[derive(Clone, Debug)]
pub(super) struct Group {
    at: usize,
    pub(super) rows: u64,
    /// The least and the greatest event time.
    pub(super) times: (i64, i64),
    pub(super) source: Option<Arc<str>>,
    pub(super) late: Option<bool>,
    pub(super) version: Option<i32>,
    /// Whether none of the events came through the gateway.
    pub(super) from_files: bool,
}

impl Group {
    /// All row groups of a file that have rows.
    pub(super) fn all(metadata: &ParquetMetaData) -> Result<Vec<Self>, ParquetError> {
        let groups = metadata.row_groups().iter().enumerate();
        groups.filter(|(_, group)| group.num_rows() > 0).map(|(at, group)| Self::of(at, group)).collect()
    }

    fn of(at: usize, group: &RowGroupMetaData) -> Result<Self, ParquetError> {
        let times = match statistics(group, "_time") {
            Some(Statistics::Int64(times)) => times.min_opt().copied().zip(times.max_opt().copied()),
            _ => None,
        };
        let rows = u64::try_from(group.num_rows())?;
        let nulls = statistics(group, "_offset").and_then(Statistics::null_count_opt);
        Ok(Self {
            at,
            rows,
            times: times.ok_or_else(|| ParquetError::General("no statistics of its column _time".into()))?,
            source: match statistics(group, "_source") {
                // Long names are cut in a footer.
                Some(Statistics::ByteArray(v)) if v.min_is_exact() && v.max_is_exact() => {
                    let name = same(v.min_opt(), v.max_opt()).and_then(|name| name.as_utf8().ok());
                    name.map(Arc::from)
                }
                _ => None,
            },
            late: match statistics(group, "_late") {
                Some(Statistics::Boolean(v)) => same(v.min_opt(), v.max_opt()).copied(),
                _ => None,
            },
            version: match statistics(group, "_schema_version") {
                Some(Statistics::Int32(v)) => same(v.min_opt(), v.max_opt()).copied(),
                _ => None,
            },
            from_files: nulls.is_some_and(|nulls| nulls == rows),
        })
    }

    /// The part of time that all its rows are in, if they are in one.
    pub(super) fn bin(&self, bins: &Bins) -> Option<usize> {
        same(Some(bins.of(self.times.0)), Some(bins.of(self.times.1)))
    }

    /// The columns that have to be read.
    fn wanted(&self, bins: &Bins) -> Vec<&'static str> {
        let wanted = [
            ("_time", self.bin(bins).is_none() || !self.from_files),
            ("_source", self.source.is_none()),
            ("_late", self.late.is_none()),
            ("_schema_version", self.version.is_none()),
            ("_received", !self.from_files),
            ("_offset", !self.from_files),
        ];
        wanted.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| name).collect()
    }

    /// Whether nothing has to be read.
    pub(super) fn says_all(&self, bins: &Bins) -> bool {
        self.wanted(bins).is_empty()
    }

    /// What has to be read of its rows.
    pub(super) fn batches(
        &self,
        file: File,
        metadata: ParquetMetaData,
        bins: &Bins,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let wanted = self.wanted(bins);
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())?;
        let roots = metadata.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| wanted.contains(&field.name().as_str())).map(|(at, _)| at);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let builder = builder.with_row_groups(vec![self.at]).with_projection(mask);
        builder.with_batch_size(BATCH_ROWS).build()
    }
}

fn same<T: PartialEq>(min: Option<T>, max: Option<T>) -> Option<T> {
    min.filter(|min| max.is_some_and(|max| *min == max))
}

fn statistics<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<&'a Statistics> {
    let column = group.columns().iter().find(|column| column.column_path().parts() == [name])?;
    column.statistics()
}

/// The provenance columns of a batch that had to be read; the others are said by its group.
pub(super) struct Columns<'a> {
    rows: usize,
    times: Option<&'a TimestampMicrosecondArray>,
    sources: Option<&'a DictionaryArray<Int32Type>>,
    late: Option<&'a BooleanArray>,
    versions: Option<&'a Int32Array>,
    received: Option<&'a TimestampMicrosecondArray>,
    offsets: Option<&'a dyn Array>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        let times = |name| batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
        let column = |name| batch.column_by_name(name);
        Self {
            rows: batch.num_rows(),
            times: times("_time"),
            sources: column("_source").and_then(|column| column.as_dictionary_opt()),
            late: column("_late").and_then(|column| column.as_boolean_opt()),
            versions: column("_schema_version").and_then(|column| column.as_primitive_opt()),
            received: times("_received"),
            offsets: column("_offset").map(|offsets| &**offsets),
        }
    }

    /// The part of time of each row.
    pub(super) fn bins(&self, bins: &Bins, group: &Group) -> Vec<usize> {
        match (group.bin(bins), self.times) {
            (None, Some(times)) => times.values().iter().map(|time| bins.of(*time)).collect(),
            (bin, _) => vec![bin.unwrap_or(0); self.rows],
        }
    }

    /// Whether a row is late, if that had to be read.
    pub(super) fn is_late(&self, row: usize) -> bool {
        self.late.is_some_and(|late| late.value(row))
    }

    /// The names of sources, as a dictionary: not all need to occur.
    pub(super) fn sources(&self) -> Vec<&'a str> {
        let words = self.sources.and_then(|sources| sources.values().as_string_opt::<i32>());
        words.map(|words| words.iter().map(Option::unwrap_or_default).collect()).unwrap_or_default()
    }

    /// A row's position in the dictionary of sources.
    pub(super) fn source(&self, row: usize) -> Option<usize> {
        self.sources.and_then(|sources| sources.key(row))
    }

    /// The rows' schema versions, if they had to be read.
    pub(super) fn versions(&self) -> &[i32] {
        self.versions.map_or(&[], |versions| versions.values())
    }

    /// The microseconds from event time to received time of the events that came through the gateway: when a file was read
    /// says nothing of its events.
    pub(super) fn delays(&self) -> impl Iterator<Item = i64> {
        let through = self.times.zip(self.received).zip(self.offsets);
        through.into_iter().flat_map(|((times, received), offsets)| {
            let rows = (0..times.len()).filter(|row| offsets.is_valid(*row));
            rows.map(|row| received.value(row).saturating_sub(times.value(row)))
        })
    }
}
