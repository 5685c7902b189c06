//! What records look like: header names and value formats, by topic.
//!
//! | topic | headers | value |
//! |---|---|---|
//! | raw | source, received, count, content-type; event-type, schema-version where known; oversized; redrive-of; sealed | the events' own bytes, one a line, rows under their header line, or in an Avro container |
//! | | source, received, count 0; watermark | nothing came until then |
//! | | source, received, count 0, read-through | nothing more comes from the source for now |
//! | ids | | see `crate::process` |
//! | clean | event-type, schema-version, count | one Arrow IPC stream of one batch, provenance columns included |
//! | rejected | count | NDJSON, one [`RejectedEvent`] a line |
//! | redriven | count | NDJSON, one [`RedrivenEvent`] a line |
//! | partials | watermark, partition; window, digest for a window's pieces | see `transect_core::window` |
//! | windows | window, count | one Arrow IPC stream of one batch |
//! | audit | | JSON, one ledger entry |
//! | observations, window-observations | detector, digest, keep | see `transect_core::anomaly` |
//! | alerts | count | NDJSON, one [`Alert`](transect_core::anomaly::Alert) a line |

pub mod sealed;
mod stream;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use transect_core::format::avro::Head;
use transect_core::format::{Format, csv};
use transect_core::input::Oversized;
use transect_core::reject::RejectReason;

use crate::log::Record;

/// Header: name of the source.
pub const SOURCE: &str = "source";
/// Header: what a record of `audit` is, where it is no ledger.
pub const KIND: &str = "kind";
/// Header: for each event of a value, the number of the reject that it corrects; with commas between.
pub const REDRIVE_OF: &str = "redrive-of";
/// Header: that its source has been read through, of a record without events.
pub const READ_THROUGH: &str = "read-through";
/// Header: received time, microseconds since 1970 UTC.
pub const RECEIVED: &str = "received";
/// Header: number of events in the value.
pub const COUNT: &str = "count";
/// Header: media type of the value.
pub const CONTENT_TYPE: &str = "content-type";
/// Header: event type of all events in the value.
pub const EVENT_TYPE: &str = "event-type";
/// Header: in `raw`, schema version of the events that don't say one themselves; in `clean`, the newest that the rows' table
/// has.
pub const SCHEMA_VERSION: &str = "schema-version";
/// Header: name of the window definition.
pub const WINDOW: &str = "window";
/// Header: digest of the definition of the window or detector.
pub const DIGEST: &str = "digest";
/// Header: of a watermark among others, the partition that it is of.
pub const PARTITION: &str = "partition";
/// Header: watermark, microseconds since 1970 UTC. Of an idle record: what that of its partition is raised to.
pub const WATERMARK: &str = "watermark";
/// Header: name of the detector.
pub const DETECTOR: &str = "detector";
/// Header: the watermark from which on the record is not needed any more, microseconds since 1970 UTC.
pub const KEEP: &str = "keep";

/// Media type of events in JSON, one a line.
pub const NDJSON: &str = "application/x-ndjson";
/// Media type of Avro: an object container.
pub const AVRO: &str = "application/avro";
/// Media type of CloudEvents envelopes, one a line.
pub const CLOUD_EVENTS: &str = "application/cloudevents+json";

/// Media type of rows under a header line, with commas between cells.
pub const CSV: &str = "text/csv";
/// The same with tabs.
pub const TSV: &str = "text/tab-separated-values";

/// Header: of events of which only the beginning is there, their numbers in the record from 0, lengths in bytes and SHA-256 in
/// hex; `number:length:hash` with commas between.
pub const OVERSIZED: &str = "oversized";

/// How the events of a raw record are written; None for a media type that is not known. A bare event is JSON.
pub fn format(record: &Record) -> Option<Format> {
    match record.header(CONTENT_TYPE) {
        None | Some(NDJSON | "application/json") => Some(Format::Json),
        Some(CLOUD_EVENTS) => Some(Format::CloudEvents),
        Some(AVRO) => Some(Format::Avro(Arc::new(Head::parse(&record.value).ok()??.0))),
        Some(CSV) => csv_head(record, b','),
        Some(TSV) => csv_head(record, b'\t'),
        Some(_) => None,
    }
}

fn csv_head(record: &Record, delimiter: u8) -> Option<Format> {
    let end = csv::Scan::new(delimiter).end(&record.value)?;
    Some(Format::Csv(Arc::new(csv::Head::parse(record.value.slice(..end), delimiter).ok()?)))
}

/// The media type of a raw record whose events are written so.
pub(crate) fn content_type(format: &Format) -> &'static str {
    match format {
        Format::Json => NDJSON,
        Format::CloudEvents => CLOUD_EVENTS,
        Format::Avro(_) => AVRO,
        Format::Csv(head) if head.delimiter() == b'\t' => TSV,
        Format::Csv(_) => CSV,
    }
}

/// What a raw record begins with whose events are written so.
pub(crate) fn head(format: &Format) -> Bytes {
    match format {
        Format::Json | Format::CloudEvents => Bytes::new(),
        Format::Avro(head) => Bytes::copy_from_slice(head.bytes()),
        Format::Csv(head) => [head.line(), b"\n"].concat().into(),
    }
}

/// The events of a raw record's value, without what stands before them.
pub(crate) fn behind_head(record: &Record, format: &Format) -> Bytes {
    let head = match format {
        Format::Json | Format::CloudEvents => 0,
        Format::Avro(head) => head.bytes().len(),
        Format::Csv(head) => head.line().len() + 1,
    };
    record.value.slice(head.min(record.value.len())..)
}

/// The value of [`OVERSIZED`].
pub(crate) fn write_oversized(oversized: &[(u64, Oversized)]) -> String {
    let one = |(number, Oversized { length, sha256 }): &(u64, Oversized)| {
        format!("{number}:{length}:{}", hex::encode(sha256))
    };
    oversized.iter().map(one).collect::<Vec<_>>().join(",")
}

/// Reads such a value; None if it is none.
pub(crate) fn read_oversized(text: &str) -> Option<Vec<(usize, Oversized)>> {
    let one = |text: &str| {
        let mut parts = text.split(':');
        let (number, length) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mut sha256 = [0; 32];
        hex::decode_to_slice(parts.next()?, &mut sha256).ok()?;
        Some((number, Oversized { length, sha256 }))
    };
    text.split(',').map(one).collect()
}

/// A refused event as it is kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedEvent {
    /// Why.
    pub reason: RejectReason,
    /// JSON Pointer to where in the event; empty for the whole.
    pub pointer: String,
    /// The JSON Schema keyword that failed, or empty.
    pub keyword: String,
    /// What was expected and found.
    pub message: String,
    /// Byte offset into the event, where the trouble has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<u32>,
    /// The event type, where it was known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_type: Option<String>,
    /// Name of the source.
    pub source: String,
    /// Received time, RFC 3339.
    pub received: String,
    /// The file, for events from files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// The offset of the raw record, for events from the gateway.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// The index in the raw record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<u32>,
    /// Length of the event in bytes.
    pub length: u64,
    /// The original bytes as text: all of them, or the first 4 KiB of more than 256 KiB.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub original: Option<String>,
    /// The original bytes in base64, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub original_base64: Option<String>,
    /// SHA-256 of all original bytes in hex, where `original` was cut.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// The event as JSON, where it came in another format and could be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub json: Option<String>,
    /// Its format, where it is not JSON: `csv`, `cloudevents` or `avro`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub format: Option<String>,
    /// The schema version that its source said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schema_version: Option<u32>,
    /// The number of the reject that it corrects, for an event that was taken back in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub redrive_of: Option<u64>,
    /// In pipelines with personal fields: message, original and the whole pointer, sealed, in base64; see
    /// [`sealed::open_reject`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sealed: Option<String>,
    /// Whether message and original were destroyed because their participant was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub erased: bool,
}

/// A refused event that was taken back in: accepted, or the same as one that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedrivenEvent {
    /// The number of the reject, from 1, over the lines of all files of rejects.
    pub number: u64,
    /// When it was read again, RFC 3339.
    pub received: String,
}

/// Writes a batch as an Arrow IPC stream.
pub fn encode_batch(batch: &RecordBatch) -> Result<Bytes, ArrowError> {
    encode_batch_into(batch, BytesMut::new())
}

/// As `encode_batch`, in memory that held something before.
pub(crate) fn encode_batch_into(batch: &RecordBatch, memory: BytesMut) -> Result<Bytes, ArrowError> {
    stream::encode(batch, memory)
}
