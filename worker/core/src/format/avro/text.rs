//! Scalars as JSON text. What JSON can't say (a number that is none, a time beyond the calendar) becomes a string, which a
//! schema of numbers or times refuses by its own keyword.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use num_bigint::BigInt;

use super::reader::{Fault, Reader};
use super::shape::{Number, Shape};

/// A decimal number has at most so many bytes, and digits behind the point.
const DECIMAL_BYTES_MAX: usize = 1024;

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| Fault::bad("expected a string in UTF-8; found other bytes"))
}

pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    crate::format::text::write_string(text.as_bytes(), out);
}

/// Appends the next value, which has no parts.
pub(super) fn write(shape: &Shape, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    match shape {
        Shape::Null => out.extend_from_slice(b"null"),
        Shape::Boolean => match reader.array()? {
            [0] => out.extend_from_slice(b"false"),
            [1] => out.extend_from_slice(b"true"),
            [other] => return Err(Fault::bad(format!("expected a boolean, 0 or 1; found the byte {other}"))),
        },
        Shape::Int => write_plain(reader.int()?, out),
        Shape::Long => write_plain(reader.long()?, out),
        Shape::Float => {
            let number = f32::from_le_bytes(reader.array()?);
            write_float(number, number.is_finite(), out);
        }
        Shape::Double => {
            let number = f64::from_le_bytes(reader.array()?);
            write_float(number, number.is_finite(), out);
        }
        Shape::String => write_string(utf8(reader.bytes()?)?, out),
        Shape::Bytes => write_string(&BASE64_STANDARD.encode(reader.bytes()?), out),
        Shape::Fixed(length) => write_string(&BASE64_STANDARD.encode(reader.take(*length)?), out),
        Shape::Enum(symbols) => {
            let at = reader.size()?;
            let symbol = symbols.get(at).ok_or_else(|| {
                Fault::bad(format!(
                    "expected one of the {} symbols of an enum; found number {at}",
                    symbols.len()
                ))
            })?;
            let symbol = symbol.as_ref().map_err(|written| {
                Fault::unresolved(format!(
                    "the symbol `{written}` was written, which the schema's enum has neither as a symbol nor a default for"
                ))
            })?;
            write_string(symbol, out);
        }
        Shape::Decimal { scale, fixed } => {
            let unscaled = match fixed {
                Some(length) => reader.take(*length)?,
                None => reader.bytes()?,
            };
            write_decimal(unscaled, *scale as i64, out)?;
        }
        Shape::BigDecimal => {
            let mut inner = Reader::new(reader.bytes()?);
            let (unscaled, scale) = (inner.bytes()?, inner.long()?);
            write_decimal(unscaled, scale, out)?;
        }
        Shape::Uuid { fixed } => {
            let bytes = if *fixed { reader.take(16)? } else { reader.bytes()? };
            write_uuid(bytes, out)?;
        }
        Shape::Date => {
            let days = reader.int()?;
            let span = Span::new().try_days(days).ok();
            let date = span.and_then(|span| Date::constant(1970, 1, 1).checked_add(span).ok());
            write_moment(date, days.into(), out);
        }
        Shape::TimeOfDay { per_second } => {
            let since = if *per_second == 1_000 { reader.int()?.into() } else { reader.long()? };
            let in_day = (0..86_400 * per_second).contains(&since);
            let time = Time::midnight().checked_add(duration(since, *per_second));
            write_moment(time.ok().filter(|_| in_day), since, out);
        }
        Shape::Timestamp { per_second } => {
            let since = reader.long()?;
            write_moment(timestamp(since, *per_second), since, out);
        }
        Shape::LocalTimestamp { per_second } => {
            let since = reader.long()?;
            let local = timestamp(since, *per_second).map(|time| TimeZone::UTC.to_datetime(time));
            write_moment(local, since, out);
        }
        Shape::Duration => {
            let mut part = || Ok::<_, Fault>(u32::from_le_bytes(reader.array()?));
            let (months, days, millis) = (part()?, part()?, part()?);
            let (seconds, millis) = (millis / 1000, millis % 1000);
            write_string(&format!("P{months}M{days}DT{seconds}.{millis:03}S"), out);
        }
        Shape::Promoted { written, read } => write_promoted(*written, read, reader, out)?,
        Shape::Never(why) => return Err(Fault::unresolved(why.as_str())),
        Shape::Array(_) | Shape::Map(_) | Shape::Union(_) | Shape::Record(_) => {}
    }
    Ok(())
}

/// Appends a number as one of a wider type. A long may have no such float; then it is the nearest, as in all of Avro.
fn write_promoted(
    written: Number,
    read: &Shape,
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let whole = match written {
        Number::Int => i64::from(reader.int()?),
        Number::Long => reader.long()?,
        Number::Float => {
            let number = f32::from_le_bytes(reader.array()?);
            write_float(f64::from(number), number.is_finite(), out);
            return Ok(());
        }
    };
    match read {
        Shape::Float => write_float(whole as f32, true, out),
        Shape::Double => write_float(whole as f64, true, out),
        long => {
            let mut bytes = Vec::with_capacity(10);
            write_long(whole, &mut bytes);
            write(long, &mut Reader::new(&bytes), out)?;
        }
    }
    Ok(())
}

/// Appends a `long`: zigzag, seven bits a byte, the lowest first.
pub(super) fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn write_plain(number: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// The shortest digits that are read back as the same number.
fn write_float(number: impl serde::Serialize + std::fmt::Display, is_finite: bool, out: &mut Vec<u8>) {
    if is_finite {
        // Writing a number into memory can't fail.
        let _ = serde_json::to_writer(out, &number);
    } else {
        write_string(&number.to_string(), out);
    }
}

/// All digits of a decimal number: an integer in two's complement, and how many of its digits stand behind the point.
fn write_decimal(unscaled: &[u8], scale: i64, out: &mut Vec<u8>) -> Result<(), Fault> {
    if unscaled.len() > DECIMAL_BYTES_MAX || scale.unsigned_abs() > DECIMAL_BYTES_MAX as u64 {
        return Err(Fault::bad(format!(
            "a decimal number has at most {DECIMAL_BYTES_MAX} bytes and digits behind the point"
        )));
    }
    let integer = BigInt::from_signed_bytes_be(unscaled).to_string();
    let (sign, digits) = integer.strip_prefix('-').map_or(("", integer.as_str()), |digits| ("-", digits));
    out.extend_from_slice(sign.as_bytes());
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { scale.unsigned_abs() as usize };
        out.extend_from_slice(format!("{digits}{}", "0".repeat(zeros)).as_bytes());
        return Ok(());
    }
    let scale = scale as usize;
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    out.extend_from_slice(format!("{whole}.{fraction}").as_bytes());
    Ok(())
}

fn write_uuid(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    if bytes.len() != 16 {
        return Err(Fault::bad(format!("expected a UUID of 16 bytes; found {}", bytes.len())));
    }
    out.push(b'"');
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    out.push(b'"');
    Ok(())
}

/// Appends a moment in its usual form or, beyond the calendar, its number as a string.
fn write_moment(moment: Option<impl std::fmt::Display>, number: i64, out: &mut Vec<u8>) {
    match moment {
        Some(moment) => write_string(&moment.to_string(), out),
        None => write_string(&number.to_string(), out),
    }
}

fn duration(since: i64, per_second: i64) -> SignedDuration {
    let nanos = since.rem_euclid(per_second) * (1_000_000_000 / per_second);
    SignedDuration::new(since.div_euclid(per_second), nanos as i32)
}

fn timestamp(since: i64, per_second: i64) -> Option<Timestamp> {
    Timestamp::from_duration(duration(since, per_second)).ok()
}
