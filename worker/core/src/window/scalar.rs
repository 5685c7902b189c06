//! One value of a group or an aggregate, with an order of its own so that output is sorted and stable.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// A value. Within a column all are of one kind, or null.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Scalar {
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
pub(super) struct Float(f64);

impl Float {
    pub(super) fn new(value: f64) -> Self {
        // Minus zero plus zero is zero.
        Self(value + 0.0)
    }

    pub(super) fn value(self) -> f64 {
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
    /// A hash that is the same in every build: sketches of distinct values are merged across them. An integer has that of the
    /// double that equals it, so that a column may be widened from one to the other.
    pub(super) fn stable_hash(&self) -> u64 {
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
