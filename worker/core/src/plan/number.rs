//! Numbers as JSON Schema compares them: exactly, whether written as integers or not.
//!
//! A number that an `i64` or a `u64` holds and that is written without fraction or exponent is an integer; every
//! other one is the nearest double. That is what `serde_json` reads, and so what the `jsonschema` crate sees.

use std::cmp::Ordering;

/// A number of an event or of a schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Num {
    /// Within `i64`.
    Int(i64),
    /// Beyond `i64`, but within `u64`.
    Big(u64),
    /// Finite.
    Float(f64),
}

impl Num {
    /// The same number as read by `serde_json`.
    pub(crate) fn from_json(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Self::Int(int),
            (None, Some(int)) => Self::Big(int),
            // Without `arbitrary_precision` every number that is no integer is a double.
            (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// An integer of 64 bits.
    #[inline(always)]
    pub(crate) fn from_u64(int: u64) -> Self {
        i64::try_from(int).map_or(Self::Big(int), Self::Int)
    }

    /// As a value that the `jsonschema` crate can check.
    pub(crate) fn to_json(self) -> serde_json::Value {
        match self {
            Self::Int(int) => int.into(),
            Self::Big(int) => int.into(),
            Self::Float(float) => float.into(),
        }
    }

    /// The nearest double.
    #[inline(always)]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Big(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    /// The double that is this very number, if that is plain to see.
    #[inline(always)]
    pub(crate) fn exact_f64(self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(float),
            Self::Int(int) if is_exact(int) => Some(int as f64),
            _ => None,
        }
    }

    /// Exact order, without rounding either side.
    #[inline]
    pub(crate) fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => order_floats(a, b),
            (Self::Int(a), Self::Float(b)) if is_exact(a) => order_floats(a as f64, b),
            (Self::Float(a), Self::Int(b)) if is_exact(b) => order_floats(a, b as f64),
            (Self::Float(a), b) => order_mixed(b.to_i128(), a).reverse(),
            (a, Self::Float(b)) => order_mixed(a.to_i128(), b),
            (a, b) => a.to_i128().cmp(&b.to_i128()),
        }
    }

    /// An integer, wide; of a double its whole part.
    fn to_i128(self) -> i128 {
        match self {
            Self::Int(int) => int.into(),
            Self::Big(int) => int.into(),
            Self::Float(float) => float as i128,
        }
    }

    /// Whether JSON Schema calls it an integer: from draft 6 on `1.0` is one, in draft 4 only what is written as one.
    /// A double beyond 64 bits counts in both.
    #[inline(always)]
    pub(crate) fn is_integer(self, as_written: bool) -> bool {
        match self {
            Self::Int(_) | Self::Big(_) => true,
            Self::Float(float) if float.abs() >= TWO_63 => true,
            // Conversion cuts the fraction off; one that isn't there is not missed.
            Self::Float(float) => !as_written && float as i64 as f64 == float,
        }
    }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// Whether a double holds an integer exactly, whatever its last digits.
#[inline]
fn is_exact(int: i64) -> bool {
    int.unsigned_abs() <= 1 << 53
}

#[inline]
fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Orders an integer of at most 65 bits against a double. Truncation is exact there, so only the fraction is left.
#[cold]
fn order_mixed(int: i128, float: f64) -> Ordering {
    const BEYOND: f64 = 36_893_488_147_419_103_232.0;
    if float >= BEYOND {
        return Ordering::Less;
    }
    if float <= -BEYOND {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    int.cmp(&(whole as i128)).then_with(|| order_floats(whole, float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_integers_and_doubles_exactly() {
        let two_53 = 9_007_199_254_740_992_i64;
        for (int, float, order) in [
            (1, 1.0, Ordering::Equal),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
            (0, 5e-324, Ordering::Less),
            (two_53 + 1, two_53 as f64, Ordering::Greater),
            (i64::MAX, TWO_63, Ordering::Less),
            (i64::MIN, -TWO_63, Ordering::Equal),
            (i64::MIN, -1e300, Ordering::Greater),
        ] {
            assert_eq!(Num::Int(int).order(Num::Float(float)), order, "{int} against {float}");
            assert_eq!(Num::Float(float).order(Num::Int(int)), order.reverse(), "{float} against {int}");
        }
        assert_eq!(Num::Big(u64::MAX).order(Num::Float(18_446_744_073_709_551_616.0)), Ordering::Less);
        assert_eq!(Num::Int(-1).order(Num::Big(u64::MAX)), Ordering::Less);
        assert_eq!(Num::Big(u64::MAX).order(Num::Big(u64::MAX)), Ordering::Equal);
    }
}
