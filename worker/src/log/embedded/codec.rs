//! A record as the payload of a frame: number of headers and length of the value, then name and value of each header
//! with their lengths before them (u32, little-endian), then the record's value. The value is never copied, and stands
//! at a multiple of 64 bytes from the file's beginning, as does the end of the frame: Arrow reads columns in place only
//! where they are aligned.

use bytes::{Buf, Bytes};

use super::frame::HEADER_BYTES;
use crate::log::Header;

const ALIGNMENT: usize = 64;

/// Writes everything that stands before the value, and the padding after it.
pub(super) fn encode_around(headers: &[Header], value_bytes: usize) -> (Vec<u8>, &'static [u8]) {
    let bytes = headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>() + 8;
    let mut head = Vec::with_capacity(bytes + ALIGNMENT);
    head.extend((headers.len() as u32).to_le_bytes());
    head.extend((value_bytes as u32).to_le_bytes());
    for (name, value) in headers {
        for text in [name.as_ref(), value.as_str()] {
            head.extend((text.len() as u32).to_le_bytes());
            head.extend(text.as_bytes());
        }
    }
    head.resize(head.len() + padding(HEADER_BYTES + head.len()), 0);
    (head, &[0; ALIGNMENT][..padding(value_bytes)])
}

/// Bytes from a length to the next multiple of the alignment.
fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT) - length
}

/// Reads headers and value; None where the payload is no record.
pub(super) fn decode(mut payload: Bytes) -> Option<(Vec<Header>, Bytes)> {
    let whole = payload.len();
    let count = payload.try_get_u32_le().ok()?;
    let value_bytes = payload.try_get_u32_le().ok()? as usize;
    // No capacity by `count`: nothing is allocated on the word of a damaged file.
    let mut headers = Vec::new();
    for _ in 0..count {
        let name = text(&mut payload)?;
        let value = text(&mut payload)?;
        headers.push((name.into(), value));
    }
    let start = padding(HEADER_BYTES + whole - payload.len());
    let end = start.checked_add(value_bytes).filter(|end| *end <= payload.len())?;
    Some((headers, payload.slice(start..end)))
}

fn text(payload: &mut Bytes) -> Option<String> {
    let length = payload.try_get_u32_le().ok()? as usize;
    if length > payload.len() {
        return None;
    }
    String::from_utf8(payload.split_to(length).into()).ok()
}
