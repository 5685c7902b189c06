//! Points in time as text and as numbers, to microseconds since 1970 UTC.

use transect_config::TimeFormat;

use super::canonical::Canonical;
use super::number::Literal;

/// The times that columns and event times hold: from the year 1 on, and until the last one whose local time has a year
/// of four digits at every offset (9999-12-30T22:00:00Z). Tools that read tables hold no others.
pub(crate) const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_207_200_000_000;

/// A point in time that was read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since 1970 UTC; finer digits are cut off, a leap second counts as the second after it.
    pub(crate) micros: i64,
    /// Whether digits finer than a microsecond were lost.
    pub(crate) truncated: bool,
    /// Whether it lies in a leap second, which the count of microseconds has no place for.
    pub(crate) leap: bool,
}

impl Moment {
    /// The microseconds, if a column of times can say what the text said, to the microsecond.
    pub(crate) fn in_column(&self) -> Option<i64> {
        Some(self.micros).filter(|micros| !self.leap && RANGE.contains(micros))
    }
}

/// Reads RFC 3339 `date-time`: `2026-01-31T12:00:00.5+01:00`. Takes exactly what the `jsonschema` crate takes for that
/// format: any number of fraction digits, `t` and `z` in lower case, and second 60 only at 23:59 UTC.
pub(crate) fn parse_rfc3339(text: &[u8]) -> Option<Moment> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't', h1, h2, b':', n1, n2, b':', s1, s2] = *head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    if day == 0 || day > days_in(year, month)? || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, truncated, rest) = fraction(rest)?;
    let offset = offset_minutes(rest)?;
    let minutes = days_since_1970(year, month, day) * 1440 + hour * 60 + minute - offset;
    if second == 60 && minutes.rem_euclid(1440) != 1439 {
        return None;
    }
    let micros = (minutes * 60 + second) * 1_000_000 + fraction;
    Some(Moment { micros, truncated, leap: second == 60 })
}

/// Two ASCII digits as a number.
#[inline]
fn two(a: u8, b: u8) -> Option<i64> {
    let (a, b) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
    (a <= 9 && b <= 9).then(|| i64::from(a) * 10 + i64::from(b))
}

/// The fraction of a second, if there is one, in microseconds; whether digits were cut off; and what follows.
#[inline]
fn fraction(text: &[u8]) -> Option<(i64, bool, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else { return Some((0, false, text)) };
    let (mut micros, mut unit, mut truncated, mut count) = (0, 100_000, false, 0);
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let digit = i64::from(digit - b'0');
        micros += digit * unit;
        truncated |= unit == 0 && digit != 0;
        unit /= 10;
        count += 1;
    }
    (count > 0).then(|| (micros, truncated, &digits[count..]))
}

/// The offset from UTC: `Z`, `+01:00`, `-05:30`.
#[inline]
fn offset_minutes(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            let offset = (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)?;
            Some(if sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    })
}

/// Days in the proleptic Gregorian calendar, by Hinnant, "chrono-Compatible Low-Level Date Algorithms", for years from 0.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A number of seconds, milliseconds or microseconds since 1970 UTC, as microseconds; finer digits are cut off towards
/// the past. None where the format is text or the number leaves `i64`.
pub(crate) fn from_number(number: &Literal, text: &str, format: TimeFormat) -> Option<i64> {
    let scale = match format {
        TimeFormat::Rfc3339 => return None,
        TimeFormat::UnixSeconds => 6,
        TimeFormat::UnixMillis => 3,
        TimeFormat::UnixMicros => 0,
    };
    let (magnitude, exponent) = match number.canonical(|| text) {
        Canonical::Int(magnitude) => (magnitude, 0),
        Canonical::Decimal(mantissa, exponent) => (mantissa, exponent),
        Canonical::Long(_) => return None,
    };
    let shift = i64::from(exponent) + scale;
    let magnitude = i128::from(magnitude);
    let signed = if number.negative { -magnitude } else { magnitude };
    let micros = if shift >= 0 {
        signed.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?)?
    } else {
        // A divisor beyond 128 bits leaves nothing of 64 bits but the sign.
        let divisor = u32::try_from(-shift).ok().and_then(|places| 10_i128.checked_pow(places));
        divisor.map_or(if signed < 0 { -1 } else { 0 }, |divisor| signed.div_euclid(divisor))
    };
    i64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        parse_rfc3339(text.as_bytes()).map(|moment| moment.micros)
    }

    #[test]
    fn reads_rfc_3339() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696_000_000),
            ("2013-01-01t05:15:00z", 1_357_017_300_000_000),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T18:30:00-05:30", 0),
            ("1969-12-31T23:59:59.5Z", -500_000),
            ("1970-01-01T00:00:00.1234567Z", 123_456),
            ("0000-03-01T00:00:00Z", -62_162_035_200_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("2017-01-01T00:59:60+01:00", 1_483_228_800_000_000),
        ] {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_rfc_3339_refuses() {
        for text in [
            "",
            "2013-01-01",
            "2013-01-01T05:15:00",
            "2013-01-01 05:15:00Z",
            "2013-13-01T05:15:00Z",
            "2013-02-29T05:15:00Z",
            "1900-02-29T05:15:00Z",
            "2013-01-00T05:15:00Z",
            "2013-01-01T24:00:00Z",
            "2013-01-01T05:15:60Z",
            "2013-01-01T05:15:00.Z",
            "2013-01-01T05:15:00+24:00",
            "2013-01-01T05:15:00+0100",
            "2013-01-01T05:15:00Zz",
            "2013-01-01T05:15:0\u{663}Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn reads_numbers_exactly() {
        let read = |text: &str, format| from_number(&Literal::scan(text).unwrap(), text, format);
        for (text, format, expected) in [
            ("1700000000.123456", TimeFormat::UnixSeconds, Some(1_700_000_000_123_456)),
            ("-0.5", TimeFormat::UnixSeconds, Some(-500_000)),
            ("-0.0000001", TimeFormat::UnixSeconds, Some(-1)),
            ("1.7e9", TimeFormat::UnixSeconds, Some(1_700_000_000_000_000)),
            ("1700000000123", TimeFormat::UnixMillis, Some(1_700_000_000_123_000)),
            ("7", TimeFormat::UnixMicros, Some(7)),
            ("1e-400", TimeFormat::UnixMicros, Some(0)),
            ("1e300", TimeFormat::UnixSeconds, None),
        ] {
            assert_eq!(read(text, format), expected, "{text}");
        }
    }
}
