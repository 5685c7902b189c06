//! From one type of scalar to another. What a value says stays the same: digits are kept, and nothing is rounded.

use transect_config::CastType;

use super::scalar::{Scalar, quoted};
use crate::decode::canonical::Canonical;
use crate::decode::number::Literal;

/// The JSON text of a scalar as another type; None where the value is none of that type.
pub(super) fn cast(scalar: &Scalar<'_>, to: CastType) -> Option<String> {
    match (to, scalar) {
        (CastType::String, Scalar::Text(text)) => Some(quoted(text)),
        (CastType::String, Scalar::Number(_, text)) => Some(quoted(text)),
        (CastType::String, Scalar::Boolean(value)) => Some(quoted(&value.to_string())),
        (CastType::Number, Scalar::Number(_, text)) => Some((*text).to_owned()),
        (CastType::Number, Scalar::Text(text)) => number(text),
        (CastType::Integer, Scalar::Number(_, text)) => integer(text),
        (CastType::Integer, Scalar::Text(text)) => integer(&number(text)?),
        (CastType::Boolean, Scalar::Boolean(value)) => Some(value.to_string()),
        (CastType::Boolean, Scalar::Text(text)) => boolean(text),
        (CastType::Boolean, Scalar::Number(_, text)) => boolean(text),
        _ => None,
    }
}

/// What a cast takes, for messages.
pub(super) fn takes(to: CastType) -> &'static str {
    match to {
        CastType::String => "a string, a number or a boolean",
        CastType::Integer => "a whole number, or a string that is one",
        CastType::Number => "a number, or a string that is one",
        CastType::Boolean => "a boolean, or one of `true`, `false`, `1` and `0`",
    }
}

fn boolean(text: &str) -> Option<String> {
    match text {
        "true" | "1" => Some("true".to_owned()),
        "false" | "0" => Some("false".to_owned()),
        _ => None,
    }
}

/// A decimal number as JSON writes it: people also write `+1`, `007`, `.5` and `5.`.
fn number(text: &str) -> Option<String> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("-", rest) => ("-", rest),
        ("+", rest) => ("", rest),
        _ => ("", text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    let zero = if significant.is_empty() { "0" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    let written = format!("{sign}{zero}{significant}{point}{fraction}{exponent}");
    let literal = Literal::read(written.as_bytes()).filter(|literal| literal.len == written.len())?;
    literal.float(|| &written).map(|_| written)
}

/// A JSON number without fraction and exponent, if it is whole. Where one is written, 64 bits must hold it.
fn integer(number: &str) -> Option<String> {
    let literal = Literal::read(number.as_bytes())?;
    if !number.contains(['.', 'e', 'E']) {
        return Some(number.to_owned());
    }
    match literal.canonical(|| number) {
        Canonical::Int(magnitude) => {
            let sign = if literal.negative && magnitude > 0 { "-" } else { "" };
            Some(format!("{sign}{magnitude}"))
        }
        Canonical::Decimal(..) | Canonical::Long(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(to: CastType, cases: &[(&str, Option<&str>)]) {
        for (json, expected) in cases {
            let found = cast(&Scalar::read(json).unwrap(), to);
            assert_eq!(found.as_deref(), *expected, "{json} to {to:?}");
        }
    }

    #[test]
    fn casts_keep_the_value() {
        check(
            CastType::Number,
            &[
                ("\"12\"", Some("12")),
                ("\"-0.50\"", Some("-0.50")),
                ("\"+5\"", Some("5")),
                ("\"007\"", Some("7")),
                ("\"00\"", Some("0")),
                ("\".5\"", Some("0.5")),
                ("\"5.\"", Some("5")),
                ("\"1e3\"", Some("1e3")),
                ("\"12345678901234567890.123\"", Some("12345678901234567890.123")),
                ("1.50", Some("1.50")),
                ("\"\"", None),
                ("\"-\"", None),
                ("\".\"", None),
                ("\"+-1\"", None),
                ("\" 1\"", None),
                ("\"1,5\"", None),
                ("\"abc\"", None),
                ("\"1e999\"", None),
                ("\"0x10\"", None),
                ("\"é\"", None),
                ("\"NaN\"", None),
                ("true", None),
                ("[1]", None),
            ],
        );
        check(
            CastType::Integer,
            &[
                ("\"5.0\"", Some("5")),
                ("5.00", Some("5")),
                ("\"1e3\"", Some("1000")),
                ("-0.0", Some("0")),
                ("-30e-1", Some("-3")),
                ("123456789012345678901234567890", Some("123456789012345678901234567890")),
                ("1e30", None),
                ("\"5.5\"", None),
                ("0.1", None),
            ],
        );
        check(
            CastType::Boolean,
            &[
                ("\"true\"", Some("true")),
                ("0", Some("false")),
                ("\"1\"", Some("true")),
                ("true", Some("true")),
                ("2", None),
                ("\"TRUE\"", None),
                ("1.0", None),
            ],
        );
        check(
            CastType::String,
            &[
                ("1.50", Some("\"1.50\"")),
                ("false", Some("\"false\"")),
                ("\"a\\u0062\"", Some("\"ab\"")),
                ("{}", None),
            ],
        );
    }
}
