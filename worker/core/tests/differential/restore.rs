//! Events back from their columns: nothing accepted may be lost on the way.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{DataType, Field};
use serde_json::{Map, Value, json};
use transect_core::plan::JSON_COLUMN;

/// Marks a time in a restored event; microseconds follow.
const TIME: &str = "time in microseconds: ";

/// The event of a row.
pub(crate) fn restore(batch: &RecordBatch, row: usize) -> Value {
    let rows = StructArray::from(batch.clone());
    let Value::Object(mut event) = members(&rows, rows.fields(), row) else { return Value::Null };
    let extra = batch.schema().fields().last().unwrap().name().clone();
    let mut event_value = match event.remove(&extra) {
        None => return event.into(),
        Some(extra) => (Value::Object(event), extra),
    };
    merge(&mut event_value.0, event_value.1);
    event_value.0
}

fn members(array: &StructArray, fields: &[std::sync::Arc<Field>], row: usize) -> Value {
    let named = fields.iter().zip(array.columns());
    let present = named.filter(|(_, column)| column.is_valid(row));
    present
        .map(|(field, column)| (field.name().clone(), value(field, column, row)))
        .collect::<Map<_, _>>()
        .into()
}

fn value(field: &Field, array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match field.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Timestamp(..) => {
            format!("{TIME}{}", array.as_primitive::<TimestampMicrosecondType>().value(row)).into()
        }
        DataType::Utf8 if field.metadata().contains_key(JSON_COLUMN) => {
            serde_json::from_str(array.as_string::<i32>().value(row)).unwrap()
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Dictionary(..) => {
            let texts =
                array.as_dictionary::<Int32Type>().downcast_dict::<arrow_array::StringArray>().unwrap();
            texts.values().value(texts.keys().value(row) as usize).into()
        }
        DataType::List(item) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|at| value(item, &items, at)).collect()
        }
        DataType::Struct(fields) => members(array.as_struct(), fields, row),
        other => panic!("no column of the type {other}"),
    }
}

/// Puts what `extra` holds where it was.
fn merge(into: &mut Value, extra: Value) {
    match (into, extra) {
        (Value::Object(members), Value::Object(extra)) => {
            for (name, value) in extra {
                match members.get_mut(&name) {
                    Some(held) => merge(held, value),
                    None => drop(members.insert(name, value)),
                }
            }
        }
        (Value::Array(items), Value::Object(extra)) => {
            for (index, value) in extra {
                merge(&mut items[index.parse::<usize>().unwrap()], value);
            }
        }
        (into, extra) => *into = extra,
    }
}

/// Whether a restored event says what the original did. Absent and null are the same, and so are spellings of a number
/// or of a time.
pub(crate) fn same(original: &Value, restored: &Value) -> bool {
    match (original, restored) {
        (Value::Object(original), Value::Object(restored)) => {
            let names = original.keys().chain(restored.keys());
            let get = |map: &Map<String, Value>, name| map.get(name).cloned().unwrap_or_default();
            names.into_iter().all(|name| same(&get(original, name), &get(restored, name)))
        }
        (Value::Array(original), Value::Array(restored)) => {
            original.len() == restored.len() && original.iter().zip(restored).all(|(a, b)| same(a, b))
        }
        (Value::Number(original), Value::Number(restored)) => {
            let exact = original.is_f64() || restored.is_f64() || original == restored;
            exact && original.as_f64() == restored.as_f64()
        }
        (Value::String(original), Value::String(restored)) => match restored.strip_prefix(TIME) {
            Some(micros) => micros.parse().ok() == self::micros(original),
            None => original == restored,
        },
        (original, restored) => original == restored,
    }
}

/// An RFC 3339 time in microseconds, as the `jiff` crate reads it.
fn micros(text: &str) -> Option<i64> {
    // In RFC 3339, an offset of minus zero is UTC too, and a fraction may be of any length.
    let mut text = text.to_uppercase().replace("-00:00", "Z");
    if let Some(point) = text.find('.') {
        let digits = text[point + 1..].bytes().take_while(u8::is_ascii_digit).count();
        text.replace_range(point + 1 + digits.min(9)..point + 1 + digits, "");
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(i64::try_from(time.as_nanosecond().div_euclid(1000)).unwrap())
}

#[test]
fn a_lost_digit_is_seen() {
    assert!(same(&json!({"a": 1.0, "b": null}), &json!({"a": 1})));
    assert!(!same(&json!({"a": 9_007_199_254_740_993_u64}), &json!({"a": 9_007_199_254_740_992_u64})));
    assert!(!same(&json!({"a": [null]}), &json!({"a": []})));
    assert!(same(&json!("2013-01-01T00:00:00.0000019z"), &json!(format!("{TIME}1356998400000001"))));
    assert!(!same(&json!("2013-01-01T00:00:01Z"), &json!(format!("{TIME}1356998400000000"))));
}
