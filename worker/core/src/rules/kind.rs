//! The kinds of values that rules know, and which of them the fields of an event are.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};

use crate::plan::JSON_COLUMN;

/// What a part of a rule is, as far as the schema says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// A double, whatever the schema calls it.
    Number,
    Text,
    /// Microseconds since 1970 UTC.
    Time,
    /// A length of time in microseconds.
    Span,
    List(Arc<Kind>),
    /// An object of which the schema names these members.
    Object(Fields),
    /// Any JSON value but null: each event decides.
    Any,
    /// A cell of a table that is not known: the pipeline says, and checks the rule again.
    Open,
}

impl Kind {
    /// The kind of a column's values.
    pub(super) fn of(field: &Field) -> Self {
        match field.data_type() {
            _ if field.metadata().contains_key(JSON_COLUMN) => Self::Any,
            DataType::Boolean => Self::Bool,
            DataType::Int64 | DataType::Float64 => Self::Number,
            DataType::Timestamp(..) => Self::Time,
            DataType::Utf8 | DataType::Dictionary(..) => Self::Text,
            DataType::List(item) => Self::List(Arc::new(Self::of(item))),
            DataType::Struct(fields) => Self::Object(fields.clone()),
            _ => Self::Any,
        }
    }

    /// In words, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Time => "a time",
            Self::Span => "a duration",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Any => "a value of any type",
            Self::Open => "a cell of a table",
        }
    }

    /// The kind that holds values of both; None if there is none.
    pub(super) fn join(&self, other: &Self) -> Option<Self> {
        let micros = |kind: &Self| matches!(kind, Self::Time | Self::Span);
        match (self, other) {
            (one, other) if one == other => Some(one.clone()),
            (Self::Open, other) | (other, Self::Open) => Some(other.clone()),
            (Self::Any, other) | (other, Self::Any) if !micros(other) => Some(Self::Any),
            _ => None,
        }
    }

    /// Whether a value of this kind may be one of the other.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        matches!(self, Self::Any | Self::Open) || self == other
    }
}
