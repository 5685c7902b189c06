use std::fs::File;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;

use super::*;

/// Start, group, count, mean, revision, final, replaced by.
type Row = (i64, &'static str, i64, Option<f64>, i64, bool, Option<i64>);

/// A column, with a word of metadata.
type Column = (&'static str, ArrayRef, Option<(&'static str, &'static str)>);

fn write(path: &Path, rows: &[Row], sessions: bool) {
    let time = |values: Vec<Option<i64>>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
    };
    let mut columns: Vec<Column> = vec![
        ("window_start", time(rows.iter().map(|row| Some(row.0)).collect()), None),
        ("window_end", time(rows.iter().map(|row| Some(row.0 + 1)).collect()), None),
        (
            "site",
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
            Some((GROUP_OF, "/site")),
        ),
        ("mean", Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>()), Some((FUNCTION, "Mean"))),
        (
            "n",
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2))),
            Some((FUNCTION, "Count")),
        ),
        ("revision", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.4))), None),
        ("final", Arc::new(rows.iter().map(|row| Some(row.5)).collect::<BooleanArray>()), None),
    ];
    if sessions {
        columns.push(("replaced_by", time(rows.iter().map(|row| row.6).collect()), None));
    }
    let fields = columns.iter().map(|(name, array, told)| {
        let told = told.map(|(key, word)| (key.to_owned(), word.to_owned()));
        Field::new(*name, array.data_type().clone(), true).with_metadata(told.into_iter().collect())
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read(files: &[&[Row]], sessions: bool, rows_max: u64) -> Windows {
    let folder = tempfile::tempdir().unwrap();
    for (at, rows) in files.iter().enumerate() {
        write(&folder.path().join(format!("{at}.parquet")), rows, sessions);
    }
    Windows::read(folder.path(), rows_max).unwrap().unwrap()
}

#[test]
fn the_last_revision_counts_whichever_file_it_is_in() {
    let old: &[Row] = &[(0, "a", 1, Some(1.0), 1, false, None), (0, "b", 7, None, 9, true, None)];
    let new: &[Row] = &[(0, "a", 3, Some(2.0), 2, true, None), (5, "a", 1, Some(4.0), 3, false, None)];
    for files in [[old, new], [new, old]] {
        let windows = read(&files, false, 10_000);
        assert_eq!((windows.rows, windows.windows, windows.open, windows.groups), (4, 3, 1, 2));
        assert_eq!(windows.group_by, ["site"]);
        let [n, mean] = &windows.aggregates[..] else { panic!("{windows:?}") };
        // The largest group comes first.
        assert_eq!((n.name.as_str(), n.series[0].group.as_str()), ("n", "b"));
        assert_eq!(n.series[1].points, [(0, 3.0), (5, 1.0)]);
        assert_eq!(
            (mean.function.as_str(), mean.series[1].points.as_slice()),
            ("Mean", &[(0, 2.0), (5, 4.0)][..])
        );
        assert!(mean.series[0].points.is_empty());
    }
}

#[test]
fn replaced_sessions_are_left_out() {
    let windows =
        read(&[&[(0, "a", 1, None, 1, true, Some(5)), (5, "a", 2, None, 2, true, None)]], true, 10_000);
    assert!(windows.sessions);
    assert_eq!((windows.rows, windows.windows), (2, 1));
}

#[test]
fn of_many_groups_the_smaller_are_summed_where_that_means_something() {
    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let rows: Vec<Row> =
        NAMES.iter().zip(1..).map(|(name, n)| (0, *name, n, Some(1.0), n, true, None)).collect();
    let windows = read(&[&rows], false, 10_000);
    let [n, mean] = &windows.aggregates[..] else { panic!("{windows:?}") };
    assert_eq!((n.series.len(), n.series[0].group.as_str()), (GROUPS, "l"));
    assert_eq!(n.others.as_ref().unwrap().points, [(0, 10.0)]);
    assert!(mean.others.is_none());
    assert!(read(&[&rows], true, 10_000).aggregates[0].others.is_none());
    assert_eq!(read(&[&rows[..9]], false, 10_000).aggregates[0].series.len(), 9);
}

#[test]
fn only_the_newest_rows_are_read() {
    let row = |start: i64| -> Row { (start, "a", 1, None, start, true, None) };
    let windows = read(&[&[row(1), row(2)], &[row(3)], &[row(4)]], false, 2 * ROWS_A_FILE);
    assert_eq!((windows.rows, windows.files_skipped, windows.windows), (2, 1, 2));
    assert_eq!(windows.aggregates[0].series[0].points, [(3, 1.0), (4, 1.0)]);
}

#[test]
fn groups_of_every_kind_have_words() {
    let times = TimestampMicrosecondArray::from(vec![Some(0), None]).with_timezone("UTC");
    let batch = RecordBatch::try_from_iter::<_, &str>([
        ("at", Arc::new(times) as ArrayRef),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("n", Arc::new(Float64Array::from(vec![1.5, 2.0]))),
    ]);
    let names = ["at", "ok", "n"].map(str::to_owned);
    let mut words = Vec::new();
    values::for_each_joined(&batch.unwrap(), &names, |text| words.push(text.to_owned())).unwrap();
    assert_eq!(words, ["1970-01-01T00:00:00Z · true · 1.5", "(none) · (none) · 2.0"]);
}
