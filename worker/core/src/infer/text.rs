//! The texts of one field: what all of them look like.

use jsonschema::Draft;
use serde_json::{Number, Value};
use transect_config::LocalTime;

use super::distinct::Few;
use super::number::Numbers;
use crate::cleanse::time::TimeReader;
use crate::decode::time::{RANGE, parse_rfc3339};
use crate::format::csv;
use crate::plan::delegate::Delegate;

/// Texts by which people say that a value is missing.
const CODES: [&str; 18] = [
    "", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "Null", "None", "none", "-", "--", ".", "?",
    "missing", "#N/A",
];

/// The formats of JSON Schema that are looked for, the narrower first.
const FORMATS: [&str; 6] = ["date-time", "date", "uuid", "ipv4", "email", "uri"];
const DATE_TIME: u32 = 0;

/// How people write times that are not RFC 3339; what fits several is the first.
pub(super) const TIMES: [&str; 17] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%Y%m%d",
];

/// What texts are held against.
pub(super) struct Formats {
    /// Those of [`FORMATS`] after the first.
    delegates: Vec<Option<Delegate>>,
    times: Vec<Option<TimeReader>>,
}

impl Formats {
    pub(super) fn new() -> Self {
        let delegate = |name: &&str| Delegate::keyword(Draft::Draft202012, "format", &Value::from(*name));
        let reader = |format: &&str| {
            let formats = [(*format).to_owned()];
            TimeReader::compile(&formats, "UTC", LocalTime::Reject, LocalTime::Reject).ok()
        };
        Self {
            delegates: FORMATS[1..].iter().map(delegate).collect(),
            times: TIMES.iter().map(reader).collect(),
        }
    }

    fn fits(&self, format: usize, text: &str, scratch: &mut Value) -> bool {
        match format {
            0 => parse_rfc3339(text.as_bytes()).is_some(),
            format => self.delegates[format - 1].as_ref().is_some_and(|d| d.accepts_text(text, scratch)),
        }
    }

    fn is_time(&self, time: usize, text: &str) -> bool {
        self.times[time].as_ref().is_some_and(|reader| reader.read(text).is_ok())
    }
}

/// The texts of one field.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) count: u64,
    /// How often each of [`CODES`] came; the others are plain.
    codes: [u64; CODES.len()],
    /// `true` and `false`, in any case.
    booleans: u64,
    /// Texts that are numbers, without codes such as `007`.
    pub(super) numbers: Numbers,
    pub(super) few: Few,
    /// The bits of those that all plain texts fit.
    formats: u32,
    times: u32,
    /// Whether all RFC 3339 times lie where event times may.
    in_range: bool,
    pub(super) bytes_max: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            count: 0,
            codes: [0; CODES.len()],
            booleans: 0,
            numbers: Numbers::default(),
            few: Few::default(),
            formats: (1 << FORMATS.len()) - 1,
            times: (1 << TIMES.len()) - 1,
            in_range: true,
            bytes_max: 0,
        }
    }
}

impl Texts {
    pub(super) fn take(&mut self, text: &str, formats: &Formats) {
        self.count += 1;
        self.few.take(text);
        self.bytes_max = self.bytes_max.max(text.len());
        if let Some(code) = CODES.iter().position(|code| *code == text) {
            self.codes[code] += 1;
            return;
        }
        self.booleans += u64::from(text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"));
        if let Some(number) = number(text) {
            self.numbers.take(&number);
        }
        let mut scratch = Value::Null;
        let fits = |format: &usize| formats.fits(*format, text, &mut scratch);
        self.formats = narrowed(self.formats, FORMATS.len(), fits);
        self.times = narrowed(self.times, TIMES.len(), |time| formats.is_time(*time, text));
        if self.formats & 1 << DATE_TIME != 0 {
            self.in_range &=
                parse_rfc3339(text.as_bytes()).is_some_and(|moment| RANGE.contains(&moment.micros));
        }
    }

    /// The number of texts that are no codes.
    pub(super) fn plain(&self) -> u64 {
        self.count - self.codes.iter().sum::<u64>()
    }

    /// The codes that came.
    pub(super) fn codes(&self) -> Vec<&'static str> {
        CODES.iter().zip(self.codes).filter(|(_, count)| *count > 0).map(|(code, _)| *code).collect()
    }

    pub(super) fn are_booleans(&self) -> bool {
        self.plain() > 0 && self.booleans == self.plain()
    }

    pub(super) fn are_numbers(&self) -> bool {
        self.plain() > 0 && self.numbers.count == self.plain()
    }

    /// The format that all plain texts have.
    pub(super) fn format(&self) -> Option<&'static str> {
        let found = FORMATS.iter().enumerate().find(|(at, _)| self.formats & 1 << at != 0);
        found.map(|(_, name)| *name).filter(|_| self.plain() > 0)
    }

    /// Whether all plain texts are RFC 3339 times that an event may have.
    pub(super) fn are_event_times(&self) -> bool {
        self.format() == Some(FORMATS[DATE_TIME as usize]) && self.in_range
    }

    /// The `strftime` words that read all plain texts.
    pub(super) fn times(&self) -> Option<&'static str> {
        let found = TIMES.iter().enumerate().find(|(at, _)| self.times & 1 << at != 0);
        found.map(|(_, words)| *words).filter(|_| self.plain() > 0)
    }
}

/// The bits that stay.
fn narrowed(bits: u32, count: usize, mut fits: impl FnMut(&usize) -> bool) -> u32 {
    let stay = (0..count).filter(|at| bits & 1 << at != 0).filter(|at| fits(at));
    stay.fold(0, |bits, at| bits | 1 << at)
}

/// A text that is a number, as CSV takes it where nothing else may stand. `007` is a code, of which the zeros count.
fn number(text: &str) -> Option<Number> {
    let digits = text.trim_start_matches(['+', '-']).as_bytes();
    if digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit() {
        return None;
    }
    let mut json = Vec::new();
    csv::write_number(text.as_bytes(), &mut json).then(|| serde_json::from_slice(&json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Texts {
        let (mut texts, formats) = (Texts::default(), Formats::new());
        values.iter().for_each(|value| texts.take(value, &formats));
        texts
    }

    #[test]
    fn a_format_is_that_of_all_but_the_codes() {
        for (values, format) in [
            (&["2026-01-31T12:00:00Z", "NA", "2026-01-31t12:00:00+01:00"][..], Some("date-time")),
            (&["2026-01-31", ""], Some("date")),
            (&["2026-01-31", "2026-02-30"], None),
            (&["123e4567-e89b-12d3-a456-426614174000"], Some("uuid")),
            (&["a@example.org"], Some("email")),
            (&["https://example.org/"], Some("uri")),
            (&["NA"], None),
        ] {
            assert_eq!(texts(values).format(), format, "{values:?}");
        }
    }

    #[test]
    fn all_ways_to_write_times_can_be_read() {
        assert!(Formats::new().times.iter().all(Option::is_some));
        assert!(Formats::new().delegates.iter().all(Option::is_some));
        for (value, words) in [
            ("2026-01-31 12:00:00", Some("%Y-%m-%d %H:%M:%S%.f")),
            ("2026-01-31T12:00:00.5+0100", Some("%Y-%m-%dT%H:%M:%S%.f%z")),
            ("31/01/2026 12:00", Some("%d/%m/%Y %H:%M")),
            ("01/31/2026 12:00", Some("%m/%d/%Y %H:%M")),
            ("20260131", Some("%Y%m%d")),
            ("1", None),
        ] {
            assert_eq!(texts(&[value]).times(), words, "{value}");
        }
    }

    #[test]
    fn numbers_are_as_cells_have_them_but_zeros_at_the_front_count() {
        assert!(texts(&["1", "+1", ".5", "5.", "-0.5", "0", "1e3"]).are_numbers());
        for text in ["007", "-01", "1,5", "1e999", "0x1"] {
            assert!(!texts(&[text]).are_numbers(), "{text}");
        }
    }
}
