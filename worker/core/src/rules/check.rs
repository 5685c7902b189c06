//! Checks a rule against what the schema says of its event type, and turns it into two forms that say the same: one
//! that the `cel` crate evaluates event by event, and, where it can be, one for whole columns.

mod fields;
mod functions;
mod lists;
mod lookups;
mod operators;

use std::collections::HashSet;

use arrow_schema::Fields;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use regex::Regex;

pub(super) use self::fields::of_event;
pub(super) use self::functions::part_function;
pub(super) use self::operators::function;
use super::columnar::{Cell, Columnar, Flag, Micros, Number, Path, Text};
use super::kind::Kind;
use crate::lookup::Lookups;

/// The name of the event in rules.
pub(super) const EVENT: &str = "event";
/// The name of all tables in rules.
pub(super) const LOOKUP: &str = "lookup";

/// So deep may a rule nest: both forms are walked by recursion.
const DEPTH_MAX: usize = 100;

/// What is wrong with a rule, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) fix: String,
}

pub(super) fn fault<T>(message: impl Into<String>, fix: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { message: message.into(), fix: fix.into() })
}

/// A part of a rule, checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) kind: Kind,
    /// For the `cel` crate: numbers are doubles, times and durations integers of microseconds, and what the crate sees
    /// otherwise than rules do is a call of one of [`super::row`]'s functions.
    pub(super) row: IdedExpr,
    /// For whole columns; None where it can't be.
    pub(super) columnar: Option<Columnar>,
}

impl Checked {
    fn new(kind: Kind, row: Expr, columnar: Option<Columnar>) -> Self {
        Self { kind, row: IdedExpr { id: 0, expr: row }, columnar }
    }

    fn call(kind: Kind, name: &str, args: Vec<IdedExpr>, columnar: Option<Columnar>) -> Self {
        Self::new(kind, call(name, args), columnar)
    }

    fn flag(self) -> (IdedExpr, Option<Box<Flag>>) {
        let flag = match self.columnar {
            Some(Columnar::Flag(flag)) => Some(Box::new(flag)),
            _ => None,
        };
        (self.row, flag)
    }

    fn number(self) -> (IdedExpr, Option<Box<Number>>) {
        let number = match self.columnar {
            Some(Columnar::Number(number)) => Some(Box::new(number)),
            _ => None,
        };
        (self.row, number)
    }

    fn micros(self) -> (IdedExpr, Option<Box<Micros>>) {
        let micros = match self.columnar {
            Some(Columnar::Micros(micros)) => Some(Box::new(micros)),
            _ => None,
        };
        (self.row, micros)
    }

    fn text(self) -> (IdedExpr, Option<Box<Text>>) {
        let text = match self.columnar {
            Some(Columnar::Text(text)) => Some(Box::new(text)),
            _ => None,
        };
        (self.row, text)
    }

    /// The text that is written in the rule, if it is one.
    fn written(&self) -> Option<&str> {
        match &self.row.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
            _ => None,
        }
    }
}

/// A field of the event that a rule reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The names that lead to it.
    pub(super) names: Vec<String>,
    /// The innermost column on the way.
    pub(super) path: Path,
}

/// A cell that a rule reads by a key of the event.
#[derive(Debug)]
pub(super) struct RequiredCell {
    /// Its value, for the `cel` crate.
    pub(super) row: IdedExpr,
    /// The same for whole columns; None where it can't be.
    pub(super) columnar: Option<Cell>,
}

/// Checks one rule.
pub(super) struct Checker {
    /// The tables; None where it is not known which there are.
    lookups: Option<Lookups>,
    /// The event and, within macros, the item of each, the innermost last.
    scopes: Vec<(String, Kind)>,
    /// The fields of the event that must be there, if the rule doesn't use `has()`.
    pub(super) reads: Vec<Read>,
    /// Every field of the event that the rule names, in its order.
    pub(super) named: Vec<Read>,
    /// The cells that must be there, if the rule neither uses `has()` nor asks whether a key is in a table.
    pub(super) cells: Vec<RequiredCell>,
    pub(super) uses_has: bool,
    pub(super) asks_membership: bool,
    pub(super) patterns: Vec<Regex>,
    /// Whether the part that is being checked reads what lies outside its innermost scope.
    outside: bool,
    depth: usize,
}

impl Checker {
    /// A checker for rules over events of these fields, and these tables.
    pub(super) fn new(fields: Fields, lookups: Option<Lookups>) -> Self {
        Self {
            lookups,
            scopes: vec![(EVENT.to_owned(), Kind::Object(fields))],
            reads: Vec::new(),
            named: Vec::new(),
            cells: Vec::new(),
            uses_has: false,
            asks_membership: false,
            patterns: Vec::new(),
            outside: false,
            depth: 0,
        }
    }

    /// Checks a part and all below it.
    pub(super) fn check(&mut self, part: &IdedExpr) -> Result<Checked, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return fault(format!("nests more than {DEPTH_MAX} deep"), "make several rules of it");
        }
        let checked = match &part.expr {
            Expr::Literal(literal) => self::literal(literal),
            Expr::Ident(_) | Expr::Select(_) => self.field(part),
            Expr::Call(call) => self.call(part, call),
            Expr::List(list) => self.list(&list.elements),
            Expr::Comprehension(each) => self.each(each),
            Expr::Map(_) | Expr::Struct(_) => {
                fault("makes an object of its own, which rules don't know", "compare fields one by one")
            }
            Expr::Unspecified => fault("has an empty part", "write an expression there"),
        };
        self.depth -= 1;
        checked
    }

    fn call(&mut self, part: &IdedExpr, call: &CallExpr) -> Result<Checked, Fault> {
        match self.operator(part, call)? {
            Some(checked) => Ok(checked),
            None => self.function(call),
        }
    }
}

fn literal(literal: &LiteralValue) -> Result<Checked, Fault> {
    let number = |number: f64| {
        let row = Expr::Literal(LiteralValue::Double(number.into()));
        Checked::new(Kind::Number, row, Some(Columnar::Number(Number::Constant(number))))
    };
    Ok(match literal {
        LiteralValue::Double(double) => number(*double.inner()),
        LiteralValue::Int(int) => number(*int.inner() as f64),
        LiteralValue::UInt(uint) => number(*uint.inner() as f64),
        LiteralValue::Boolean(value) => {
            let flag = Columnar::Flag(Flag::Always(*value.inner()));
            Checked::new(Kind::Bool, Expr::Literal(literal.clone()), Some(flag))
        }
        LiteralValue::String(text) => {
            let constant = Columnar::Text(Text::Constant(text.inner().to_owned()));
            Checked::new(Kind::Text, Expr::Literal(literal.clone()), Some(constant))
        }
        LiteralValue::Null => {
            return fault(
                "compares with null, but a field that is null counts as absent",
                "write has(event.field) or !has(event.field)",
            );
        }
        LiteralValue::Bytes(_) => return fault("holds bytes, which events don't", "write a text, without b"),
    })
}

/// A time or a length of time as a rule's row form has it.
fn micros(kind: Kind, micros: i64) -> Checked {
    let row = Expr::Literal(LiteralValue::Int(micros.into()));
    Checked::new(kind, row, Some(Columnar::Micros(Micros::Constant(micros))))
}

/// A call of one of the row form's functions.
pub(super) fn call(name: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args })
}

fn ided(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

fn text_literal(text: &str) -> IdedExpr {
    ided(Expr::Literal(LiteralValue::String(text.into())))
}

/// Texts or numbers that are all written in the rule.
fn constants(items: &[Checked]) -> Option<Columnar> {
    let numbers: Option<Vec<f64>> = items
        .iter()
        .map(|item| match &item.columnar {
            Some(Columnar::Number(Number::Constant(number))) => Some(*number),
            _ => None,
        })
        .collect();
    let words: Option<HashSet<String>> = items.iter().map(|item| item.written().map(str::to_owned)).collect();
    numbers.map(Columnar::Numbers).or_else(|| words.map(Columnar::Words))
}
