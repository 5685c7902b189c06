//! As many requests are served at a time as memory allows; more are told to come back.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::Gateway;
use super::drain::drain;
use super::problem::Problem;

/// See the module.
pub(super) async fn limit(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Ok(_place) = gateway.places.try_acquire() else {
        drain(&gateway, request.into_body()).await;
        let detail = "as many requests are being served as memory allows; send this one again a little later";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too busy", detail.to_owned()).retry_after(1));
    };
    Ok(next.run(request).await)
}
