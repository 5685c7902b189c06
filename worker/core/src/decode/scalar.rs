//! The part of the pass that reads strings, numbers and words for which there is a node.

use std::ops::RangeInclusive;

use super::content::Word;
use super::number::Literal;
use super::pass::{Pass, Place, Step, Stop, beyond_double};
use super::time;
use crate::plan::node::{Node, NodeColumn, Property, Types};
use crate::plan::number::Num;

impl<'a> Pass<'a> {
    #[inline]
    pub(crate) fn string(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.plain_string() {
            Some(value) => self.string_value(node, place, start, value),
            None => self.escaped_string(node, place)?,
        }
        Ok(())
    }

    #[cold]
    fn escaped_string(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        let text = self.reader.string()?;
        let mut held = std::mem::take(&mut self.work.unescaped);
        let value = self.reader.value(text, &mut held);
        self.string_value(node, place, start, value);
        self.work.unescaped = held;
        Ok(())
    }

    pub(crate) fn string_value(&mut self, node: &Node, place: &Place<'_>, start: usize, value: &str) {
        self.content.text(self.key, place.path, value);
        if node.never || !node.types.has(Types::STRING) {
            return self.mistyped(node, place, start);
        }
        for check in &node.strings {
            if !check.accepts(value, &mut self.work.scratch) {
                return self.violate(place, check.keyword, &check.expected, start);
            }
        }
        let mut position = None;
        for set in node.values.iter().rev() {
            position = set.text(value);
            if position.is_none() {
                return self.violate(place, set.keyword, &set.expected, start);
            }
        }
        let NodeColumn::Typed(id) = node.column else { return };
        match position {
            Some(position) if self.work.columns.key(id, position) => {}
            None if node.moment => self.moment(place, id, start, value),
            _ => self.work.columns.text(id, value),
        }
    }

    /// A string that must be a time, for a column of times. What the column can't hold goes to `extra` as well.
    #[inline]
    fn moment(&mut self, place: &Place<'_>, id: usize, start: usize, value: &str) {
        let Some(moment) = time::parse_rfc3339(value.as_bytes()) else {
            return self.violate(place, "format", "a string in the format `date-time`", start);
        };
        if let Step::Named(Property { slot: Some(slot), .. }) = place.step {
            self.work.slots[*slot].micros = Some(moment.micros);
        }
        let micros = moment.in_column();
        match micros {
            Some(micros) => self.work.columns.int(id, micros),
            None => self.work.columns.null(id),
        }
        if micros.is_none() || moment.truncated {
            self.work.extra.add(&self.reader, place, self.reader.slice(start, self.reader.pos()));
        }
    }

    #[inline(always)]
    pub(crate) fn number(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.short_number() {
            Some(literal) => self.number_value(node, place, start, literal),
            None => self.long_number(node, place),
        }
    }

    #[inline(never)]
    fn long_number(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        let literal = self.reader.number()?;
        self.number_value(node, place, start, literal)
    }

    #[inline(always)]
    pub(crate) fn number_value(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        start: usize,
        literal: Literal,
    ) -> Result<(), Stop> {
        let (reader, end) = (self.reader, self.reader.pos());
        let text = || reader.slice(start, end);
        let Some(num) = literal.num(text) else { return Err(beyond_double(start)) };
        let float = num.to_f64();
        self.content.number(self.key, place.path, &literal, float, text);
        if node.never || !takes_number(node, num) {
            self.mistyped(node, place, start);
        } else if let Some((keyword, expected)) = failed(node, num) {
            self.violate(place, keyword, expected, start);
        } else if let NodeColumn::Typed(id) = node.column {
            let kept = if self.work.columns.float(id, float) {
                !literal.is_inexact_integer()
            } else if let Some(int) = literal.int(text) {
                self.work.columns.int(id, int);
                true
            } else {
                self.work.columns.null(id);
                false
            };
            if !kept {
                self.work.extra.add(&self.reader, place, text());
            }
        }
        Ok(())
    }

    pub(crate) fn null(&mut self, node: &Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        self.reader.word("null")?;
        self.content.word(self.key, place.path, Word::Null);
        if !node.takes_null() {
            match node.values.iter().find(|set| !set.has_null()) {
                Some(set) if !node.never && node.types.has(Types::NULL) => {
                    self.violate(place, set.keyword, &set.expected, start);
                }
                _ => self.mistyped(node, place, start),
            }
        } else if let NodeColumn::Typed(id) = node.column {
            self.work.columns.null(id);
        }
        Ok(())
    }

    pub(crate) fn boolean(&mut self, node: &Node, place: &Place<'_>, value: bool) -> Result<(), Stop> {
        let start = self.reader.pos();
        self.reader.word(if value { "true" } else { "false" })?;
        self.content.word(self.key, place.path, if value { Word::True } else { Word::False });
        if node.never || !node.types.has(Types::BOOLEAN) {
            self.mistyped(node, place, start);
        } else if let Some(set) = node.values.iter().find(|set| !set.has_boolean(value)) {
            self.violate(place, set.keyword, &set.expected, start);
        } else if let NodeColumn::Typed(id) = node.column {
            self.work.columns.boolean(id, value);
        }
        Ok(())
    }
}

/// Whether a number's type is right.
#[inline(always)]
fn takes_number(node: &Node, num: Num) -> bool {
    // A node that takes both need not know whether it is an integer.
    match (node.types.has(Types::INTEGER), node.types.has(Types::FRACTION)) {
        (true, true) => true,
        (false, false) => false,
        (integer, _) => integer == num.is_integer(node.integers_as_written),
    }
}

/// The first check of numbers that one fails.
#[inline(always)]
fn failed(node: &Node, num: Num) -> Option<(&'static str, &str)> {
    let within = |range: &RangeInclusive<f64>| num.exact_f64().is_some_and(|float| range.contains(&float));
    if !node.range.as_ref().is_some_and(within)
        && let Some(check) = node.numbers.iter().find(|check| !check.accepts(num))
    {
        return Some((check.keyword, &check.expected));
    }
    if node.values.is_empty() {
        return None;
    }
    let listed = node.values.iter().find(|set| !set.has_number(num));
    listed.map(|set| (set.keyword, set.expected.as_str()))
}
