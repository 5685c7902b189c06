//! Times in words, and where on an axis to write them. All in UTC, microseconds since 1970.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Distances of marks on an axis of less than some months.
const STEPS: [i64; 20] = [
    1_000_000,
    5_000_000,
    15_000_000,
    30_000_000,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    56 * DAY,
];

/// Distances of marks on longer ones, in months.
const MONTHS: [i64; 13] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 1200, 12_000, 24_000, 60_000];

/// Now, in words.
pub(super) fn now() -> String {
    moment(Timestamp::now().as_microsecond())
}

/// `31 Jan 2018, 14:05 UTC`.
pub(super) fn moment(micros: i64) -> String {
    format(micros, "%-d %b %Y, %H:%M UTC")
}

/// `2018-01-31 14:05`, for columns of tables.
pub(super) fn sortable(micros: i64) -> String {
    format(micros, "%Y-%m-%d %H:%M:%S").trim_end_matches(":00").to_owned()
}

/// From one to the other: `31 Jan 2018, 14:05 to 7 Feb 2018, 01:40 UTC`.
pub(super) fn span(first: i64, last: i64) -> String {
    format!("{} to {}", format(first, "%-d %b %Y, %H:%M"), moment(last))
}

/// A length of time in words: `2 hours`.
pub(super) fn length(micros: i64) -> String {
    let units = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1_000_000, "second")];
    let (unit, word) =
        units.into_iter().find(|(unit, _)| micros % unit == 0).unwrap_or((1_000_000, "second"));
    match micros / unit {
        1 => word.to_owned(),
        n => format!("{n}\u{a0}{word}s"),
    }
}

fn format(micros: i64, format: &str) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(time) => time.strftime(format).to_string(),
        Err(_) => format!("{micros} µs"),
    }
}

/// A mark on an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) at: i64,
    pub(super) text: String,
}

/// At most so many marks between two times, at round ones.
pub(super) fn marks(first: i64, last: i64, most: usize) -> Vec<Mark> {
    let count = |step: i64| last.div_euclid(step).saturating_sub(first.saturating_sub(1).div_euclid(step));
    match STEPS.into_iter().find(|step| count(*step) <= most as i64) {
        Some(step) => by_step(first, last, step),
        None => by_months(first, last, most),
    }
}

fn by_step(first: i64, last: i64, step: i64) -> Vec<Mark> {
    let begin = first.saturating_sub(1).div_euclid(step) + 1;
    let all = (begin..).map(|n| n * step).take_while(|at| *at <= last);
    let text = |(nth, at): (usize, i64)| {
        let words = match () {
            () if step >= DAY => "%-d %b",
            () if nth == 0 || at % DAY == 0 => "%-d %b %H:%M",
            () if step >= MINUTE => "%H:%M",
            () => "%H:%M:%S",
        };
        Mark { at, text: format(at, words) }
    };
    all.enumerate().map(text).collect()
}

fn by_months(first: i64, last: i64, most: usize) -> Vec<Mark> {
    let date_of =
        |micros| Timestamp::from_microsecond(micros).map(|time| TimeZone::UTC.to_datetime(time).date());
    let (Ok(from), Ok(to)) = (date_of(first), date_of(last)) else { return Vec::new() };
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
    let (from, to) = (months(from), months(to));
    let count = |step: i64| to.div_euclid(step) - from.div_euclid(step);
    let step = MONTHS.into_iter().find(|step| count(*step) <= most as i64).unwrap_or(60_000);
    let mark = |month: i64| {
        let day =
            Date::new(i16::try_from(month.div_euclid(12)).ok()?, (month.rem_euclid(12) + 1) as i8, 1).ok()?;
        let at = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_microsecond();
        let text = day.strftime(if step >= 12 { "%Y" } else { "%b %Y" }).to_string();
        (first..=last).contains(&at).then_some(Mark { at, text })
    };
    (from.div_euclid(step)..=to.div_euclid(step)).filter_map(|n| mark(n * step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(first: i64, last: i64) -> Vec<String> {
        marks(first, last, 5).into_iter().map(|mark| mark.text).collect()
    }

    #[test]
    fn marks_are_at_round_times() {
        assert_eq!(
            texts(0, DAY / 2),
            ["1 Jan 00:00", "03:00", "06:00", "09:00", "1 Jan 12:00"].map(|t| t.replace("1 Jan 12", "12"))
        );
        assert_eq!(texts(DAY / 2, 4 * DAY), ["2 Jan", "3 Jan", "4 Jan", "5 Jan"]);
        assert_eq!(texts(0, 400 * DAY), ["Jan 1970", "Apr 1970", "Jul 1970", "Oct 1970", "Jan 1971"]);
        assert_eq!(texts(0, 12_000 * DAY), ["1970", "1980", "1990", "2000"]);
    }

    #[test]
    fn any_span_has_few_marks() {
        let far = 250_000_000_000_000_000;
        for (first, last) in [(0, 0), (i64::MIN, i64::MAX), (-far, far), (5, 6)] {
            assert!(marks(first, last, 5).len() <= 6, "{first} to {last}");
        }
    }

    #[test]
    fn lengths_have_words() {
        for (micros, words) in [(DAY, "day"), (2 * HOUR, "2\u{a0}hours"), (90_000_000, "90\u{a0}seconds")] {
            assert_eq!(length(micros), words);
        }
    }
}
