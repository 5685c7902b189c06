//! How an event breaks its schema, in words.

use std::borrow::Cow;

use super::pass::{Pass, Place, Step};
use super::reader::Reader;
use crate::plan::node::Node;
use crate::reject::{Reject, RejectReason};

/// The first way in which an event breaks its schema.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// JSON Pointer into the event.
    pub(crate) pointer: String,
    pub(crate) keyword: Cow<'static, str>,
    pub(crate) message: String,
    /// Where the value begins that is wrong.
    pub(crate) offset: usize,
}

impl Violation {
    /// As the reason for a refusal.
    pub(crate) fn into_reject(self) -> Reject {
        Reject {
            reason: RejectReason::SchemaViolation,
            pointer: self.pointer,
            keyword: self.keyword.into_owned(),
            message: self.message,
            offset: u32::try_from(self.offset).ok(),
        }
    }
}

impl Pass<'_> {
    /// Notes that the value that begins here is not what is expected. Arrays and objects need not have been read.
    #[cold]
    pub(crate) fn violate(&mut self, place: &Place<'_>, keyword: &'static str, expected: &str, start: usize) {
        let found = match self.reader.slice(start, self.reader.pos()) {
            "" if self.reader.peek() == Some(b'[') => "an array".to_owned(),
            "" => "an object".to_owned(),
            text => cut(text).into_owned(),
        };
        self.violate_with(place, keyword, start, || format!("expected {expected}, found {found}"));
    }

    /// Notes that the value that begins here is wrong.
    #[cold]
    pub(crate) fn violate_with(
        &mut self,
        place: &Place<'_>,
        keyword: &'static str,
        offset: usize,
        message: impl FnOnce() -> String,
    ) {
        if self.violation.is_none() {
            let pointer = pointer(&self.reader, place);
            let violation = Violation { pointer, keyword: keyword.into(), message: message(), offset };
            self.violation = Some(Box::new(violation));
        }
    }

    /// Notes that the value that begins here is of a type that the node doesn't take.
    #[cold]
    pub(crate) fn mistyped(&mut self, node: &Node, place: &Place<'_>, start: usize) {
        if node.never {
            self.violate(place, "falseSchema", "no value here", start);
        } else {
            self.violate(place, "type", &node.types.describe(), start);
        }
    }
}

/// The JSON Pointer (RFC 6901) of a place.
pub(crate) fn pointer(reader: &Reader<'_>, place: &Place<'_>) -> String {
    let mut steps = Vec::new();
    let mut at = Some(place);
    while let Some(here) = at {
        match here.step {
            Step::Event => {}
            Step::Named(property) => steps.push(property.name.to_string()),
            Step::Other(start) => {
                steps.push(reader.value(reader.string_at(start), &mut String::new()).to_owned());
            }
            Step::Item(index) => steps.push(index.to_string()),
        }
        at = here.parent;
    }
    steps.reverse();
    transect_config::Pointer::from_steps(steps).to_string()
}

/// The beginning of a text, for a message.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
