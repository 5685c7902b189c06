//! `enum` and `const`: a set of values, compared as JSON Schema does (1 and 1.0 are the same).

use std::cmp::Ordering;
use std::collections::HashMap;

use jsonschema::Draft;
use serde_json::Value;

use super::delegate::Delegate;
use super::node::Types;
use super::number::Num;

/// More strings than this are looked up by hash, fewer by scan.
const SCAN_MAX: usize = 12;

/// The values that a keyword lists, sorted by type.
#[derive(Debug)]
pub(crate) struct ValueSet {
    /// `enum` or `const`.
    pub(crate) keyword: &'static str,
    /// What is expected, for messages.
    pub(crate) expected: String,
    texts: Vec<Box<str>>,
    index: HashMap<Box<str>, usize>,
    numbers: Vec<Num>,
    null: bool,
    yes: bool,
    no: bool,
    composite: Option<Delegate>,
}

impl ValueSet {
    /// The set of a keyword with these values. None if the keyword's value makes no sense.
    pub(crate) fn compile(draft: Draft, keyword: &'static str, values: &[Value]) -> Option<Self> {
        let mut set = Self {
            keyword,
            expected: describe(values),
            texts: Vec::new(),
            index: HashMap::new(),
            numbers: Vec::new(),
            null: values.contains(&Value::Null),
            yes: values.contains(&Value::Bool(true)),
            no: values.contains(&Value::Bool(false)),
            composite: None,
        };
        for value in values {
            match value {
                Value::String(text) if set.text(text).is_none() => set.texts.push(text.as_str().into()),
                Value::Number(number) => set.numbers.push(Num::from_json(number)),
                _ => {}
            }
        }
        if set.texts.len() > SCAN_MAX {
            set.index = set.texts.iter().enumerate().map(|(at, text)| (text.clone(), at)).collect();
        }
        if values.iter().any(|value| value.is_object() || value.is_array()) {
            // Draft 4 has no `const`, so that a list is the form that every draft knows.
            set.composite = Some(Delegate::keyword(draft, "enum", &Value::Array(values.to_vec()))?);
        }
        Some(set)
    }

    /// The types of its values. A number counts as an integer if it is one by value.
    pub(crate) fn types(&self) -> Types {
        let mut types = Types::NONE;
        for (present, kind) in [
            (self.null, Types::NULL),
            (self.yes || self.no, Types::BOOLEAN),
            (!self.texts.is_empty(), Types::STRING),
            (self.numbers.iter().any(|number| number.is_integer(false)), Types::INTEGER),
            (self.numbers.iter().any(|number| !number.is_integer(false)), Types::FRACTION),
            (self.composite.is_some(), Types::OBJECT.or(Types::ARRAY)),
        ] {
            types = if present { types.or(kind) } else { types };
        }
        types
    }

    /// Its strings, in the order of the schema.
    pub(crate) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// The position of a string among [`Self::texts`].
    pub(crate) fn text(&self, text: &str) -> Option<usize> {
        if self.index.is_empty() {
            self.texts.iter().position(|known| **known == *text)
        } else {
            self.index.get(text).copied()
        }
    }

    pub(crate) fn has_number(&self, number: Num) -> bool {
        self.numbers.iter().any(|known| known.order(number) == Ordering::Equal)
    }

    pub(crate) fn has_null(&self) -> bool {
        self.null
    }

    pub(crate) fn has_boolean(&self, value: bool) -> bool {
        if value { self.yes } else { self.no }
    }

    /// Whether an array or object is in the set; asks for the value only if that may be.
    pub(crate) fn has_composite(&self, value: impl FnOnce() -> Value) -> bool {
        self.composite.as_ref().is_some_and(|delegate| delegate.accepts(&value()))
    }
}

/// `"a"`, or `one of "a", "b"`, cut to a readable length.
fn describe(values: &[Value]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = values.iter().take(SHOWN).map(Value::to_string).collect();
    let more = if values.len() > SHOWN { ", …" } else { "" };
    let one_of = if values.len() == 1 { "" } else { "one of " };
    format!("{one_of}{}{more}", shown.join(", "))
}
