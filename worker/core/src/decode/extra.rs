//! The `extra` column of one event: what no other column holds, at the place where it stood:
//! `{"payload":{"x":1}}`. Items of arrays are members named by their index.

use super::pass::{Place, Step};
use super::reader::Reader;

/// The text of one event's `extra`, written while the event is read.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    text: String,
    /// The number of objects that are open.
    open: usize,
}

impl Extra {
    /// Begins a new event.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.open = 0;
    }

    /// Adds a value at a place.
    #[cold]
    pub(crate) fn add(&mut self, reader: &Reader<'_>, place: &Place<'_>, value: &str) {
        let mut steps = Vec::new();
        let mut at = Some(place);
        while let Some(here) = at {
            steps.push(here.step);
            at = here.parent;
        }
        // From the event inwards. Its own step stands for the outermost object; the last one is the value's.
        let last = steps.len() - 1;
        for (depth, step) in steps.into_iter().rev().enumerate() {
            if depth < self.open {
                continue;
            }
            if depth > 0 {
                self.name(reader, step);
            }
            if depth < last {
                self.text.push('{');
                self.open = depth + 1;
            }
        }
        self.text.push_str(value);
    }

    /// Writes a name and its colon, after a comma if it is not the first.
    fn name(&mut self, reader: &Reader<'_>, step: Step<'_>) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        match step {
            Step::Event => {}
            Step::Named(property) => self.text.push_str(&property.quoted),
            Step::Other(start) => {
                let name = reader.string_at(start);
                self.text.push_str(reader.slice(start, name.end + 1));
            }
            Step::Item(index) => self.text.push_str(&format!("\"{index}\"")),
        }
        self.text.push(':');
    }

    /// Leaves an object or array within so many others; what is open there and below ends.
    #[inline]
    pub(crate) fn leave(&mut self, depth: u32) {
        while self.open > depth as usize {
            self.text.push('}');
            self.open -= 1;
        }
    }

    /// The text; empty if there is nothing.
    #[inline]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
