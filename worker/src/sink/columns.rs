//! Arrow batches of one schema to a Parquet file. How each column is encoded is decided once, from a sample of its
//! values, and then holds for any number of files.

use std::collections::HashSet;
use std::hash::Hash;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::SchemaDescriptor;

/// Values of a column that are looked at to choose its encoding.
const SAMPLE_VALUES: usize = 1024;

/// Rows in a row group at most.
const GROUP_ROWS_MAX: usize = 1 << 20;

/// How files of one schema are written.
#[derive(Clone, Debug)]
pub(super) struct Format {
    schema: SchemaRef,
    parquet: SchemaDescriptor,
    properties: WriterProperties,
}

impl Format {
    /// Chooses the encodings for a schema by what a batch of it holds.
    pub(super) fn choose(sample: &RecordBatch) -> Result<Self, ParquetError> {
        let schema = sample.schema();
        let parquet = ArrowSchemaConverter::new().convert(&schema)?;
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("transect ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            // The statistics of a chunk let readers skip files; those of pages cost more than they save here.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(vec![KeyValue::new(
                ARROW_SCHEMA_META_KEY.to_owned(),
                encode_arrow_schema(&schema),
            )]));
        let mut leaves = Vec::new();
        for column in sample.columns() {
            push_leaves(column, &mut leaves);
        }
        for (leaf, column) in leaves.iter().zip(parquet.columns()) {
            let (dictionary, encoding) = leaf_encoding(leaf);
            properties = properties.set_column_dictionary_enabled(column.path().clone(), dictionary);
            if let Some(encoding) = encoding {
                properties = properties.set_column_encoding(column.path().clone(), encoding);
            }
        }
        Ok(Self { schema, parquet, properties: properties.build() })
    }

    /// Writes the batches to one file, with some words about it in its metadata. The number of rows in the file.
    pub(super) fn write<W: Write + Send>(
        &self,
        to: W,
        batches: impl IntoIterator<Item = RecordBatch>,
        words: &[(&str, String)],
    ) -> Result<(W, u64), ParquetError> {
        let options = ArrowWriterOptions::new()
            .with_properties(self.properties.clone())
            .with_parquet_schema(self.parquet.clone())
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(to, self.schema.clone(), options)?;
        for (key, value) in words {
            writer.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        for batch in batches {
            writer.write(&batch)?;
        }
        let rows = writer.flushed_row_groups().iter().map(|group| group.num_rows()).sum::<i64>()
            + writer.in_progress_rows() as i64;
        Ok((writer.into_inner()?, u64::try_from(rows).unwrap_or_default()))
    }
}

/// The arrays that become Parquet columns, in their order.
fn push_leaves(array: &ArrayRef, leaves: &mut Vec<ArrayRef>) {
    match array.data_type() {
        DataType::Struct(_) => {
            array.as_struct().columns().iter().for_each(|child| push_leaves(child, leaves))
        }
        DataType::List(_) => push_leaves(array.as_list::<i32>().values(), leaves),
        DataType::LargeList(_) => push_leaves(array.as_list::<i64>().values(), leaves),
        DataType::FixedSizeList(_, _) => push_leaves(array.as_fixed_size_list().values(), leaves),
        DataType::Map(_, _) => {
            array.as_map().entries().columns().iter().for_each(|child| push_leaves(child, leaves));
        }
        _ => leaves.push(array.clone()),
    }
}

/// Whether a dictionary pays, and how values are encoded without one. A dictionary costs a hash a value, which is
/// lost where most values differ. Whole numbers that differ are mostly counters and times, close to their neighbours.
fn leaf_encoding(leaf: &ArrayRef) -> (bool, Option<Encoding>) {
    if repeats(leaf) {
        return (true, None);
    }
    match leaf.data_type() {
        DataType::Int32
        | DataType::UInt32
        | DataType::Int64
        | DataType::UInt64
        | DataType::Timestamp(_, _) => (false, Some(Encoding::DELTA_BINARY_PACKED)),
        _ => (false, None),
    }
}

/// Whether values occur twice and more on average, by a sample that is spread over the array.
fn repeats(leaf: &ArrayRef) -> bool {
    let step = (leaf.len() / SAMPLE_VALUES).max(1);
    let sample = (0..leaf.len()).step_by(step).filter(|&at| leaf.is_valid(at));
    match leaf.data_type() {
        DataType::Utf8 => mostly_same(sample.map(|at| leaf.as_string::<i32>().value(at))),
        DataType::LargeUtf8 => mostly_same(sample.map(|at| leaf.as_string::<i64>().value(at))),
        DataType::Utf8View => mostly_same(sample.map(|at| leaf.as_string_view().value(at))),
        DataType::Binary => mostly_same(sample.map(|at| leaf.as_binary::<i32>().value(at))),
        other => {
            let (Some(width), data) = (other.primitive_width(), leaf.to_data()) else {
                // Dictionaries repeat by their making; what is left has no dictionary or is rare.
                return true;
            };
            let values = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
            mostly_same(sample.filter_map(|at| values.get((data.offset() + at) * width..)?.get(..width)))
        }
    }
}

fn mostly_same<T: Eq + Hash>(values: impl Iterator<Item = T>) -> bool {
    let mut seen = 0;
    let distinct: HashSet<T> = values.inspect(|_| seen += 1).collect();
    distinct.len() * 2 <= seen
}
