//! One event's values for the `cel` crate, from columns. What is null is left out of objects, so that absent and null
//! are one. Numbers are doubles, times are microseconds.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_schema::{DataType, Field};
use cel::Value;
use cel::objects::{Key, Map};
use serde_json::Value as Json;

use super::calendar;
use crate::plan::JSON_COLUMN;

/// Reads values, and counts what they weigh: one for each, and one more for so many bytes of text.
#[derive(Default)]
pub(super) struct Values {
    pub(super) weight: u64,
}

const BYTES_OF_A_VALUE: u64 = 64;

impl Values {
    /// The value at a row; None for null. What a column could not hold (integers beyond 64 bits, leap seconds) is looked
    /// for in the same place of `extra`.
    pub(super) fn read(
        &mut self,
        field: &Field,
        array: &dyn Array,
        row: usize,
        extra: Option<&Json>,
    ) -> Option<Value> {
        self.weight += 1;
        if array.is_null(row) {
            return match (field.data_type(), extra?) {
                (DataType::Int64, Json::Number(number)) => number.as_f64().map(Value::Float),
                (DataType::Timestamp(..), Json::String(text)) => calendar::timestamp(text).map(Value::Int),
                _ => None,
            };
        }
        match field.data_type() {
            DataType::Boolean => Some(Value::Bool(array.as_boolean_opt()?.value(row))),
            DataType::Int64 => Some(Value::Float(array.as_primitive_opt::<Int64Type>()?.value(row) as f64)),
            DataType::Float64 => Some(Value::Float(array.as_primitive_opt::<Float64Type>()?.value(row))),
            DataType::Timestamp(..) => {
                Some(Value::Int(array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row)))
            }
            DataType::Utf8 => {
                let text = array.as_string_opt::<i32>()?.value(row);
                if !field.metadata().contains_key(JSON_COLUMN) {
                    return Some(self.text(text));
                }
                self.json(&serde_json::from_str(text).ok()?)
            }
            DataType::Dictionary(..) => {
                let words = array.as_dictionary_opt::<Int32Type>()?;
                let texts = words.values().as_string_opt::<i32>()?;
                let position = usize::try_from(words.keys().value(row)).ok()?;
                Some(self.text(texts.value(position)))
            }
            DataType::List(item) => {
                let list = array.as_list_opt::<i32>()?.value(row);
                let read = |at: usize| {
                    let extra = extra.and_then(|extra| extra.get(at.to_string()));
                    self.read(item, &list, at, extra).unwrap_or(Value::Null)
                };
                Some(Value::List(Arc::new((0..list.len()).map(read).collect())))
            }
            DataType::Struct(fields) => {
                let object = array.as_struct_opt()?;
                let members = fields.iter().zip(object.columns()).filter_map(|(field, column)| {
                    let extra = extra.and_then(|extra| extra.get(field.name()));
                    Some((field.name().as_str().into(), self.read(field, column, row, extra)?))
                });
                Some(object_of(members.collect()))
            }
            _ => None,
        }
    }

    fn json(&mut self, json: &Json) -> Option<Value> {
        self.weight += 1;
        Some(match json {
            Json::Null => return None,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Float(number.as_f64()?),
            Json::String(text) => self.text(text),
            Json::Array(items) => Value::List(Arc::new(
                items.iter().map(|item| self.json(item).unwrap_or(Value::Null)).collect(),
            )),
            Json::Object(members) => {
                let members = members.iter();
                object_of(
                    members
                        .filter_map(|(name, value)| Some((name.as_str().into(), self.json(value)?)))
                        .collect(),
                )
            }
        })
    }

    fn text(&mut self, text: &str) -> Value {
        self.weight += text.len() as u64 / BYTES_OF_A_VALUE;
        Value::from(text)
    }
}

/// An object of named values.
pub(super) fn object_of(members: HashMap<Key, Value>) -> Value {
    Value::Map(Map { map: Arc::new(members) })
}
