use std::fs::{self, File};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::super::memory::{Death, MemoryLog};
use super::*;

fn append(log: &MemoryLog, window: &str, rows: &[(i64, f64)]) {
    let revision: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>());
    let mean: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Float64Array>());
    let batch = RecordBatch::try_from_iter([("revision", revision), ("mean", mean)]).unwrap();
    let headers = [(record::WINDOW, window), (record::COUNT, &rows.len().to_string())];
    log.append(Topic::Windows, &headers, record::encode_batch(&batch).unwrap());
}

fn drain(log: &Arc<MemoryLog>, dir: &TempDir) -> Result<(), RoleError> {
    let folders = Folders { out: dir.path().join("out"), state: dir.path().join("state") };
    let mut sink = WindowSink::open(log.clone(), &folders, "air")?;
    while sink.step()? {}
    sink.flush()
}

fn rows(dir: &TempDir, window: &str) -> Vec<(i64, f64)> {
    let entries = fs::read_dir(dir.path().join("out/windows").join(window)).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        assert!(path.extension().is_some_and(|extension| extension == "parquet"), "{}", path.display());
        for batch in
            ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap()
        {
            let batch = batch.unwrap();
            let (revisions, means) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Float64Type>());
            rows.extend(revisions.values().iter().copied().zip(means.values().iter().copied()));
        }
    }
    rows
}

#[test]
fn every_revision_of_every_window_is_kept_once_and_in_order() {
    for death in [None, Some(Death::BeforeCommit), Some(Death::AfterCommit)] {
        let (log, dir) = (Arc::<MemoryLog>::default(), TempDir::new().unwrap());
        append(&log, "hourly", &[(1, 0.5), (2, 1.5)]);
        append(&log, "daily", &[(3, 9.0)]);
        append(&log, "hourly", &[(4, 0.75)]);
        if let Some(death) = death {
            log.die(death);
            drain(&log, &dir).unwrap_err();
        }
        drain(&log, &dir).unwrap();
        append(&log, "hourly", &[(5, 2.5)]);
        drain(&log, &dir).unwrap();
        assert_eq!(rows(&dir, "hourly"), [(1, 0.5), (2, 1.5), (4, 0.75), (5, 2.5)], "{death:?}");
        assert_eq!(rows(&dir, "daily"), [(3, 9.0)], "{death:?}");
    }
}

#[test]
fn what_is_written_ahead_shows_only_once_it_is_committed() {
    for death in [None, Some(Death::BeforeCommit), Some(Death::AfterCommit)] {
        let (log, dir) = (Arc::<MemoryLog>::default(), TempDir::new().unwrap());
        let folders = Folders { out: dir.path().join("out"), state: dir.path().join("state") };
        append(&log, "hourly", &[(1, 0.5), (2, 1.5)]);
        let mut sink = WindowSink::open(log.clone(), &folders, "air").unwrap();
        while sink.step().unwrap() {}
        sink.prepare().unwrap();
        let hidden: Vec<_> = fs::read_dir(dir.path().join("out/windows/hourly")).unwrap().collect();
        assert!(hidden.len() == 1 && hidden[0].as_ref().unwrap().file_name().as_encoded_bytes()[0] == b'.');
        match death {
            Some(death) => {
                log.die(death);
                sink.flush().unwrap_err();
            }
            None => sink.flush().unwrap(),
        }
        drop(sink);
        drain(&log, &dir).unwrap();
        assert_eq!(rows(&dir, "hourly"), [(1, 0.5), (2, 1.5)], "{death:?}");
    }
}

#[test]
fn rows_that_do_not_add_up_are_not_published() {
    let (log, dir) = (Arc::<MemoryLog>::default(), TempDir::new().unwrap());
    let batch =
        RecordBatch::try_from_iter([("revision", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let headers = [(record::WINDOW, "hourly"), (record::COUNT, "2")];
    log.append(Topic::Windows, &headers, record::encode_batch(&batch).unwrap());
    let error = drain(&log, &dir).unwrap_err().to_string();
    assert!(error.contains("1 rows") && error.contains("count 2"), "{error}");
    assert_eq!(rows(&dir, "daily"), []);
}
