//! Reads what is left of a request that is refused: who is still sending it would not see the answer otherwise, but a connection that
//! breaks.

use axum::body::Body;
use http_body_util::BodyExt;

use super::Gateway;

/// Reads on to the end, or to where no request goes on, without keeping any of it.
pub(super) async fn drain(gateway: &Gateway, mut body: Body) {
    let mut left = gateway.body_bytes;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len());
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // However far it got.
    let _ = tokio::time::timeout(gateway.timeout, read).await;
}
