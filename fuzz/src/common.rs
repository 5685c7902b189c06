//! What targets share: event types, batches, and what must hold of every batch that is decoded.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use transect_config::{
    CleanseStep, EventFields, EventTypeConfig, InputFormat, Limits, RuleConfig, Span, TimeFormat,
};
use transect_core::events::{DecodedBatch, EventDecoder, EventType};
use transect_core::format::Format;
use transect_core::identity::PipelineKey;
use transect_core::input::{EventBatch, EventSpan, Place};
use transect_core::rules::Rules;
use transect_core::versions::Versions;
use transect_worker::input::FileInput;

/// Small, so that a short input reaches them.
pub const LIMITS: Limits = Limits { event_bytes: 2048, depth: 16 };

/// The two parts of an input, before and after its first zero byte.
pub fn two(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|byte| *byte == 0)?;
    Some((&data[..at], &data[at + 1..]))
}

/// An event type of this schema, whose time is `/t`.
pub fn config(schema: Value, cleanse: Vec<CleanseStep>, rules: Vec<RuleConfig>) -> EventTypeConfig {
    EventTypeConfig {
        name: "e".into(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: Default::default(),
        event: EventFields {
            event_type: None,
            id: Vec::new(),
            time: "/t".parse().unwrap(),
            time_format: TimeFormat::Rfc3339,
            key: Vec::new(),
            region: None,
            participant: None,
            version: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
        older: Vec::new(),
        renamed: Vec::new(),
        cleanse,
        rules,
        privacy: Vec::new(),
    }
}

/// The event type, ready to run.
pub fn event_type(config: &EventTypeConfig) -> EventType {
    of_versions(config, Versions::compile(config, &LIMITS).unwrap())
}

/// The same, with its versions compiled.
pub fn of_versions(config: &EventTypeConfig, versions: Arc<Versions>) -> EventType {
    EventType {
        name: config.name.as_str().into(),
        type_field: config.event.event_type.clone(),
        time_field: config.event.time.clone(),
        delay: config.event.delay,
        max_ahead: config.event.max_ahead,
        rules: Rules::compile(&config.rules, versions.schema()).unwrap(),
        versions,
        privacy: None,
    }
}

/// A decoder of one event type.
pub fn decoder(event_type: EventType) -> EventDecoder {
    decoder_of(&Arc::from([event_type]))
}

/// The same of types that were made before.
pub fn decoder_of(types: &Arc<[EventType]>) -> EventDecoder {
    EventDecoder::new(Arc::clone(types), &PipelineKey::new([7; 16]))
}

/// A batch of one event.
pub fn single(format: Format, event: &[u8]) -> EventBatch {
    EventBatch {
        source: "s".into(),
        event_type: None,
        schema_version: None,
        format,
        bytes: Bytes::copy_from_slice(event),
        events: vec![EventSpan { start: 0, len: event.len() as u32, index: 0, oversized: u32::MAX }],
        oversized: Vec::new(),
        place: Place::File { file: "f".into(), line: 1 },
        received: 0,
    }
}

/// Decodes a batch, of which each event must end in exactly one place.
pub fn decode(decoder: &mut EventDecoder, batch: EventBatch) -> DecodedBatch {
    let count = batch.events.len();
    let decoded = decoder.decode(batch);
    let mut seen = vec![0_u32; count];
    for rows in &decoded.rows {
        assert_eq!(rows.events.len(), rows.decoded.columns.num_rows());
        assert_eq!(rows.events.len(), rows.decoded.times.len());
        rows.events.iter().for_each(|event| seen[*event as usize] += 1);
    }
    decoded.rejects.iter().for_each(|reject| seen[reject.event as usize] += 1);
    assert!(seen.iter().all(|times| *times == 1), "an event ended {seen:?} times");
    decoded
}

/// All batches of a file with this content, and how it ended.
pub fn read(
    data: &[u8],
    written_as: Option<InputFormat>,
    chunk_bytes: usize,
) -> (Vec<EventBatch>, Option<String>) {
    let input = FileInput::of_stream(Cursor::new(data.to_vec()), "f", LIMITS);
    let mut input = match input {
        Ok(input) => input.written_as(written_as).chunks_of(chunk_bytes),
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut batches = Vec::new();
    loop {
        match input.next_batch() {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => return (batches, None),
            Err(error) => return (batches, Some(error.to_string())),
        }
    }
}
