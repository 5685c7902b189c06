//! Works the parts of a rule out over the columns of a scope: those of events, or of the items of lists.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;

use super::super::truth::Truth;
use super::cells::Cells;
use super::lists;
use super::texts::Texts;
use super::{Arithmetic, Flag, Micros, Number, Order, Text};

/// Columns of so many rows.
pub(in super::super) struct Scope<'a> {
    pub(in super::super) columns: &'a [ArrayRef],
    pub(in super::super) rows: usize,
}

impl Scope<'_> {
    /// A column and its nulls, those of the objects that it lies in among them.
    pub(in super::super) fn column(&self, path: &[usize]) -> Option<(&dyn Array, Option<NullBuffer>)> {
        let (first, rest) = path.split_first()?;
        let mut array = self.columns.get(*first)?;
        let mut nulls = array.logical_nulls();
        for child in rest {
            array = array.as_struct_opt()?.columns().get(*child)?;
            nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
        }
        Some((array, nulls))
    }

    pub(in super::super) fn flag(&self, flag: &Flag) -> Truth {
        let rows = self.rows;
        match flag {
            Flag::Always(value) => Truth::all(*value, rows),
            Flag::Column(path) => self.flags(path).unwrap_or_else(|| Truth::unknown(rows)),
            Flag::Has(path) => match self.column(path) {
                Some((_, Some(nulls))) => Truth::of(nulls.inner().clone(), None),
                found => Truth::all(found.is_some(), rows),
            },
            Flag::Not(flag) => self.flag(flag).not(),
            Flag::And(a, b) => self.flag(a).and(&self.flag(b)),
            Flag::Or(a, b) => self.flag(a).or(&self.flag(b)),
            Flag::Same(a, b) => self.flag(a).same(&self.flag(b)),
            Flag::Choose(condition, a, b) => self.flag(condition).choose(&self.flag(a), &self.flag(b)),
            Flag::Numbers(order, a, b) => self.compare(*order, &self.number(a), &self.number(b)),
            Flag::Micros(order, a, b) => self.compare(*order, &self.micros(a), &self.micros(b)),
            Flag::Texts(order, a, b) => self.texts(a, b, |a, b| order.holds(a, b)),
            Flag::Part(within, a, b) => self.texts(a, b, |text, part| within.holds(text, part)),
            Flag::NumberIn(number, set) => self.number(number).test(rows, |number| set.contains(&number)),
            Flag::TextIn(text, set) => self.test(text, |text| set.contains(text)),
            Flag::InTable(table, key) => self.in_table(table, key),
            Flag::Cell(cell) => self.flag_cells(cell),
            Flag::HasCell(cell) => self.has_cell(cell),
            Flag::Matches(text, pattern) => self.test(text, |text| pattern.is_match(text)),
            Flag::Each(quantifier, path, condition) => {
                let judged = self.column(path).and_then(|(array, nulls)| {
                    let list = array.as_list_opt::<i32>()?;
                    let items = std::slice::from_ref(list.values());
                    let scope = Scope { columns: items, rows: list.values().len() };
                    let held = scope.flag(condition);
                    let there = list.values().logical_nulls();
                    let held = there.iter().fold(held, |held, nulls| Truth {
                        yes: &held.yes & nulls.inner(),
                        no: &held.no & nulls.inner(),
                    });
                    Some(lists::gather(*quantifier, list, nulls.as_ref(), &held))
                });
                judged.unwrap_or_else(|| Truth::unknown(rows))
            }
        }
    }

    /// Each order has a loop of its own, which the compiler can make fast.
    fn compare<T>(&self, order: Order, a: &Cells<T>, b: &Cells<T>) -> Truth
    where
        T: arrow_buffer::ArrowNativeType + PartialOrd,
    {
        match order {
            Order::Equal => a.compare(b, self.rows, |a, b| a == b),
            Order::Unequal => a.compare(b, self.rows, |a, b| a != b),
            Order::Less => a.compare(b, self.rows, |a, b| a < b),
            Order::AtMost => a.compare(b, self.rows, |a, b| a <= b),
            Order::Greater => a.compare(b, self.rows, |a, b| a > b),
            Order::AtLeast => a.compare(b, self.rows, |a, b| a >= b),
        }
    }

    fn texts(&self, a: &Text, b: &Text, holds: impl Fn(&str, &str) -> bool) -> Truth {
        match (self.text(a), self.text(b)) {
            (Some(a), Some(b)) => a.compare(&b, self.rows, holds),
            _ => Truth::unknown(self.rows),
        }
    }

    fn test(&self, text: &Text, holds: impl Fn(&str) -> bool) -> Truth {
        match self.text(text) {
            Some(texts) => texts.test(self.rows, holds),
            None => Truth::unknown(self.rows),
        }
    }

    fn flags(&self, path: &[usize]) -> Option<Truth> {
        let (array, nulls) = self.column(path)?;
        Some(Truth::of(array.as_boolean_opt()?.values().clone(), nulls.as_ref()))
    }

    pub(super) fn text<'s>(&'s self, text: &'s Text) -> Option<Texts<'s>> {
        match text {
            Text::Constant(text) => Some(Texts::One(text)),
            Text::Cell(cell) => self.text_cells(cell),
            Text::Column(path) => {
                let (array, nulls) = self.column(path)?;
                Texts::of(array, nulls)
            }
        }
    }

    pub(super) fn number(&self, number: &Number) -> Cells<f64> {
        match number {
            Number::Constant(value) => Cells::one(*value),
            Number::Column(path) => self.numbers(path).unwrap_or_else(|| Cells::absent(self.rows)),
            Number::Cell(cell) => self.number_cells(cell),
            Number::Negate(number) => self.number(number).map(|number| -number),
            Number::Whole(number) => self.number(number).map(f64::trunc),
            Number::Compute(arithmetic, a, b) => {
                let (a, b) = (self.number(a), self.number(b));
                match arithmetic {
                    Arithmetic::Add => a.zip(&b, |a, b| a + b),
                    Arithmetic::Subtract => a.zip(&b, |a, b| a - b),
                    Arithmetic::Multiply => a.zip(&b, |a, b| a * b),
                    Arithmetic::Divide => a.zip(&b, |a, b| a / b),
                    Arithmetic::Remainder => a.zip(&b, |a, b| a % b),
                }
            }
            Number::Choose(condition, a, b) => {
                Cells::choose(&self.flag(condition), &self.number(a), &self.number(b), self.rows)
            }
            Number::Length(text) => {
                self.text(text).map_or_else(|| Cells::absent(self.rows), |texts| texts.lengths(self.rows))
            }
            Number::Items(path) => self.items(path).unwrap_or_else(|| Cells::absent(self.rows)),
            Number::Calendar(part, micros) => self.micros(micros).map(|micros| part.of(micros)),
            Number::Count(unit, micros) => self.micros(micros).map(|micros| unit.count(micros)),
        }
    }

    fn numbers(&self, path: &[usize]) -> Option<Cells<f64>> {
        let (array, nulls) = self.column(path)?;
        if let Some(floats) = array.as_primitive_opt::<Float64Type>() {
            return Some(Cells::many(floats.values().clone(), nulls));
        }
        let ints = array.as_primitive_opt::<Int64Type>()?;
        let floats: Vec<f64> = ints.values().iter().map(|int| *int as f64).collect();
        Some(Cells::many(floats, nulls))
    }

    fn items(&self, path: &[usize]) -> Option<Cells<f64>> {
        let (array, nulls) = self.column(path)?;
        let lengths: Vec<f64> = array.as_list_opt::<i32>()?.offsets().lengths().map(|n| n as f64).collect();
        Some(Cells::many(lengths, nulls))
    }

    fn micros(&self, micros: &Micros) -> Cells<i64> {
        match micros {
            Micros::Constant(value) => Cells::one(*value),
            Micros::Column(path) => {
                let found = self.column(path).and_then(|(array, nulls)| {
                    let times = array.as_primitive_opt::<TimestampMicrosecondType>()?;
                    Some(Cells::many(times.values().clone(), nulls))
                });
                found.unwrap_or_else(|| Cells::absent(self.rows))
            }
            Micros::Cell(cell) => self.micros_cells(cell),
            Micros::Add(a, b) => self.micros(a).zip(&self.micros(b), i64::saturating_add),
            Micros::Subtract(a, b) => self.micros(a).zip(&self.micros(b), i64::saturating_sub),
            Micros::Choose(condition, a, b) => {
                Cells::choose(&self.flag(condition), &self.micros(a), &self.micros(b), self.rows)
            }
        }
    }
}
