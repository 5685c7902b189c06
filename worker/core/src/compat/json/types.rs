//! The types of JSON values as the drafts tell them apart.

use jsonschema::Draft;
use serde_json::Value;

use crate::plan::number::Num;

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const OBJECT: Self = Self(4);
    pub(super) const ARRAY: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    /// Numbers written as integers.
    const INTEGER: Self = Self(32);
    /// Whole numbers written with fraction or exponent, which are integers from draft 6 on.
    const WHOLE: Self = Self(64);
    const FRACTION: Self = Self(128);
    pub(super) const NUMBER: Self = Self(32 | 64 | 128);
    pub(super) const ALL: Self = Self(255);
    /// What is looked at one by one where alternatives differ by type.
    pub(super) const EACH: [Self; 8] = [
        Self::NULL,
        Self::BOOLEAN,
        Self::OBJECT,
        Self::ARRAY,
        Self::STRING,
        Self::INTEGER,
        Self::WHOLE,
        Self::FRACTION,
    ];

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    /// Whether all numbers are integers as written or by value.
    pub(super) fn are_whole(self) -> bool {
        !self.has(Self::FRACTION)
    }

    /// What the keyword `type` lists.
    pub(super) fn of_keyword(draft: Draft, value: &Value) -> Self {
        let named = |name: &Value| match name.as_str().unwrap_or_default() {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "object" => Self::OBJECT,
            "array" => Self::ARRAY,
            "string" => Self::STRING,
            "integer" if draft == Draft::Draft4 => Self::INTEGER,
            "integer" => Self::INTEGER.or(Self::WHOLE),
            "number" => Self::NUMBER,
            _ => Self::NONE,
        };
        match value {
            Value::Array(names) => names.iter().map(named).fold(Self::NONE, Self::or),
            name => named(name),
        }
    }

    /// The types that a value has, however it is written.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Object(_) => Self::OBJECT,
            Value::Array(_) => Self::ARRAY,
            Value::String(_) => Self::STRING,
            Value::Number(number) if Num::from_json(number).is_integer(false) => {
                Self::INTEGER.or(Self::WHOLE)
            }
            Value::Number(_) => Self::FRACTION,
        }
    }

    /// For people: `string or null`.
    pub(super) fn describe(self) -> String {
        let number = match self.and(Self::NUMBER) {
            Self::NONE => "",
            Self::INTEGER => "integer (as written)",
            Self::WHOLE => "integer (such as 1.0)",
            kinds if kinds.has(Self::FRACTION) => "number",
            _ => "integer",
        };
        let names = [
            (Self::STRING, "string"),
            (Self::NUMBER, number),
            (Self::BOOLEAN, "boolean"),
            (Self::OBJECT, "object"),
            (Self::ARRAY, "array"),
            (Self::NULL, "null"),
        ];
        let names: Vec<&str> =
            names.into_iter().filter(|(types, _)| self.has(*types)).map(|(_, name)| name).collect();
        if self == Self::ALL { "any type".to_owned() } else { names.join(" or ") }
    }
}
