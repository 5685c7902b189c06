//! Avro: each datum of a block of an object container becomes JSON, and each single object.
//! <https://avro.apache.org/docs/1.12.0/specification/#object-container-files>
//!
//! Where the StudySchema is JSON Schema, data are read by the schema in the file's head. Where it is Avro, they are resolved
//! from that schema to the version that they are of; what can't be is refused.
//!
//! The `apache-avro` crate reads schemas. Data are read here, because it reads them without a bound on their depth, and
//! takes a missing boolean for null.

mod codec;
mod datum;
mod default;
mod head;
mod reader;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod shape;
mod single;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::default::text as default_text;
pub use self::head::{BLOCK_BYTES_MAX, Block, Head};
use self::reader::{Fault, Reader};
use self::shape::Shapes;
use self::single::Known;
pub use self::single::is_single_object;
use super::malformed;
use crate::avro::AvroSchema;
use crate::events::{EventType, route};
use crate::input::EventBatch;
use crate::reject::Reject;

/// The blocks of one batch have so many bytes together at most, decompressed.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// So many pairs of schemas are kept resolved.
const RESOLVED_MAX: usize = 16;

/// Reads the data of a batch, one after the other; of one thread.
#[derive(Debug, Default)]
pub(super) struct Converter {
    /// Blocks that can't be decompressed: where their bytes begin, and what is wrong.
    failed: Vec<(u32, String)>,
    /// The block that is being read.
    block: Option<u32>,
    /// How far it has been read; None once a datum could not be.
    at: Option<usize>,
    /// What was resolved last, the newest at the end.
    resolved: Vec<Resolved>,
}

/// How data of one schema are read as those of a version.
#[derive(Debug)]
struct Resolved {
    writer: Writer,
    /// Positions of an event type and its version.
    reader: (usize, usize),
    shapes: Arc<Shapes>,
}

/// Who has written data.
#[derive(Clone, Debug, PartialEq)]
enum Writer {
    Container(Arc<Head>),
    /// A version, by the positions of the event type and of the version.
    Version(usize, usize),
}

/// What is known of events, beside their bytes.
pub(super) struct Context<'a> {
    pub(super) types: &'a [EventType],
    /// Position of the event type that the source names.
    pub(super) event_type: Option<usize>,
    /// The version that the source names.
    pub(super) version: Option<u32>,
}

/// What an event says of itself by its schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) event_type: Option<usize>,
    pub(super) version: Option<u32>,
}

impl Converter {
    /// Decompresses the blocks of a batch. As it was read each event's span is its block; afterwards it is what is left of
    /// the block's data, until the event is converted.
    pub(super) fn open(&mut self, head: &Head, batch: &mut EventBatch) {
        (self.failed, self.block, self.at) = (Vec::new(), None, None);
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

    /// Appends the next event as JSON, and notes its own bytes in the batch.
    pub(super) fn convert(
        &mut self,
        head: &Arc<Head>,
        batch: &mut EventBatch,
        event: usize,
        context: &Context<'_>,
        text: &mut Vec<u8>,
    ) -> Result<Said, Reject> {
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
        let bytes = batch.bytes.slice(at..end);
        let mut is = |from: usize, length: usize| {
            (batch.events[event].start, batch.events[event].len) = ((at + from) as u32, length as u32);
        };
        if head.is_of_single_objects() {
            let mut reader = Reader::new(&bytes);
            let object = reader.bytes().map_err(Fault::into_reject).inspect_err(|_| is(0, end - at));
            self.at = object.is_ok().then_some(at + reader.at());
            let object = object?;
            is(reader.at() - object.len(), object.len());
            return self.single_object(object, context, text);
        }
        let read = self.datum(head, &bytes, context, text);
        // What was only written otherwise than wanted can be passed over.
        let passed = read.as_ref().err().and_then(|_| length_of(head, &bytes));
        let length = read.as_ref().ok().map(|(length, _)| *length).or(passed).filter(|_| !is_last);
        let length = length.unwrap_or(end - at);
        is(0, length);
        self.at = (read.is_ok() || passed.is_some()).then_some(at + length);
        let (read, said) = read?;
        match length - read {
            0 => Ok(said),
            left => Err(malformed(format!("{left} bytes are left over after the last datum of its block"))),
        }
    }

    /// Appends an event as JSON that has been converted before, so that its span is its own; what can't be resolved, as it was
    /// written.
    pub(super) fn convert_again(
        &mut self,
        head: &Arc<Head>,
        batch: &EventBatch,
        event: usize,
        context: &Context<'_>,
        text: &mut Vec<u8>,
    ) -> Result<Said, Reject> {
        let bytes = batch.event(batch.events[event]);
        if head.is_of_single_objects() {
            return self.single_object(bytes, context, text);
        }
        if let Ok((_, said)) = self.datum(head, bytes, context, text) {
            return Ok(said);
        }
        text.clear();
        head.shapes().write(&mut Reader::new(bytes), None, text).map_err(Fault::into_reject)?;
        Ok(Said::default())
    }

    /// A datum of a container; the number of bytes that it took.
    ///
    /// Its type is what the source says, or the one that has its schema, or what it says itself.
    fn datum(
        &mut self,
        head: &Arc<Head>,
        bytes: &[u8],
        context: &Context<'_>,
        text: &mut Vec<u8>,
    ) -> Result<(usize, Said), Reject> {
        let types = context.types;
        let only = (types.len() == 1).then_some(0);
        let known = Known::of(head.schema().fingerprint, types, context.event_type.or(only));
        let mut event_type = context.event_type.or(known.event_type()).or(only);
        let start = text.len();
        if event_type.is_none() {
            let mut reader = Reader::new(bytes);
            head.shapes().write(&mut reader, None, text).map_err(Fault::into_reject)?;
            event_type = route(types, &text[start..]).ok();
            let Some(_) = event_type else { return Ok((reader.at(), Said::default())) };
            text.truncate(start);
        }
        let Some(event_type) = event_type else { return Ok((0, Said::default())) };
        let version = known.version(types, event_type).or(context.version);
        let writer = Writer::Container(Arc::clone(head));
        let length = self.write(&writer, bytes, types, (event_type, version), text)?;
        Ok((length, Said { event_type: Some(event_type), version }))
    }

    /// A single object; nothing may follow it.
    fn single_object(
        &mut self,
        object: &[u8],
        context: &Context<'_>,
        text: &mut Vec<u8>,
    ) -> Result<Said, Reject> {
        let types = context.types;
        let (fingerprint, datum) = single::open(object)?;
        let known = Known::of(fingerprint, types, context.event_type);
        let (event_type, at) = known.only(types, fingerprint)?;
        let version = Some(types[event_type].versions.all()[at].number);
        let writer = Writer::Version(event_type, at);
        let length = self.write(&writer, datum, types, (event_type, version), text)?;
        match datum.len() - length {
            0 => Ok(Said { event_type: Some(event_type), version }),
            left => Err(malformed(format!("{left} bytes are left over after the datum"))),
        }
    }

    /// Appends a datum as JSON, as its version wants it; the number of bytes that it took.
    fn write(
        &mut self,
        writer: &Writer,
        bytes: &[u8],
        types: &[EventType],
        (event_type, stated): (usize, Option<u32>),
        text: &mut Vec<u8>,
    ) -> Result<usize, Reject> {
        let versions = &types[event_type].versions;
        let version = |event: &[u8]| versions.choose(event, stated).ok();
        let (start, without) = (text.len(), version(b""));
        let length = self.write_as(writer, bytes, types, (event_type, without), text)?;
        // It may say itself of which version it is.
        match version(&text[start..]) {
            Some(said) if without != Some(said) => {
                text.truncate(start);
                self.write_as(writer, bytes, types, (event_type, Some(said)), text)
            }
            _ => Ok(length),
        }
    }

    fn write_as(
        &mut self,
        writer: &Writer,
        bytes: &[u8],
        types: &[EventType],
        (event_type, version): (usize, Option<usize>),
        text: &mut Vec<u8>,
    ) -> Result<usize, Reject> {
        let version = version.map(|at| (at, &types[event_type].versions.all()[at]));
        let mut reader = Reader::new(bytes);
        let written = match (version, writer) {
            (Some((at, version)), _) if let Some(schema) = &version.avro => {
                let shapes = self.resolve(writer, schema, types, (event_type, at));
                shapes.write(&mut reader, None, text)
            }
            (version, Writer::Container(head)) => {
                head.shapes().write(&mut reader, version.map(|(_, version)| &version.plan.root), text)
            }
            // A version that a fingerprint names is one in Avro, and so is its type.
            (_, Writer::Version(..)) => Ok(()),
        };
        written.map_err(Fault::into_reject)?;
        Ok(reader.at())
    }

    /// How data of a writer are read as a version's.
    fn resolve(
        &mut self,
        writer: &Writer,
        schema: &AvroSchema,
        types: &[EventType],
        reader: (usize, usize),
    ) -> Arc<Shapes> {
        let known =
            self.resolved.iter().rev().find(|known| known.reader == reader && known.writer == *writer);
        if let Some(known) = known {
            return Arc::clone(&known.shapes);
        }
        let shapes = match writer {
            Writer::Container(head) => resolve::resolve(&head.schema().parsed, &schema.parsed),
            Writer::Version(event_type, version) => {
                let written = types[*event_type].versions.all()[*version].avro.as_ref();
                resolve::resolve(written.map_or(&schema.parsed, |written| &written.parsed), &schema.parsed)
            }
        };
        let shapes = Arc::new(shapes);
        if self.resolved.len() == RESOLVED_MAX {
            self.resolved.remove(0);
        }
        self.resolved.push(Resolved { writer: writer.clone(), reader, shapes: Arc::clone(&shapes) });
        shapes
    }
}

/// The number of bytes that a datum takes as it was written, if it can be read so.
fn length_of(head: &Head, bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(bytes);
    head.shapes().write(&mut reader, None, &mut Vec::new()).ok()?;
    Some(reader.at())
}
