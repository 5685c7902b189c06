//! Times and lengths of time as rules see them: in UTC, by the Gregorian calendar.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use transect_config::Span;

use crate::decode::time::parse_rfc3339;

/// A part of a time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    /// From 0.
    Month,
    /// Day of the month, from 1.
    Date,
    /// From 0.
    DayOfMonth,
    /// Sunday is 0.
    DayOfWeek,
    /// From 0.
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Part {
    /// The part of a time in microseconds since 1970 UTC.
    pub(super) fn of(self, micros: i64) -> f64 {
        // Columns hold the years 1 to 9999; what a rule computes beyond stays at the ends of jiff's own range.
        let bound = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let time = TimeZone::UTC.to_datetime(Timestamp::from_microsecond(micros).unwrap_or(bound));
        match self {
            Self::Year => f64::from(time.year()),
            Self::Month => f64::from(time.month() - 1),
            Self::Date => f64::from(time.day()),
            Self::DayOfMonth => f64::from(time.day() - 1),
            Self::DayOfWeek => f64::from(time.weekday().to_sunday_zero_offset()),
            Self::DayOfYear => f64::from(time.day_of_year() - 1),
            Self::Hours => f64::from(time.hour()),
            Self::Minutes => f64::from(time.minute()),
            Self::Seconds => f64::from(time.second()),
            Self::Milliseconds => f64::from(time.millisecond()),
        }
    }
}

/// A unit in which a length of time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Unit {
    /// The number of whole units in so many microseconds.
    pub(super) fn count(self, micros: i64) -> f64 {
        let unit = match self {
            Self::Hours => 3_600_000_000,
            Self::Minutes => 60_000_000,
            Self::Seconds => 1_000_000,
            Self::Milliseconds => 1_000,
        };
        (micros / unit) as f64
    }
}

/// The part of a time and, where there is one, the count of a length of time that a function gives.
pub(super) fn function(name: &str) -> Option<(Part, Option<Unit>)> {
    Some(match name {
        "getFullYear" => (Part::Year, None),
        "getMonth" => (Part::Month, None),
        "getDate" => (Part::Date, None),
        "getDayOfMonth" => (Part::DayOfMonth, None),
        "getDayOfWeek" => (Part::DayOfWeek, None),
        "getDayOfYear" => (Part::DayOfYear, None),
        "getHours" => (Part::Hours, Some(Unit::Hours)),
        "getMinutes" => (Part::Minutes, Some(Unit::Minutes)),
        "getSeconds" => (Part::Seconds, Some(Unit::Seconds)),
        "getMilliseconds" => (Part::Milliseconds, Some(Unit::Milliseconds)),
        _ => return None,
    })
}

/// Microseconds since 1970 UTC of an RFC 3339 time; finer digits are cut off.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    parse_rfc3339(text.as_bytes()).map(|moment| moment.micros)
}

/// Microseconds of a length of time as Go writes it, which may be negative.
pub(super) fn duration(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(positive) => positive.parse().ok().map(|span: Span| -span.micros()),
        None => text.parse().ok().map(Span::micros),
    }
}
