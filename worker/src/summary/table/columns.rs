//! The provenance columns of a row group.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, DictionaryArray, Int32Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::Table;

/// Rows that are in memory at a time.
const BATCH_ROWS: usize = 1 << 15;

/// What a footer says of a row group.
pub(super) struct Group {
    at: usize,
    pub(super) rows: u64,
    /// The least and the greatest event time.
    pub(super) times: (i64, i64),
    /// Whether events are late, if that is the same for all.
    late: Option<bool>,
    /// The schema version, if that is the same for all.
    version: Option<i32>,
    /// Whether none of the events came through the gateway.
    from_files: bool,
}

impl Group {
    /// All row groups of a file that have rows.
    pub(super) fn all(metadata: &ArrowReaderMetadata) -> Result<Vec<Self>, ParquetError> {
        let groups = metadata.metadata().row_groups().iter().enumerate();
        groups.filter(|(_, group)| group.num_rows() > 0).map(|(at, group)| Self::of(at, group)).collect()
    }

    fn of(at: usize, group: &RowGroupMetaData) -> Result<Self, ParquetError> {
        let times = match statistics(group, "_time") {
            Some(Statistics::Int64(times)) => times.min_opt().copied().zip(times.max_opt().copied()),
            _ => None,
        };
        let rows = u64::try_from(group.num_rows())?;
        let from_files = statistics(group, "_offset")
            .and_then(Statistics::null_count_opt)
            .is_some_and(|nulls| nulls == rows);
        Ok(Self {
            at,
            rows,
            times: times.ok_or_else(|| ParquetError::General("no statistics of its column _time".into()))?,
            late: match statistics(group, "_late") {
                Some(Statistics::Boolean(late)) => {
                    late.min_opt().filter(|_| same(late.min_opt(), late.max_opt())).copied()
                }
                _ => None,
            },
            version: match statistics(group, "_schema_version") {
                Some(Statistics::Int32(v)) => v.min_opt().filter(|_| same(v.min_opt(), v.max_opt())).copied(),
                _ => None,
            },
            from_files,
        })
    }

    /// Adds its rows to a table's counts.
    pub(super) fn read(
        &self,
        file: File,
        metadata: ArrowReaderMetadata,
        table: &mut Table,
    ) -> Result<(), ParquetError> {
        let mut wanted = vec!["_time", "_source"];
        wanted.extend(self.late.is_none().then_some("_late"));
        wanted.extend(self.version.is_none().then_some("_schema_version"));
        wanted.extend((!self.from_files).then_some(["_received", "_offset"]).into_iter().flatten());
        let roots = metadata.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| wanted.contains(&field.name().as_str())).map(|(at, _)| at);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![self.at])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()?;
        for batch in batches {
            let batch = batch?;
            let columns = Columns::of(&batch, self);
            table
                .add(&columns.ok_or_else(|| ParquetError::General("a provenance column is missing".into()))?);
        }
        Ok(())
    }
}

fn same<T: PartialEq>(min: Option<T>, max: Option<T>) -> bool {
    min.is_some() && min == max
}

fn statistics<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<&'a Statistics> {
    let column = group.columns().iter().find(|column| column.column_path().parts() == [name])?;
    column.statistics()
}

/// The provenance columns of a batch.
pub(super) struct Columns<'a> {
    pub(super) times: &'a TimestampMicrosecondArray,
    sources: &'a DictionaryArray<Int32Type>,
    late: Result<&'a BooleanArray, bool>,
    versions: Result<&'a Int32Array, i32>,
    received: Option<&'a TimestampMicrosecondArray>,
    offsets: Option<&'a dyn Array>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch, group: &Group) -> Option<Self> {
        let times = |name| batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
        Some(Self {
            times: times("_time")?,
            sources: batch.column_by_name("_source")?.as_dictionary_opt()?,
            late: match group.late {
                Some(late) => Err(late),
                None => Ok(batch.column_by_name("_late")?.as_boolean_opt()?),
            },
            versions: match group.version {
                Some(version) => Err(version),
                None => Ok(batch.column_by_name("_schema_version")?.as_primitive_opt()?),
            },
            received: times("_received"),
            offsets: batch.column_by_name("_offset").map(|offsets| &**offsets),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn is_late(&self, row: usize) -> bool {
        self.late.map_or_else(|late| late, |late| late.value(row))
    }

    /// The names of sources, as a dictionary: not all need to occur.
    pub(super) fn sources(&self) -> Vec<&'a str> {
        let words = self.sources.values().as_string_opt::<i32>();
        words.map(|words| words.iter().map(Option::unwrap_or_default).collect()).unwrap_or_default()
    }

    /// A row's position in the dictionary of sources.
    pub(super) fn source(&self, row: usize) -> Option<usize> {
        self.sources.key(row)
    }

    /// Calls the function with versions and how many events have them.
    pub(super) fn for_each_version(&self, mut f: impl FnMut(i32, u64)) {
        match self.versions {
            Err(version) => f(version, self.len() as u64),
            Ok(versions) => versions.values().iter().for_each(|version| f(*version, 1)),
        }
    }

    /// Calls the function with the microseconds from event time to received time, of events from the gateway: when a file
    /// was read says nothing of its events.
    pub(super) fn for_each_delay(&self, mut f: impl FnMut(i64)) {
        let (Some(received), Some(offsets)) = (self.received, self.offsets) else { return };
        for row in (0..self.len()).filter(|row| offsets.is_valid(*row)) {
            f(received.value(row).saturating_sub(self.times.value(row)));
        }
    }
}
