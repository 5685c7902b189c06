//! The one form of a number, so that `1`, `1.0` and `1e0` are the same wherever numbers are compared by hash.

use super::number::{MAX_DIGITS, MAX_EXPONENT, SHORT};

/// The one form of a number, however it is written, without its sign; zero has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Canonical {
    /// An integer of at most 64 bits.
    Int(u64),
    /// Mantissa, not divisible by ten, and power of ten.
    Decimal(u64, i32),
    /// More than 19 digits: the digits, without zeros at either end, `e` and the power of ten.
    Long(String),
}

impl Canonical {
    /// The form of a mantissa times a power of ten: without trailing zeros, or an integer if 64 bits hold it.
    #[inline]
    pub(crate) fn of(mut mantissa: u64, mut exponent: i32) -> Self {
        if mantissa == 0 {
            return Self::Int(0);
        }
        if exponent > 0 {
            let whole =
                10_u64.checked_pow(exponent.unsigned_abs()).and_then(|scale| mantissa.checked_mul(scale));
            if let Some(whole) = whole {
                return Self::Int(whole);
            }
        }
        while mantissa.is_multiple_of(10) && exponent != 0 {
            mantissa /= 10;
            exponent += 1;
        }
        if exponent == 0 { Self::Int(mantissa) } else { Self::Decimal(mantissa, exponent) }
    }

    /// The form of a literal of any length whose digits, without the point, are to be taken by a power of ten.
    #[cold]
    pub(crate) fn of_digits(text: &str, exponent: i32) -> Self {
        let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let trimmed = digits.trim_end_matches('0');
        let exponent = exponent + i32::try_from(digits.len() - trimmed.len()).unwrap_or(MAX_EXPONENT);
        let significant = trimmed.trim_start_matches('0');
        let whole = (exponent >= 0).then(|| {
            let scale = 10_u128.checked_pow(exponent.unsigned_abs());
            significant.parse::<u128>().ok().zip(scale).and_then(|(digits, scale)| digits.checked_mul(scale))
        });
        if let Some(int) = whole.flatten().and_then(|int| u64::try_from(int).ok()) {
            return Self::Int(int);
        }
        match significant.parse::<u64>() {
            Ok(mantissa) if significant.len() <= MAX_DIGITS => Self::of(mantissa, exponent),
            _ if significant.is_empty() => Self::Int(0),
            _ => Self::Long(format!("{significant}e{exponent}")),
        }
    }

    /// Whether numbers of this form have bits of their own, as in [`Literal::short_bits`].
    pub(crate) fn is_short(&self) -> bool {
        match *self {
            Self::Int(int) if int <= 1 << 53 => true,
            Self::Int(mut int) => {
                while int.is_multiple_of(10) {
                    int /= 10;
                }
                int < SHORT
            }
            // Far from the ends of what a double holds, where it has all its digits.
            Self::Decimal(mantissa, exponent) => mantissa < SHORT && exponent.unsigned_abs() < 280,
            Self::Long(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::Literal;
    use super::Canonical;

    #[test]
    fn spellings_of_a_number_have_one_form() {
        for (spellings, form) in [
            (&["1", "1.0", "1e0", "10e-1", "0.1E+1", "1.00000000000000000000000"][..], Canonical::Int(1)),
            (&["0", "-0", "0.0", "0e99", "0.00000000000000000000"], Canonical::Int(0)),
            (&["100", "1e2", "100.0", "0.00000000000000000001e22"], Canonical::Int(100)),
            (&["12.5", "12.50", "1.25e1", "125e-1"], Canonical::Decimal(125, -1)),
            (&["18446744073709551615", "18446744073709551615.0"], Canonical::Int(u64::MAX)),
            (&["1e20", "100000000000000000000"], Canonical::Decimal(1, 20)),
            (
                &["123456789012345678901234567890", "12345678901234567890123456789e1"],
                Canonical::Long("12345678901234567890123456789e1".into()),
            ),
        ] {
            for text in spellings {
                assert_eq!(Literal::scan(text).unwrap().canonical(|| text), form, "{text}");
            }
        }
    }

    #[test]
    fn short_bits_depend_on_the_value_alone() {
        for text in [
            "1",
            "1.0",
            "100e-2",
            "12.5",
            "9007199254740992",
            "-0.0",
            "1e22",
            "123456789012345",
            "1e15",
            "1e-22",
        ] {
            let literal = Literal::scan(text).unwrap();
            assert!(literal.short_bits(1.0).is_some() && literal.canonical(|| text).is_short(), "{text}");
        }
        for text in [
            "9007199254740993",
            "1234567890123456.5",
            "0.12345678901234567",
            "123456789012345678901",
            "1e-300",
        ] {
            let literal = Literal::scan(text).unwrap();
            assert!(literal.short_bits(1.0).is_none() && !literal.canonical(|| text).is_short(), "{text}");
        }
    }
}
