//! Avro object container files: each datum of a block becomes JSON by the schema in the file's head.
//! <https://avro.apache.org/docs/1.12.0/specification/#object-container-files>
//!
//! The `apache-avro` crate reads the schema. Data are read here, because it reads them without a bound on their depth, and
//! takes a missing boolean for null.

mod codec;
mod datum;
mod head;
mod reader;
mod shape;
#[cfg(test)]
mod tests;
mod text;

use bytes::Bytes;

pub use self::head::{BLOCK_BYTES_MAX, Block, Head};
use self::reader::{Fault, Reader};
use super::malformed;
use crate::events::EventType;
use crate::input::EventBatch;
use crate::reject::Reject;
use crate::versions::Versions;

/// The blocks of one batch have so many bytes together at most, decompressed.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Reads the data of a batch, one after the other; of one thread.
#[derive(Debug, Default)]
pub(super) struct Converter {
    /// Blocks that can't be decompressed: where their bytes begin, and what is wrong.
    failed: Vec<(u32, String)>,
    /// The block that is being read.
    block: Option<u32>,
    /// How far it has been read; None once a datum could not be.
    at: Option<usize>,
}

impl Converter {
    /// Decompresses the blocks of a batch. As it was read each event's span is its block; afterwards it is what is left of
    /// the block's data, until the event is converted.
    pub(super) fn open(&mut self, head: &Head, batch: &mut EventBatch) {
        *self = Self::default();
        let (mut data, mut block, mut opened) = (Vec::new(), None, (0, 0));
        for span in &mut batch.events {
            if block != Some(span.start) {
                block = Some(span.start);
                let frame = &batch.bytes[span.start as usize..(span.start + span.len) as usize];
                let start = data.len();
                if let Err(problem) = head.decompress(frame, BATCH_BYTES_MAX - start, &mut data) {
                    self.failed.push((start as u32, problem));
                }
                opened = (start as u32, (data.len() - start) as u32);
            }
            (span.start, span.len) = opened;
        }
        batch.bytes = Bytes::from(data);
    }

    /// Appends the next event as JSON, and notes its own bytes in the batch. `event_type` shapes it, where it is known.
    pub(super) fn convert(
        &mut self,
        head: &Head,
        batch: &mut EventBatch,
        event: usize,
        event_type: Option<&EventType>,
        text: &mut Vec<u8>,
    ) -> Result<(), Reject> {
        let span = batch.events[event];
        let (start, end) = (span.start as usize, (span.start + span.len) as usize);
        let is_first = self.block != Some(span.start);
        let is_last = batch.events.get(event + 1).is_none_or(|next| next.start != span.start);
        if is_first {
            (self.block, self.at) = (Some(span.start), Some(start));
        }
        let failed =
            self.failed.iter().find(|(at, _)| *at == span.start).map(|(_, problem)| problem.as_str());
        let Some(at) = self.at.filter(|_| failed.is_none()) else {
            // What can't be taken apart is kept with the first event that it holds.
            batch.events[event].len = if is_first { span.len } else { 0 };
            let before =
                "a datum before it in its block can't be read, so that it isn't known where this one begins";
            return Err(malformed(failed.unwrap_or(before).to_owned()));
        };
        let versions = event_type.map(|event_type| &*event_type.versions);
        let read = write(head, &batch.bytes[at..end], versions, batch.schema_version, text);
        let length = read.as_ref().ok().filter(|_| !is_last).copied().unwrap_or(end - at);
        (batch.events[event].start, batch.events[event].len) = (at as u32, length as u32);
        self.at = read.is_ok().then_some(at + length);
        match length - read.map_err(Fault::into_reject)? {
            0 => Ok(()),
            left => Err(malformed(format!("{left} bytes are left over after the last datum of its block"))),
        }
    }
}

/// Appends an event as JSON that has been converted before, so that its span is its own.
pub(super) fn convert_again(
    head: &Head,
    batch: &EventBatch,
    event: usize,
    event_type: Option<&EventType>,
    text: &mut Vec<u8>,
) -> Result<(), Reject> {
    let versions = event_type.map(|event_type| &*event_type.versions);
    let read = write(head, batch.event(batch.events[event]), versions, batch.schema_version, text);
    read.map(|_| ()).map_err(Fault::into_reject)
}

/// Appends a datum as JSON, as its version wants it; the number of bytes that it took.
fn write(
    head: &Head,
    bytes: &[u8],
    versions: Option<&Versions>,
    stated: Option<u32>,
    text: &mut Vec<u8>,
) -> Result<usize, Fault> {
    let version = |event: &[u8]| versions.and_then(|versions| versions.choose(event, stated).ok());
    let write_as = |version: Option<usize>, text: &mut Vec<u8>| {
        let root = version.zip(versions).map(|(at, versions)| &versions.all()[at].plan.root);
        let mut reader = Reader::new(bytes);
        head.shapes().write(&mut reader, root, text)?;
        Ok(reader.at())
    };
    let (start, without) = (text.len(), version(b""));
    let length = write_as(without, text)?;
    // It may say itself of which version it is.
    match version(&text[start..]) {
        Some(said) if without != Some(said) => {
            text.truncate(start);
            write_as(Some(said), text)
        }
        _ => Ok(length),
    }
}
