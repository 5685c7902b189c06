//! Arrow batches of one schema to a Parquet file. How each column is encoded is decided once, from a sample of its
//! values, and then holds for any number of files.

mod pack;
mod repeated;

use std::collections::HashSet;
use std::hash::Hash;
use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, RowGroupMetaDataPtr};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

pub(super) use self::pack::Packer;

/// Values of a column that are looked at to choose its encoding.
const SAMPLE_VALUES: usize = 1024;

/// Rows in a row group, about.
const GROUP_ROWS: usize = 1 << 20;

/// How files of one schema are written.
pub(super) struct Format {
    /// All columns.
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    columns: Vec<Column>,
}

/// A column of the batches, which is several in Parquet if it is nested. Each is encoded by itself, so that no more
/// than one is in memory besides the batches.
struct Column {
    field: FieldRef,
    schema: TypePtr,
    writers: ArrowRowGroupWriterFactory,
}

impl Format {
    /// Chooses the encodings for a schema by what a batch of it holds.
    pub(super) fn choose(sample: &RecordBatch) -> Result<Self, ParquetError> {
        let arrow = sample.schema();
        let schema = ArrowSchemaConverter::new().convert(&arrow)?;
        let arrow_schema = KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&arrow));
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("transect ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![arrow_schema]))
            // Compressed by `Packer`.
            .set_compression(Compression::UNCOMPRESSED)
            // The statistics of a chunk let readers skip files; those of pages cost more than they save here.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true);
        let mut leaves = Vec::new();
        for column in sample.columns() {
            push_leaves(column, &mut leaves);
        }
        for (leaf, column) in leaves.iter().zip(schema.columns()) {
            let (dictionary, encoding) = leaf_encoding(leaf);
            properties = properties.set_column_dictionary_enabled(column.path().clone(), dictionary);
            if let Some(encoding) = encoding {
                properties = properties.set_column_encoding(column.path().clone(), encoding);
            }
        }
        let properties = WriterPropertiesPtr::new(properties.build());
        let columns =
            arrow.fields().iter().map(|field| Column::new(field, &properties)).collect::<Result<_, _>>()?;
        Ok(Self { schema: schema.root_schema_ptr(), properties, columns })
    }

    /// Writes the batches to one file, with some words about it in its metadata. Returns the number of rows in the
    /// file.
    pub(super) fn write<W: Write + Send>(
        &self,
        packer: &mut Packer,
        mut to: W,
        batches: &[RecordBatch],
        words: &[(&str, String)],
    ) -> Result<(W, u64), ParquetError> {
        let mut file = SerializedFileWriter::new(&mut to, self.schema.clone(), self.properties.clone())?;
        for (key, value) in words {
            file.append_key_value_metadata(KeyValue::new((*key).to_owned(), value.clone()));
        }
        let mut rest = batches;
        while !rest.is_empty() {
            let mut rows = 0;
            let full = rest.iter().position(|batch| {
                rows += batch.num_rows();
                rows >= GROUP_ROWS
            });
            let (batches, after) = rest.split_at(full.map_or(rest.len(), |last| last + 1));
            let mut group = file.next_row_group()?;
            for (at, column) in self.columns.iter().enumerate() {
                let arrays =
                    || batches.iter().map(|batch| batch.column(at)).filter(|array| !array.is_empty());
                if let Some(one) = repeated::first_of_equals(arrays()) {
                    let (plain, metadata) = column.encode([&one].into_iter(), &self.properties)?;
                    let rows = arrays().map(|array| array.len()).sum();
                    if packer.append_repeated(&mut group, plain, &metadata, rows)? {
                        continue;
                    }
                }
                let (plain, metadata) = column.encode(arrays(), &self.properties)?;
                packer.append(&mut group, plain, &metadata)?;
            }
            group.close()?;
            rest = after;
        }
        let rows = file.flushed_row_groups().iter().map(|group| group.num_rows()).sum::<i64>();
        // Here, and not as it is dropped, so that a full disk says so.
        file.finish()?;
        drop(file);
        Ok((to, u64::try_from(rows)?))
    }
}

impl Column {
    fn new(field: &FieldRef, properties: &WriterPropertiesPtr) -> Result<Self, ParquetError> {
        let arrow = SchemaRef::new(Schema::new(vec![field.clone()]));
        let schema = ArrowSchemaConverter::new().convert(&arrow)?.root_schema_ptr();
        let file = SerializedFileWriter::new(Vec::new(), schema.clone(), properties.clone())?;
        let writers = ArrowRowGroupWriterFactory::new(&file, arrow);
        Ok(Self { field: field.clone(), schema, writers })
    }

    /// The arrays as a row group of this column alone, uncompressed, and what describes these bytes.
    fn encode<'a>(
        &self,
        arrays: impl Iterator<Item = &'a ArrayRef>,
        properties: &WriterPropertiesPtr,
    ) -> Result<(Bytes, RowGroupMetaDataPtr), ParquetError> {
        let mut writers = self.writers.create_column_writers(0)?;
        for array in arrays {
            for (leaf, writer) in compute_leaves(&self.field, array)?.iter().zip(&mut writers) {
                writer.write(leaf)?;
            }
        }
        let mut plain = SerializedFileWriter::new(Vec::new(), self.schema.clone(), properties.clone())?;
        let mut group = plain.next_row_group()?;
        for writer in writers {
            writer.close()?.append_to_row_group(&mut group)?;
        }
        let metadata = group.close()?;
        plain.flush()?;
        Ok((std::mem::take(plain.inner_mut()).into(), metadata))
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
/// lost where most values differ. Whole numbers that differ are mostly counters and times, close to their neighbours:
/// as differences a table of flights is a third smaller, at the same speed. Times in order are so even if they repeat.
fn leaf_encoding(leaf: &ArrayRef) -> (bool, Option<Encoding>) {
    if repeats(leaf) && !rises(leaf) {
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

/// Whether these are times that never fall and do rise.
fn rises(leaf: &ArrayRef) -> bool {
    let Some(times) = leaf.as_primitive_opt::<TimestampMicrosecondType>() else { return false };
    let values = times.values();
    times.null_count() == 0 && values.is_sorted() && values.first() < values.last()
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
