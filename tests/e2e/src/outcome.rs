//! What a run left behind, in a form in which two runs can be compared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The values of one row that are no floats, as text, and those that are.
type Row = (Vec<String>, Vec<Option<f64>>);

/// One revision of one window and group; the aggregates are None for a replaced session.
struct Issued {
    /// Start, end and group.
    key: Vec<String>,
    revision: i64,
    is_final: bool,
    row: Option<Row>,
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// By table folder and day: number of rows, and a hash of them all that ignores their order.
    pub table: BTreeMap<String, (u64, u64)>,
    /// By window name and (start, end, group): the last revision's values.
    pub windows: BTreeMap<String, BTreeMap<Vec<String>, Row>>,
    /// The lines of `rejected/`, in their order.
    pub rejected: Vec<String>,
    /// The lines of `alerts/`, sorted: those of events and of windows don't wait for each other.
    pub alerts: Vec<String>,
    /// `ledger.json`.
    pub ledger: serde_json::Value,
}

impl Outcome {
    /// Reads an output folder. The columns left out of the table's hash are named.
    pub fn read(out: &Path, ignore: &[&str]) -> anyhow::Result<Self> {
        let ledger = fs::read(out.join("ledger.json")).context("read ledger.json")?;
        Self::with_ledger(out, ignore, serde_json::from_slice(&ledger)?)
    }

    /// Reads the output folder of workers, who keep their ledger in the log.
    pub fn with_ledger(out: &Path, ignore: &[&str], ledger: serde_json::Value) -> anyhow::Result<Self> {
        let windows = read_windows(&out.join("windows"), false)?;
        Ok(Self { windows, ..Self::without_windows(out, ignore, ledger)? })
    }

    /// The same of a pipeline that goes on: some windows wait for more, and say so.
    pub fn of_open(out: &Path, ignore: &[&str], ledger: serde_json::Value) -> anyhow::Result<Self> {
        let windows = read_windows(&out.join("windows"), true)?;
        Ok(Self { windows, ..Self::without_windows(out, ignore, ledger)? })
    }

    /// The same without the windows, which may be open.
    pub fn without_windows(out: &Path, ignore: &[&str], ledger: serde_json::Value) -> anyhow::Result<Self> {
        Ok(Self {
            table: read_table(&out.join("table"), ignore)?,
            windows: BTreeMap::new(),
            rejected: read_lines(&out.join("rejected"))?,
            alerts: {
                let mut alerts = read_lines(&out.join("alerts"))?;
                alerts.sort_unstable();
                alerts
            },
            ledger,
        })
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.table.values().map(|(rows, _)| rows).sum()
    }

    /// A number of the ledger's total.
    pub fn total(&self, field: &str) -> u64 {
        self.ledger["total"][field].as_u64().unwrap_or(u64::MAX)
    }

    /// Compares with another run of the same events: everything equal, floats of windows to 1e-12, and columns of
    /// sketches, which have an error of their own, within the tolerance given by column prefix.
    pub fn same_as(&self, other: &Self, tolerances: &[(&str, f64)]) -> anyhow::Result<()> {
        ensure!(self.ledger == other.ledger, "the ledgers differ: {} and {}", self.ledger, other.ledger);
        ensure!(self.table == other.table, "the tables differ: {:?} and {:?}", self.table, other.table);
        ensure!(
            self.rejected == other.rejected,
            "the rejects differ: {} and {} lines",
            self.rejected.len(),
            other.rejected.len()
        );
        ensure!(
            self.alerts == other.alerts,
            "the alerts differ: {} and {} lines",
            self.alerts.len(),
            other.alerts.len()
        );
        let names = |outcome: &Self| outcome.windows.keys().cloned().collect::<Vec<_>>();
        ensure!(names(self) == names(other), "the windows differ: {:?} and {:?}", names(self), names(other));
        for (name, ours) in &self.windows {
            let theirs = &other.windows[name];
            ensure!(ours.len() == theirs.len(), "{name}: {} and {} windows", ours.len(), theirs.len());
            for (key, row) in ours {
                let Some(their) = theirs.get(key) else { bail!("{name}: {key:?} is only in one run") };
                let tolerance = tolerances.iter().find(|(n, _)| n == name).map(|(_, t)| *t);
                ensure!(rows_equal(row, their, tolerance), "{name} {key:?}: {row:?} and {their:?}");
            }
        }
        Ok(())
    }
}

fn rows_equal(a: &Row, b: &Row, tolerance: Option<f64>) -> bool {
    let near = |x: f64, y: f64| tolerance.is_some_and(|t| (x - y).abs() <= t);
    let close = |(x, y): (&Option<f64>, &Option<f64>)| match (x, y) {
        (Some(x), Some(y)) => (x - y).abs() <= 1e-12 * x.abs().max(y.abs()).max(1.0) || near(*x, *y),
        (None, None) => true,
        _ => false,
    };
    // Sketches count, too.
    let same =
        |(x, y): (&String, &String)| x == y || x.parse().is_ok_and(|x| y.parse().is_ok_and(|y| near(x, y)));
    a.0.len() == b.0.len()
        && a.1.len() == b.1.len()
        && a.0.iter().zip(&b.0).all(same)
        && a.1.iter().zip(&b.1).all(close)
}

/// Every file under a folder with this extension, sorted.
pub fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
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

/// The batches of a Parquet file.
pub fn batches(path: &Path) -> anyhow::Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)
        .and_then(|builder| builder.with_batch_size(65_536).build())
        .with_context(|| format!("read {}", path.display()))?;
    reader.collect::<Result<_, _>>().with_context(|| format!("read {}", path.display()))
}

fn read_table(table: &Path, ignore: &[&str]) -> anyhow::Result<BTreeMap<String, (u64, u64)>> {
    let mut days: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for path in files(table, "parquet")? {
        let day = path.parent().and_then(|day| day.strip_prefix(table).ok()).unwrap_or(Path::new(""));
        let (rows, sum) = days.entry(day.display().to_string()).or_default();
        for batch in batches(&path)? {
            *rows += batch.num_rows() as u64;
            *sum = sum.wrapping_add(hash_rows(&batch, ignore)?);
        }
    }
    Ok(days)
}

fn hash_rows(batch: &RecordBatch, ignore: &[&str]) -> anyhow::Result<u64> {
    let schema = batch.schema();
    let kept =
        schema.fields().iter().zip(batch.columns()).filter(|(f, _)| !ignore.contains(&f.name().as_str()));
    let (fields, columns): (Vec<_>, Vec<_>) =
        kept.map(|(f, c)| (SortField::new(f.data_type().clone()), c.clone())).unzip();
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    let hash = |bytes: &[u8]| {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        hasher.finish()
    };
    Ok(rows.iter().fold(0u64, |sum, row| sum.wrapping_add(hash(row.as_ref()))))
}

/// The last revision of each window and group. `final` wins a tie of revisions; replaced sessions don't count.
fn read_windows(
    windows: &Path,
    may_be_open: bool,
) -> anyhow::Result<BTreeMap<String, BTreeMap<Vec<String>, Row>>> {
    let mut all = BTreeMap::new();
    let mut last: BTreeMap<(String, Vec<String>), Issued> = BTreeMap::new();
    for path in files(windows, "parquet")? {
        let name = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        all.entry(name.clone()).or_insert_with(BTreeMap::new);
        for batch in batches(&path)? {
            for issued in window_rows(&batch)? {
                let key = (name.clone(), issued.key.clone());
                let newer =
                    |known: &Issued| (issued.revision, issued.is_final) >= (known.revision, known.is_final);
                if last.get(&key).is_none_or(newer) {
                    last.insert(key, issued);
                }
            }
        }
    }
    for ((name, key), issued) in last {
        ensure!(issued.is_final || may_be_open, "{name} {key:?}: the last revision is not final");
        if let (Some(mut row), Some(rows)) = (issued.row, all.get_mut(&name)) {
            if may_be_open {
                row.0.push(format!("final: {}", issued.is_final));
            }
            rows.insert(key, row);
        }
    }
    Ok(all)
}

fn window_rows(batch: &RecordBatch) -> anyhow::Result<Vec<Issued>> {
    let schema = batch.schema();
    let column =
        |name: &str| batch.column_by_name(name).with_context(|| format!("there is no column {name}"));
    let revisions = column("revision")?.as_primitive::<Int64Type>();
    let finals = column("final")?.as_boolean();
    let replaced = batch.column_by_name("replaced_by");
    let options = FormatOptions::default().with_null("null");
    // Times as numbers: microseconds since 1970 UTC.
    let mut plain = Vec::new();
    for array in batch.columns() {
        let is_time = matches!(array.data_type(), DataType::Timestamp(..));
        plain.push(if is_time { cast(array, &DataType::Int64)? } else { Arc::clone(array) });
    }
    let mut formatters = Vec::new();
    for (field, array) in schema.fields().iter().zip(&plain) {
        formatters.push((field, array, ArrayFormatter::try_new(array, &options)?));
    }
    let mut rows = Vec::with_capacity(batch.num_rows());
    for at in 0..batch.num_rows() {
        let (mut key, mut row) = (Vec::new(), Row::default());
        for (field, array, formatter) in &formatters {
            match field.name().as_str() {
                "revision" | "final" | "replaced_by" => {}
                "window_start" | "window_end" => key.push(formatter.value(at).to_string()),
                // Groups here are words; aggregates are numbers, or words of First and Last named so.
                name if is_word(array.data_type())
                    && !name.starts_with("first")
                    && !name.starts_with("last") =>
                {
                    key.push(formatter.value(at).to_string());
                }
                _ if *array.data_type() == DataType::Float64 => {
                    let floats = array.as_primitive::<Float64Type>();
                    row.1.push(floats.is_valid(at).then(|| floats.value(at)));
                }
                _ => row.0.push(formatter.value(at).to_string()),
            }
        }
        let is_replaced = replaced.is_some_and(|replaced| replaced.is_valid(at));
        let (revision, is_final) = (revisions.value(at), finals.value(at));
        rows.push(Issued { key, revision, is_final, row: (!is_replaced).then_some(row) });
    }
    Ok(rows)
}

fn is_word(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Dictionary(..))
}

fn read_lines(rejected: &Path) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for path in files(rejected, "ndjson")? {
        lines.extend(fs::read_to_string(&path)?.lines().map(str::to_owned));
    }
    Ok(lines)
}
