//! The verdict on events before they are accepted: by the same decoders as the process role's.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use transect_core::events::{EventDecoder, EventType, RejectedRow};
use transect_core::identity::PipelineKey;
use transect_core::input::{EventBatch, EventSpan, Place};

use super::body::Body;
use crate::placement;

/// Decoders, lent to one request at a time and kept for the next.
pub(super) struct Checker {
    types: Arc<[EventType]>,
    key: PipelineKey,
    idle: Mutex<Vec<EventDecoder>>,
}

impl Checker {
    pub(super) fn new(types: Arc<[EventType]>, key: PipelineKey) -> Self {
        Self { types, key, idle: Mutex::new(Vec::new()) }
    }

    /// The events that would be refused, in their order, and the partition of each event, of so many.
    pub(super) fn check(
        &self,
        Body { bytes, events, format }: &Body,
        source: &str,
        (event_type, schema_version): (Option<&str>, Option<u32>),
        received: i64,
        partitions: u32,
    ) -> (Vec<RejectedRow>, Vec<u32>) {
        let span = |(index, range): (usize, &Range<usize>)| EventSpan {
            start: range.start as u32,
            len: range.len() as u32,
            index: index as u32,
            oversized: u32::MAX,
        };
        let batch = EventBatch {
            source: source.into(),
            event_type: event_type.map(Into::into),
            schema_version,
            format: format.clone(),
            bytes: bytes.clone(),
            events: events.iter().enumerate().map(span).collect(),
            oversized: Vec::new(),
            place: Place::Record { partition: 0, offset: 0 },
            received,
        };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = idle().pop();
        let mut decoder = lent.unwrap_or_else(|| EventDecoder::new(Arc::clone(&self.types), &self.key));
        let decoded = decoder.decode(batch);
        idle().push(decoder);
        let mut of = vec![0; events.len()];
        for RejectedRow { event, .. } in &decoded.rejects {
            of[*event as usize] = placement::of_bytes(&bytes[events[*event as usize].clone()], partitions);
        }
        for rows in &decoded.rows {
            for (event, key) in rows.events.iter().zip(&rows.decoded.keys) {
                of[*event as usize] = placement::of_key(*key, partitions);
            }
        }
        (decoded.rejects, of)
    }
}
