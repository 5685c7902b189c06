use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::{BooleanArray, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_array::{DictionaryArray, types::Int32Type};
use parquet::arrow::ArrowWriter;

use super::*;

const HOUR: i64 = 3_600_000_000;

/// Hour, source, whether late, version, offset.
type Row = (i64, &'static str, bool, i32, Option<i64>);

fn write(folder: &Path, name: &str, groups: &[&[Row]]) {
    fs::create_dir_all(folder).unwrap();
    let mut writer: Option<ArrowWriter<File>> = None;
    for rows in groups {
        let times = |shift: i64| rows.iter().map(|row| row.0 * HOUR + shift).collect::<Vec<_>>();
        let utc = |times: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"));
        let batch = RecordBatch::try_from_iter::<_, &str>([
            ("value", Arc::new(Int64Array::from(vec![1; rows.len()])) as _),
            ("_time", utc(times(0)) as _),
            ("_received", utc(times(5_000_000)) as _),
            ("_source", Arc::new(rows.iter().map(|row| row.1).collect::<DictionaryArray<Int32Type>>()) as _),
            ("_offset", Arc::new(rows.iter().map(|row| row.4).collect::<Int64Array>()) as _),
            ("_schema_version", Arc::new(rows.iter().map(|row| Some(row.3)).collect::<Int32Array>()) as _),
            ("_late", Arc::new(rows.iter().map(|row| Some(row.2)).collect::<BooleanArray>()) as _),
        ]);
        let batch = batch.unwrap();
        let writer = writer.get_or_insert_with(|| {
            let file = File::create(folder.join(name)).unwrap();
            ArrowWriter::try_new(file, batch.schema(), None).unwrap()
        });
        writer.write(&batch).unwrap();
        writer.flush().unwrap();
    }
    writer.unwrap().close().unwrap();
}

fn read(groups: &[&[Row]], rows_max: u64) -> Table {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("day=1970-01-01"), "a.parquet", groups);
    Table::read(folder.path(), rows_max, 10).unwrap().unwrap()
}

#[test]
fn events_are_counted_by_time_source_and_version() {
    let table = read(
        &[
            &[(0, "web", false, 1, Some(3)), (1, "web", true, 2, Some(4)), (30, "box", true, 2, None)],
            &[(40, "box", false, 2, None), (41, "web", false, 2, None)],
        ],
        100,
    );
    assert_eq!((table.rows, table.estimated), (5, 0));
    assert_eq!((table.first, table.last), (0, 41 * HOUR));
    let at = |hour: i64| table.bins.of(hour * HOUR);
    for (counts, sum) in
        [(&table.all, 5), (&table.late, 2), (&table.sources["web"], 3), (&table.sources["box"], 2)]
    {
        assert_eq!(counts.iter().sum::<u64>(), sum);
    }
    assert_eq!((table.all[at(30)], table.late[at(1)], table.sources["web"][at(41)]), (1, 1, 1));
    assert_eq!(table.versions, BTreeMap::from([(1, 1), (2, 4)]));
    // When a file was read says nothing of its events.
    assert_eq!(table.delay.events(), 2);
    assert_eq!(table.delay.parts().find(|(_, n)| *n > 0), Some(("1 to 10 s", 2)));
}

#[test]
fn of_very_many_rows_most_are_estimated() {
    let group = |begin: i64| (0..100).map(|n| (begin + n, "web", false, 1, None)).collect::<Vec<Row>>();
    let groups: Vec<_> = (0..4).map(|n| group(n * 100)).collect();
    let table = read(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>(), 200);
    assert_eq!((table.rows, table.estimated), (400, 200));
    assert_eq!(table.all.iter().sum::<u64>(), 400);
    assert_eq!(table.sources["web"].iter().sum::<u64>(), 200);
    let exact = read(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>(), 400);
    // Evenly spread events are estimated well.
    assert!(
        table.all.iter().zip(&exact.all).all(|(a, b)| a.abs_diff(*b) <= 5),
        "{:?} {:?}",
        table.all,
        exact.all
    );
}

#[test]
fn a_file_that_is_no_table_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.parquet"), "no Parquet").unwrap();
    let error = Table::read(folder.path(), 1, 10).unwrap_err().to_string();
    assert!(error.contains("b.parquet"), "{error}");
    fs::remove_file(folder.path().join("b.parquet")).unwrap();
    assert!(Table::read(folder.path(), 1, 10).unwrap().is_none());
}

#[test]
fn what_footers_say_is_not_read() {
    // One part of time, one source, one version, none late.
    let group: Vec<Row> = (0..5).map(|n| (n, "web", false, 3, None)).collect();
    let far: Vec<Row> = vec![(100_000, "box", true, 4, None)];
    let table = read(&[&group, &far], 100);
    assert_eq!((table.all[0], table.sources["web"][0], table.late[0]), (5, 5, 0));
    assert_eq!(table.late.iter().sum::<u64>(), 1);
    assert_eq!(table.versions, BTreeMap::from([(3, 5), (4, 1)]));
    assert_eq!(table.estimated, 0);
}

#[test]
fn of_very_many_files_some_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..10 {
        write(folder.path(), &format!("{n}.parquet"), &[&[(n, "web", false, 1, None)]]);
    }
    let table = Table::read(folder.path(), 100, 4).unwrap().unwrap();
    assert_eq!((table.rows, table.files_skipped), (4, 6));
}
