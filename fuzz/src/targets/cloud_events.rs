//! CloudEvents: an envelope is refused with its own words, or its data are an event.

use serde_json::{Value, json};
use transect_core::format::Format;
use transect_core::reject::RejectReason;

use crate::common::{config, decode, decoder, event_type, single};

/// An envelope.
pub fn run(data: &[u8]) {
    for schema in [json!({}), json!({"properties": {"t": {}, "cloudevent": {"type": "object"}}})] {
        let mut decoder = decoder(event_type(&config(schema, Vec::new(), Vec::new())));
        let decoded = decode(&mut decoder, single(Format::CloudEvents, data));
        if decoded.rejects.is_empty() {
            let envelope: Value = serde_json::from_slice(data).unwrap();
            assert_eq!(envelope["specversion"], "1.0", "taken without a version");
        }
        for reject in decoded.rejects {
            let Ok(envelope) = serde_json::from_slice::<Value>(data) else {
                assert_eq!(reject.reject.reason, RejectReason::Malformed);
                continue;
            };
            let pointer = &reject.reject.pointer;
            let is_there = pointer.is_empty() || envelope.pointer(pointer).is_some();
            let is_missing = reject.reject.message.contains("nothing");
            let of_event = reject.reject.reason != RejectReason::InvalidEnvelope;
            assert!(is_there || is_missing || of_event, "{pointer} is not in the envelope");
        }
    }
}
