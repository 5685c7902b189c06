//! Issued windows as rows.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::scalar::Scalar;

/// The values that a group is made of.
pub(super) type Group = Arc<[Scalar]>;

/// One revision of one window and group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) group: Group,
    /// One an aggregate; empty for a replaced session.
    pub(super) values: Vec<Scalar>,
    pub(super) revision: u64,
    pub(super) is_final: bool,
    pub(super) replaced_by: Option<i64>,
}

/// The rows as a batch, by end, start and group; None without rows.
pub(super) fn batch(
    mut rows: Vec<Row>,
    schema: &SchemaRef,
    groups: usize,
) -> Result<Option<RecordBatch>, ArrowError> {
    if rows.is_empty() {
        return Ok(None);
    }
    rows.sort_by(|a, b| (a.end, a.start, &a.group, a.revision).cmp(&(b.end, b.start, &b.group, b.revision)));
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (at, field) in schema.fields().iter().enumerate() {
        columns.push(match field.name().as_str() {
            "window_start" if at == 0 => times(rows.iter().map(|row| Some(row.start))),
            "window_end" if at == 1 => times(rows.iter().map(|row| Some(row.end))),
            "revision" if !is_value(schema, at) => {
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.revision as i64)))
            }
            "final" if !is_value(schema, at) => {
                Arc::new(rows.iter().map(|row| Some(row.is_final)).collect::<BooleanArray>())
            }
            "replaced_by" if !is_value(schema, at) => times(rows.iter().map(|row| row.replaced_by)),
            _ if at < 2 + groups => scalars(field.data_type(), rows.iter().map(|row| row.group.get(at - 2))),
            _ => scalars(field.data_type(), rows.iter().map(|row| row.values.get(at - 2 - groups))),
        });
    }
    RecordBatch::try_new(Arc::clone(schema), columns).map(Some)
}

/// Whether a column is a group's or an aggregate's: those come before revision, final and replaced_by.
fn is_value(schema: &SchemaRef, at: usize) -> bool {
    let fields = schema.fields();
    let tail = if fields.last().is_some_and(|field| field.name() == "replaced_by") { 3 } else { 2 };
    at + tail < fields.len()
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn scalars<'a>(data_type: &DataType, values: impl Iterator<Item = Option<&'a Scalar>>) -> ArrayRef {
    match data_type {
        DataType::Boolean => Arc::new(
            values
                .map(|v| if let Some(Scalar::Bool(b)) = v { Some(*b) } else { None })
                .collect::<BooleanArray>(),
        ),
        DataType::Int64 => Arc::new(
            values
                .map(|v| if let Some(Scalar::Int(i)) = v { Some(*i) } else { None })
                .collect::<Int64Array>(),
        ),
        DataType::Float64 => Arc::new(
            values
                .map(|v| if let Some(Scalar::Float(f)) = v { Some(f.value()) } else { None })
                .collect::<Float64Array>(),
        ),
        DataType::Timestamp(..) => {
            times(values.map(|v| if let Some(Scalar::Time(t)) = v { Some(*t) } else { None }))
        }
        _ => Arc::new(
            values
                .map(|v| if let Some(Scalar::Text(text)) = v { Some(&**text) } else { None })
                .collect::<StringArray>(),
        ),
    }
}
