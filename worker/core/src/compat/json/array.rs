//! Arrays: items by position, all further ones, how many, and which must occur.

use serde_json::Value;

use super::facts;
use super::members::is_closed;
use super::part::{All, Part};
use super::types::Types;
use super::{Aspect, Comparison};
use crate::compat::Bound;

impl<'s> Comparison<'s> {
    pub(super) fn arrays(&mut self, part: &Part<'s>, writer: &All<'s>, pointer: &str) {
        self.counts(&[Bound::MinItems, Bound::MaxItems], part, writer, pointer);
        let given: Vec<_> = writer.parts.iter().map(Part::items).collect();
        let most = writer.parts.iter().filter_map(|part| facts::count(part, Bound::MaxItems)).min();
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let (first, rest) = part.items();
        let given_first = given.iter().map(|(first, _)| first.len()).max().unwrap_or(0);
        for at in 0..first.len().max(given_first).min(most) {
            let wanted = first.get(at).or(rest.as_ref());
            let named: Vec<Part<'s>> = given.iter().filter_map(|(first, _)| first.get(at).cloned()).collect();
            let further =
                given.iter().filter(|(first, _)| at >= first.len()).filter_map(|(_, rest)| rest.clone());
            let all: Vec<Part<'s>> = named.iter().cloned().chain(further).collect();
            if let Some(wanted) = wanted {
                self.item(at, wanted, at < first.len(), &named, &all, pointer);
            }
        }
        let further: Vec<Part<'s>> = given.iter().filter_map(|(_, rest)| rest.clone()).collect();
        if let Some(rest) = rest.filter(|_| most > first.len().max(given_first)) {
            self.further(&rest, &further, pointer);
        }
        if part.get("uniqueItems") == Some(&Value::Bool(true)) && most > 1 {
            let is_given = |part: &Part<'s>| part.get("uniqueItems") == Some(&Value::Bool(true));
            if !writer.parts.iter().any(is_given) {
                let what = format!("{} wants all items to differ, {} doesn't", self.reader, self.writer);
                self.report(Aspect::UniqueItems, pointer, part.keyword("uniqueItems").as_ref(), what);
            }
        }
        self.contains(part, writer, pointer);
        if let Some(schema) = part.keyword("unevaluatedItems").filter(|schema| !schema.takes_all()) {
            let what = format!("what `unevaluatedItems` of {} means can't be compared", self.reader);
            self.report(Aspect::NotComparable, pointer, Some(&schema), what);
        }
    }

    /// The item at one position.
    fn item(
        &mut self,
        at: usize,
        wanted: &Part<'s>,
        is_named: bool,
        named: &[Part<'s>],
        all: &[Part<'s>],
        pointer: &str,
    ) {
        if All::of(all).nothing.is_some() {
            return;
        }
        let pointer = format!("{pointer}/{at}");
        if is_closed(wanted) {
            let what = format!(
                "{} allows no item {at}, {} does; arrays with it are refused",
                self.reader, self.writer
            );
            return self.report(Aspect::ClosedArray, &pointer, Some(wanted), what);
        }
        let found = self.trial(|this| this.accepts(wanted, all, Types::ALL, &pointer));
        if is_named && !named.is_empty() {
            self.breaks.extend(found);
        } else if let Some(first) = found.first() {
            let (aspect, by_name, by_rest) = match is_named {
                true => (Aspect::Item, self.reader, self.writer),
                false => (Aspect::ItemNotCovered, self.writer, self.reader),
            };
            let what = format!(
                "{by_name} describes item {at}, {by_rest} has only what it says of all further items ({})",
                first.message
            );
            self.report(aspect, &pointer, Some(wanted), what);
        }
    }

    /// All items beyond those that either version describes by position.
    fn further(&mut self, rest: &Part<'s>, given: &[Part<'s>], pointer: &str) {
        let pointer = format!("{pointer}/*");
        if is_closed(rest) && All::of(given).nothing.is_none() {
            let what = format!(
                "{} allows no further items, {} does; arrays with more are refused",
                self.reader, self.writer
            );
            return self.report(Aspect::AdditionalItemsPresence, &pointer, Some(rest), what);
        }
        self.accepts(rest, given, Types::ALL, &pointer);
    }

    fn contains(&mut self, part: &Part<'s>, writer: &All<'s>, pointer: &str) {
        let Some(wanted) = part.keyword("contains") else { return };
        let least = facts::count(part, Bound::MinContains).unwrap_or(1);
        let most = facts::count(part, Bound::MaxContains);
        let given: Vec<&Part<'s>> =
            writer.parts.iter().filter(|part| part.get("contains").is_some()).collect();
        if least > 0 {
            // Enough items that pass there pass here too.
            let mut counts = Vec::new();
            for known in &given {
                let Some(schema) = known.keyword("contains") else { continue };
                if self
                    .holds(|this| this.accepts(&wanted, std::slice::from_ref(&schema), Types::ALL, pointer))
                {
                    counts.push(facts::count(known, Bound::MinContains).unwrap_or(1));
                }
            }
            match counts.into_iter().max() {
                None => {
                    let what = format!("{} wants an item that {} doesn't ask for", self.reader, self.writer);
                    self.report(Aspect::Contains, pointer, Some(&wanted), what);
                }
                Some(count) if count < least => {
                    self.contained(Bound::MinContains, least, count, part, pointer)
                }
                Some(_) => {}
            }
        }
        if let Some(most) = most {
            // No more items that pass here than pass there.
            let mut counts = Vec::new();
            for known in &given {
                let Some(schema) = known.keyword("contains") else { continue };
                if self
                    .holds(|this| this.accepts(&schema, std::slice::from_ref(&wanted), Types::ALL, pointer))
                {
                    counts.extend(facts::count(known, Bound::MaxContains));
                }
            }
            match counts.into_iter().min() {
                Some(count) if count <= most => {}
                given => self.count(Bound::MaxContains, most, given, part, pointer),
            }
        }
    }

    /// Fewer items that match are enough for the writer; one, if it doesn't say.
    fn contained(&mut self, bound: Bound, wanted: u64, given: u64, part: &Part<'s>, pointer: &str) {
        let given = (given != 1).then_some(given);
        self.count(bound, wanted, given, part, pointer);
    }
}
