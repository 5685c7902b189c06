//! Values of window files by row.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use jiff::Timestamp;
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

/// Calls the function with the values of some columns, joined, row by row.
pub(super) fn for_each_joined(
    batch: &RecordBatch,
    names: &[String],
    mut f: impl FnMut(&str),
) -> Result<(), ParquetError> {
    let columns = names.iter().map(|name| Words::of(column(batch, name)?)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        text.clear();
        for (at, words) in columns.iter().enumerate() {
            text.push_str(if at > 0 { " · " } else { "" });
            words.write(row, &mut text)?;
        }
        f(&text);
    }
    Ok(())
}

/// A column's values in words.
enum Words<'a> {
    /// Arrow knows no names of time zones here, not even UTC.
    Times(&'a TimestampMicrosecondArray),
    Others(ArrayFormatter<'a>),
}

impl<'a> Words<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self, ParquetError> {
        if let Some(times) = column.as_primitive_opt() {
            return Ok(Self::Times(times));
        }
        let options = FormatOptions::default().with_null(NONE);
        Ok(Self::Others(ArrayFormatter::try_new(&**column, &options)?))
    }

    fn write(&self, row: usize, text: &mut String) -> Result<(), ParquetError> {
        let times = match self {
            Self::Times(times) => times,
            Self::Others(formatter) => return Ok(formatter.value(row).write(text)?),
        };
        let time = times.is_valid(row).then(|| Timestamp::from_microsecond(times.value(row)));
        match time {
            Some(Ok(time)) => {
                write!(text, "{time}").map_err(|error| ParquetError::General(error.to_string()))
            }
            _ => {
                text.push_str(NONE);
                Ok(())
            }
        }
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ParquetError> {
    batch.column_by_name(name).ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> ParquetError {
    ParquetError::General(format!("its column {name} is missing or of another type"))
}
