//! Numbers and microseconds of many rows: one value for all, or one a row, and which of them are there.

use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer, ScalarBuffer};

use super::super::truth::Truth;

/// See the module.
pub(super) struct Cells<T: ArrowNativeType> {
    pub(super) values: Values<T>,
    pub(super) nulls: Option<NullBuffer>,
}

pub(super) enum Values<T: ArrowNativeType> {
    One(T),
    Many(ScalarBuffer<T>),
}

impl<T: ArrowNativeType> Values<T> {
    #[inline(always)]
    pub(super) fn at(&self, row: usize) -> T {
        match self {
            Self::One(value) => *value,
            Self::Many(values) => values[row],
        }
    }
}

impl<T: ArrowNativeType> Cells<T> {
    pub(super) fn one(value: T) -> Self {
        Self { values: Values::One(value), nulls: None }
    }

    pub(super) fn many(values: impl Into<ScalarBuffer<T>>, nulls: Option<NullBuffer>) -> Self {
        Self { values: Values::Many(values.into()), nulls }
    }

    pub(super) fn absent(rows: usize) -> Self {
        Self { values: Values::One(T::default()), nulls: Some(NullBuffer::new_null(rows)) }
    }

    pub(super) fn map<U: ArrowNativeType>(self, f: impl Fn(T) -> U) -> Cells<U> {
        let values = match self.values {
            Values::One(value) => Values::One(f(value)),
            Values::Many(values) => Values::Many(values.iter().map(|value| f(*value)).collect()),
        };
        Cells { values, nulls: self.nulls }
    }

    pub(super) fn zip<U: ArrowNativeType>(&self, other: &Self, f: impl Fn(T, T) -> U) -> Cells<U> {
        let values = match (&self.values, &other.values) {
            (Values::One(a), Values::One(b)) => Values::One(f(*a, *b)),
            (Values::Many(a), Values::One(b)) => Values::Many(a.iter().map(|a| f(*a, *b)).collect()),
            (Values::One(a), Values::Many(b)) => Values::Many(b.iter().map(|b| f(*a, *b)).collect()),
            (Values::Many(a), Values::Many(b)) => {
                Values::Many(a.iter().zip(b.iter()).map(|(a, b)| f(*a, *b)).collect())
            }
        };
        Cells { values, nulls: NullBuffer::union(self.nulls.as_ref(), other.nulls.as_ref()) }
    }

    /// What holds of each row.
    pub(super) fn test(&self, rows: usize, holds: impl Fn(T) -> bool) -> Truth {
        let values = match &self.values {
            Values::One(value) => constant(holds(*value), rows),
            Values::Many(values) => BooleanBuffer::collect_bool(rows, |row| holds(values[row])),
        };
        Truth::of(values, self.nulls.as_ref())
    }

    /// What holds of each row's two values.
    pub(super) fn compare(&self, other: &Self, rows: usize, holds: impl Fn(T, T) -> bool) -> Truth {
        let values = match (&self.values, &other.values) {
            (Values::One(a), Values::One(b)) => constant(holds(*a, *b), rows),
            (Values::Many(a), Values::One(b)) => BooleanBuffer::collect_bool(rows, |row| holds(a[row], *b)),
            (Values::One(a), Values::Many(b)) => BooleanBuffer::collect_bool(rows, |row| holds(*a, b[row])),
            (Values::Many(a), Values::Many(b)) => {
                BooleanBuffer::collect_bool(rows, |row| holds(a[row], b[row]))
            }
        };
        Truth::of(values, NullBuffer::union(self.nulls.as_ref(), other.nulls.as_ref()).as_ref())
    }

    /// One where the condition is true, the other where it is false.
    pub(super) fn choose(condition: &Truth, one: &Self, other: &Self, rows: usize) -> Self {
        let values: Vec<T> = (0..rows)
            .map(|row| if condition.yes.value(row) { one.values.at(row) } else { other.values.at(row) })
            .collect();
        let there = |cells: &Self| Truth::of(BooleanBuffer::new_set(rows), cells.nulls.as_ref());
        let known = condition.choose(&there(one), &there(other)).yes;
        Self::many(values, Some(NullBuffer::new(known)))
    }
}

pub(super) fn constant(value: bool, rows: usize) -> BooleanBuffer {
    if value { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) }
}
