//! Numbers as JSON Schema compares them: exactly, whether written as integers or not.
//!
//! A number that an `i64` or a `u64` holds and that is written without fraction or exponent is an integer; every
//! other one is the nearest double. That is what `serde_json` reads, and so what the `jsonschema` crate sees.

use std::cmp::Ordering;

/// A number of an event or of a schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Num {
    /// Within `i64` or `u64`.
    Int(i128),
    /// Finite.
    Float(f64),
}

impl Num {
    /// The same number as read by `serde_json`.
    pub(crate) fn from_json(number: &serde_json::Number) -> Self {
        let int = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        match int {
            Some(int) => Self::Int(int),
            // Without `arbitrary_precision` every number that is no integer is a double.
            None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// As a value that the `jsonschema` crate can check.
    pub(crate) fn to_json(self) -> serde_json::Value {
        match self {
            Self::Int(int) => match i64::try_from(int) {
                Ok(int) => int.into(),
                Err(_) => u64::try_from(int).map_or(serde_json::Value::Null, Into::into),
            },
            Self::Float(float) => float.into(),
        }
    }

    /// The nearest double.
    #[inline]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            // By way of 64 bits, which processors convert themselves.
            Self::Int(int) => i64::try_from(int).map_or(int as f64, |int| int as f64),
            Self::Float(float) => float,
        }
    }

    /// Exact order, without rounding either side.
    pub(crate) fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Int(a), Self::Float(b)) => order_mixed(a, b),
            (Self::Float(a), Self::Int(b)) => order_mixed(b, a).reverse(),
        }
    }

    /// Whether JSON Schema calls it an integer: from draft 6 on `1.0` is one, in draft 4 only what is written as one.
    /// A double beyond 64 bits counts in both.
    pub(crate) fn is_integer(self, as_written: bool) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(float) if as_written => float.abs() >= TWO_63,
            Self::Float(float) => float.fract() == 0.0,
        }
    }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// Orders an integer of at most 65 bits against a double. Truncation is exact there, so only the fraction is left.
fn order_mixed(int: i128, float: f64) -> Ordering {
    const BEYOND: f64 = 36_893_488_147_419_103_232.0;
    if float >= BEYOND {
        return Ordering::Less;
    }
    if float <= -BEYOND {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    int.cmp(&(whole as i128)).then_with(|| whole.partial_cmp(&float).unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_integers_and_doubles_exactly() {
        let two_53 = 9_007_199_254_740_992_i128;
        for (int, float, order) in [
            (1, 1.0, Ordering::Equal),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
            (0, 5e-324, Ordering::Less),
            (two_53 + 1, two_53 as f64, Ordering::Greater),
            (i128::from(u64::MAX), 18_446_744_073_709_551_616.0, Ordering::Less),
            (i128::from(i64::MIN), -TWO_63, Ordering::Equal),
            (i128::from(i64::MIN), -1e300, Ordering::Greater),
        ] {
            assert_eq!(Num::Int(int).order(Num::Float(float)), order, "{int} against {float}");
            assert_eq!(Num::Float(float).order(Num::Int(int)), order.reverse(), "{float} against {int}");
        }
    }
}
