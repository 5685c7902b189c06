//! The verdict on events before they are accepted: by the same decoders as the process role's.

use std::sync::{Arc, Mutex, PoisonError};

use transect_core::events::{DecodedBatch, EventDecoder, EventType, RejectedRow, TypedRows};
use transect_core::identity::PipelineKey;
use transect_core::input::EventBatch;
use transect_core::watermark;

use crate::placement;

/// What becomes of events.
pub(super) struct Checked {
    /// They, each with its own bytes.
    pub(super) batch: EventBatch,
    /// Those that would be refused, in their order.
    pub(super) refused: Vec<RejectedRow>,
    /// The partition of each.
    pub(super) partitions: Vec<u32>,
    /// The identity of each; None where it is refused.
    pub(super) identities: Vec<Option<u128>>,
    /// Where each stood in the batch before its own bytes were known: data of the same block of a container, at the same place.
    pub(super) blocks: Vec<u32>,
    /// The greatest event time less its type's delay, microseconds since 1970 UTC.
    pub(super) mark: i64,
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

    /// What becomes of the events of a batch, of a pipeline with so many partitions.
    pub(super) fn check(&self, batch: EventBatch, partitions: u32) -> Checked {
        let blocks = batch.events.iter().map(|span| span.start).collect();
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = idle().pop();
        let mut decoder = lent.unwrap_or_else(|| EventDecoder::new(Arc::clone(&self.types), &self.key));
        let decoded = decoder.decode(batch);
        idle().push(decoder);
        let DecodedBatch { batch, rows, rejects: refused } = decoded;
        let mut of = vec![0; batch.events.len()];
        let mut identities = vec![None; batch.events.len()];
        for RejectedRow { event, .. } in &refused {
            of[*event as usize] = placement::of_bytes(batch.event(batch.events[*event as usize]), partitions);
        }
        let mut mark = watermark::NONE;
        for TypedRows { event_type, decoded, events, .. } in &rows {
            let delay = self.types[*event_type].delay.micros();
            for (row, event) in events.iter().enumerate() {
                of[*event as usize] = placement::of_key(decoded.keys[row], partitions);
                identities[*event as usize] = Some(decoded.identities[row]);
                mark = mark.max(decoded.times[row].saturating_sub(delay));
            }
        }
        Checked { batch, refused, partitions: of, identities, blocks, mark }
    }
}
