//! Times as people write them, read by `strftime` formats and written as RFC 3339 in UTC.
//!
//! Zones are those of the IANA database that is built in, so that a time means the same on every machine.

use jiff::civil::{DateTime, date};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ZonedDateTime};
use transect_config::LocalTime;

/// How a time is read.
#[derive(Debug)]
pub(crate) struct TimeReader {
    formats: Box<[Box<str>]>,
    zone_name: Box<str>,
    zone: TimeZone,
    ambiguous: LocalTime,
    skipped: LocalTime,
}

/// Why a format or a zone can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadTime {
    Format { at: usize, message: String },
    Zone,
}

impl TimeReader {
    pub(crate) fn compile(
        formats: &[String],
        zone_name: &str,
        ambiguous: LocalTime,
        skipped: LocalTime,
    ) -> Result<Self, BadTime> {
        let zone = TimeZoneDatabase::bundled().get(zone_name).map_err(|_| BadTime::Zone)?;
        for (at, format) in formats.iter().enumerate() {
            check_format(format).map_err(|message| BadTime::Format { at, message })?;
        }
        let formats = formats.iter().map(|format| format.as_str().into()).collect();
        Ok(Self { formats, zone_name: zone_name.into(), zone, ambiguous, skipped })
    }

    /// What is read, for messages.
    pub(super) fn takes(&self) -> String {
        let formats: Vec<String> = self.formats.iter().map(|format| format!("`{format}`")).collect();
        format!("a time as {}", formats.join(" or "))
    }

    /// The time as RFC 3339 in UTC. An error says what is wrong with it; None stands for a text that no format fits.
    pub(crate) fn read(&self, text: &str) -> Result<String, Option<String>> {
        let fits = |format: &str| {
            let time = strtime::parse(format, text).ok()?;
            if let Some(timestamp) = time.timestamp() {
                return Some((format.to_owned(), time, Moment::Fixed(timestamp)));
            }
            let local = time.to_datetime().ok()?;
            Some((format.to_owned(), time, Moment::Local(local)))
        };
        let Some((format, time, moment)) = self.formats.iter().find_map(|format| fits(format)) else {
            return Err(None);
        };
        let timestamp = match moment {
            Moment::Fixed(timestamp) => timestamp,
            Moment::Local(local) => {
                let offset = match time.offset() {
                    Some(offset) => offset,
                    None => self.offset(local)?,
                };
                offset.to_timestamp(local).map_err(|_| Some("the time is beyond the year 9999".to_owned()))?
            }
        };
        write(timestamp, is_leap(&format, &time, text))
    }

    /// The offset of the zone at a local time.
    fn offset(&self, local: DateTime) -> Result<jiff::tz::Offset, Option<String>> {
        let zone = &self.zone_name;
        let refuse = |what: &str, field: &str| {
            Some(format!(
                "the local time {what} in {zone}; send it with an offset, or choose by parseTime.{field}"
            ))
        };
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(offset),
            AmbiguousOffset::Fold { before, after } => match self.ambiguous {
                LocalTime::Earlier => Ok(before),
                LocalTime::Later => Ok(after),
                LocalTime::Reject => Err(refuse("is there twice, as clocks are set back,", "ambiguous")),
            },
            AmbiguousOffset::Gap { before, after } => match self.skipped {
                LocalTime::Earlier => Ok(after),
                LocalTime::Later => Ok(before),
                LocalTime::Reject => Err(refuse("is not there, as clocks are set forward,", "skipped")),
            },
        }
    }
}

enum Moment {
    Fixed(Timestamp),
    Local(DateTime),
}

/// Whether the second is 60. jiff reads it as 59, so that this must be seen in the text: it is the seconds' place if
/// another number there gives another second.
fn is_leap(format: &str, time: &BrokenDownTime, text: &str) -> bool {
    time.second() == Some(59)
        && text.match_indices("60").any(|(at, _)| {
            let other = format!("{}58{}", &text[..at], &text[at + 2..]);
            strtime::parse(format, other).is_ok_and(|time| time.second() == Some(58))
        })
}

/// A leap second is at the end of a UTC day, and is written as one.
fn write(timestamp: Timestamp, leap: bool) -> Result<String, Option<String>> {
    let mut written = timestamp.to_string();
    if written.starts_with('-') {
        return Err(Some("the time is before the year 0".to_owned()));
    }
    if leap {
        if !written[11..].starts_with("23:59:59") {
            return Err(Some("the second 60 is only there in a leap second, at 23:59:60 UTC".to_owned()));
        }
        written.replace_range(17..19, "60");
    }
    Ok(written)
}

/// Writes a time by the format and reads it again: a format that fails at either, or gives another time, is refused.
fn check_format(format: &str) -> Result<(), String> {
    let sample = date(2023, 11, 16).at(13, 14, 15, 0);
    let zoned: ZonedDateTime =
        sample.to_zoned_datetime(TimeZone::UTC).map_err(|error| format!("can't be tried: {error}"))?;
    let written =
        strtime::format(format, &zoned).map_err(|error| format!("is no format of times: {error}"))?;
    let time =
        strtime::parse(format, &written).map_err(|error| format!("can't be used to read times: {error}"))?;
    if time.iana_time_zone().is_some() {
        return Err("has a zone by name, which is not read".to_owned());
    }
    if time.timestamp().is_some() {
        return Ok(());
    }
    let local = time.to_datetime().map_err(|_| "says no full date".to_owned())?;
    let same = local.date() == sample.date()
        && [0, 13].contains(&local.hour())
        && [0, 14].contains(&local.minute())
        && [0, 15].contains(&local.second());
    if same { Ok(()) } else { Err("doesn't say whether it is before or after noon".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, zone: &str, text: &str) -> Option<String> {
        let reader =
            TimeReader::compile(&[format.to_owned()], zone, LocalTime::Later, LocalTime::Earlier).unwrap();
        reader.read(text).ok()
    }

    #[test]
    fn reads_times_as_people_write_them() {
        for (format, zone, text, expected) in [
            ("%s", "Europe/Berlin", "1700000000", Some("2023-11-14T22:13:20Z")),
            (
                "%Y-%m-%dT%H:%M:%S%.f%:z",
                "UTC",
                "2026-01-31T12:00:00.250+01:00",
                Some("2026-01-31T11:00:00.25Z"),
            ),
            ("%d.%m.%y %H:%M", "UTC", "1.2.69 3:04", Some("1969-02-01T03:04:00Z")),
            ("%m/%d/%Y %I:%M %p", "America/New_York", "07/04/2025 12:30 am", Some("2025-07-04T04:30:00Z")),
            ("%d %B %Y", "Asia/Kathmandu", "29 February 2024", Some("2024-02-28T18:15:00Z")),
            ("%Y-%j", "UTC", "2024-366", Some("2024-12-31T00:00:00Z")),
            ("%Y-%j", "UTC", "2023-366", None),
            // A day that begins an hour late.
            ("%F", "America/Sao_Paulo", "2018-11-04", Some("2018-11-04T02:00:00Z")),
            ("%F %T", "Europe/Berlin", "2026-10-25 02:30:00", Some("2026-10-25T01:30:00Z")),
            // Leap seconds, and seconds that look like one.
            ("%F %T%.f", "UTC", "2016-12-31 23:59:60.5", Some("2016-12-31T23:59:60.5Z")),
            ("%F %T", "Asia/Tokyo", "2017-01-01 08:59:60", Some("2016-12-31T23:59:60Z")),
            ("%F %T", "Asia/Tokyo", "2016-12-31 23:59:60", None),
            ("%F %T", "UTC", "1960-12-31 23:59:59", Some("1960-12-31T23:59:59Z")),
            ("%F %T", "UTC", "2016-12-31 23:59:61", None),
            ("%F %T", "UTC", "2016-12-31 24:00:00", None),
            ("%F", "UTC", "2016-12-31 ", None),
            ("%F", "UTC", "-0001-12-31", None),
        ] {
            assert_eq!(read(format, zone, text).as_deref(), expected, "{text} as {format} in {zone}");
        }
    }
}
