//! Bodies in Avro: a single object, or an object container.
//!
//! The blocks of a container are stored decompressed behind a marker of our own, so that those of many requests with the same
//! schema are one container. The data themselves stay as they came.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use transect_core::format::Format;
use transect_core::format::avro::{Head, is_single_object};
use transect_core::input::EventBatch;

use super::body::Body;
use super::problem::Problem;

/// A container has at most so many data: some take no byte at all.
const DATA_MAX: usize = 1 << 18;

/// See the module.
pub(super) fn read(body: &Bytes, bytes_max: usize) -> Result<Body, Problem> {
    if is_single_object(body) {
        return single_object(body).map_err(broken);
    }
    if body.is_empty() || !Head::is_at(body) {
        let detail = "the body is neither a single object of Avro, which begins with the bytes c3 01, nor an object container, \
                      which begins with `Obj` and the byte 1; a datum without either doesn't say its schema";
        return Err(broken(detail.to_owned()));
    }
    let read = container(body, bytes_max).map_err(broken)?;
    if read.events.is_empty() {
        let detail = "the container holds no datum; send at least one";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "no events", detail.to_owned()));
    }
    Ok(read)
}

fn broken(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "broken body", detail)
}

fn single_object(object: &[u8]) -> Result<Body, String> {
    let EventBatch { bytes, format, .. } = EventBatch::of_single_object(object)?;
    let events = std::iter::once(0..bytes.len()).collect();
    Ok(Body { bytes, events, format })
}

fn container(body: &[u8], bytes_max: usize) -> Result<Body, String> {
    let (came, mut at) =
        Head::parse(body)?.ok_or("the container ends within its head; nothing of it was taken in")?;
    let head = came.plain()?;
    let (mut bytes, mut events, mut data) = (Vec::new(), Vec::new(), Vec::new());
    while at < body.len() {
        let block = came.block(&body[at..])?;
        let block = block.ok_or_else(|| {
            format!(
                "the container ends within a block, which begins at byte {at}; nothing of it was taken in"
            )
        })?;
        data.clear();
        let left = bytes_max.saturating_sub(bytes.len());
        came.decompress(&body[at..at + block.length], left, &mut data)?;
        at += block.length;
        if block.count == 0 {
            continue;
        }
        if events.len() + block.count > DATA_MAX {
            return Err(format!("the container has more than {DATA_MAX} data; send it in parts"));
        }
        let start = bytes.len();
        head.write_block(block.count, &data, &mut bytes);
        events.extend(std::iter::repeat_n(start..bytes.len(), block.count));
    }
    Ok(Body { bytes: bytes.into(), events, format: Format::Avro(Arc::new(head)) })
}
