//! The routes: events in, health and metrics out.

use std::sync::Arc;

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transect_core::events::RejectedRow;
use transect_core::format::Format;

use super::Gateway;
use super::body::{self, Body};
use super::committer::{Post, PostError};
use super::problem::Problem;
use crate::health;
use crate::record;

pub(super) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/studies/{study}/events", post(events))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(body::BYTES_MAX))
        .with_state(gateway)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// The event type of all events.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// The schema version of all events that don't say one themselves.
    version: Option<u32>,
    /// The source, where the pipeline has several.
    source: Option<String>,
}

/// What became of a request's events. All are durable.
#[derive(Debug, Serialize)]
struct Answer {
    /// Events that satisfy their schema.
    accepted: usize,
    /// Events that don't.
    rejected: usize,
    /// Each event, in the order of the body.
    events: Vec<Verdict>,
}

#[derive(Debug, Serialize)]
struct Verdict {
    index: usize,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

async fn events(
    State(gateway): State<Arc<Gateway>>,
    study: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (Path(study), Query(parameters)) = (study?, parameters?);
    if study != gateway.study {
        let detail =
            format!("there is no study `{study}` here; this pipeline takes events of `{}`", gateway.study);
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown study", detail));
    }
    let Addressee { source, event_type, schema_version } = addressee(&gateway, &parameters)?;
    let body = Body::read(&headers, body?)?;
    let received = (gateway.clock)();
    let said = (event_type.as_deref(), schema_version);
    let partitions = gateway.partitions.unwrap_or(1);
    let (refused, of) = gateway.checker.check(&body, &source, said, received, partitions);
    let count = body.events.len();
    let content_type = match body.format {
        Format::CloudEvents => record::CLOUD_EVENTS,
        Format::Avro(_) => record::AVRO,
        _ => record::NDJSON,
    };
    let posts = body.by_partition(&of, gateway.partitions.is_some())?.into_iter().map(|part| Post {
        source: source.clone(),
        event_type: event_type.clone(),
        schema_version,
        content_type,
        received,
        count: part.count,
        head: part.head,
        lines: part.events,
        partition: part.partition,
    });
    gateway.committer.commit(posts.collect()).await.map_err(|error| match error {
        PostError::Full => {
            let detail = "more events are waiting than memory allows; send this request again a little later";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too busy", detail.to_owned()).retry_after(1)
        }
        PostError::Log(error) => {
            let detail = format!("the events were not stored: {error}; send them again later");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not durable", detail).retry_after(5)
        }
    })?;
    Ok((StatusCode::OK, Json(answer(count, refused))).into_response())
}

async fn unknown_path(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}; events go to /v1/studies/{{study}}/events", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "unknown path", detail)
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; the header `Allow` says what it takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "unknown method", detail)
}

/// What a request is for.
struct Addressee {
    source: String,
    event_type: Option<String>,
    schema_version: Option<u32>,
}

/// The source and event type that a request is for, and the version of events that don't say one.
fn addressee(gateway: &Gateway, parameters: &Parameters) -> Result<Addressee, Problem> {
    let bad = |title, detail| Problem::new(StatusCode::BAD_REQUEST, title, detail);
    let names = || gateway.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (&parameters.source, gateway.sources.as_slice()) {
        (Some(name), sources) => sources.iter().find(|source| source.name == *name).ok_or_else(|| {
            bad("unknown source", format!("there is no http source `{name}`; the pipeline has: {}", names()))
        })?,
        (None, [only]) => only,
        (None, []) => {
            return Err(bad("no source", "the pipeline has no http source; add one to spec.sources".into()));
        }
        (None, _) => return Err(bad("which source", format!("say ?source=, one of: {}", names()))),
    };
    let event_type = parameters.event_type.clone().or_else(|| found.event_type.clone());
    if let Some(name) = &event_type
        && !gateway.types.iter().any(|event_type| *event_type.name == **name)
    {
        let types = gateway.types.iter().map(|event_type| &*event_type.name).collect::<Vec<_>>().join(", ");
        return Err(bad(
            "unknown event type",
            format!("there is no event type `{name}`; the pipeline has: {types}"),
        ));
    }
    // Stamped even if nobody says it, so that a version that is newer when the events are processed doesn't judge them.
    let newest = || match (&event_type, &*gateway.types) {
        (None, [only]) => Some(only.versions.newest().number),
        (name, types) => {
            let named = types.iter().find(|of| name.as_deref() == Some(&*of.name));
            named.map(|event_type| event_type.versions.newest().number)
        }
    };
    let schema_version = parameters.version.or(found.schema_version).or_else(newest);
    Ok(Addressee { source: found.name.clone(), event_type, schema_version })
}

fn answer(count: usize, refused: Vec<RejectedRow>) -> Answer {
    let accepted = |index| Verdict {
        index,
        status: "accepted",
        reason: None,
        pointer: None,
        keyword: None,
        message: None,
    };
    let mut events: Vec<Verdict> = (0..count).map(accepted).collect();
    let rejected = refused.len();
    for RejectedRow { event, reject, .. } in refused {
        if let Some(verdict) = events.get_mut(event as usize) {
            *verdict = Verdict {
                index: event as usize,
                status: "rejected",
                reason: Some(reject.reason.as_str()),
                pointer: Some(reject.pointer),
                keyword: (!reject.keyword.is_empty()).then_some(reject.keyword),
                message: Some(reject.message),
            };
        }
    }
    Answer { accepted: count - rejected, rejected, events }
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    health::text(&gateway.metrics)
}
