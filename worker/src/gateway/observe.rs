//! Counts requests by what was answered, and how long that took.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::Gateway;

/// See the module.
pub(super) async fn request(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    gateway.metrics.count_request(response.status().as_u16(), begun.elapsed());
    response
}
