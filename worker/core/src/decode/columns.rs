//! Columns as they grow: one value at a time, and back again to a row where an event turns out to be wrong. The buffers
//! go to Arrow as they are.

use std::mem;
use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, ListArray, PrimitiveArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, SchemaRef};

use crate::plan::node::ColumnId;
use crate::plan::{Layout, Plan};

/// All columns of a plan; structs and lists name theirs by position.
#[derive(Debug)]
pub(crate) struct Columns {
    columns: Vec<Column>,
    top: Vec<ColumnId>,
    schema: SchemaRef,
    rows: usize,
}

/// One column, or one node of a nested one.
#[derive(Debug)]
struct Column {
    nulls: NullBufferBuilder,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Boolean(BooleanBufferBuilder),
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    /// Where texts begin and end, from 0 on, and their bytes.
    Text(Vec<i32>, Vec<u8>),
    /// Positions in the texts.
    Dictionary(Vec<i32>, ArrayRef),
    Struct(Vec<ColumnId>),
    /// Where lists begin and end, from 0 on, and the items.
    List(Vec<i32>, ColumnId),
}

impl Columns {
    /// Empty columns.
    pub(crate) fn new(plan: &Plan) -> Self {
        let columns = plan.layouts.iter().map(Column::new).collect();
        let top = plan.top.iter().copied().chain([plan.extra]).collect();
        Self { columns, top, schema: Arc::clone(plan.arrow_schema()), rows: 0 }
    }

    /// Whole rows.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Keeps what has been appended as a row.
    #[inline]
    pub(crate) fn keep_row(&mut self) {
        self.rows += 1;
    }

    /// Drops what has been appended since the last row.
    pub(crate) fn drop_row(&mut self) {
        for at in 0..self.top.len() {
            self.truncate(self.top[at], self.rows);
        }
    }

    fn truncate(&mut self, id: ColumnId, len: usize) {
        let column = &mut self.columns[id];
        column.nulls.truncate(len);
        match &mut column.values {
            Values::Boolean(values) => values.truncate(len),
            Values::Int64(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::Dictionary(keys, _) => keys.truncate(len),
            Values::Text(offsets, data) => {
                offsets.truncate(len + 1);
                data.truncate(last(offsets));
            }
            Values::List(offsets, item) => {
                offsets.truncate(len + 1);
                let (item, items) = (*item, last(offsets));
                self.truncate(item, items);
            }
            Values::Struct(children) => {
                for child in children.clone() {
                    self.truncate(child, len);
                }
            }
        }
    }

    /// Appends a null; to a struct, and so to all its parts.
    pub(crate) fn null(&mut self, id: ColumnId) {
        let column = &mut self.columns[id];
        column.nulls.append_null();
        match &mut column.values {
            Values::Boolean(values) => values.append(false),
            Values::Int64(values) => values.push(0),
            Values::Float64(values) => values.push(0.0),
            Values::Dictionary(keys, _) => keys.push(0),
            Values::Text(offsets, _) | Values::List(offsets, _) => offsets.push(offset(last(offsets))),
            Values::Struct(children) => {
                // Taken out for the time, so that the children can be reached.
                let children = mem::take(children);
                for child in &children {
                    self.null(*child);
                }
                self.columns[id].values = Values::Struct(children);
            }
        }
    }

    /// Appends text.
    #[inline]
    pub(crate) fn text(&mut self, id: ColumnId, text: &str) {
        let column = &mut self.columns[id];
        if let Values::Text(offsets, data) = &mut column.values {
            data.extend_from_slice(text.as_bytes());
            offsets.push(offset(data.len()));
            column.nulls.append_non_null();
        }
    }

    /// Appends a position in a dictionary; false if the column holds plain text.
    #[inline]
    pub(crate) fn key(&mut self, id: ColumnId, position: usize) -> bool {
        let column = &mut self.columns[id];
        if let Values::Dictionary(keys, _) = &mut column.values {
            keys.push(offset(position));
            column.nulls.append_non_null();
            return true;
        }
        false
    }

    #[inline]
    pub(crate) fn boolean(&mut self, id: ColumnId, value: bool) {
        let column = &mut self.columns[id];
        if let Values::Boolean(values) = &mut column.values {
            values.append(value);
            column.nulls.append_non_null();
        }
    }

    /// Appends an integer, or microseconds.
    #[inline(always)]
    pub(crate) fn int(&mut self, id: ColumnId, value: i64) {
        let column = &mut self.columns[id];
        if let Values::Int64(values) = &mut column.values {
            values.push(value);
            column.nulls.append_non_null();
        }
    }

    /// Appends a double; false if the column holds integers.
    #[inline(always)]
    pub(crate) fn float(&mut self, id: ColumnId, value: f64) -> bool {
        let column = &mut self.columns[id];
        if let Values::Float64(values) = &mut column.values {
            values.push(value);
            column.nulls.append_non_null();
            return true;
        }
        false
    }

    /// Ends a struct or a list whose parts have been appended.
    #[inline]
    pub(crate) fn close(&mut self, id: ColumnId) {
        if let Values::List(_, item) = self.columns[id].values {
            let end = offset(self.columns[item].len());
            if let Values::List(offsets, _) = &mut self.columns[id].values {
                offsets.push(end);
            }
        }
        self.columns[id].nulls.append_non_null();
    }

    /// Hands all rows to Arrow and begins anew, with room for as much again.
    pub(crate) fn finish(&mut self) -> RecordBatch {
        let schema = Arc::clone(&self.schema);
        let fields = schema.fields();
        let arrays =
            self.top.clone().into_iter().zip(fields).map(|(id, field)| self.array(id, field)).collect();
        self.rows = 0;
        StructArray::new(fields.clone(), arrays, None).into()
    }

    fn array(&mut self, id: ColumnId, field: &Field) -> ArrayRef {
        let column = &mut self.columns[id];
        let nulls = column.nulls.finish();
        match (&mut column.values, field.data_type()) {
            (Values::Boolean(values), _) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            (Values::Int64(values), DataType::Timestamp(_, zone)) => {
                let array = PrimitiveArray::<TimestampMicrosecondType>::new(renew(values).into(), nulls);
                Arc::new(array.with_timezone_opt(zone.clone()))
            }
            (Values::Int64(values), _) => {
                Arc::new(PrimitiveArray::<Int64Type>::new(renew(values).into(), nulls))
            }
            (Values::Float64(values), _) => {
                Arc::new(PrimitiveArray::<Float64Type>::new(renew(values).into(), nulls))
            }
            (Values::Dictionary(keys, texts), _) => {
                let keys = PrimitiveArray::<Int32Type>::new(renew(keys).into(), nulls);
                Arc::new(DictionaryArray::new(keys, Arc::clone(texts)))
            }
            (Values::Text(offsets, data), _) => {
                Arc::new(StringArray::new(take_offsets(offsets), renew(data).into(), nulls))
            }
            (Values::List(offsets, item), DataType::List(item_field)) => {
                let (offsets, item) = (take_offsets(offsets), *item);
                let items = self.array(item, item_field);
                Arc::new(ListArray::new(Arc::clone(item_field), offsets, items, nulls))
            }
            (Values::Struct(children), DataType::Struct(fields)) => {
                let children = children.clone();
                let arrays =
                    children.into_iter().zip(fields).map(|(id, field)| self.array(id, field)).collect();
                Arc::new(StructArray::new(fields.clone(), arrays, nulls))
            }
            // The schema was made of the same layouts.
            (Values::List(..) | Values::Struct(_), _) => arrow_array::new_empty_array(field.data_type()),
        }
    }
}

impl Column {
    fn new(layout: &Layout) -> Self {
        let values = match layout {
            Layout::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            Layout::Int64 | Layout::Timestamp => Values::Int64(Vec::new()),
            Layout::Float64 => Values::Float64(Vec::new()),
            Layout::Text | Layout::Json => Values::Text(vec![0], Vec::new()),
            Layout::Dictionary(texts) => {
                let texts = StringArray::from_iter_values(texts.iter());
                Values::Dictionary(Vec::new(), Arc::new(texts))
            }
            Layout::Struct(children) => Values::Struct(children.iter().map(|(_, id)| *id).collect()),
            Layout::List(item) => Values::List(vec![0], *item),
        };
        Self { nulls: NullBufferBuilder::new(0), values }
    }

    fn len(&self) -> usize {
        self.nulls.len()
    }
}

/// A position as Arrow writes it. A decoder is finished long before one is too great.
#[inline]
fn offset(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

/// The last offset.
fn last(offsets: &[i32]) -> usize {
    offsets.last().and_then(|last| usize::try_from(*last).ok()).unwrap_or_default()
}

/// Takes a buffer, and leaves one with room for as much.
fn renew<T>(buffer: &mut Vec<T>) -> Vec<T> {
    let capacity = buffer.len();
    mem::replace(buffer, Vec::with_capacity(capacity))
}

/// Takes offsets, and leaves those of nothing.
fn take_offsets(buffer: &mut Vec<i32>) -> OffsetBuffer<i32> {
    let taken = renew(buffer);
    buffer.push(0);
    OffsetBuffer::new(ScalarBuffer::from(taken))
}
