//! Checks of single strings and numbers, each one keyword.

use std::cmp::Ordering;

use jsonschema::Draft;
use serde_json::Value;

use super::delegate::Delegate;
use super::number::Num;
use crate::decode::time;

/// One keyword that a string must satisfy.
#[derive(Debug)]
pub(crate) struct StringCheck {
    /// The keyword.
    pub(crate) keyword: &'static str,
    /// What it expects, for messages.
    pub(crate) expected: String,
    kind: StringKind,
}

#[derive(Debug)]
enum StringKind {
    /// Least number of code points.
    MinLength(u64),
    /// Greatest number of code points.
    MaxLength(u64),
    /// `format: date-time`, whole.
    DateTime,
    /// Anything else.
    Delegate(Delegate),
}

impl StringCheck {
    /// The check of a keyword on strings. None if the keyword's value makes no sense.
    pub(crate) fn compile(draft: Draft, keyword: &'static str, value: &Value) -> Option<Self> {
        let kind = match (keyword, value.as_u64(), value.as_str()) {
            ("minLength", Some(length), _) => StringKind::MinLength(length),
            ("maxLength", Some(length), _) => StringKind::MaxLength(length),
            ("format", _, Some("date-time")) => StringKind::DateTime,
            _ => StringKind::Delegate(Delegate::keyword(draft, keyword, value)?),
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let expected = match keyword {
            "minLength" => format!("a string of at least {text} characters"),
            "maxLength" => format!("a string of at most {text} characters"),
            "pattern" => format!("a string that matches the pattern `{text}`"),
            _ => format!("a string in the format `{text}`"),
        };
        Some(Self { keyword, expected, kind })
    }

    /// The check of a member's name against `propertyNames`. None if its schema stands not on its own.
    pub(crate) fn names(draft: Draft, schema: &Value) -> Option<Self> {
        let kind = StringKind::Delegate(Delegate::schema(draft, schema)?);
        let expected = format!("members whose names satisfy {schema}");
        Some(Self { keyword: "propertyNames", expected, kind })
    }

    /// Whether a string passes.
    pub(crate) fn accepts(&self, text: &str, scratch: &mut Value) -> bool {
        match &self.kind {
            StringKind::MinLength(min) => length_reaches(text, *min),
            StringKind::MaxLength(max) => !length_reaches(text, max.saturating_add(1)),
            StringKind::DateTime => time::parse_rfc3339(text.as_bytes()).is_some(),
            StringKind::Delegate(delegate) => delegate.accepts_text(text, scratch),
        }
    }

    /// Whether reading the string as a time checks the very same thing.
    pub(crate) fn is_date_time(&self) -> bool {
        matches!(self.kind, StringKind::DateTime)
    }
}

/// Whether a string has at least so many code points. Bytes bound them on both sides: one to four each.
fn length_reaches(text: &str, length: u64) -> bool {
    let bytes = text.len() as u64;
    if bytes < length {
        return false;
    }
    bytes / 4 >= length || text.chars().count() as u64 >= length
}

/// One keyword that a number must satisfy.
#[derive(Debug)]
pub(crate) struct NumberCheck {
    /// The keyword.
    pub(crate) keyword: &'static str,
    /// What it expects, for messages.
    pub(crate) expected: String,
    kind: NumberKind,
}

#[derive(Debug)]
enum NumberKind {
    Minimum(Num),
    ExclusiveMinimum(Num),
    Maximum(Num),
    ExclusiveMaximum(Num),
    /// Integers by remainder, all else by the crate.
    MultipleOf(i128, Delegate),
    Delegate(Delegate),
}

impl NumberCheck {
    /// The check of a keyword on numbers, of one of the newer drafts. None if the keyword's value makes no sense.
    pub(crate) fn compile(draft: Draft, keyword: &'static str, value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        let limit = Num::from_json(number);
        let (kind, expected) = match keyword {
            "minimum" => (NumberKind::Minimum(limit), format!("a number of at least {number}")),
            "maximum" => (NumberKind::Maximum(limit), format!("a number of at most {number}")),
            "exclusiveMinimum" => {
                (NumberKind::ExclusiveMinimum(limit), format!("a number greater than {number}"))
            }
            "exclusiveMaximum" => {
                (NumberKind::ExclusiveMaximum(limit), format!("a number less than {number}"))
            }
            _ => {
                let delegate = Delegate::keyword(draft, keyword, value)?;
                let kind = match limit {
                    Num::Int(divisor @ 1..=MAX_EXACT_DIVISOR) => NumberKind::MultipleOf(divisor, delegate),
                    _ => NumberKind::Delegate(delegate),
                };
                (kind, format!("a multiple of {number}"))
            }
        };
        Some(Self { keyword, expected, kind })
    }

    /// Whether a number passes.
    pub(crate) fn accepts(&self, number: Num) -> bool {
        match (&self.kind, number) {
            (NumberKind::Minimum(limit), _) => number.order(*limit) != Ordering::Less,
            (NumberKind::ExclusiveMinimum(limit), _) => number.order(*limit) == Ordering::Greater,
            (NumberKind::Maximum(limit), _) => number.order(*limit) != Ordering::Greater,
            (NumberKind::ExclusiveMaximum(limit), _) => number.order(*limit) == Ordering::Less,
            (NumberKind::MultipleOf(divisor, _), Num::Int(int)) => int % divisor == 0,
            (NumberKind::MultipleOf(_, delegate) | NumberKind::Delegate(delegate), _) => {
                delegate.accepts(&number.to_json())
            }
        }
    }
}

/// Up to here a double holds every integer, so that the crate divides exactly too.
const MAX_EXACT_DIVISOR: i128 = 1 << 53;
