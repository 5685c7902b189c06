//! The body of a request: what its headers say that it is, and its events.

use std::ops::Range;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use mime::Mime;
use transect_core::format::Format;
use transect_core::input::{EventBatch, EventSpan, Place};

use super::avro;
use super::cloudevents;
use super::encoding;
use super::parts::Sender;
use super::problem::Problem;
use crate::input::split_body;

/// What is said of a body of another kind. `curl -d` says that it sends a form, and takes the line ends out of files.
const USE: &str = "send `content-type: application/json` for an event or an array, `application/x-ndjson` for one a \
                   line, `application/cloudevents+json` for envelopes, `application/avro` for a single object or a container (with curl: --json '{…}', or --data-binary @FILE with -H 'content-type: …')";

/// A body and where its events are, of which there is at least one.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) events: Vec<Range<usize>>,
    pub(super) format: Format,
}

impl Body {
    /// Reads a body, which has at most so many bytes once it is decompressed.
    pub(super) fn read(headers: &HeaderMap, bytes: Bytes, bytes_max: usize) -> Result<Self, Problem> {
        let bytes = encoding::decode(headers, bytes, bytes_max)?;
        let (kind, bytes) = match cloudevents::is_binary(headers) {
            true => (Kind::CloudEvents, cloudevents::envelope(headers, &bytes)?),
            false => (Kind::of(headers)?, bytes),
        };
        if kind == Kind::Avro {
            return avro::read(&bytes, bytes_max);
        }
        let events = split_body(&bytes, kind == Kind::Lines)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "broken body", error.to_string()))?;
        if events.is_empty() {
            let detail = "the body holds no event; send a JSON object, an array of them, or one a line";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "no events", detail.to_owned()));
        }
        let format = if kind == Kind::CloudEvents { Format::CloudEvents } else { Format::Json };
        Ok(Self { bytes, events, format })
    }

    /// The events as a batch of a source.
    pub(super) fn batch(&self, sender: &Sender) -> EventBatch {
        let Sender { source, event_type, schema_version, received } = sender;
        let span = |(index, range): (usize, &Range<usize>)| EventSpan {
            start: range.start as u32,
            len: range.len() as u32,
            index: index as u32,
            oversized: u32::MAX,
        };
        EventBatch {
            source: source.as_str().into(),
            event_type: event_type.as_deref().map(Into::into),
            schema_version: *schema_version,
            format: self.format.clone(),
            bytes: self.bytes.clone(),
            events: self.events.iter().enumerate().map(span).collect(),
            oversized: Vec::new(),
            place: Place::Record { partition: 0, offset: 0 },
            received: *received,
        }
    }
}

/// What the content type says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An event or an array of events, as the body itself says.
    Json,
    /// An event a line.
    Lines,
    /// An envelope or an array of envelopes.
    CloudEvents,
    /// A single object of Avro, or an object container.
    Avro,
}

pub(super) fn unsupported(title: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, title, detail)
}

impl Kind {
    /// Without a type the body itself says, as it does if it is JSON.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let unknown =
            || unsupported("unknown content type", format!("{value:?} is not a type of events; {USE}"));
        let mime: Mime = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(unknown)?;
        if mime.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8) {
            let detail = format!("{value:?} is not UTF-8, in which events are written");
            return Err(unsupported("unknown character set", detail));
        }
        let suffix = mime.suffix().map(|suffix| suffix.as_str());
        match (mime.type_().as_str(), mime.subtype().as_str(), suffix) {
            (
                "application",
                "x-ndjson" | "ndjson" | "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines",
                None,
            ) => Ok(Self::Lines),
            ("application", "cloudevents" | "cloudevents-batch", Some("json")) => Ok(Self::CloudEvents),
            ("application", "json", None) | ("application", _, Some("json")) => Ok(Self::Json),
            ("application", "avro" | "x-avro" | "vnd.apache.avro", None)
            | ("avro", "binary", None)
            | ("application", "vnd.apache.avro", Some("binary")) => Ok(Self::Avro),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn kind(content_type: &str) -> Option<Kind> {
        let value = HeaderValue::from_str(content_type).unwrap();
        Kind::of(&HeaderMap::from_iter([(CONTENT_TYPE, value)])).ok()
    }

    #[test]
    fn types_of_events_are_known_however_they_are_written() {
        for json in ["application/json", "Application/JSON; charset=UTF-8", "application/vnd.study+json"] {
            assert_eq!(kind(json), Some(Kind::Json), "{json}");
        }
        for lines in ["application/x-ndjson", "application/NDJSON;charset=utf-8", "application/jsonl"] {
            assert_eq!(kind(lines), Some(Kind::Lines), "{lines}");
        }
        for envelopes in ["application/cloudevents+json", "application/cloudevents-batch+json; charset=utf-8"]
        {
            assert_eq!(kind(envelopes), Some(Kind::CloudEvents), "{envelopes}");
        }
        for avro in ["application/avro", "avro/binary", "application/vnd.apache.avro+binary"] {
            assert_eq!(kind(avro), Some(Kind::Avro), "{avro}");
        }
        assert_eq!(Kind::of(&HeaderMap::new()).unwrap(), Kind::Json);
    }

    #[test]
    fn other_types_are_refused() {
        for other in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json; charset=latin1",
            "application/json-seq",
            "application/avro+json5",
            "ndjson",
            "",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
    }
}
