//! One value of a group or an aggregate, with an order of its own so that output is sorted and stable.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use siphasher::sip::SipHasher13;

/// A value. Within a column all are of one kind, or null.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(Float),
    /// Microseconds since 1970 UTC.
    Time(i64),
    Text(Box<str>),
}

/// A double that is a number, in the order of `f64::total_cmp` but with one zero.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Float(f64);

impl Float {
    pub(crate) fn new(value: f64) -> Self {
        // Minus zero plus zero is zero.
        Self(value + 0.0)
    }

    pub(crate) fn value(self) -> f64 {
        self.0
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Float {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Scalar {
    /// Appends bytes that are the same for equal values only: those of a column's view.
    pub(crate) fn write_key(&self, key: &mut Vec<u8>) {
        key.push(u8::from(*self != Self::Null));
        match self {
            Self::Null => {}
            Self::Bool(value) => key.push(u8::from(*value)),
            Self::Int(value) | Self::Time(value) => key.extend_from_slice(&value.to_le_bytes()),
            Self::Float(value) => key.extend_from_slice(&value.0.to_le_bytes()),
            Self::Text(text) => {
                key.extend_from_slice(&(text.len() as u32).to_le_bytes());
                key.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// The value in JSON; times as RFC 3339.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            Self::Float(value) => Value::from(value.0),
            Self::Time(micros) => Value::from(rfc3339(*micros)),
            Self::Text(text) => Value::from(&**text),
        }
    }

    /// A hash that is the same in every build: sketches of distinct values are merged across them. An integer has that of the
    /// double that equals it, so that a column may be widened from one to the other.
    pub(crate) fn stable_hash(&self) -> u64 {
        let mut hasher = SipHasher13::new();
        match self {
            Self::Null => hasher.write_u8(0),
            Self::Bool(value) => hasher.write_u8(1 + u8::from(*value)),
            Self::Int(value) if *value as f64 as i64 == *value => {
                hasher.write(&Float::new(*value as f64).0.to_le_bytes());
            }
            Self::Int(value) | Self::Time(value) => hasher.write(&value.to_le_bytes()),
            Self::Float(value) => hasher.write(&value.0.to_le_bytes()),
            Self::Text(text) => hasher.write(text.as_bytes()),
        }
        hasher.finish()
    }
}

/// A time, given in microseconds since 1970 UTC, as RFC 3339.
pub(crate) fn rfc3339(micros: i64) -> String {
    Timestamp::from_microsecond(micros).unwrap_or_default().to_string()
}
