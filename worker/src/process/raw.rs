//! Records of the raw topic as batches of events.

use std::sync::Arc;

use memchr::memchr_iter;
use transect_core::format::Format;
use transect_core::input::{EventBatch, EventSpan, Place};
use transect_core::privacy::KeyRing;

use crate::input::{avro_events, csv_events};
use crate::log::Record;
use crate::record::sealed::open_raw;
use crate::record::{
    self, CONTENT_TYPE, COUNT, EVENT_TYPE, OVERSIZED, READ_THROUGH, RECEIVED, REDRIVE_OF, SCHEMA_VERSION,
    SOURCE, WATERMARK,
};

/// What a raw record is.
pub enum Raw {
    /// Events.
    Events {
        /// They.
        batch: EventBatch,
        /// For each, the number of the reject that it corrects; empty where they came for the first time.
        redrive_of: Vec<u64>,
    },
    /// Nothing came from the source until this moment, microseconds since 1970 UTC.
    Idle {
        /// The source.
        source: Arc<str>,
        /// The moment.
        now: i64,
        /// What the partition's watermark is raised to, microseconds since 1970 UTC.
        watermark: Option<i64>,
    },
    /// The source has been read through.
    ReadThrough {
        /// The source.
        source: Arc<str>,
    },
}

/// A raw record breaks the format, which is a bug or a change from outside.
#[derive(Debug, thiserror::Error)]
#[error(
    "raw record {offset}: {problem}; the state folder was changed from outside, or this is a bug in Transect"
)]
pub struct RawError {
    offset: u64,
    problem: String,
}

/// Opens a record if it is sealed, reads its headers and finds its events. The count is taken from the headers and checked
/// against the value.
pub fn read(sealed: &Record, ring: Option<&KeyRing>) -> Result<Raw, RawError> {
    let fail = |problem: String| RawError { offset: sealed.offset, problem };
    let record = &open_raw(ring, sealed).map_err(|error| fail(error.to_string()))?;
    let header = |name| record.header(name).ok_or_else(|| fail(format!("the header {name} is missing")));
    let number = |name| -> Result<i64, RawError> {
        header(name)?.parse().map_err(|_| fail(format!("the header {name} is no number")))
    };
    let source: Arc<str> = header(SOURCE)?.into();
    let (count, received) = (number(COUNT)?, number(RECEIVED)?);
    if count == 0 && record.header(READ_THROUGH).is_some() {
        return Ok(Raw::ReadThrough { source });
    }
    if count == 0 {
        let watermark = record.header(WATERMARK).map(|_| number(WATERMARK)).transpose()?;
        return Ok(Raw::Idle { source, now: received, watermark });
    }
    let Some(format) = record::format(record) else {
        return Err(fail(format!("the {CONTENT_TYPE} is not one of events")));
    };
    let redrive_of = match record.header(REDRIVE_OF) {
        None => Vec::new(),
        Some(numbers) => numbers
            .split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| fail(format!("the header {REDRIVE_OF} is no list of numbers")))?,
    };
    let bytes = record::behind_head(record, &format);
    let mut events = match &format {
        Format::Avro(head) => avro_events(&bytes, head).map_err(&fail)?,
        Format::Csv(head) => csv_events(&bytes, head.delimiter()),
        Format::Json | Format::CloudEvents => lines(&bytes),
    };
    if events.len() as i64 != count || !(redrive_of.is_empty() || redrive_of.len() == events.len()) {
        return Err(fail(format!("it should hold {count} events and holds {}", events.len())));
    }
    let mut oversized = Vec::new();
    if let Some(text) = record.header(OVERSIZED) {
        let unknown = || fail(format!("the header {OVERSIZED} is none of this record"));
        for (number, known) in record::read_oversized(text).ok_or_else(unknown)? {
            events.get_mut(number).ok_or_else(unknown)?.oversized = oversized.len() as u32;
            oversized.push(known);
        }
    }
    let batch = EventBatch {
        source,
        event_type: record.header(EVENT_TYPE).map(Into::into),
        schema_version: record
            .header(SCHEMA_VERSION)
            .map(|_| number(SCHEMA_VERSION))
            .transpose()?
            .map(|v| v as u32),
        format,
        bytes,
        events,
        oversized,
        place: Place::Record { partition: 0, offset: record.offset },
        received,
    };
    Ok(Raw::Events { batch, redrive_of })
}

/// The lines of a value; the last may lack its line end.
fn lines(value: &[u8]) -> Vec<EventSpan> {
    let ends = memchr_iter(b'\n', value).chain((!value.ends_with(b"\n")).then_some(value.len()));
    let mut start = 0;
    let mut spans = Vec::new();
    for end in ends {
        let index = spans.len() as u32;
        spans.push(EventSpan { start: start as u32, len: (end - start) as u32, index, oversized: u32::MAX });
        start = end + 1;
    }
    spans
}
