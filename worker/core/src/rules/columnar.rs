//! The part of rules that is worked out for whole columns at once: what there is to compute, by kind of the result.
//! Every part may be unknown on some rows: where a field is absent or null, so is what is made of it.

mod cells;
mod eval;
mod lists;
mod lookups;
mod texts;

use std::collections::HashSet;
use std::sync::Arc;

use regex::Regex;

pub(super) use self::eval::Scope;
use super::calendar::{Part, Unit};
use crate::lookup::Table;

/// A column, as positions of children from the columns of the scope.
pub(super) type Path = Vec<usize>;

/// A cell of a table: of the row of a key.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) table: Arc<Table>,
    /// Position among the table's columns.
    pub(super) column: usize,
    pub(super) key: Key,
}

/// What is looked for in a table.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Text(Arc<Text>),
    Number(Arc<Number>),
}

/// What is true, false or unknown of each row.
#[derive(Debug)]
pub(super) enum Flag {
    Always(bool),
    Column(Path),
    /// Whether a value is there.
    Has(Path),
    Not(Box<Flag>),
    And(Box<Flag>, Box<Flag>),
    Or(Box<Flag>, Box<Flag>),
    Choose(Box<Flag>, Box<Flag>, Box<Flag>),
    Same(Box<Flag>, Box<Flag>),
    Numbers(Order, Box<Number>, Box<Number>),
    Micros(Order, Box<Micros>, Box<Micros>),
    Texts(Order, Box<Text>, Box<Text>),
    NumberIn(Box<Number>, Vec<f64>),
    TextIn(Box<Text>, HashSet<String>),
    /// Whether the first text has the second in it, at its beginning or at its end.
    Part(Within, Box<Text>, Box<Text>),
    Matches(Box<Text>, Regex),
    InTable(Arc<Table>, Key),
    Cell(Cell),
    /// Whether a cell is there.
    HasCell(Cell),
    /// What holds of the items of a list; the scope of the condition are the items.
    Each(Quantifier, Path, Box<Flag>),
}

/// A double of each row.
#[derive(Debug)]
pub(super) enum Number {
    Constant(f64),
    Column(Path),
    Cell(Cell),
    Negate(Box<Number>),
    Compute(Arithmetic, Box<Number>, Box<Number>),
    Choose(Box<Flag>, Box<Number>, Box<Number>),
    /// Without its fraction.
    Whole(Box<Number>),
    /// Number of characters.
    Length(Box<Text>),
    /// Number of items.
    Items(Path),
    /// A part of a time, in UTC.
    Calendar(Part, Box<Micros>),
    /// A length of time in whole units.
    Count(Unit, Box<Micros>),
}

/// A time or a length of time of each row, in microseconds.
#[derive(Debug)]
pub(super) enum Micros {
    Constant(i64),
    Column(Path),
    Cell(Cell),
    Add(Box<Micros>, Box<Micros>),
    Subtract(Box<Micros>, Box<Micros>),
    Choose(Box<Flag>, Box<Micros>, Box<Micros>),
}

/// A text of each row.
#[derive(Debug)]
pub(super) enum Text {
    Constant(String),
    Column(Path),
    Cell(Cell),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Order {
    /// What it says of two values. Of what is no number only that it is unequal.
    #[inline(always)]
    pub(super) fn holds<T: PartialOrd + ?Sized>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Unequal => a != b,
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::Greater => a > b,
            Self::AtLeast => a >= b,
        }
    }
}

/// How numbers are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Where one text is looked for in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    Anywhere,
    Beginning,
    End,
}

impl Within {
    pub(super) fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Anywhere => text.contains(part),
            Self::Beginning => text.starts_with(part),
            Self::End => text.ends_with(part),
        }
    }
}

/// Of how many items of a list a condition must be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    All,
    Some,
    One,
}

/// A part of a rule for whole columns, of any kind.
#[derive(Debug)]
pub(super) enum Columnar {
    Flag(Flag),
    Number(Number),
    Micros(Micros),
    Text(Text),
    /// A column of lists.
    List(Path),
    /// Numbers that are written in the rule.
    Numbers(Vec<f64>),
    /// Texts that are written in the rule.
    Words(HashSet<String>),
}
