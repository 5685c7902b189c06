use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow_ipc::reader::StreamReader;
use arrow_schema::Field;
use proptest::prelude::*;

use super::*;

type Row = (Option<bool>, Option<i64>, Option<String>, Option<u8>, Vec<Option<String>>);

/// Every type that a plan makes, nested and not, with nulls and without.
fn batch(rows: &[Row]) -> RecordBatch {
    let words: DictionaryArray<Int32Type> =
        rows.iter().map(|row| row.3.map(|word| ["a", "bc", ""][usize::from(word % 3)])).collect();
    let texts: StringArray = rows.iter().map(|row| row.2.as_deref()).collect();
    let ints: Int64Array = rows.iter().map(|row| row.1).collect();
    let floats: Float64Array = rows.iter().map(|row| row.1.map(|int| int as f64 / 3.0)).collect();
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1.unwrap_or(5)));
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.4.iter().for_each(|item| lists.values().append_option(item.as_deref()));
        lists.append(row.0.is_some());
    }
    let flags: BooleanArray = rows.iter().map(|row| row.0).collect();
    let all: BooleanArray = rows.iter().map(|_| Some(true)).collect();
    let child =
        |name: &str, array: ArrayRef| (Arc::new(Field::new(name, array.data_type().clone(), true)), array);
    let nested = StructArray::from(vec![child("word", Arc::new(words)), child("all", Arc::new(all))]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("flag", Arc::new(flags)),
        ("int", Arc::new(ints)),
        ("nested", Arc::new(nested)),
        ("float", Arc::new(floats)),
        ("list", Arc::new(lists.finish())),
        ("text", Arc::new(texts)),
        ("time", Arc::new(times.with_timezone("UTC"))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn read(stream: &Bytes) -> Vec<RecordBatch> {
    StreamReader::try_new(&stream[..], None).unwrap().collect::<Result<_, _>>().unwrap()
}

fn is_plain(batch: &RecordBatch) -> bool {
    batch.columns().iter().all(|column| Body::default().add(&column.to_data()).is_some())
}

proptest! {
    #[test]
    fn readers_find_what_was_written(rows: Vec<Row>) {
        let whole = batch(&rows);
        prop_assert!(is_plain(&whole));
        let used = BytesMut::from(&[7; 5000][..]);
        let stream = encode(&whole, used).unwrap();
        prop_assert_eq!(read(&stream), vec![whole.clone()]);
        prop_assert!(stream.len() <= encode_any(&whole).unwrap().len());

        let part = whole.slice(rows.len() / 3, rows.len() / 2);
        prop_assert_eq!(read(&encode(&part, BytesMut::new()).unwrap()), vec![part]);
    }
}

#[test]
fn other_types_are_left_to_the_usual_writer() {
    let texts: ArrayRef = Arc::new(LargeStringArray::from(vec![Some("a"), None]));
    let batch = RecordBatch::try_from_iter([("text", texts)]).unwrap();
    assert!(!is_plain(&batch));
    assert_eq!(read(&encode(&batch, BytesMut::new()).unwrap()), vec![batch]);
}

#[test]
fn values_begin_where_arrow_reads_them_in_place() {
    let rows: Vec<Row> =
        (0..100).map(|n| (None, Some(n), Some("x".repeat(n as usize)), None, vec![])).collect();
    let batch = batch(&rows);
    let stream = encode(&batch, BytesMut::new()).unwrap();
    let ints = batch.column(1).to_data().buffers()[0].as_slice()[..800].to_vec();
    let at = stream.windows(ints.len()).position(|window| window == ints).unwrap();
    assert_eq!(at % ALIGNMENT, 0);
    assert_eq!(stream.len() % PREFIX_BYTES, 0);
}
