//! Where events begin and end: the same wherever chunks are cut, and whatever the file is compressed with.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use transect_config::InputFormat;
use transect_core::input::{EventBatch, Place};
use transect_worker::input::split_body;

use crate::common::read;

/// Each event's line, length and bytes, and hash if it is too large to hold.
pub(crate) fn events(batches: &[EventBatch]) -> Vec<(u64, u64, Vec<u8>)> {
    let mut events = Vec::new();
    for batch in batches {
        let Place::File { line, .. } = batch.place else { panic!("of a file") };
        for span in &batch.events {
            let oversized = batch.oversized.get(span.oversized as usize);
            let length = oversized.map_or(u64::from(span.len), |oversized| oversized.length);
            let bytes = oversized.map_or(batch.event(*span).to_vec(), |oversized| oversized.sha256.to_vec());
            events.push((line + u64::from(span.index), length, bytes));
        }
    }
    events
}

/// The same events and the same end for each size of chunks.
pub(crate) fn whatever_the_chunks(data: &[u8], written_as: Option<InputFormat>) -> Vec<EventBatch> {
    let (whole, end) = read(data, written_as, 1 << 20);
    let found = events(&whole);
    for chunk_bytes in [1, 7, 64, 1000] {
        let (pieces, other_end) = read(data, written_as, chunk_bytes);
        assert_eq!(found, events(&pieces), "in chunks of {chunk_bytes}");
        assert_eq!(
            end.is_some(),
            other_end.is_some(),
            "{end:?} and {other_end:?} in chunks of {chunk_bytes}"
        );
    }
    whole
}

/// NDJSON, an array, or values with white space between them.
pub fn json(data: &[u8]) {
    whatever_the_chunks(data, Some(InputFormat::Json));
}

/// A gzip or zstd stream as it is; and any file, which gives the same events compressed.
pub fn compressed(data: &[u8]) {
    whatever_the_chunks(data, None);
    let (plain, end) = read(data, None, 1 << 20);
    if end.is_some() {
        return;
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(data).unwrap();
    // What is compressed twice is no file of events.
    let is_compressed = data.starts_with(&[0x1f, 0x8b])
        || data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || data.get(1..4) == Some(&[0x2a, 0x4d, 0x18]);
    if is_compressed {
        return;
    }
    for packed in [gzip.finish().unwrap(), zstd::encode_all(data, 1).unwrap()] {
        let (unpacked, end) = read(&packed, None, 1 << 20);
        assert_eq!(end, None);
        assert_eq!(events(&plain), events(&unpacked));
    }
}

/// The body of a request.
pub fn body(data: &[u8]) {
    for is_ndjson in [false, true] {
        let Ok(ranges) = split_body(data, is_ndjson) else { continue };
        let mut after = 0;
        for range in ranges {
            assert!(range.start >= after && range.end <= data.len() && !range.is_empty(), "{range:?}");
            after = range.end;
        }
    }
    // A sound value is one event, as it is.
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        let ranges = split_body(data, false).unwrap();
        let elements = value.as_array().map_or(1, Vec::len);
        assert_eq!(ranges.len(), elements);
        for (at, range) in ranges.into_iter().enumerate() {
            let element: serde_json::Value = serde_json::from_slice(&data[range]).unwrap();
            assert_eq!(&element, value.as_array().map_or(&value, |items| &items[at]));
        }
    }
}
