//! The compiled form of a schema: a tree with one node for each place in an event that the schema describes.
//!
//! A node says which types are allowed there, what is checked of a value of each, and which column takes it. The
//! tree is only read after it is built.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::check::{NumberCheck, StringCheck};
use super::delegate::Delegate;
use super::values::ValueSet;
use crate::decode::token::Token;

/// Position of a column among [`super::columns::Layout`].
pub(crate) type ColumnId = usize;

/// A set of JSON types. An integer is a number that JSON Schema calls one; `number` is both bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    pub(crate) const FRACTION: Self = Self(8);
    pub(crate) const NUMBER: Self = Self(4 | 8);
    pub(crate) const STRING: Self = Self(16);
    pub(crate) const ARRAY: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);
    pub(crate) const ALL: Self = Self(127);

    /// The type that a schema names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// In words, for messages: `a string or null`.
    pub(crate) fn describe(self) -> String {
        let words = [
            (Self::OBJECT, "an object"),
            (Self::ARRAY, "an array"),
            (Self::STRING, "a string"),
            (Self::FRACTION, "a number"),
            (Self::INTEGER, "an integer"),
            (Self::BOOLEAN, "a boolean"),
            (Self::NULL, "null"),
        ];
        let named: Vec<&str> = words
            .iter()
            .filter(|(kind, _)| self.has(*kind) && !(*kind == Self::INTEGER && self.has(Self::FRACTION)))
            .map(|(_, word)| *word)
            .collect();
        if named.is_empty() { "nothing".to_owned() } else { named.join(" or ") }
    }
}

/// What the schema says of one place in an event.
#[derive(Debug)]
pub(crate) struct Node {
    /// The types allowed.
    pub(crate) types: Types,
    /// The schema is `false`: no value is right.
    pub(crate) never: bool,
    /// Null is right, whatever else the node says: the other branch of a union allows it.
    pub(crate) nullable: bool,
    /// The union that holds the rest of the node. Whatever fails below is reported as this keyword, here.
    pub(crate) union: Option<&'static str>,
    /// Draft 4: an integer is a number written as one.
    pub(crate) integers_as_written: bool,
    /// Of strings.
    pub(crate) strings: Vec<StringCheck>,
    /// Of numbers.
    pub(crate) numbers: Vec<NumberCheck>,
    /// Doubles within pass all of these.
    pub(crate) range: Option<RangeInclusive<f64>>,
    /// `enum` and `const`.
    pub(crate) values: Vec<ValueSet>,
    /// Of objects; None where any will do.
    pub(crate) object: Option<Box<ObjectNode>>,
    /// Of arrays; None where any will do.
    pub(crate) array: Option<Box<ArrayNode>>,
    /// Where values go.
    pub(crate) column: NodeColumn,
    /// Strings go into a column of times, so that reading one as a time checks `format: date-time`.
    pub(crate) moment: bool,
    /// Whether the schema says more of this place than the node does.
    pub(crate) partly: bool,
    /// Whether something is left to do once a value has been read whole.
    pub(crate) whole: bool,
}

impl Node {
    /// The node where everything is right.
    pub(crate) fn any() -> Self {
        Self {
            types: Types::ALL,
            never: false,
            nullable: false,
            union: None,
            integers_as_written: false,
            strings: Vec::new(),
            numbers: Vec::new(),
            range: None,
            values: Vec::new(),
            object: None,
            array: None,
            column: NodeColumn::None,
            moment: false,
            partly: false,
            whole: false,
        }
    }

    /// The types of the values that may be here, without null: what decides the column.
    pub(crate) fn kinds(&self) -> Types {
        let listed = self.values.iter().fold(Types::ALL, |types, set| types.and(set.types()));
        self.types.and(listed).without(Types::NULL)
    }

    /// Whether null is right here, as far as the node knows.
    pub(crate) fn takes_null(&self) -> bool {
        let listed = self.values.iter().all(ValueSet::has_null);
        self.nullable || !self.never && self.types.has(Types::NULL) && listed
    }
}

/// Where the values of a node go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeColumn {
    /// Into no column: the node lies within a JSON column or in `extra`.
    None,
    /// Into a column of its type.
    Typed(ColumnId),
    /// Into a JSON column, as its own bytes.
    Json(ColumnId),
}

impl NodeColumn {
    /// The column, if there is one.
    pub(crate) fn id(self) -> Option<ColumnId> {
        match self {
            Self::None => None,
            Self::Typed(id) | Self::Json(id) => Some(id),
        }
    }
}

/// What the schema says of an object.
#[derive(Debug, Default)]
pub(crate) struct ObjectNode {
    /// The members that it names, in the order of the schema.
    pub(crate) properties: Vec<Arc<Property>>,
    /// Position by name; empty where a scan is faster.
    pub(crate) index: HashMap<Box<str>, usize>,
    /// Members by pattern of their name; the first and only one.
    pub(crate) pattern: Option<(Delegate, Rest)>,
    /// All other members.
    pub(crate) rest: Rest,
    /// Of the names of all members.
    pub(crate) names: Vec<StringCheck>,
    /// Least and greatest number of members.
    pub(crate) count: Bounds,
}

/// A member that an object's schema names.
#[derive(Debug)]
pub(crate) struct Property {
    /// The name, unescaped.
    pub(crate) name: Box<str>,
    /// The name in the table as JSON, with its quotes.
    pub(crate) quoted: Box<str>,
    /// The same with a colon, as it most often stands in events.
    pub(crate) token: Token,
    /// Position among all properties of the plan.
    pub(crate) number: usize,
    /// Whether the object must have it.
    pub(crate) required: bool,
    /// The keyword by which the object may not have it.
    pub(crate) forbidden: Option<&'static str>,
    /// Where to note the place of the value, if a field of the event leads here.
    pub(crate) slot: Option<usize>,
    /// What it must be.
    pub(crate) node: Node,
}

/// What becomes of members that an object's schema doesn't name, or of items beyond those that an array's does.
#[derive(Debug, Default)]
pub(crate) enum Rest {
    /// Anything will do.
    #[default]
    Any,
    /// There may be none, by this keyword.
    Closed(&'static str),
    /// Each is checked.
    Checked(Box<Node>),
}

/// What the schema says of an array.
#[derive(Debug, Default)]
pub(crate) struct ArrayNode {
    /// The first items, one by one.
    pub(crate) prefix: Vec<Node>,
    /// All others.
    pub(crate) rest: Rest,
    /// Least and greatest number of items.
    pub(crate) count: Bounds,
    /// `uniqueItems`.
    pub(crate) unique: Option<Delegate>,
}

/// Least and greatest count; None for no bound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
}

impl Bounds {
    /// Both of two bounds hold.
    pub(crate) fn tighten(&mut self, min: Option<u64>, max: Option<u64>) {
        self.min = self.min.max(min);
        self.max = match (self.max, max) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
