//! Number literals of RFC 8259, read once into a form from which doubles, integers and exact decimals follow.

use super::canonical::Canonical;
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

/// So many decimal digits always fit a `u64`.
pub(super) const MAX_DIGITS: usize = 19;
/// Exponents saturate here, far beyond what a double or a `u64` reaches.
pub(super) const MAX_EXPONENT: i32 = 1_000_000;
/// Decimals of up to 15 digits are all different as doubles.
pub(super) const SHORT: u64 = 1_000_000_000_000_000;
/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

const ONES: u64 = 0x0101_0101_0101_0101;
/// What makes values of digits.
const ZEROS: u64 = ONES * b'0' as u64;
/// Powers of ten by the number of digits joined at once.
const SCALES: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

impl Literal {
    /// Reads the number at the start of the bytes; None if there is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let negative = bytes.first() == Some(&b'-');
        let first = usize::from(negative);
        let (mantissa, whole) = digits(bytes, first, 0);
        if whole == 0 || whole > 1 && bytes[first] == b'0' {
            return None;
        }
        let (len, exact) = (first + whole, whole <= MAX_DIGITS);
        let literal = Self { negative, mantissa, exponent: 0, exact, integer: true, len };
        match bytes.get(len) {
            Some(b'.' | b'e' | b'E') => literal.read_rest(bytes, whole),
            _ => Some(literal),
        }
    }

    /// Reads a number without exponent that ends within eight bytes, after its sign. None for any other, and where
    /// something is wrong. Most numbers are so short, and kept in registers throughout.
    #[inline(always)]
    pub(crate) fn read_short(bytes: u64, negative: bool) -> Option<Self> {
        const POINT: u64 = (b'.' ^ b'0') as u64;
        let word = bytes ^ ZEROS;
        let whole = count_digits(word);
        if whole == 0 || whole == 8 || whole > 1 && word & 0xff == 0 {
            return None;
        }
        let after = word >> (8 * whole);
        let point = after & 0xff == POINT;
        let (digits, total) = if point {
            // Without the point, the digits stand in a row; what comes in at the end is no digit.
            let low = (1 << (8 * whole)) - 1;
            let digits = word & low | (word >> 8 | 0xff << 56) & !low;
            (digits, count_digits(digits))
        } else {
            (word, whole)
        };
        let (places, len) = (total - whole, total + usize::from(point));
        // An `e` and an `E` differ in one bit.
        if point && places == 0 || len == 8 || bytes >> (8 * len) & 0xdf == u64::from(b'E') {
            return None;
        }
        let len = usize::from(negative) + len;
        // A fraction of zeros says nothing, and dividing it away takes longest of all.
        let fraction = digits >> (8 * whole) & ((1 << (8 * places)) - 1);
        let (digits, total, places) = if fraction == 0 { (word, whole, 0) } else { (digits, total, places) };
        let (mantissa, exponent) = (join(digits, total), -(places as i32));
        Some(Self { negative, mantissa, exponent, exact: true, integer: !point, len })
    }

    /// Reads fraction and exponent.
    #[inline]
    fn read_rest(mut self, bytes: &[u8], whole: usize) -> Option<Self> {
        self.integer = false;
        if bytes[self.len] == b'.' {
            let (mantissa, places) = digits(bytes, self.len + 1, self.mantissa);
            if places == 0 {
                return None;
            }
            self.mantissa = mantissa;
            self.exact = whole + places <= MAX_DIGITS;
            self.exponent = -i32::try_from(places).unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
            self.len += 1 + places;
        }
        match bytes.get(self.len) {
            Some(b'e' | b'E') => self.read_exponent(bytes),
            _ => Some(self),
        }
    }

    #[cold]
    fn read_exponent(mut self, bytes: &[u8]) -> Option<Self> {
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
        self.exponent += if negative { -exponent } else { exponent };
        (self.len > start).then_some(self)
    }

    /// What is wrong with bytes that are no number, and how many bytes in.
    #[cold]
    pub(crate) fn fault(bytes: &[u8]) -> (usize, &'static str) {
        let first = usize::from(bytes.first() == Some(&b'-'));
        match digits(bytes, first, 0).1 {
            0 if first == 0 => (0, "expected a value"),
            0 => (1, "a digit must follow the minus sign"),
            whole if whole > 1 && bytes[first] == b'0' => (first, "a number can't begin with 0 and a digit"),
            whole => {
                let point = first + whole;
                let places =
                    if bytes.get(point) == Some(&b'.') { digits(bytes, point + 1, 0).1 + 1 } else { 0 };
                if places == 1 {
                    return (point + 1, "a digit must follow the decimal point");
                }
                (point + places, "a digit must follow the exponent's mark")
            }
        }
    }

    /// Reads a whole text as a number.
    #[cfg(test)]
    pub(crate) fn scan(text: &str) -> Option<Self> {
        Self::read(text.as_bytes()).filter(|literal| literal.len == text.len())
    }

    /// The nearest double; `text` gives the literal's. None beyond the greatest. Short decimals by Clinger, "How to Read
    /// Floating Point Numbers Accurately" (1990): mantissa and power of ten are exact, so one operation rounds once.
    #[inline(always)]
    pub(crate) fn float<'t>(&self, text: impl FnOnce() -> &'t str) -> Option<f64> {
        let power = POWERS.get(self.exponent.unsigned_abs() as usize);
        let magnitude = match power {
            Some(power) if self.exact && self.mantissa <= 1 << 53 => {
                let mantissa = self.mantissa as f64;
                if self.exponent < 0 { mantissa / power } else { mantissa * power }
            }
            _ => return text().parse::<f64>().ok().filter(|float| float.is_finite()),
        };
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The number as JSON Schema compares it; None beyond the greatest double.
    #[inline(always)]
    pub(crate) fn num<'t>(&self, text: impl Fn() -> &'t str) -> Option<Num> {
        if self.integer {
            match (self.exact, self.negative) {
                (true, false) => return Some(Num::from_u64(self.mantissa)),
                // `-0` is a double, so that its sign is kept; beyond `i64` a double is all there is.
                (true, true) => {
                    if let Some(int) = 0_i64.checked_sub_unsigned(self.mantissa).filter(|int| *int != 0) {
                        return Some(Num::Int(int));
                    }
                }
                (false, false) => {
                    if let Ok(int) = text().parse() {
                        return Some(Num::from_u64(int));
                    }
                }
                (false, true) => {}
            }
        }
        self.float(text).map(Num::Float)
    }

    /// The exact value as an integer, if it is one of 64 bits.
    #[inline(always)]
    pub(crate) fn int<'t>(&self, text: impl FnOnce() -> &'t str) -> Option<i64> {
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

    /// A number that stands for the value, however it is spelled: the bits of a double, where those tell it from all
    /// others that are so short. None for longer ones; of them, [`Self::canonical`] is the one form.
    #[inline(always)]
    pub(crate) fn short_bits(&self, float: f64) -> Option<u64> {
        let short = self.exact
            && (self.exponent == 0 && self.mantissa <= 1 << 53
                || self.mantissa < SHORT && self.exponent.unsigned_abs() <= 22);
        // Adding zero takes the sign off a zero.
        short.then_some((float + 0.0).to_bits())
    }

    /// Whether it is written as an integer that no double holds exactly.
    #[inline(always)]
    pub(crate) fn is_inexact_integer(&self) -> bool {
        const MAX_SAFE: u64 = 1 << 53;
        self.integer
            && (!self.exact
                || self.mantissa > MAX_SAFE && self.mantissa as f64 as u128 != u128::from(self.mantissa))
    }

    /// The one form of the number's magnitude; `text` gives the literal's.
    #[inline]
    pub(crate) fn canonical<'t>(&self, text: impl FnOnce() -> &'t str) -> Canonical {
        if self.exact && self.exponent == 0 {
            return Canonical::Int(self.mantissa);
        }
        if self.exact {
            Canonical::of(self.mantissa, self.exponent)
        } else {
            Canonical::of_digits(text(), self.exponent)
        }
    }
}

/// The number of digits at the start of eight bytes, from which [`ZEROS`] have been taken.
#[inline]
fn count_digits(word: u64) -> usize {
    // The high bit of every byte that is no digit; the lowest one is always right.
    let marks = (word.wrapping_add(ONES * 0x76) | word) & (ONES * 0x80);
    (marks.trailing_zeros() / 8) as usize
}

/// The value of the first digits of eight bytes, from which [`ZEROS`] have been taken; at least one. By the method of
/// Lemire, "Number Parsing at a Gigabyte per Second" (2021).
#[inline]
fn join(word: u64, count: usize) -> u64 {
    // Zeros come before the digits, then neighbours are joined to twos, fours and eight.
    let word = word << (64 - 8 * count);
    let twos = word.wrapping_mul(10).wrapping_add(word >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100).wrapping_add(twos >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// Takes the digits from a position on into a mantissa, eight bytes at a time; also their number.
#[inline]
fn digits(bytes: &[u8], start: usize, mut mantissa: u64) -> (u64, usize) {
    let mut at = start;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk) ^ ZEROS;
        let count = count_digits(word);
        if count == 0 {
            return (mantissa, at - start);
        }
        mantissa = mantissa.wrapping_mul(SCALES[count]).wrapping_add(join(word, count));
        at += count;
        if count < 8 {
            return (mantissa, at - start);
        }
    }
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    (mantissa, at - start)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let float = Literal::scan(text).unwrap().float(|| text).unwrap();
            assert_eq!(float.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
        assert!(Literal::scan("1e309").unwrap().float(|| "1e309").is_none());
    }

    #[test]
    fn refuses_what_json_refuses() {
        for text in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1.e3"] {
            assert!(Literal::scan(text).is_none(), "{text}");
        }
        for (text, fault) in [
            ("-x", (1, "minus")),
            ("01", (0, "begin")),
            ("1.x", (2, "point")),
            ("1.5e+", (3, "exponent")),
            ("x", (0, "value")),
        ] {
            let (offset, message) = Literal::fault(text.as_bytes());
            assert!(offset == fault.0 && message.contains(fault.1), "{text}: {message} at {offset}");
        }
    }

    #[test]
    fn numbers_are_read_alike_wherever_the_text_ends() {
        let digits = "12345678901234567890123456789";
        for whole in 1..=19 {
            for places in 0..=9 {
                for tail in
                    ["", ",", "e", "}}}}}}}}", "/:;<=>?@", ".", "\u{80}\u{ff}\u{7ff}\u{fff}", " 123456789"]
                {
                    let fraction = if places > 0 { format!(".{}", &digits[..places]) } else { String::new() };
                    let number = format!("-{}{fraction}", &digits[..whole]);
                    let text = format!("{number}{tail}");
                    let read = Literal::read(text.as_bytes());
                    let after_sign = text.bytes().skip(1).chain([0; 8]).take(8).collect::<Vec<u8>>();
                    let word = u64::from_le_bytes(after_sign.try_into().unwrap());
                    if let Some(short) = Literal::read_short(word, true) {
                        assert_eq!(format!("{short:?}"), format!("{:?}", read.unwrap()), "{text}");
                    }
                    if tail == "e" || tail == "." && places == 0 {
                        assert!(read.is_none(), "{number}{tail}");
                        continue;
                    }
                    let read = read.unwrap();
                    assert_eq!((read.len, read.integer), (number.len(), places == 0), "{number}{tail}");
                    let expected: f64 = number.parse().unwrap();
                    assert_eq!(read.float(|| &number), Some(expected), "{number}{tail}");
                }
            }
        }
    }
}
