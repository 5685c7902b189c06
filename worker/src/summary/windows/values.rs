//! Values of window files by row.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use parquet::errors::ParquetError;

/// What stands for no value.
const NONE: &str = "(none)";

/// A time column's values.
pub(super) fn times(batch: &RecordBatch, name: &str) -> Result<Vec<i64>, ParquetError> {
    let column =
        column(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| wrong(name))?;
    Ok(column.values().to_vec())
}

/// An integer column's values.
pub(super) fn integers(batch: &RecordBatch, name: &str) -> Result<Vec<i64>, ParquetError> {
    let column = column(batch, name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong(name))?;
    Ok(column.values().to_vec())
}

/// A column's truths.
pub(super) fn truths(batch: &RecordBatch, name: &str) -> Result<Vec<bool>, ParquetError> {
    let column = column(batch, name)?.as_boolean_opt().ok_or_else(|| wrong(name))?;
    Ok(column.iter().map(|value| value == Some(true)).collect())
}

/// Whether each row has a value in a column that need not be there.
pub(super) fn is_set(batch: &RecordBatch, name: &str) -> Vec<bool> {
    let rows = 0..batch.num_rows();
    match batch.column_by_name(name) {
        Some(column) => rows.map(|row| column.is_valid(row)).collect(),
        None => rows.map(|_| false).collect(),
    }
}

/// A column's numbers; none where the column is not there, or of another type.
pub(super) fn numbers(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let Some(column) = batch.column_by_name(name) else { return vec![None; batch.num_rows()] };
    if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
        return floats.iter().map(|value| value.filter(|value| value.is_finite())).collect();
    }
    match column.as_primitive_opt::<Int64Type>() {
        Some(integers) => integers.iter().map(|value| value.map(|value| value as f64)).collect(),
        None => vec![None; batch.num_rows()],
    }
}

/// The values of some columns, joined, by row.
pub(super) fn joined(batch: &RecordBatch, names: &[String]) -> Result<Vec<String>, ParquetError> {
    let columns = names.iter().map(|name| words(column(batch, name)?)).collect::<Result<Vec<_>, _>>()?;
    let row = |row: usize| columns.iter().map(|words| words[row].as_str()).collect::<Vec<_>>().join(" · ");
    Ok((0..batch.num_rows()).map(row).collect())
}

/// A column's values in words.
fn words(column: &ArrayRef) -> Result<Vec<String>, ParquetError> {
    if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        // Arrow knows no names of time zones here, not even UTC.
        let word = |time: Option<i64>| match time.map(jiff::Timestamp::from_microsecond) {
            Some(Ok(time)) => time.to_string(),
            _ => NONE.to_owned(),
        };
        return Ok(times.iter().map(word).collect());
    }
    let options = FormatOptions::default().with_null(NONE);
    let formatter = ArrayFormatter::try_new(&**column, &options)?;
    Ok((0..column.len()).map(|row| formatter.value(row).to_string()).collect())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ParquetError> {
    batch.column_by_name(name).ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> ParquetError {
    ParquetError::General(format!("its column {name} is missing or of another type"))
}
