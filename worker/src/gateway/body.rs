//! The body of a request: what its headers say that it is, and its events.

use std::ops::Range;

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use mime::Mime;

use super::problem::Problem;
use crate::input::split_body;

/// Greatest size of a body.
pub(super) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is said of a body of another kind. `curl -d` says that it sends a form, and takes the line ends out of files.
const USE: &str = "send `content-type: application/json` for an event or an array, `application/x-ndjson` for one a \
                   line (with curl: --json '{…}', or --data-binary @FILE with -H 'content-type: …')";

/// A body and where its events are, of which there is at least one.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) events: Vec<Range<usize>>,
}

impl Body {
    pub(super) fn read(headers: &HeaderMap, bytes: Bytes) -> Result<Self, Problem> {
        if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|value| *value != "identity") {
            let detail = format!("the body is encoded as {encoding:?}; send it as it is");
            return Err(unsupported("unknown content encoding", detail));
        }
        let events = split_body(&bytes, is_ndjson(headers)?)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "broken body", error.to_string()))?;
        if events.is_empty() {
            let detail = "the body holds no event; send a JSON object, an array of them, or one a line";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "no events", detail.to_owned()));
        }
        Ok(Self { bytes, events })
    }
}

fn unsupported(title: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, title, detail)
}

/// Whether every line is an event. Without a type the body itself says, as it does if it is JSON.
fn is_ndjson(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(false) };
    let unknown = || unsupported("unknown content type", format!("{value:?} is not a type of events; {USE}"));
    let mime: Mime = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(unknown)?;
    if mime.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8) {
        let detail = format!("{value:?} is not UTF-8, in which events are written");
        return Err(unsupported("unknown character set", detail));
    }
    match (mime.type_().as_str(), mime.subtype().as_str(), mime.suffix().map(|suffix| suffix.as_str())) {
        ("application", "x-ndjson" | "ndjson" | "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines", None) => {
            Ok(true)
        }
        ("application", "json", None) | ("application", _, Some("json")) => Ok(false),
        _ => Err(unknown()),
    }
}

/// The events' own bytes, one a line. A line end within an event becomes a tab, which is white space just where a line
/// end is: between the parts of an event, and not in a text.
pub(super) fn as_lines(body: &Bytes, events: &[Range<usize>]) -> Bytes {
    let mut lines = BytesMut::with_capacity(body.len() + events.len() + 1);
    for range in events {
        let start = lines.len();
        lines.extend_from_slice(&body[range.clone()]);
        for byte in &mut lines[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b'\t';
            }
        }
        lines.extend_from_slice(b"\n");
    }
    lines.freeze()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn kind(content_type: &str) -> Option<bool> {
        let value = HeaderValue::from_str(content_type).unwrap();
        is_ndjson(&HeaderMap::from_iter([(CONTENT_TYPE, value)])).ok()
    }

    #[test]
    fn types_of_events_are_known_however_they_are_written() {
        for json in ["application/json", "Application/JSON; charset=UTF-8", "application/cloudevents+json"] {
            assert_eq!(kind(json), Some(false), "{json}");
        }
        for lines in ["application/x-ndjson", "application/NDJSON;charset=utf-8", "application/jsonl"] {
            assert_eq!(kind(lines), Some(true), "{lines}");
        }
        assert!(!is_ndjson(&HeaderMap::new()).unwrap());
    }

    #[test]
    fn other_types_are_refused() {
        for other in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json; charset=latin1",
            "application/json-seq",
            "application/avro",
            "ndjson",
            "",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
    }

    #[test]
    fn an_event_is_one_line_and_no_more_valid_than_before() {
        let body = Bytes::from_static(b"[{\"a\":\r\n 1},{\"b\":\"x\ny\"}]");
        let events = split_body(&body, false).unwrap();
        let lines = as_lines(&body, &events);
        assert_eq!(lines, "{\"a\":\t\t 1}\n{\"b\":\"x\ty\"}\n");
        for (line, range) in lines.split(|&byte| byte == b'\n').zip(events) {
            let (before, after) = (&body[range], line);
            let is_valid = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
            assert_eq!(is_valid(before), is_valid(after));
        }
    }
}
