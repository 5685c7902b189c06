//! Lengths of time as Go writes them (`168h`, `1m30s`), which Kubernetes' CEL understands too.
//! Non-negative, to the microsecond.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A non-negative length of time in whole microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    micros: i64,
}

/// Why a text is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration; write a number and a unit such as `30s`, `5m`, `168h` or `1h30m`")]
pub struct SpanError(String);

const UNITS: [(&str, f64); 7] =
    [("ns", 0.001), ("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6), ("h", 3600e6)];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self { micros: 0 };

    /// A span of so many microseconds; negative values become zero.
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros: if micros < 0 { 0 } else { micros } }
    }

    /// A span of so many seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds * 1_000_000)
    }

    /// A span of so many hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_micros(hours * 3_600_000_000)
    }

    /// Its length in microseconds.
    pub const fn micros(self) -> i64 {
        self.micros
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let fail = || SpanError(text.to_owned());
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = text;
        let mut micros = 0.0f64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(fail)?;
            let number: f64 = rest[..digits].parse().map_err(|_| fail())?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
            let unit = UNITS.iter().find(|(name, _)| *name == &rest[..letters]).ok_or_else(fail)?;
            micros += number * unit.1;
            rest = &rest[letters..];
        }
        // i64 holds 292,000 years of microseconds; Go's own limit is 292 years.
        if text.is_empty() || micros > 292.0 * 366.0 * 24.0 * 3600e6 {
            return Err(fail());
        }
        Ok(Self { micros: micros.round() as i64 })
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.micros;
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in
            [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1)]
        {
            if left >= size {
                write!(f, "{}{unit}", left / size)?;
                left %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_writes() {
        for (text, micros) in [
            ("0", 0),
            ("0s", 0),
            ("30s", 30_000_000),
            ("1h30m", 5_400_000_000),
            ("1.5h", 5_400_000_000),
            ("250ms", 250_000),
            ("168h", 604_800_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Span { micros }), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in ["", "5", "h", "-1s", "5 m", "1d", "1.2.3s", "9999999h"] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["0s", "30s", "1h30m", "250ms", "168h", "1h1m1s1ms1us"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
