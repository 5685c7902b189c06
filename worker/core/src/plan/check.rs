//! Checks of single strings and numbers, each one keyword.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use jsonschema::Draft;
use serde_json::Value;

use super::delegate::Delegate;
use super::number::Num;
use super::pattern::Table;
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
    /// A pattern, most often decided by the table.
    Pattern(Box<Table>, Delegate),
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
            _ => {
                let delegate = Delegate::keyword(draft, keyword, value)?;
                let pattern = value.as_str().filter(|_| keyword == "pattern");
                match pattern.and_then(Table::compile) {
                    Some(table) => StringKind::Pattern(Box::new(table), delegate),
                    None => StringKind::Delegate(delegate),
                }
            }
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

    /// The check of `format: date-time`.
    pub(crate) fn date_time() -> Self {
        let expected = "a string in the format `date-time`".to_owned();
        Self { keyword: "format", expected, kind: StringKind::DateTime }
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
            StringKind::Pattern(table, delegate) => {
                table.matches(text) || delegate.accepts_text(text, scratch)
            }
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
    MultipleOf(i64, Delegate),
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
    #[inline]
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

/// The doubles that pass all these checks: a closed range, or None where that is not what they say. What lies beyond may
/// still pass (an integer that no double holds, say).
pub(crate) fn range(checks: &[NumberCheck]) -> Option<RangeInclusive<f64>> {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for check in checks {
        // A limit that no double holds leaves the range without its last double on that side.
        match check.kind {
            NumberKind::Minimum(limit) => low = low.max(at_or_after(limit)),
            NumberKind::ExclusiveMinimum(limit) => low = low.max(at_or_after(limit).next_up()),
            NumberKind::Maximum(limit) => high = high.min(at_or_before(limit)),
            NumberKind::ExclusiveMaximum(limit) => high = high.min(at_or_before(limit).next_down()),
            NumberKind::MultipleOf(..) | NumberKind::Delegate(_) => return None,
        }
    }
    Some(low..=high)
}

/// The first double that is no less than a limit.
fn at_or_after(limit: Num) -> f64 {
    let float = limit.to_f64();
    if Num::Float(float).order(limit) == Ordering::Less { float.next_up() } else { float }
}

/// The last double that is no greater than a limit.
fn at_or_before(limit: Num) -> f64 {
    let float = limit.to_f64();
    if Num::Float(float).order(limit) == Ordering::Greater { float.next_down() } else { float }
}

/// Up to here a double holds every integer, so that the crate divides exactly too.
const MAX_EXACT_DIVISOR: i64 = 1 << 53;
