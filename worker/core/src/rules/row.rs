//! Evaluates a rule event by event, by the `cel` crate: what whole columns can't express, and the few rows whose values
//! didn't fit their columns. Operators that the crate sees otherwise than rules do are functions of ours.

mod lists;
mod lookups;
mod scalars;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Memory};

use cel::common::ast::IdedExpr;
use cel::{Context, ExecutionError, FunctionContext, Value};
use regex::Regex;

use super::check::{EVENT, RequiredCell};
use crate::lookup::Lookups;

/// So much may the judgement of one event by one rule cost, in values looked at. The items of lists within the limit on
/// an event's bytes stay far below; a rule that reads the whole event for each item may not.
const COST_MAX: u64 = 4_000_000;

/// What a rule says of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    Broken,
    Unknown,
}

type Outcome = Result<Value, ExecutionError>;
type Function = Box<dyn Fn(&mut FunctionContext) -> Outcome + Send + Sync>;

/// Evaluates the row form of one rule.
pub(super) struct Evaluator {
    context: Context<'static>,
    budget: Arc<Budget>,
}

/// What is left of the cost that the current event may have.
#[derive(Default)]
struct Budget {
    left: AtomicU64,
    event: AtomicU64,
}

impl Budget {
    fn spend(&self, cost: u64) -> Result<(), ExecutionError> {
        let left = self.left.load(Memory::Relaxed);
        self.left.store(left.saturating_sub(cost), Memory::Relaxed);
        if left < cost { unknown("the cost of the rule") } else { Ok(()) }
    }
}

impl Evaluator {
    /// An evaluator for a rule with these patterns and tables.
    pub(super) fn new(patterns: &Arc<[Regex]>, lookups: &Lookups) -> Self {
        let budget = Arc::new(Budget::default());
        let mut context = Context::empty();
        let mut add = |name: &str, function: Function| context.add_function(name, function);
        scalars::add_all(patterns, &mut add);
        lists::add_all(&budget, &mut add);
        lookups::add_all(lookups, &mut add);
        Self { context, budget }
    }

    /// What the rule says of an event that weighs so much; nothing if a cell isn't there that must be.
    pub(super) fn judge(
        &mut self,
        expression: &IdedExpr,
        cells: &[RequiredCell],
        event: Value,
        weight: u64,
    ) -> Verdict {
        self.budget.left.store(COST_MAX, Memory::Relaxed);
        self.budget.event.store(weight, Memory::Relaxed);
        self.context.add_variable_from_value(EVENT, event);
        let is_there = |cell: &RequiredCell| self.context.resolve(&cell.row).is_ok();
        if !cells.iter().all(is_there) {
            return Verdict::Unknown;
        }
        let told = verdict(self.context.resolve(expression));
        // An event that can't be judged at a bounded cost is taken to break the rule, whatever the part said that ran out.
        if self.budget.left.load(Memory::Relaxed) == 0 { Verdict::Broken } else { told }
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Ok(Value::Bool(true)) => Verdict::Holds,
        Ok(Value::Bool(false)) => Verdict::Broken,
        // An absent field, a value of another type, a text that can't be read.
        _ => Verdict::Unknown,
    }
}

/// What can't be told. The crate's logic makes of it what Kleene's does.
fn unknown<T>(what: &str) -> Result<T, ExecutionError> {
    Err(ExecutionError::function_error(what, "unknown"))
}

/// A value that is not null.
fn there(value: Value) -> Outcome {
    if value == Value::Null { unknown("null") } else { Ok(value) }
}

fn arg(call: &FunctionContext, at: usize) -> Outcome {
    match call.args.get(at) {
        Some(arg) => there(call.ptx.resolve(arg)?),
        None => unknown("argument"),
    }
}

fn text(call: &FunctionContext, at: usize) -> Result<Arc<String>, ExecutionError> {
    match arg(call, at)? {
        Value::String(text) => Ok(text),
        _ => unknown("text"),
    }
}

fn number(call: &FunctionContext, at: usize) -> Result<f64, ExecutionError> {
    match arg(call, at)? {
        Value::Float(number) => Ok(number),
        _ => unknown("number"),
    }
}

fn micros(call: &FunctionContext, at: usize) -> Result<i64, ExecutionError> {
    match arg(call, at)? {
        Value::Int(micros) => Ok(micros),
        _ => unknown("time"),
    }
}
