//! Scalars of events, as their JSON text says them, and those that a manifest lists.

use std::borrow::Cow;

use serde_json::Value;

use crate::decode::canonical::Canonical;
use crate::decode::number::Literal;
use crate::decode::reader::Reader;
use crate::decode::violation::cut;

/// A value of an event; arrays and objects only by name.
#[derive(Debug)]
pub(super) enum Scalar<'t> {
    Null,
    Boolean(bool),
    Number(Literal, &'t str),
    Text(Cow<'t, str>),
    /// `an array` or `an object`.
    Composite(&'static str),
}

impl<'t> Scalar<'t> {
    /// Reads the JSON text of one value; None if it is none, or a number beyond a double.
    pub(super) fn read(json: &'t str) -> Option<Self> {
        let scalar = match json.as_bytes().first()? {
            b'"' => {
                let mut reader = Reader::new(json);
                let text = reader.string().ok().filter(|text| text.end + 1 == json.len())?;
                Self::Text(match text.escaped {
                    false => reader.raw(text).into(),
                    true => reader.value(text, &mut String::new()).to_owned().into(),
                })
            }
            b'{' => Self::Composite("an object"),
            b'[' => Self::Composite("an array"),
            _ => match json {
                "null" => Self::Null,
                "true" => Self::Boolean(true),
                "false" => Self::Boolean(false),
                number => {
                    let literal = Literal::read(number.as_bytes()).filter(|read| read.len == number.len())?;
                    literal.float(|| number)?;
                    Self::Number(literal, number)
                }
            },
        };
        Some(scalar)
    }

    /// What it is, and the beginning of its text, for messages.
    pub(super) fn found(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => format!("the boolean {value}"),
            Self::Number(_, text) => format!("the number {}", cut(text)),
            Self::Text(text) => format!("the string {}", quoted(&cut(text))),
            Self::Composite(what) => (*what).to_owned(),
        }
    }
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    // Texts can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// A scalar that a manifest lists; numbers are the same whose values are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Constant {
    Boolean(bool),
    /// Whether it is negative, and its magnitude.
    Number(bool, Canonical),
    Text(Box<str>),
}

impl Constant {
    /// The constant of a text, number or boolean; None for any other value.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Boolean(*value)),
            Value::String(text) => Some(Self::Text(text.as_str().into())),
            Value::Number(number) => {
                let text = number.to_string();
                Literal::read(text.as_bytes()).map(|literal| Self::number(&literal, &text))
            }
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn number(literal: &Literal, text: &str) -> Self {
        let magnitude = literal.canonical(|| text);
        Self::Number(literal.negative && magnitude != Canonical::Int(0), magnitude)
    }

    /// Whether a value of an event is this one.
    pub(super) fn is(&self, scalar: &Scalar<'_>) -> bool {
        match (self, scalar) {
            (Self::Boolean(a), Scalar::Boolean(b)) => a == b,
            (Self::Text(a), Scalar::Text(b)) => **a == **b,
            (Self::Number(..), Scalar::Number(literal, text)) => *self == Self::number(literal, text),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn constants_are_compared_by_value() {
        for (constant, same, other) in [
            (json!(-99), &["-99", "-99.0", "-9.9e1"][..], &["99", "\"-99\"", "-99.5", "null", "[-99]"][..]),
            (json!(0), &["0", "-0", "0.0e5"], &["false", "\"\"", "null"]),
            (json!(1e300), &["1e300"], &["1e299"]),
            (json!("NA"), &["\"NA\"", "\"\\u004eA\""], &["\"na\"", "\"NA \"", "null"]),
            (json!(true), &["true"], &["1", "\"true\"", "false"]),
        ] {
            let known = Constant::of(&constant).unwrap();
            for json in same {
                assert!(known.is(&Scalar::read(json).unwrap()), "{constant} is {json}");
            }
            for json in other {
                assert!(!known.is(&Scalar::read(json).unwrap()), "{constant} is not {json}");
            }
        }
        for value in [json!(null), json!([1]), json!({})] {
            assert_eq!(Constant::of(&value), None);
        }
    }

    #[test]
    fn what_is_no_value_is_not_read() {
        for json in ["", "nul", "01", "1e999", "\"a", "\"a\"b", "+1"] {
            assert!(Scalar::read(json).is_none(), "{json}");
        }
    }
}
