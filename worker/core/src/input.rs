//! Events as they were received: bytes, and the place where each stands. What every source hands to the core.

use std::sync::Arc;

use bytes::Bytes;

use crate::format::Format;
use crate::format::avro::Head;

/// Some events of one source, still bytes, in the order of their input.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// Name of the source.
    pub source: Arc<str>,
    /// The event type of all events, where the source says it.
    pub event_type: Option<Arc<str>>,
    /// The schema version of all events that don't say one themselves, where the source says it.
    pub schema_version: Option<u32>,
    /// How all events are written.
    pub format: Format,
    /// What the spans point into.
    pub bytes: Bytes,
    /// One span an event.
    pub events: Vec<EventSpan>,
    /// What is known of events that were too large to hold; `EventSpan::oversized` points here.
    pub oversized: Vec<Oversized>,
    /// Where the batch stands in its input.
    pub place: Place,
    /// When it was received, microseconds since 1970 UTC.
    pub received: i64,
}

/// One event's bytes within its batch, without the line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSpan {
    /// First byte.
    pub start: u32,
    /// Number of bytes held; of an oversized event only its head.
    pub len: u32,
    /// For files, lines between the batch's first line and this event's, or in an Avro container events; for records, the
    /// index in the record.
    pub index: u32,
    /// Position in `EventBatch::oversized`, or `u32::MAX` for an event that is held whole.
    pub oversized: u32,
}

/// What is kept of an event beyond the size limit, beside its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversized {
    /// Its full length in bytes.
    pub length: u64,
    /// SHA-256 of all its bytes.
    pub sha256: [u8; 32],
}

/// Where a batch stands in its input, so that any row can be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file as it was named.
        file: Arc<str>,
        /// Line (from 1) of the batch's first event; in an Avro container its number.
        line: u64,
    },
    /// In a record of the raw topic.
    Record {
        /// Partition of the topic.
        partition: u32,
        /// Offset of the record.
        offset: u64,
    },
}

impl EventBatch {
    /// A batch of one single object of Avro, which came by itself. An error is a bug in Transect.
    pub fn of_single_object(object: &[u8]) -> Result<Self, String> {
        let head = Head::of_single_objects()?;
        let (mut datum, mut bytes) = (Vec::with_capacity(object.len() + 10), Vec::new());
        Head::write_single_object(object, &mut datum);
        head.write_block(1, &datum, &mut bytes);
        let span = EventSpan { start: 0, len: bytes.len() as u32, index: 0, oversized: u32::MAX };
        Ok(Self {
            source: Arc::from(""),
            event_type: None,
            schema_version: None,
            format: Format::Avro(Arc::new(head)),
            bytes: bytes.into(),
            events: vec![span],
            oversized: Vec::new(),
            place: Place::Record { partition: 0, offset: 0 },
            received: 0,
        })
    }

    /// The bytes of an event; of an oversized one its head.
    pub fn event(&self, span: EventSpan) -> &[u8] {
        &self.bytes[span.start as usize..(span.start + span.len) as usize]
    }
}
