//! The encoding of a body: gzip or zstd, within bounds.

use std::io::Read;

use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder;

use super::body::unsupported;
use super::problem::Problem;

/// A body needs no more memory than this to be decoded: 2 to the power of it, in bytes.
const WINDOW_LOG_MAX: u32 = 24;

/// The body as it was before it was encoded.
pub(super) fn decode(headers: &HeaderMap, body: Bytes, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(encoding) = encodings.next().filter(|value| *value != "identity") else { return Ok(body) };
    let unknown = || {
        let detail = format!("the body is encoded as {encoding:?}; send it as gzip, as zstd, or as it is");
        unsupported("unknown content encoding", detail)
    };
    let name = encoding.to_str().map_err(|_| unknown())?.to_ascii_lowercase();
    match name.as_str() {
        _ if encodings.next().is_some() => Err(unknown()),
        "gzip" | "x-gzip" => read("gzip", MultiGzDecoder::new(&body[..]), bytes_max),
        "zstd" => {
            let decoder = Decoder::with_buffer(&body[..]).and_then(|mut decoder| {
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Ok(decoder)
            });
            read("zstd", decoder.map_err(|error| broken("zstd", &error))?, bytes_max)
        }
        _ => Err(unknown()),
    }
}

fn read(encoding: &'static str, decoder: impl Read, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    let read = decoder.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken(encoding, &error))?;
    if bytes.len() > bytes_max {
        let detail = format!("the body has more than {bytes_max} bytes once it is decoded; send it in parts");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body too large", detail));
    }
    Ok(bytes.into())
}

fn broken(encoding: &'static str, error: &std::io::Error) -> Problem {
    let detail =
        format!("the {encoding} stream of the body is cut or damaged: {error}; nothing of it was taken in");
    Problem::new(StatusCode::BAD_REQUEST, "broken body", detail)
}
