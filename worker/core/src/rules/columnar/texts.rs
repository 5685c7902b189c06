//! Texts of many rows: one for all, a column of them, or a column of positions among a few.

use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, StringArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use super::super::truth::Truth;
use super::cells::{Cells, constant};

/// See the module.
pub(super) enum Texts<'a> {
    One(&'a str),
    Plain(&'a StringArray, Option<NullBuffer>),
    Words(&'a DictionaryArray<Int32Type>, &'a StringArray, Option<NullBuffer>),
    /// Texts of a table, by their positions.
    Found(Vec<u32>, &'a StringArray, Option<NullBuffer>),
}

impl<'a> Texts<'a> {
    /// The texts of a column; None if it holds none.
    pub(super) fn of(array: &'a dyn Array, nulls: Option<NullBuffer>) -> Option<Self> {
        let any = array.as_any();
        if let Some(plain) = any.downcast_ref::<StringArray>() {
            return Some(Self::Plain(plain, nulls));
        }
        let words = any.downcast_ref::<DictionaryArray<Int32Type>>()?;
        Some(Self::Words(words, words.values().as_any().downcast_ref()?, nulls))
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::One(_) => None,
            Self::Plain(_, nulls) | Self::Words(_, _, nulls) | Self::Found(_, _, nulls) => nulls.as_ref(),
        }
    }

    /// The text of a row; of a null one any.
    #[inline]
    fn at(&self, row: usize) -> &str {
        match self {
            Self::One(text) => text,
            Self::Plain(texts, _) => texts.value(row),
            Self::Words(words, texts, _) => {
                let position = words.keys().value(row) as usize;
                if position < texts.len() { texts.value(position) } else { "" }
            }
            Self::Found(positions, texts, _) => {
                let position = positions[row] as usize;
                if position < texts.len() { texts.value(position) } else { "" }
            }
        }
    }

    /// What holds of each row's text; of each word it is asked once.
    pub(super) fn test(&self, rows: usize, holds: impl Fn(&str) -> bool) -> Truth {
        let values = match self {
            Self::One(text) => constant(holds(text), rows),
            Self::Plain(texts, _) => BooleanBuffer::collect_bool(rows, |row| holds(texts.value(row))),
            Self::Found(..) => BooleanBuffer::collect_bool(rows, |row| holds(self.at(row))),
            Self::Words(words, texts, _) => {
                let held: Vec<bool> = (0..texts.len()).map(|at| holds(texts.value(at))).collect();
                let keys = words.keys().values();
                BooleanBuffer::collect_bool(rows, |row| {
                    held.get(keys[row] as usize).is_some_and(|held| *held)
                })
            }
        };
        Truth::of(values, self.nulls())
    }

    /// What is made of each row's text, of each word once; where there is none, anything.
    pub(super) fn each<T: Copy + Default>(&self, rows: usize, make: impl Fn(&str) -> T) -> Vec<T> {
        match self {
            Self::One(text) => vec![make(text); rows],
            Self::Words(words, texts, _) => {
                let made: Vec<T> = (0..texts.len()).map(|at| make(texts.value(at))).collect();
                let made = |key: &i32| made.get(*key as usize).copied().unwrap_or_default();
                words.keys().values().iter().map(made).collect()
            }
            Self::Plain(..) | Self::Found(..) => (0..rows).map(|row| make(self.at(row))).collect(),
        }
    }

    /// What holds of each row's two texts.
    pub(super) fn compare(
        &self,
        other: &Texts<'_>,
        rows: usize,
        holds: impl Fn(&str, &str) -> bool,
    ) -> Truth {
        if let Texts::One(text) = other {
            return self.test(rows, |own| holds(own, text));
        }
        if let Self::One(text) = self {
            return other.test(rows, |own| holds(text, own));
        }
        let values = BooleanBuffer::collect_bool(rows, |row| holds(self.at(row), other.at(row)));
        Truth::of(values, NullBuffer::union(self.nulls(), other.nulls()).as_ref())
    }

    /// Number of characters.
    pub(super) fn lengths(&self, rows: usize) -> Cells<f64> {
        let length = |text: &str| text.chars().count() as f64;
        if let Self::One(text) = self {
            return Cells::one(length(text));
        }
        let lengths: Vec<f64> = (0..rows).map(|row| length(self.at(row))).collect();
        Cells::many(lengths, self.nulls().cloned())
    }
}
