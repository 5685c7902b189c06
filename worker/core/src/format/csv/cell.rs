//! One cell as a JSON value of a type that the schema allows at its place.

use serde::de::IgnoredAny;

use crate::format::text;
use crate::plan::node::Types;

/// Appends a cell that is not empty, as UTF-8. The first of these types that the schema allows and the cell is: a boolean, a
/// number, an array or object written as JSON; else a string. Where the schema names no type it is a string.
pub(super) fn write(cell: &[u8], types: Types, out: &mut Vec<u8>) {
    let untyped = types.without(Types::NULL) == Types::ALL.without(Types::NULL);
    let is_other = !untyped
        && (types.has(Types::BOOLEAN) && write_boolean(cell, out)
            || types.has(Types::NUMBER) && write_number(cell, !types.has(Types::STRING), out)
            || types.has(Types::ARRAY.or(Types::OBJECT)) && write_json(cell, out));
    if !is_other {
        text::write_string(cell, out);
    }
}

fn write_boolean(cell: &[u8], out: &mut Vec<u8>) -> bool {
    let word: &[u8] = if cell.eq_ignore_ascii_case(b"true") {
        b"true"
    } else if cell.eq_ignore_ascii_case(b"false") {
        b"false"
    } else {
        return false;
    };
    out.extend_from_slice(word);
    true
}

/// A number is written as JSON has it or, if nothing but a number may stand here, as spreadsheets and statistics packages
/// do: `+1`, `.5`, `5.`, `007`. Its digits are kept.
pub(super) fn write_number(cell: &[u8], spelled_freely: bool, out: &mut Vec<u8>) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (negative, rest) = match cell {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] if spelled_freely => (false, rest),
        rest => (false, rest),
    };
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => rest.split_at(digits(rest)),
        _ => (&[][..], rest),
    };
    let has_point = cell.contains(&b'.');
    let exponent = match rest {
        [] => rest,
        [b'e' | b'E', sign @ (b'+' | b'-'), ..] | [b'e' | b'E', sign, ..] => {
            let signed = usize::from(matches!(sign, b'+' | b'-'));
            let power = &rest[1 + signed..];
            if power.is_empty() || digits(power) < power.len() {
                return false;
            }
            rest
        }
        _ => return false,
    };
    if whole.is_empty() && fraction.is_empty() {
        return false;
    }
    let as_json =
        !(whole.is_empty() || whole.len() > 1 && whole[0] == b'0' || has_point && fraction.is_empty());
    if !as_json && !spelled_freely {
        return false;
    }
    let zeros = whole.iter().take_while(|digit| **digit == b'0').count();
    let whole = &whole[zeros.min(whole.len().saturating_sub(1))..];
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    out.extend_from_slice(exponent);
    true
}

fn write_json(cell: &[u8], out: &mut Vec<u8>) -> bool {
    let trimmed = cell.trim_ascii();
    let is_json =
        matches!(trimmed.first(), Some(b'[' | b'{')) && serde_json::from_slice::<IgnoredAny>(trimmed).is_ok();
    if is_json {
        out.extend_from_slice(trimmed);
    }
    is_json
}
