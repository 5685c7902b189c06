//! Functions of single values.

use std::sync::Arc;

use cel::Value;
use cel::objects::KeyRef;
use regex::Regex;

use super::super::calendar::{self, Part, Unit};
use super::super::check::{function, part_function};
use super::super::columnar::{Order, Within};
use super::{Function, Outcome, arg, micros, number, text, unknown};

const ORDERS: [Order; 6] =
    [Order::Equal, Order::Unequal, Order::Less, Order::AtMost, Order::Greater, Order::AtLeast];

const CALENDAR: [&str; 10] = [
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// Adds them all.
pub(super) fn add_all(patterns: &Arc<[Regex]>, add: &mut impl FnMut(&str, Function)) {
    for order in ORDERS {
        add(function(order), Box::new(move |call| compare(order, &arg(call, 0)?, &arg(call, 1)?)));
    }
    add_texts(patterns, add);
    add_times(add);
    add("@member", Box::new(|call| member(&arg(call, 0)?, &text(call, 1)?)));
    add("@has", Box::new(|call| Ok(Value::Bool(member(&arg(call, 0)?, &text(call, 1)?).is_ok()))));
    add("@remainder", Box::new(|call| Ok(Value::Float(number(call, 0)? % number(call, 1)?))));
    add("@whole", Box::new(|call| Ok(Value::Float(number(call, 0)?.trunc()))));
    add("@double", Box::new(|call| double(&arg(call, 0)?)));
    add("@string", Box::new(|call| string(arg(call, 0)?)));
}

fn add_texts(patterns: &Arc<[Regex]>, add: &mut impl FnMut(&str, Function)) {
    for within in [Within::Anywhere, Within::Beginning, Within::End] {
        let holds = move |text: &str, part: &str| Value::Bool(within.holds(text, part));
        add(part_function(within), Box::new(move |call| Ok(holds(&text(call, 0)?, &text(call, 1)?))));
    }
    let patterns = Arc::clone(patterns);
    let matches: Function = Box::new(move |call| {
        let at = usize::try_from(micros(call, 1)?).unwrap_or(usize::MAX);
        match patterns.get(at) {
            Some(pattern) => Ok(Value::Bool(pattern.is_match(&text(call, 0)?))),
            None => unknown("matches"),
        }
    });
    add("@matches", matches);
}

fn add_times(add: &mut impl FnMut(&str, Function)) {
    for name in CALENDAR {
        let Some((part, unit)) = calendar::function(name) else { continue };
        add(&format!("@{name}"), Box::new(move |call| part_of(part, &arg(call, 0)?)));
        if let Some(unit) = unit {
            add(&format!("@span.{name}"), Box::new(move |call| count(unit, &arg(call, 0)?)));
        }
    }
    add("@later", Box::new(|call| Ok(Value::Int(micros(call, 0)?.saturating_add(micros(call, 1)?)))));
    add("@earlier", Box::new(|call| Ok(Value::Int(micros(call, 0)?.saturating_sub(micros(call, 1)?)))));
    let timestamp: Function = Box::new(|call| match calendar::timestamp(&text(call, 0)?) {
        Some(time) => Ok(Value::Int(time)),
        None => unknown("timestamp"),
    });
    add("@timestamp", timestamp);
}

fn compare(order: Order, a: &Value, b: &Value) -> Outcome {
    let held = match (a, b) {
        (Value::Float(a), Value::Float(b)) => order.holds(a, b),
        (Value::Int(a), Value::Int(b)) => order.holds(a, b),
        (Value::String(a), Value::String(b)) => order.holds(a.as_str(), b.as_str()),
        // Values of different types differ, and are neither less nor greater.
        _ => match order {
            Order::Equal => a == b,
            Order::Unequal => a != b,
            _ => return unknown("comparison"),
        },
    };
    Ok(Value::Bool(held))
}

fn member(object: &Value, name: &str) -> Outcome {
    match object {
        Value::Map(map) => map.get(&KeyRef::String(name)).cloned().map_or_else(|| unknown("member"), Ok),
        _ => unknown("member"),
    }
}

fn part_of(part: Part, time: &Value) -> Outcome {
    match time {
        Value::Int(micros) => Ok(Value::Float(part.of(*micros))),
        _ => unknown("time"),
    }
}

fn count(unit: Unit, span: &Value) -> Outcome {
    match span {
        Value::Int(micros) => Ok(Value::Float(unit.count(*micros))),
        _ => unknown("duration"),
    }
}

fn double(value: &Value) -> Outcome {
    match value {
        Value::Float(number) => Ok(Value::Float(*number)),
        Value::String(text) => {
            text.parse().map_or_else(|_| unknown("double"), |number| Ok(Value::Float(number)))
        }
        _ => unknown("double"),
    }
}

fn string(value: Value) -> Outcome {
    match value {
        Value::String(_) => Ok(value),
        Value::Float(number) => Ok(Value::from(number.to_string())),
        Value::Bool(value) => Ok(Value::from(value.to_string())),
        _ => unknown("string"),
    }
}
