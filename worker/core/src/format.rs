//! Events that are not plain JSON become JSON text, one by one, right before they are decoded; from there on all formats
//! go the same way. What was received is kept as it came, for the archive and the rejects.
//!
//! Plain JSON does not pass here.

pub mod avro;
mod cloud_events;
pub mod csv;
#[cfg(test)]
mod testing;
mod text;

use std::sync::Arc;

use crate::events::EventType;
use crate::input::EventBatch;
use crate::reject::{Reject, RejectReason};

/// How the events of a batch are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// Each event is one JSON value.
    #[default]
    Json,
    /// Each event is a record under this header line.
    Csv(Arc<csv::Head>),
    /// Each event is the data of a CloudEvents 1.0 envelope, which is one JSON value.
    CloudEvents,
    /// Each event is a datum in a block of a container with this head.
    Avro(Arc<avro::Head>),
}

impl Format {
    /// Whether events are decoded as they came.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }
}

/// Makes JSON of the events of batches; of one thread.
#[derive(Debug, Default)]
pub(crate) struct Converter {
    csv: csv::Converter,
    avro: avro::Converter,
    text: Vec<u8>,
}

/// An event as JSON text.
pub(crate) struct Converted<'a> {
    pub(crate) text: &'a [u8],
    /// Position of its event type in the pipeline's, where the format says it.
    pub(crate) event_type: Option<usize>,
    /// The schema version of an event that doesn't say one itself, where the format says it.
    pub(crate) version: Option<u32>,
}

impl Converter {
    /// Makes a batch ready, before its first event is asked for.
    pub(crate) fn open(&mut self, batch: &mut EventBatch) {
        if let Format::Avro(head) = &batch.format {
            self.avro.open(&Arc::clone(head), batch);
        }
    }

    /// The next event of the batch, which is not held as oversized. `stated` is the event type that the source names.
    pub(crate) fn convert(
        &mut self,
        batch: &mut EventBatch,
        event: usize,
        types: &[EventType],
        stated: Option<usize>,
    ) -> Result<Converted<'_>, Reject> {
        self.text.clear();
        let bytes = batch.event(batch.events[event]);
        let mut version = None;
        let event_type = match &batch.format {
            Format::Json => {
                self.text.extend_from_slice(bytes);
                None
            }
            Format::Csv(head) => {
                self.csv.convert(head, bytes, types, (stated, batch.schema_version), &mut self.text)?
            }
            Format::CloudEvents => {
                cloud_events::convert(bytes, types, (stated, batch.schema_version), &mut self.text)?
            }
            Format::Avro(head) => {
                let head = Arc::clone(head);
                let context = avro::Context { types, event_type: stated, version: batch.schema_version };
                let said = self.avro.convert(&head, batch, event, &context, &mut self.text)?;
                version = said.version;
                said.event_type
            }
        };
        Ok(Converted { text: &self.text, event_type, version })
    }

    /// An event of the batch that was converted before; None if it could not be.
    pub(crate) fn convert_again(
        &mut self,
        batch: &mut EventBatch,
        event: usize,
        types: &[EventType],
        event_type: Option<usize>,
    ) -> Option<Converted<'_>> {
        let Format::Avro(head) = &batch.format else {
            return self.convert(batch, event, types, event_type).ok();
        };
        self.text.clear();
        let context = avro::Context { types, event_type, version: batch.schema_version };
        let said = self.avro.convert_again(&Arc::clone(head), batch, event, &context, &mut self.text).ok()?;
        Some(Converted { text: &self.text, event_type: said.event_type, version: said.version })
    }
}

/// A refusal of an event that can't be read in its format.
fn malformed(message: String) -> Reject {
    Reject {
        reason: RejectReason::Malformed,
        pointer: String::new(),
        keyword: String::new(),
        message,
        offset: None,
    }
}
