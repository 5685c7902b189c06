//! The body of a request as events: one event, a JSON array, or NDJSON.

use std::ops::Range;

use super::position::ReadState;
use super::{lines, values};

/// A body that begins as an array and isn't one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the array breaks off at byte {byte}: expected {expected}; nothing of the body was taken in")]
pub struct BodyError {
    /// Where, from 0.
    pub byte: usize,
    /// What JSON asks for there.
    pub expected: &'static str,
}

/// Finds the events of a body. Without a word on its type, a body that is neither an array nor a sequence of JSON values
/// is one event, which the decoder will refuse.
pub fn split_body(body: &[u8], is_ndjson: bool) -> Result<Vec<Range<usize>>, BodyError> {
    let range =
        |event: &transect_core::input::EventSpan| event.start as usize..(event.start + event.len) as usize;
    let Some(first) = body.iter().position(|byte| !byte.is_ascii_whitespace()) else { return Ok(Vec::new()) };
    if is_ndjson {
        return Ok(lines::find(body, true, usize::MAX).events.iter().map(range).collect());
    }
    if body[first] != b'[' {
        let (found, _, broken) = values::find(body, ReadState::Value, usize::MAX);
        let whole = broken.is_none() && found.consumed == body.len();
        let one = first..body.trim_ascii_end().len();
        return Ok(if whole { found.events.iter().map(range).collect() } else { vec![one] });
    }
    let (found, state, broken) = values::find(&body[first + 1..], ReadState::First, usize::MAX);
    let byte = first + 1 + found.consumed;
    match broken {
        Some(broken) => Err(BodyError { byte, expected: broken.expected }),
        None if state != ReadState::Closed => Err(BodyError { byte, expected: "a whole JSON value and `]`" }),
        None => {
            Ok(found.events.iter().map(|e| range(e).start + first + 1..range(e).end + first + 1).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, is_ndjson: bool, events: &[&str]) {
        let found = split_body(body.as_bytes(), is_ndjson).unwrap();
        assert_eq!(found.into_iter().map(|range| &body[range]).collect::<Vec<_>>(), events);
    }

    #[test]
    fn one_event_an_array_or_lines() {
        check(" {\"a\":\n1} ", false, &["{\"a\":\n1}"]);
        check("{}\n{}\n", false, &["{}", "{}"]);
        check(" [ {\"a\":1} , [2],3 ] ", false, &["{\"a\":1}", "[2]", "3"]);
        check("{}\r\n\n{\n", true, &["{}", "{"]);
        check("{\"a\":", false, &["{\"a\":"]);
        check(" \n ", false, &[]);
        check("[]", false, &[]);
        check("12", false, &["12"]);
    }

    #[test]
    fn a_broken_array_is_refused_with_its_place() {
        let error = split_body(b"[{} {}]", false).unwrap_err();
        assert_eq!(error, BodyError { byte: 4, expected: "`,` or `]`" });
        assert!(split_body(b"[{}, {", false).is_err());
    }
}
