//! CloudEvents in binary mode: attributes in headers `ce-…`, the data as the body. It becomes the envelope of structured
//! mode, which holds the same; the bytes of the data stay as they came.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use mime::Mime;
use percent_encoding::percent_decode;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::body::unsupported;
use super::problem::Problem;

const PREFIX: &str = "ce-";

/// Whether a request is one.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion")
}

/// The envelope of a request's event.
pub(super) fn envelope(headers: &HeaderMap, body: &[u8]) -> Result<Bytes, Problem> {
    let mut attributes = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else { continue };
        let text = percent_decode(value.as_bytes()).decode_utf8().map_err(|_| {
            let detail = format!("the header {PREFIX}{name} is not UTF-8; percent-encode what is not ASCII");
            Problem::new(StatusCode::BAD_REQUEST, "unreadable header", detail)
        })?;
        attributes.insert(name.to_owned(), Value::String(text.into_owned()));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if let Some(content_type) = content_type {
        attributes.insert("datacontenttype".to_owned(), content_type.into());
    }
    let mut envelope = Value::Object(attributes).to_string().into_bytes();
    if !body.trim_ascii().is_empty() {
        if !content_type.is_none_or(is_json) {
            let detail = format!("the data of a CloudEvent has to be JSON, and this is {content_type:?}");
            return Err(unsupported("unknown content type", detail));
        }
        let data: &RawValue = serde_json::from_slice(body).map_err(|error| {
            let detail = format!("the data is not JSON: {error}; nothing of it was taken in");
            Problem::new(StatusCode::BAD_REQUEST, "broken body", detail)
        })?;
        // In place of the brace: there is the attribute specversion at least.
        envelope.pop();
        envelope.extend_from_slice(br#","data":"#);
        envelope.extend_from_slice(data.get().as_bytes());
        envelope.push(b'}');
    }
    Ok(envelope.into())
}

fn is_json(content_type: &str) -> bool {
    let mime: Result<Mime, _> = content_type.parse();
    mime.is_ok_and(|mime| mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn attributes_and_data_become_an_envelope() {
        let headers = headers(&[
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/caf%C3%A9"),
            ("content-type", "application/json"),
        ]);
        let envelope = envelope(&headers, b" {\"a\" : 1.0}\n").unwrap();
        assert!(envelope.ends_with(br#","data":{"a" : 1.0}}"#), "{envelope:?}");
        let read: Value = serde_json::from_slice(&envelope).unwrap();
        assert_eq!(
            (&read["source"], &read["id"], &read["data"]["a"]),
            (&"/café".into(), &"1".into(), &1.0.into())
        );
    }

    #[test]
    fn data_is_json_and_nothing_beside_it() {
        let json =
            headers(&[("ce-specversion", "1.0"), ("ce-id", "1"), ("content-type", "application/json")]);
        assert!(envelope(&json, br#"1,"id":"2""#).is_err());
        assert!(envelope(&json, b"").unwrap().starts_with(b"{"));
        let text = headers(&[("ce-specversion", "1.0"), ("content-type", "text/plain")]);
        assert_eq!(envelope(&text, b"1").unwrap_err().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
