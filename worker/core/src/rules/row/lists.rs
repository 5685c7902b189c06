//! Functions of lists. Each looks at items within the budget of the event.

use std::sync::Arc;
use std::sync::atomic::Ordering as Memory;

use cel::common::ast::{Expr, IdedExpr};
use cel::{ExecutionError, FunctionContext, Value};

use super::{Budget, Function, Outcome, Verdict, arg, micros, there, unknown, verdict};

/// As many bytes of text, or items that are only counted, cost as much as a value.
const CHEAP: u64 = 64;

/// Adds them all.
pub(super) fn add_all(budget: &Arc<Budget>, add: &mut impl FnMut(&str, Function)) {
    let mut with = |name, function: fn(&Budget, &mut FunctionContext) -> Outcome| {
        let budget = Arc::clone(budget);
        add(name, Box::new(move |call| function(&budget, call)));
    };
    with("@size", size);
    with("@item", item);
    with("@among", among);
    with("@all", all);
    with("@exists", exists);
    with("@existsOne", exists_one);
    with("@map", map);
}

fn size(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let size = match &arg(call, 0)? {
        Value::String(text) => text.chars().count(),
        Value::List(items) => items.len(),
        _ => return unknown("size"),
    };
    budget.spend(size as u64 / CHEAP)?;
    Ok(Value::Float(size as f64))
}

fn item(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let (list, at) = (list(call, 0)?, usize::try_from(micros(call, 1)?).unwrap_or(usize::MAX));
    budget.spend(list.len() as u64 / CHEAP)?;
    list.get(at).cloned().map_or_else(|| unknown("item"), there)
}

fn among(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let (item, list) = (arg(call, 0)?, list(call, 1)?);
    budget.spend(list.len() as u64)?;
    Ok(Value::Bool(list.contains(&item)))
}

fn all(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let told = conditions(budget, call)?;
    let broken = told.contains(&Verdict::Broken);
    if !broken && told.contains(&Verdict::Unknown) {
        return unknown("all");
    }
    Ok(Value::Bool(!broken))
}

fn exists(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let told = conditions(budget, call)?;
    let held = told.contains(&Verdict::Holds);
    if !held && told.contains(&Verdict::Unknown) {
        return unknown("exists");
    }
    Ok(Value::Bool(held))
}

fn exists_one(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let told = conditions(budget, call)?;
    if told.contains(&Verdict::Unknown) {
        return unknown("exists_one");
    }
    Ok(Value::Bool(told.iter().filter(|told| **told == Verdict::Holds).count() == 1))
}

/// What is made of the items of which the condition is true.
fn map(budget: &Budget, call: &mut FunctionContext) -> Outcome {
    let mut made = Vec::new();
    for item in list(call, 0)?.iter() {
        match condition(budget, call, item)? {
            Verdict::Holds => made.push(evaluate(call, item, 4)?),
            Verdict::Broken => {}
            Verdict::Unknown => return unknown("map"),
        }
    }
    Ok(made.into())
}

fn list(call: &FunctionContext, at: usize) -> Result<Arc<Vec<Value>>, ExecutionError> {
    match arg(call, at)? {
        Value::List(items) => Ok(items),
        _ => unknown("list"),
    }
}

/// What a condition says of each item of a list.
fn conditions(budget: &Budget, call: &FunctionContext) -> Result<Vec<Verdict>, ExecutionError> {
    list(call, 0)?.iter().map(|item| condition(budget, call, item)).collect()
}

/// What a condition says of one item; of null nothing.
fn condition(budget: &Budget, call: &FunctionContext, item: &Value) -> Result<Verdict, ExecutionError> {
    let outside = matches!(call.args.get(3).map(|arg| call.ptx.resolve(arg)), Some(Ok(Value::Bool(true))));
    budget.spend(1 + if outside { budget.event.load(Memory::Relaxed) } else { 0 })?;
    if *item == Value::Null {
        return Ok(Verdict::Unknown);
    }
    Ok(verdict(evaluate(call, item, 2)))
}

/// An argument with the item under its name.
fn evaluate(call: &FunctionContext, item: &Value, at: usize) -> Outcome {
    let (Some(IdedExpr { expr: Expr::Ident(name), .. }), Some(part)) = (call.args.get(1), call.args.get(at))
    else {
        return unknown("item");
    };
    let mut scope = call.ptx.new_inner_scope();
    scope.add_variable_from_value(name.as_str(), item.clone());
    scope.resolve(part)
}
