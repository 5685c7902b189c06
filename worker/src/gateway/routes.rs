//! The routes.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use bytes::Bytes;
use tower::ServiceBuilder;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::{Gateway, access, document, events, in_flight, observe};

/// The document, as it is served.
#[derive(Clone)]
struct Served(Bytes);

pub(super) fn router(gateway: &Arc<Gateway>) -> Router {
    let (routes, mut document) = OpenApiRouter::with_openapi(document::begin())
        .routes(routes!(events::post))
        .routes(routes!(openapi))
        .split_for_parts();
    document::name(&mut document, gateway);
    // Plain data.
    let document = Served(document.to_json().unwrap_or_default().into());
    // The outer ones first: nobody without a key takes a place.
    let guards = ServiceBuilder::new()
        .layer(from_fn_with_state(Arc::clone(gateway), access::check))
        .layer(from_fn_with_state(Arc::clone(gateway), in_flight::limit));
    routes
        .method_not_allowed_fallback(unknown_method)
        .route_layer(guards)
        .fallback(unknown_path)
        .layer(from_fn_with_state(Arc::clone(gateway), observe::request))
        .layer(Extension(document))
        .layer(DefaultBodyLimit::max(gateway.body_bytes))
        .with_state(Arc::clone(gateway))
}

/// This document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    responses(
        (status = 200, body = serde_json::Value, description = "What the gateway takes, as an OpenAPI document"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid API key"),
        (status = 429, body = Problem, content_type = "application/problem+json",
            description = "Too many requests at once; `Retry-After` says when to come back"),
    ),
    security(("bearer" = []), ("header" = [])),
)]
async fn openapi(Extension(Served(document)): Extension<Served>) -> Response {
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}

async fn unknown_path(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}; events go to /v1/studies/{{study}}/events", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "unknown path", detail)
}

async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; the header `Allow` says what it takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "unknown method", detail)
}
