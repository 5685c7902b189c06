//! Errors as problem details (RFC 9457): what, where and how to fix it.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection, RawPathParamsRejection};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::verdict::Verdict;

/// A header of an answer.
pub(super) type Header = (HeaderName, HeaderValue);

/// A request that can't be served.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The status code.
    #[serde(serialize_with = "code")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What went wrong, the same each time.
    title: &'static str,
    /// Where, and how to mend it.
    detail: String,
    /// What is said of single events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Verdict>,
    /// Further headers of the answer.
    #[serde(skip)]
    #[schema(ignore)]
    headers: Vec<Header>,
}

fn code<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(super) fn new(status: StatusCode, title: &'static str, detail: String) -> Self {
        Self { status, title, detail, events: Vec::new(), headers: Vec::new() }
    }

    /// The same, which says how many seconds later to try again.
    pub(super) fn retry_after(self, seconds: u32) -> Self {
        self.with_headers([(header::RETRY_AFTER, HeaderValue::from(seconds))])
    }

    pub(super) fn with_headers(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn with_events(self, events: Vec<Verdict>) -> Self {
        Self { events, ..self }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "unreadable path", rejection.body_text())
    }
}

impl From<RawPathParamsRejection> for Problem {
    fn from(rejection: RawPathParamsRejection) -> Self {
        Self::new(rejection.status(), "unreadable path", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let detail =
            format!("{}; the parameters are `type`, `version`, `source` and `atomic`", rejection.body_text());
        Self::new(rejection.status(), "unknown parameters", detail)
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let detail = "the body is larger than the gateway takes; send its events in several requests";
            return Self::new(rejection.status(), "body too large", detail.to_owned());
        }
        Self::new(rejection.status(), "unreadable body", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, AppendHeaders(self.headers.clone()), Json(self)).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        response
    }
}
