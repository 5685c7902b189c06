//! `POST /v1/studies/{study}/events`: from a request to what is answered of its events.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, Path, Query, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{AppendHeaders, IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Gateway;
use super::access::From;
use super::body::Body;
use super::check::Checked;
use super::committer::PostError;
use super::idempotency::{First, Turn};
use super::limits::Left;
use super::parts::{self, Sender};
use super::problem::Problem;
use super::verdict::{Answer, Verdict};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The event type of all events.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// The schema version of all events that don't say one themselves.
    version: Option<u32>,
    /// The source, where the pipeline has several.
    source: Option<String>,
    /// Whether nothing is stored if any event would be rejected.
    #[serde(default)]
    atomic: bool,
}

/// Stores events, and says of each what becomes of it.
#[utoipa::path(
    post,
    path = "/v1/studies/{study}/events",
    params(
        ("study" = String, Path, description = "The study"),
        Parameters,
        ("Idempotency-Key" = Option<String>, Header, max_length = 256,
            description = "Names the request: the same under it gets the same answer, and is stored once"),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip` or `zstd`"),
    ),
    request_body(content(
        (serde_json::Value = "application/json"),
        (String = "application/x-ndjson"),
        (serde_json::Value = "application/cloudevents+json"),
        (serde_json::Value = "application/cloudevents-batch+json"),
        (Vec<u8> = "application/avro"),
    )),
    responses(
        (status = 200, body = Answer, description = "All events are stored; what is accepted, and what is not"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "It can't be read"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid API key"),
        (status = 403, body = Problem, content_type = "application/problem+json",
            description = "An API key for other studies or sources"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Another study"),
        (status = 408, body = Problem, content_type = "application/problem+json",
            description = "It did not come in whole in time"),
        (status = 409, body = Problem, content_type = "application/problem+json",
            description = "The first request of this Idempotency-Key is still being served"),
        (status = 413, body = Problem, content_type = "application/problem+json",
            description = "It is too large, or has too many events"),
        (status = 415, body = Problem, content_type = "application/problem+json",
            description = "Events in another form or encoding"),
        (status = 422, body = Problem, content_type = "application/problem+json",
            description = "Nothing was stored: an event of an atomic request would be rejected, the Idempotency-Key \
                           is another request's"),
        (status = 429, body = Problem, content_type = "application/problem+json",
            description = "Too much at once; `Retry-After` says when to come back"),
        (status = 503, body = Problem, content_type = "application/problem+json",
            description = "It can't be stored now; `Retry-After` says when to come back"),
    ),
    security(("bearer" = []), ("header" = [])),
)]
pub(super) async fn post(
    State(gateway): State<Arc<Gateway>>,
    Extension(from): Extension<From>,
    study: Result<Path<String>, PathRejection>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    // First, however the request goes on: see `drain`.
    let headers = request.headers().clone();
    let bytes = read(request, gateway.timeout).await?;
    let (Path(study), Query(parameters)) = (study?, parameters?);
    if study != gateway.study {
        let detail =
            format!("there is no study `{study}` here; this pipeline takes events of `{}`", gateway.study);
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown study", detail));
    }
    let addressee = addressee(&gateway, &parameters)?;
    if let Some(sender) = &from
        && !sender.may_send_as(&addressee.source)
    {
        let detail = format!("the API key of {} is not for the source {}", sender.name(), addressee.source);
        return Err(Problem::new(StatusCode::FORBIDDEN, "not for this source", detail));
    }
    let sender = from.as_ref().map_or("", |sender| sender.name());
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let content = [query.as_deref().unwrap_or_default().as_bytes(), media_type, &bytes];
    let first = match gateway.answers.turn(&headers, sender, &content)? {
        Some(Turn::Again(answer)) => return Ok(json(answer, None)),
        Some(Turn::First(first)) => Some(first),
        None => None,
    };
    let body = Body::read(&headers, bytes, gateway.body_bytes)?;
    let left = take(&gateway, &from, body.events.len())?;
    let answer = store(&gateway, &body, addressee, parameters.atomic).await?;
    Ok(json(keep(first, answer.into()), left))
}

/// The whole body, in time.
async fn read(request: Request, within: Duration) -> Result<Bytes, Problem> {
    let read: Result<Result<Bytes, BytesRejection>, _> =
        tokio::time::timeout(within, Bytes::from_request(request, &())).await;
    let late = |_| {
        let detail =
            format!("the body did not come in whole within {} s; send less at once", within.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too slow", detail)
    };
    Ok(read.map_err(late)??)
}

/// Takes events from the rates of a sender and of the study; what is left of the smaller.
fn take(gateway: &Gateway, from: &From, events: usize) -> Result<Option<Left>, Problem> {
    let sender = from.as_ref().and_then(|sender| Some((sender.rate()?, sender.name())));
    let sender = sender.map(|(rate, name)| rate.take(events, name)).transpose()?;
    let study = gateway.rate.as_ref().map(|rate| rate.take(events, "the study's senders")).transpose()?;
    Ok(Left::least(sender, study))
}

/// Makes a body's events durable; the answer as JSON.
async fn store(
    gateway: &Gateway,
    body: &Body,
    addressee: Addressee,
    is_atomic: bool,
) -> Result<Vec<u8>, Problem> {
    let Addressee { source, event_type, schema_version } = addressee;
    let sender = Sender { source, event_type, schema_version, received: (gateway.clock)() };
    let checked = gateway.checker.check(body.batch(&sender), gateway.partitions.unwrap_or(1));
    let posts = match gateway.partitions {
        Some(_) => parts::by_partition(&sender, &checked),
        None => vec![parts::together(&sender, body)],
    };
    let Checked { refused, identities, .. } = checked;
    if is_atomic && !refused.is_empty() {
        let (refused, count) = (refused.into_iter().map(Verdict::refused), body.events.len());
        let detail = format!(
            "{} of {count} events would be rejected, and the request is atomic: nothing was stored; mend them, and send all again",
            refused.len()
        );
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing stored", detail);
        return Err(problem.with_events(refused.collect()));
    }
    let seen = gateway.recent.seen(&identities);
    gateway.committer.commit(posts).await.map_err(|error| match error {
        PostError::Full => {
            let detail = "more events are waiting than memory allows; send this request again a little later";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too busy", detail.to_owned()).retry_after(1)
        }
        PostError::Log(error) => {
            let detail = format!("the events were not stored: {error}; send them again later");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not durable", detail).retry_after(5)
        }
    })?;
    gateway.recent.note(&identities);
    serde_json::to_vec(&Answer::new(&seen, refused)).map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no answer",
            format!("the events are stored: {error}"),
        )
    })
}

/// Keeps an answer for the repeats of its request, if it has a key.
fn keep(first: Option<First<'_>>, answer: Bytes) -> Bytes {
    if let Some(first) = first {
        first.answer(answer.clone());
    }
    answer
}

fn json(answer: Bytes, left: Option<Left>) -> Response {
    let limits = AppendHeaders(left.map_or_else(Vec::new, Left::headers));
    ([(CONTENT_TYPE, "application/json")], limits, answer).into_response()
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
