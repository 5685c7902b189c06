//! Rows by the UTC day of their event time, without touching the rows: runs of neighbours that share a day.

use std::fmt;

use arrow_array::{Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave_record_batch;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// Below this many rows a run on average, rows are copied together instead of written run by run.
const RUN_ROWS_MIN: usize = 64;

/// Runs that are copied together at most; arrow's cost of doing so grows with batches times rows.
const GATHER_RUNS_MAX: usize = 4096;

/// The name that Hive gives the partition of rows without a value; readers show it as null.
const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";

/// A UTC day, in days since 1970, of the years 0 to 9999. All other times share `NONE`, as do rows without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i32);

impl Day {
    /// 0000-01-01.
    const FIRST: i64 = -719_528;
    /// 9999-12-31.
    const LAST: i64 = 2_932_896;
    const NONE: Self = Self(i32::MAX);

    fn of(micros: i64) -> Self {
        let days = micros.div_euclid(MICROS_A_DAY);
        let named = (Self::FIRST..=Self::LAST).contains(&days);
        named.then(|| i32::try_from(days).ok()).flatten().map_or(Self::NONE, Self)
    }

    /// Whether a time is of the day. Same as `of`, without a division.
    fn contains(self, micros: i64) -> bool {
        if self == Self::NONE {
            return Self::of(micros) == self;
        }
        let start = i64::from(self.0) * MICROS_A_DAY;
        (start..start + MICROS_A_DAY).contains(&micros)
    }
}

/// `YYYY-MM-DD`, or Hive's word for null.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = jiff::Span::new().try_days(self.0);
        match span.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span)) {
            Ok(date) if *self != Self::NONE => write!(f, "{date}"),
            _ => f.write_str(NO_DAY),
        }
    }
}

/// Rows of one batch that follow each other and share a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    day: Day,
    batch: usize,
    start: usize,
    rows: usize,
}

/// The runs of some batches.
#[derive(Debug, Default)]
pub(super) struct Days(Vec<Run>);

impl Days {
    /// Adds a batch by its event times. `batch` is its place in the slice that `split` will be given.
    pub(super) fn push(&mut self, batch: usize, times: &TimestampMicrosecondArray) {
        let values = times.values();
        let day_of = |row: usize| if times.is_null(row) { Day::NONE } else { Day::of(values[row]) };
        let mut start = 0;
        while start < times.len() {
            let day = day_of(start);
            let same =
                |&row: &usize| if times.is_null(row) { day == Day::NONE } else { day.contains(values[row]) };
            let rows = 1 + (start + 1..times.len()).take_while(same).count();
            self.0.push(Run { day, batch, start, rows });
            start += rows;
        }
    }

    /// The rows of each day, days ascending, rows in the order in which their batches were pushed.
    pub(super) fn split(mut self, batches: &[RecordBatch]) -> Vec<(Day, Vec<RecordBatch>)> {
        self.0.sort_by_key(|run| run.day);
        let by_day = self.0.chunk_by(|a, b| a.day == b.day);
        by_day.map(|runs| (runs[0].day, rows_of(runs, batches))).collect()
    }
}

/// Slices of the batches where runs are long; else the rows copied together.
fn rows_of(runs: &[Run], batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let slices = |runs: &[Run]| -> Vec<RecordBatch> {
        runs.iter().map(|run| batches[run.batch].slice(run.start, run.rows)).collect()
    };
    let rows: usize = runs.iter().map(|run| run.rows).sum();
    if runs.len() == 1 || rows >= runs.len() * RUN_ROWS_MIN {
        return slices(runs);
    }
    // What can't be gathered, such as dictionaries with more values together than their keys can count, is still
    // right in slices.
    runs.chunks(GATHER_RUNS_MAX)
        .flat_map(|runs| gather(runs, batches).map_or_else(|_| slices(runs), |all| vec![all]))
        .collect()
}

fn gather(runs: &[Run], batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let mut sources: Vec<&RecordBatch> = Vec::new();
    let mut rows = Vec::new();
    let mut last = None;
    for run in runs {
        // Runs of a batch follow each other.
        if last.replace(run.batch) != Some(run.batch) {
            sources.push(&batches[run.batch]);
        }
        rows.extend((run.start..run.start + run.rows).map(|row| (sources.len() - 1, row)));
    }
    interleave_record_batch(&sources, &rows)
}
