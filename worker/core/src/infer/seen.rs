//! What was seen at one place in events.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::distinct::{Budget, Distinct};
use super::number::Numbers;
use super::text::{Formats, Texts};
use crate::provenance;

/// Of one object so many members are told apart; an object with more is a map whose names are data.
const MEMBERS_MAX: usize = 1024;
/// No field has a longer name.
const NAME_BYTES_MAX: usize = 120;

/// What was seen at one place in events.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Values, null among them.
    pub(super) count: u64,
    pub(super) nulls: u64,
    pub(super) booleans: u64,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
    /// Texts and integers.
    pub(super) distinct: Distinct,
    pub(super) object: Option<Box<Members>>,
    pub(super) array: Option<Box<Items>>,
}

/// The objects at one place.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) count: u64,
    /// By name, in the order in which they came.
    pub(super) members: Vec<(String, Seen)>,
    index: HashMap<String, usize>,
    /// Members that are not told apart, each time one came.
    pub(super) others: u64,
}

/// The arrays at one place.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) count: u64,
    /// None where no array had one, or no further place can be followed.
    pub(super) items: Option<Box<Seen>>,
    pub(super) length_min: usize,
    pub(super) length_max: usize,
}

impl Seen {
    pub(super) fn observe(&mut self, value: &Value, formats: &Formats, budget: &mut Budget) {
        self.count += 1;
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) => {
                if let Some(int) = number.as_i64() {
                    self.distinct.take(&int.to_le_bytes(), budget);
                }
                self.numbers.take(number);
            }
            Value::String(text) => {
                self.distinct.take(text.as_bytes(), budget);
                self.texts.take(text, formats);
            }
            Value::Array(items) => self.array.get_or_insert_default().observe(items, formats, budget),
            Value::Object(members) => self.object.get_or_insert_default().observe(members, formats, budget),
        }
    }
}

impl Members {
    fn observe(&mut self, object: &Map<String, Value>, formats: &Formats, budget: &mut Budget) {
        self.count += 1;
        for (name, value) in object {
            match self.member(name, budget) {
                Some(seen) => seen.observe(value, formats, budget),
                None => self.others += 1,
            }
        }
    }

    fn member(&mut self, name: &str, budget: &mut Budget) -> Option<&mut Seen> {
        if let Some(at) = self.index.get(name) {
            return self.members.get_mut(*at).map(|(_, seen)| seen);
        }
        let taken =
            name.len() > NAME_BYTES_MAX || provenance::COLUMNS.contains(&name) || name == provenance::FLAGS;
        if taken || budget.places == 0 || self.members.len() == MEMBERS_MAX {
            return None;
        }
        budget.places -= 1;
        self.index.insert(name.to_owned(), self.members.len());
        self.members.push((name.to_owned(), Seen::default()));
        self.members.last_mut().map(|(_, seen)| seen)
    }
}

impl Items {
    fn observe(&mut self, items: &[Value], formats: &Formats, budget: &mut Budget) {
        let least = if self.count == 0 { items.len() } else { self.length_min };
        (self.length_min, self.length_max) = (least.min(items.len()), self.length_max.max(items.len()));
        self.count += 1;
        if self.items.is_none() && !items.is_empty() && budget.places > 0 {
            budget.places -= 1;
            self.items = Some(Box::default());
        }
        let Some(seen) = &mut self.items else { return };
        budget.arrays += 1;
        items.iter().for_each(|item| seen.observe(item, formats, budget));
        budget.arrays -= 1;
    }
}
