//! The verdict on events before they are accepted: by the same decoders as the process role's.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use transect_core::events::{EventDecoder, EventType, RejectedRow};
use transect_core::identity::PipelineKey;
use transect_core::input::{EventBatch, EventSpan, Place};

use super::body::Body;
use crate::placement;

/// What becomes of the events of a request.
pub(super) struct Checked {
    /// Those that would be refused, in their order.
    pub(super) refused: Vec<RejectedRow>,
    /// The partition of each.
    pub(super) partitions: Vec<u32>,
    /// The identity of each; None where it is refused.
    pub(super) identities: Vec<Option<u128>>,
}

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

    /// What becomes of a body's events, of a pipeline with so many partitions.
    pub(super) fn check(
        &self,
        Body { bytes, events, format }: &Body,
        source: &str,
        (event_type, schema_version): (Option<&str>, Option<u32>),
        received: i64,
        partitions: u32,
    ) -> Checked {
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
        let (mut of, mut identities) = (vec![0; events.len()], vec![None; events.len()]);
        for RejectedRow { event, .. } in &decoded.rejects {
            of[*event as usize] = placement::of_bytes(&bytes[events[*event as usize].clone()], partitions);
        }
        for rows in &decoded.rows {
            let ids = rows.decoded.identities.iter();
            for ((event, key), id) in rows.events.iter().zip(&rows.decoded.keys).zip(ids) {
                of[*event as usize] = placement::of_key(*key, partitions);
                identities[*event as usize] = Some(*id);
            }
        }
        Checked { refused: decoded.rejects, partitions: of, identities }
    }
}
