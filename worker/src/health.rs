//! What every worker shows: whether it lives, whether it has begun, and its metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::Metrics;
use crate::role::RoleError;
use crate::runner::Flag;

/// The media type of metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves them until the process ends. Ready once all flags are up; that is never taken back, since what is down then is
/// not this process.
pub(crate) fn serve(address: SocketAddr, metrics: Arc<Metrics>, begun: Vec<Flag>) -> Result<(), RoleError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(address))
        .map_err(|error| format!("listen on {address}: {error}; give another `listen` address"))?;
    let router = router(metrics, begun);
    thread::Builder::new().name("health".into()).spawn(move || {
        if let Err(error) = runtime.block_on(async { axum::serve(listener, router).await }) {
            tracing::error!(%error, "health and metrics are not served any more");
        }
    })?;
    Ok(())
}

/// The routes. Ready once all flags are up.
pub(crate) fn router(metrics: Arc<Metrics>, begun: Vec<Flag>) -> Router {
    let ready = move || async move {
        match begun.iter().all(Flag::is_raised) {
            true => (StatusCode::OK, "ok\n"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "has not begun yet\n"),
        }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(metrics): State<Arc<Metrics>>| async move { text(&metrics) }))
        .with_state(metrics)
}

/// All metrics as text.
fn text(metrics: &Metrics) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, metrics.registry()) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
