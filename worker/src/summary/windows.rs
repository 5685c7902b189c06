//! Windows by definition: the last revisions, and one or two aggregates of them over time, by group. What a column is, is
//! read from its metadata; of aggregates none but those shown are read.

mod last;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

use arrow_schema::{DataType, Field, Schema};
use transect_core::window::{FUNCTION, GROUP_OF};

use self::last::Last;
use super::{SummaryError, files};

/// Rows that are read of a definition, the newest; revisions count.
const ROWS_MAX: u64 = 200_000;
/// What opening a file costs, in rows.
const ROWS_A_FILE: u64 = 100;
/// Groups that are shown apart.
const GROUPS: usize = 8;
/// Aggregates that are shown.
const AGGREGATES: usize = 2;

/// The windows of one definition.
#[derive(Clone, Debug)]
pub struct Windows {
    /// The definition's name.
    pub name: String,
    /// Rows that were read: every revision of every window, or the newest of very many.
    pub rows: u64,
    /// Older files that were not read.
    pub files_skipped: u64,
    /// Windows, each of one group, of those rows; without replaced sessions.
    pub windows: u64,
    /// Those of them that may still be issued again.
    pub open: u64,
    /// Whether they are sessions, which begin when they like.
    pub sessions: bool,
    /// The columns that windows are grouped by.
    pub group_by: Vec<String>,
    /// Groups that there are.
    pub groups: u64,
    /// What is shown.
    pub aggregates: Vec<Aggregate>,
}

/// One aggregate over time.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Its column.
    pub name: String,
    /// Its function, such as `Mean`.
    pub function: String,
    /// The groups with most windows; one without a name where there are no groups.
    pub series: Vec<Series>,
    /// The sum of all other groups, if the function is one that can be summed.
    pub others: Option<Series>,
}

/// Values of one group.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The group's values, joined; empty where there are no groups.
    pub group: String,
    /// Begin of the window, microseconds since 1970 UTC, and value; by time.
    pub points: Vec<(i64, f64)>,
}

/// Columns by what they are.
#[derive(Clone, Debug, Default)]
struct Columns {
    groups: Vec<String>,
    /// Names and functions.
    aggregates: Vec<(String, String)>,
    sessions: bool,
}

impl Columns {
    fn of(schema: &Schema) -> Self {
        let mut columns = Self { sessions: schema.field_with_name("replaced_by").is_ok(), ..Self::default() };
        let mut numbers = Vec::new();
        for field in schema.fields() {
            if field.metadata().contains_key(GROUP_OF) {
                columns.groups.push(field.name().clone());
            } else if let Some(function) = function(field) {
                numbers.push((field.name().clone(), function));
            }
        }
        // The first that counts says how much there is, the first other one what it is like.
        let counts = |(_, function): &&(String, String)| matches!(function.as_str(), "Count");
        columns.aggregates.extend(numbers.iter().find(counts).cloned());
        let others = numbers.iter().filter(|number| !counts(number));
        let best = others.clone().find(|(_, function)| function == "Mean").into_iter().chain(others);
        for number in best {
            if columns.aggregates.len() < AGGREGATES && !columns.aggregates.contains(number) {
                columns.aggregates.push(number.clone());
            }
        }
        columns
    }
}

/// The function of a number's column, in short.
fn function(field: &Field) -> Option<String> {
    let number = matches!(field.data_type(), DataType::Int64 | DataType::Float64);
    field.metadata().get(FUNCTION).filter(|_| number).cloned()
}

/// Whether the sum over groups is what there would be without groups; of sessions it never is.
fn is_summable(function: &str) -> bool {
    matches!(function, "Count" | "Sum")
}

/// Reads all definitions.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Windows>, SummaryError> {
    let mut all = Vec::new();
    for path in files::entries(folder)? {
        all.extend(Windows::read(&path, ROWS_MAX)?);
    }
    Ok(all)
}

impl Windows {
    fn read(folder: &Path, rows_max: u64) -> Result<Option<Self>, SummaryError> {
        let paths = files::under(folder, ".parquet")?;
        let Some(newest) = paths.last() else { return Ok(None) };
        let columns = Columns::of(files::parquet(newest)?.1.schema());
        let mut last = Last::default();
        let (mut cost, mut rows, mut files_skipped) = (0, 0, 0);
        // Names begin with positions: the newest comes last.
        for path in paths.iter().rev() {
            if cost >= rows_max {
                files_skipped += 1;
                continue;
            }
            let (file, metadata) = files::parquet(path)?;
            let here = metadata.metadata().file_metadata().num_rows().unsigned_abs();
            // A definition that was changed has left files with other columns.
            if Columns::of(metadata.schema()).groups == columns.groups {
                last.read(file, metadata, &columns).map_err(files::broken(path))?;
                // Opening a file has its price, however few rows it has.
                cost += here.max(ROWS_A_FILE);
                rows += here;
            } else {
                files_skipped += 1;
            }
        }
        let (windows, open) = last.count();
        Ok(Some(Self {
            name: files::name(folder),
            rows,
            files_skipped,
            windows,
            open,
            sessions: columns.sessions,
            groups: last.groups() as u64,
            aggregates: last.into_aggregates(&columns),
            group_by: columns.groups,
        }))
    }
}
