//! Functions of tables.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use cel::{ExecutionError, FunctionContext, Value};
use transect_config::LookupType;

use super::{Function, Outcome, arg, micros, unknown};
use crate::lookup::{Lookups, Table};

/// Adds them all.
pub(super) fn add_all(lookups: &Lookups, add: &mut impl FnMut(&str, Function)) {
    let mut with = |name, function: fn(&Lookups, &FunctionContext) -> Outcome| {
        let lookups = lookups.clone();
        add(name, Box::new(move |call| function(&lookups, call)));
    };
    with("@inTable", |lookups, call| Ok(Value::Bool(row(table(lookups, call)?, call)?.is_some())));
    with("@hasCell", |lookups, call| Ok(Value::Bool(cell(lookups, call)?.is_some())));
    with("@cell", |lookups, call| cell(lookups, call)?.map_or_else(|| unknown("cell"), Ok));
}

fn table<'l>(lookups: &'l Lookups, call: &FunctionContext) -> Result<&'l Table, ExecutionError> {
    let at = usize::try_from(micros(call, 1)?).unwrap_or(usize::MAX);
    match lookups.0.get(at) {
        Some(table) => Ok(table),
        None => unknown("table"),
    }
}

/// The row of the key; None if there is none.
fn row(table: &Table, call: &FunctionContext) -> Result<Option<usize>, ExecutionError> {
    let found = match (arg(call, 0)?, table.key().kind) {
        (Value::Float(key), LookupType::Number) => table.row_of_number(key),
        (Value::String(key), LookupType::Text) => table.row_of_text(&key),
        _ => return unknown("key"),
    };
    Ok(found.map(|row| row as usize))
}

/// The cell in the row of the key; None if there is none.
fn cell(lookups: &Lookups, call: &FunctionContext) -> Result<Option<Value>, ExecutionError> {
    let table = table(lookups, call)?;
    let at = usize::try_from(micros(call, 2)?).unwrap_or(usize::MAX);
    let (Some(row), Some(column)) = (row(table, call)?, table.columns().get(at)) else { return Ok(None) };
    let cells = &column.cells;
    if cells.is_null(row) {
        return Ok(None);
    }
    Ok(match column.kind {
        LookupType::Text => cells.as_string_opt::<i32>().map(|cells| Value::from(cells.value(row))),
        LookupType::Number => {
            cells.as_primitive_opt::<Float64Type>().map(|cells| Value::Float(cells.value(row)))
        }
        LookupType::Boolean => cells.as_boolean_opt().map(|cells| Value::Bool(cells.value(row))),
        LookupType::Time => {
            cells.as_primitive_opt::<TimestampMicrosecondType>().map(|cells| Value::Int(cells.value(row)))
        }
    })
}
