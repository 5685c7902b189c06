//! Columns that hold one value in all rows, as most of provenance does. Their page is written for any number of rows at
//! once, where the Parquet writer would hash the value for every row.
//!
//! Formats: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::ToByteSlice;
use arrow_schema::DataType;
use bytes::{BufMut, Bytes, BytesMut};
use parquet::basic::Encoding;
use parquet::column::page::Page;

/// The first row, if all rows of all arrays equal it and it isn't null. Only types that provenance has are looked at.
pub(super) fn first_of_equals<'a>(mut arrays: impl Iterator<Item = &'a ArrayRef>) -> Option<ArrayRef> {
    let first = arrays.next()?;
    let value = value_of_all(first)?;
    arrays.all(|array| value_of_all(array) == Some(value)).then(|| first.slice(0, 1))
}

/// The bytes of an array's value, if it has the same one in all rows.
fn value_of_all(array: &ArrayRef) -> Option<&[u8]> {
    if array.null_count() > 0 {
        return None;
    }
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_dictionary_opt::<Int32Type>()?;
            let key = *dictionary.keys().values().first()?;
            primitive_of_all::<Int32Type>(dictionary.keys())?;
            let words = dictionary.values().as_string_opt::<i32>()?;
            let key = usize::try_from(key).ok().filter(|key| words.is_valid(*key))?;
            Some(words.value(key).as_bytes())
        }
        DataType::Int32 => primitive_of_all::<Int32Type>(array),
        DataType::Int64 => primitive_of_all::<Int64Type>(array),
        DataType::Timestamp(_, _) => primitive_of_all::<TimestampMicrosecondType>(array),
        _ => None,
    }
}

fn primitive_of_all<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&[u8]> {
    let values = array.as_primitive_opt::<T>()?.values();
    // All are the same if each is the same as the next.
    let same = values.get(1..)? == values.get(..values.len() - 1)?;
    same.then(|| values[..1].to_byte_slice())
}

/// A page of one row for so many rows; None for pages that are not of values from a dictionary. Levels and positions in
/// the dictionary are one run each: its length, and what repeats.
pub(super) fn repeat(page: Page, rows: usize, max_level: i16) -> Option<Page> {
    let Page::DataPage { num_values: 1, encoding, def_level_encoding, rep_level_encoding, .. } = page else {
        return matches!(page, Page::DictionaryPage { num_values: 1, .. }).then_some(page);
    };
    #[allow(deprecated, reason = "files of the first version name it so")]
    let dictionary = [Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY].contains(&encoding);
    let num_values = u32::try_from(rows).ok()?;
    let level = u8::try_from(max_level).ok()?;
    let mut buf = BytesMut::new();
    if level > 0 {
        let run = run(num_values, level);
        buf.put_u32_le(u32::try_from(run.len()).ok()?);
        buf.put_slice(&run);
    }
    // Positions have one bit, and the only one is 0.
    buf.put_u8(1);
    buf.put_slice(&run(num_values, 0));
    let buf = buf.freeze();
    let statistics = None;
    dictionary.then_some(Page::DataPage {
        buf,
        num_values,
        encoding,
        def_level_encoding,
        rep_level_encoding,
        statistics,
    })
}

/// A run of one value of up to eight bits: twice its length as a ULEB128 number, then the value.
fn run(length: u32, value: u8) -> Bytes {
    let mut bytes = BytesMut::new();
    let mut header = u64::from(length) << 1;
    while header >= 0x80 {
        bytes.put_u8(header as u8 | 0x80);
        header >>= 7;
    }
    bytes.put_u8(header as u8);
    bytes.put_u8(value);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };
    use arrow_schema::{Field, Schema};
    use arrow_select::concat::concat_batches;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::super::{Format, Packer};
    use super::*;

    /// A column that repeats, in each of its types, one that doesn't, and some that seem to.
    fn batch(rows: usize, word: &str, number: i64) -> RecordBatch {
        let words = |keys: Vec<i32>, words: Vec<&str>| -> ArrayRef {
            Arc::new(DictionaryArray::new(Int32Array::from(keys), Arc::new(StringArray::from(words))))
        };
        let times = TimestampMicrosecondArray::from(vec![number; rows]).with_timezone("UTC");
        let gaps: Int64Array = (0..rows).map(|row| (row % 7 != 3).then_some(number)).collect();
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("word", words(vec![1; rows], vec!["other", word]), true),
            ("required", words(vec![0; rows], vec![word]), false),
            ("count", Arc::new(Int32Array::from(vec![-3; rows])), false),
            ("number", Arc::new(Int64Array::from(vec![number; rows])), true),
            ("time", Arc::new(times), false),
            ("gaps", Arc::new(gaps), true),
            ("row", Arc::new((0..rows as i64).collect::<Int64Array>()), true),
            ("none", Arc::new(Int64Array::new_null(rows)), true),
            ("text", Arc::new(StringArray::from(vec![word; rows])), true),
        ];
        let fields: Vec<_> = columns
            .iter()
            .map(|(name, array, null)| Field::new(*name, array.data_type().clone(), *null))
            .collect();
        let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    }

    /// What a reader finds; also the bytes of each column.
    fn written(batches: &[RecordBatch]) -> (RecordBatch, Vec<i64>) {
        let format = Format::choose(&batches[0]).unwrap();
        let (file, rows) = format.write(&mut Packer::new().unwrap(), Vec::new(), batches, &[]).unwrap();
        assert_eq!(rows, batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>());
        let file = Bytes::from(file);
        let metadata = SerializedFileReader::new(file.clone()).unwrap().metadata().clone();
        for column in metadata.row_groups()[0].columns() {
            assert_eq!(column.num_values() as u64, rows, "{}", column.column_path());
            assert!(column.statistics().is_some());
        }
        let sizes =
            metadata.row_groups()[0].columns().iter().map(|column| column.compressed_size()).collect();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1 << 20);
        let found: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        (concat_batches(&found[0].schema(), &found).unwrap(), sizes)
    }

    #[test]
    fn readers_find_every_row_of_columns_that_repeat() {
        for rows in [1, 2, 8, 63, 64, 127, 128, 1000, 70_000] {
            let batches = [batch(rows, "same", 1 << 40), batch(3, "same", 1 << 40)];
            let (found, sizes) = written(&batches);
            assert_eq!(found, concat_batches(&batches[0].schema(), &batches).unwrap());
            assert!(sizes[..5].iter().all(|size| *size < 120), "{sizes:?}");
        }
    }

    #[test]
    fn columns_of_batches_that_differ_are_written_row_by_row() {
        let long = "long ".repeat(1000);
        for other in [batch(50, "other", 7), batch(50, "same", 8), batch(50, &long, 7)] {
            let batches = [batch(100, "same", 7), other];
            assert_eq!(written(&batches).0, concat_batches(&batches[0].schema(), &batches).unwrap());
        }
        let same = [batch(100, &long, 7)];
        assert_eq!(written(&same).0, same[0], "a long value");
    }
}
