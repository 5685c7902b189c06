//! Arrow batches of one schema to a Parquet file. How each column is encoded is decided once, from a sample of its
//! values, and then holds for any number of files.

mod encoding;
mod pack;
mod repeated;

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, RowGroupMetaDataPtr};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

pub(super) use self::pack::Packer;

/// Rows in a row group, about.
const GROUP_ROWS: usize = 1 << 20;

/// Length of what a Parquet file begins with.
const MAGIC_BYTES: u64 = 4;

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
            let (dictionary, encoding) = encoding::choose(leaf);
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
        let chunks = writers.into_iter().map(ArrowColumnWriter::close).collect::<Result<Vec<_>, _>>()?;
        let bytes = MAGIC_BYTES + chunks.iter().map(|chunk| chunk.close().bytes_written).sum::<u64>();
        let buffer = Vec::with_capacity(usize::try_from(bytes)?);
        let mut plain = SerializedFileWriter::new(buffer, self.schema.clone(), properties.clone())?;
        let mut group = plain.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
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
