//! What the sinks have written.

use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_ipc::reader::StreamReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row of `clean`, as far as the oracles look at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) station: String,
    pub(super) value: i64,
    pub(super) place: (u64, u32),
    pub(super) late: bool,
}

/// The rows of a record.
pub(super) fn rows_of_stream(value: &[u8]) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for batch in StreamReader::try_new(Cursor::new(value), None)? {
        rows.extend(rows_of(&batch?)?);
    }
    Ok(rows)
}

fn rows_of(batch: &RecordBatch) -> anyhow::Result<Vec<Row>> {
    let column = |name: &str| batch.column_by_name(name).with_context(|| format!("no column {name}"));
    let (ids, stations) = (column("id")?.as_string::<i32>(), column("station")?.as_string::<i32>());
    let values = column("value")?.as_primitive::<Int64Type>();
    let offsets = column("_offset")?.as_primitive::<Int64Type>();
    let indexes = column("_index")?.as_primitive::<Int32Type>();
    let late = column("_late")?.as_boolean();
    let row = |at: usize| Row {
        id: ids.value(at).to_owned(),
        station: stations.value(at).to_owned(),
        value: values.value(at),
        place: (offsets.value(at) as u64, indexes.value(at) as u32),
        late: late.value(at),
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// The table has the rows of `clean`, each once, and those of a file in their order.
pub(super) fn same_table(out: &Path, mut clean: Vec<Row>) -> anyhow::Result<()> {
    let mut table = Vec::new();
    for path in files(&out.join("table"), "parquet")? {
        let mut rows = Vec::new();
        for batch in batches(&path)? {
            rows.extend(rows_of(&batch)?);
        }
        let places: Vec<_> = rows.iter().map(|row| row.place).collect();
        ensure!(places.is_sorted(), "{} is not in order: {places:?}", path.display());
        table.extend(rows);
    }
    table.sort_unstable();
    clean.sort_unstable();
    if let Some((found, due)) = table.iter().zip(&clean).find(|(found, due)| found != due) {
        anyhow::bail!("{found:?} where {due:?} is due");
    }
    ensure!(table.len() == clean.len(), "{} rows of {}", table.len(), clean.len());
    Ok(())
}

/// The files of rejects have these lines, which are sorted.
pub(super) fn same_lines(out: &Path, due: Vec<String>) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for path in files(&out.join("rejected"), "ndjson")? {
        lines.extend(fs::read_to_string(&path)?.lines().map(str::to_owned));
    }
    lines.sort_unstable();
    ensure!(lines == due, "{} lines, where {} are due", lines.len(), due.len());
    Ok(())
}

/// The batches of a Parquet file.
pub(super) fn batches(path: &Path) -> anyhow::Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
    reader.collect::<Result<_, _>>().with_context(|| format!("read {}", path.display()))
}

/// Every file under a folder with this extension, sorted.
pub(super) fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(files(&path, extension)?);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
