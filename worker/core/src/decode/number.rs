//! Number literals of RFC 8259, read once into a form from which doubles, integers and exact decimals follow.

use crate::plan::number::Num;

/// A number as it stands in the text. Its value is ±`mantissa` × 10^`exponent` where `exact`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Literal {
    pub(crate) negative: bool,
    mantissa: u64,
    exponent: i32,
    /// Whether the mantissa holds all digits.
    exact: bool,
    /// Whether it is written without fraction and exponent.
    integer: bool,
    /// Number of bytes.
    pub(crate) len: usize,
}

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

/// So many decimal digits always fit a `u64`.
const MAX_DIGITS: usize = 19;
/// Exponents saturate here, far beyond what a double or a `u64` reaches.
const MAX_EXPONENT: i32 = 1_000_000;
/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

impl Literal {
    /// Reads the number at the start of the bytes; an error says what is wrong, and how many bytes in.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, (usize, &'static str)> {
        let negative = bytes.first() == Some(&b'-');
        let first = usize::from(negative);
        let mut literal = Self { negative, mantissa: 0, exponent: 0, exact: true, integer: true, len: first };
        let whole = literal.digits(bytes);
        match (whole, bytes.get(first)) {
            (0, _) if negative => return Err((first, "a digit must follow the minus sign")),
            (0, _) => return Err((first, "expected a value")),
            (2.., Some(b'0')) => return Err((first, "a number can't begin with 0 and a digit")),
            _ => {}
        }
        let mut digits = whole;
        if bytes.get(literal.len) == Some(&b'.') {
            literal.len += 1;
            literal.integer = false;
            let places = literal.digits(bytes);
            if places == 0 {
                return Err((literal.len, "a digit must follow the decimal point"));
            }
            digits += places;
            literal.exponent = -i32::try_from(places).unwrap_or(i32::MAX).min(MAX_EXPONENT);
        }
        literal.exact = digits <= MAX_DIGITS;
        if let Some(b'e' | b'E') = bytes.get(literal.len) {
            literal.read_exponent(bytes)?;
        }
        Ok(literal)
    }

    /// Reads a whole text as a number.
    #[cfg(test)]
    pub(crate) fn scan(text: &str) -> Option<Self> {
        Self::read(text.as_bytes()).ok().filter(|literal| literal.len == text.len())
    }

    /// Takes digits into the mantissa; returns their number.
    #[inline]
    fn digits(&mut self, bytes: &[u8]) -> usize {
        let start = self.len;
        while let Some(byte) = bytes.get(self.len) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            self.mantissa = self.mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.len += 1;
        }
        self.len - start
    }

    #[cold]
    fn read_exponent(&mut self, bytes: &[u8]) -> Result<(), (usize, &'static str)> {
        self.integer = false;
        self.len += 1;
        let negative = bytes.get(self.len) == Some(&b'-');
        if let Some(b'+' | b'-') = bytes.get(self.len) {
            self.len += 1;
        }
        let (start, mut exponent) = (self.len, 0_i32);
        while let Some(digit @ b'0'..=b'9') = bytes.get(self.len) {
            exponent = (exponent * 10 + i32::from(digit - b'0')).min(MAX_EXPONENT);
            self.len += 1;
        }
        if self.len == start {
            return Err((self.len, "a digit must follow the exponent's mark"));
        }
        self.exponent += if negative { -exponent } else { exponent };
        Ok(())
    }

    /// The nearest double; `text` is the literal's. None beyond the greatest. Short decimals by Clinger, "How to Read
    /// Floating Point Numbers Accurately" (1990): mantissa and power of ten are exact, so one operation rounds once.
    #[inline]
    pub(crate) fn float(&self, text: &str) -> Option<f64> {
        let power = POWERS.get(self.exponent.unsigned_abs() as usize);
        let magnitude = match power {
            Some(power) if self.exact && self.mantissa <= 1 << 53 => {
                let mantissa = self.mantissa as f64;
                if self.exponent < 0 { mantissa / power } else { mantissa * power }
            }
            _ => return text.parse::<f64>().ok().filter(|float| float.is_finite()),
        };
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The number as JSON Schema compares it; None beyond the greatest double.
    #[inline]
    pub(crate) fn num(&self, text: &str) -> Option<Num> {
        if self.integer {
            let int = i128::from(self.mantissa);
            match (self.exact, self.negative) {
                (true, false) => return Some(Num::Int(int)),
                // `-0` is a double, so that its sign is kept; beyond `i64` a double is all there is.
                (true, true) if (1..=1 << 63).contains(&self.mantissa) => return Some(Num::Int(-int)),
                (false, false) => {
                    if let Ok(int) = text.parse::<u64>() {
                        return Some(Num::Int(i128::from(int)));
                    }
                }
                _ => {}
            }
        }
        self.float(text).map(Num::Float)
    }

    /// The exact value as an integer, if it is one of 64 bits.
    #[inline]
    pub(crate) fn int(&self, text: &str) -> Option<i64> {
        let magnitude = if self.integer && self.exact {
            self.mantissa
        } else {
            match self.canonical(text) {
                Canonical::Int(magnitude) => magnitude,
                _ => return None,
            }
        };
        if self.negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    }

    /// Whether it is written as an integer that no double holds exactly.
    #[inline]
    pub(crate) fn is_inexact_integer(&self) -> bool {
        const MAX_SAFE: u64 = 1 << 53;
        self.integer
            && (!self.exact
                || self.mantissa > MAX_SAFE && self.mantissa as f64 as u128 != u128::from(self.mantissa))
    }

    /// The one form of the number's magnitude; `text` is the literal's.
    #[inline]
    pub(crate) fn canonical(&self, text: &str) -> Canonical {
        if self.exact && self.exponent == 0 {
            return Canonical::Int(self.mantissa);
        }
        if self.exact { reduce(self.mantissa, self.exponent) } else { self.canonical_long(text) }
    }

    #[cold]
    fn canonical_long(&self, text: &str) -> Canonical {
        let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let trimmed = digits.trim_end_matches('0');
        let exponent = self.exponent + i32::try_from(digits.len() - trimmed.len()).unwrap_or(MAX_EXPONENT);
        let significant = trimmed.trim_start_matches('0');
        let whole = (exponent >= 0).then(|| {
            let scale = 10_u128.checked_pow(exponent.unsigned_abs());
            significant.parse::<u128>().ok().zip(scale).and_then(|(digits, scale)| digits.checked_mul(scale))
        });
        if let Some(int) = whole.flatten().and_then(|int| u64::try_from(int).ok()) {
            return Canonical::Int(int);
        }
        match significant.parse::<u64>() {
            Ok(mantissa) if significant.len() <= MAX_DIGITS => reduce(mantissa, exponent),
            _ if significant.is_empty() => Canonical::Int(0),
            _ => Canonical::Long(format!("{significant}e{exponent}")),
        }
    }
}

/// Takes trailing zeros off the mantissa; an integer of 64 bits is written out.
fn reduce(mut mantissa: u64, mut exponent: i32) -> Canonical {
    if mantissa == 0 {
        return Canonical::Int(0);
    }
    if exponent > 0 {
        let whole = 10_u64.checked_pow(exponent.unsigned_abs()).and_then(|scale| mantissa.checked_mul(scale));
        if let Some(whole) = whole {
            return Canonical::Int(whole);
        }
    }
    while mantissa.is_multiple_of(10) && exponent != 0 {
        mantissa /= 10;
        exponent += 1;
    }
    if exponent == 0 { Canonical::Int(mantissa) } else { Canonical::Decimal(mantissa, exponent) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                assert_eq!(Literal::scan(text).unwrap().canonical(text), form, "{text}");
            }
        }
    }

    #[test]
    fn doubles_are_those_of_the_standard_library() {
        for text in [
            "0.1",
            "-0.0",
            "9007199254740993",
            "1.7976931348623157e308",
            "5e-324",
            "1e22",
            "1e23",
            "123456.789e-10",
            "0.30000000000000004",
        ] {
            let float = Literal::scan(text).unwrap().float(text).unwrap();
            assert_eq!(float.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
        assert!(Literal::scan("1e309").unwrap().float("1e309").is_none());
    }

    #[test]
    fn refuses_what_json_refuses() {
        for text in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1.e3"] {
            assert!(Literal::scan(text).is_none(), "{text}");
        }
    }
}
