//! Provenance columns: where each row came from, so that any row can be found again in what was received.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt32Array,
    new_null_array,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};

use crate::input::{EventBatch, Place};
use crate::versions::RowVersions;

/// The names of the provenance columns, in order. No property of a schema may have one of them.
pub const COLUMNS: [&str; 11] = [
    "_time",
    "_received",
    "_source",
    "_partition",
    "_offset",
    "_index",
    "_file",
    "_line",
    "_schema_version",
    "_generation",
    "_late",
];

/// The column with the names of the rules that flag a row, in tables of event types that have such rules.
pub const FLAGS: &str = "_flags";

/// The columns of a table: the event's own, then provenance, then the flags if there are any.
pub fn table_schema(event: &Schema, has_flags: bool) -> SchemaRef {
    let mut fields: Vec<_> = event.fields().iter().cloned().collect();
    fields.extend(COLUMNS.iter().map(|name| Arc::new(field(name))));
    fields.extend(has_flags.then(|| Arc::new(Field::new_list(FLAGS, flag(), false))));
    Arc::new(Schema::new_with_metadata(fields, event.metadata().clone()))
}

fn field(name: &str) -> Field {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let word = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let (data_type, nullable) = match name {
        "_time" | "_received" => (time, false),
        "_source" => (word, false),
        "_file" => (word, true),
        "_partition" | "_schema_version" => (DataType::Int32, false),
        "_offset" | "_line" => (DataType::Int64, true),
        "_index" => (DataType::Int32, true),
        "_generation" => (DataType::Int64, false),
        _ => (DataType::Boolean, false),
    };
    Field::new(name, data_type, nullable)
}

fn flag() -> FieldRef {
    Arc::new(Field::new("item", DataType::Utf8, false))
}

/// What the provenance columns say of the rows of one batch and one event type; all slices have a value a row.
pub struct Rows<'a> {
    /// The batch that the rows came in.
    pub batch: &'a EventBatch,
    /// Positions in `batch.events`.
    pub events: &'a [u32],
    /// Event times in microseconds since 1970 UTC.
    pub times: &'a [i64],
    /// Partitions by key.
    pub partitions: Vec<i32>,
    /// Whether the event was late for one of its windows.
    pub late: Vec<bool>,
    /// By rule that flags, its name and the rows that it flags.
    pub flags: Vec<(&'a str, &'a BooleanBuffer)>,
    /// The schema versions that the events were checked against.
    pub versions: RowVersions,
    /// The pipeline's generation.
    pub generation: u64,
}

/// Appends the provenance columns.
pub fn append(columns: RecordBatch, schema: SchemaRef, rows: Rows<'_>) -> Result<RecordBatch, ArrowError> {
    let n = rows.times.len();
    let mut arrays: Vec<ArrayRef> = columns.columns().to_vec();
    arrays.push(utc(rows.times.to_vec()));
    arrays.push(utc(vec![rows.batch.received; n]));
    arrays.push(word(&rows.batch.source, n)?);
    arrays.push(Arc::new(Int32Array::from(rows.partitions)));
    let index = |event: &u32| rows.batch.events[*event as usize].index;
    match &rows.batch.place {
        Place::File { file, line } => {
            arrays.push(new_null_array(&DataType::Int64, n));
            arrays.push(new_null_array(&DataType::Int32, n));
            arrays.push(word(file, n)?);
            let lines = rows.events.iter().map(|event| *line as i64 + i64::from(index(event)));
            arrays.push(Arc::new(Int64Array::from_iter_values(lines)));
        }
        Place::Record { offset, .. } => {
            arrays.push(Arc::new(Int64Array::from(vec![*offset as i64; n])));
            arrays.push(Arc::new(Int32Array::from_iter_values(rows.events.iter().map(|e| index(e) as i32))));
            arrays.push(new_null_array(field("_file").data_type(), n));
            arrays.push(new_null_array(&DataType::Int64, n));
        }
    }
    arrays
        .push(Arc::new(Int32Array::from_iter_values(rows.versions.to_vec(n).into_iter().map(|v| v as i32))));
    arrays.push(Arc::new(Int64Array::from(vec![rows.generation as i64; n])));
    arrays.push(Arc::new(BooleanArray::from(rows.late)));
    if !rows.flags.is_empty() {
        arrays.push(flags(&rows.flags, n));
    }
    RecordBatch::try_new(schema, arrays)
}

/// Keeps the rows whose positions are given, ascending; without a copy where that is all of them.
pub fn take_rows(columns: RecordBatch, rows: &[u32]) -> Result<RecordBatch, ArrowError> {
    if rows.len() == columns.num_rows() {
        return Ok(columns);
    }
    arrow_select::take::take_record_batch(&columns, &UInt32Array::from(rows.to_vec()))
}

/// The names of the rules that flag each row.
fn flags(rules: &[(&str, &BooleanBuffer)], n: usize) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(flag());
    for row in 0..n {
        for (name, _) in rules.iter().filter(|(_, flagged)| flagged.value(row)) {
            lists.values().append_value(name);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn utc(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

/// The same word on every row.
fn word(text: &str, n: usize) -> Result<ArrayRef, ArrowError> {
    let mut words = StringDictionaryBuilder::<Int32Type>::with_capacity(n, 1, text.len());
    words.append_n(text, n)?;
    Ok(Arc::new(words.finish()))
}
