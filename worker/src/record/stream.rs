//! Writes a batch as an Arrow IPC stream, copying each value once. The writer of `arrow-ipc` gathers the values in a
//! buffer that grows as it goes and then copies that: a tenth of what it takes to process an event.
//!
//! Schema and dictionaries are left to that writer, and so is every batch that isn't plain: one that is a slice, or
//! has a type that no plan makes. Format: <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>.

use arrow_array::{Array, RecordBatch};
use arrow_ipc::writer::{
    CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions, StreamWriter, write_message,
};
use arrow_ipc::{FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder};
use arrow_schema::{ArrowError, DataType};
use bytes::{Bytes, BytesMut};
use flatbuffers::FlatBufferBuilder;

/// Messages and buffers begin at multiples of it.
const ALIGNMENT: usize = 64;

/// Begins every message.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// Continuation and length of a message.
const PREFIX_BYTES: usize = 8;

/// The stream of one batch, in the memory given; what is in it is overwritten.
pub(super) fn encode(batch: &RecordBatch, mut stream: BytesMut) -> Result<Bytes, ArrowError> {
    let arrays: Vec<_> = batch.columns().iter().map(|column| column.to_data()).collect();
    let mut body = Body::default();
    for array in &arrays {
        if body.add(array).is_none() {
            return encode_any(batch);
        }
    }
    let head = body.message(batch.num_rows());
    let options = IpcWriteOptions::default();
    let before = schema_and_dictionaries(batch, &options)?;
    let length = before.len() + head.len() + body.length + PREFIX_BYTES;
    stream.clear();
    if stream.capacity() < length {
        // With some room, as the next batch may be a little larger.
        stream = BytesMut::with_capacity(length + length / 8);
    }
    stream.extend_from_slice(&before);
    stream.extend_from_slice(&head);
    for part in &body.parts {
        stream.extend_from_slice(part);
        stream.resize(stream.len() + padding(part.len()), 0);
    }
    // The end of the stream is a message without a length.
    stream.extend_from_slice(&CONTINUATION);
    stream.extend_from_slice(&0_u32.to_le_bytes());
    debug_assert_eq!(stream.len(), length);
    Ok(stream.freeze())
}

/// Any batch, by the usual writer.
fn encode_any(batch: &RecordBatch) -> Result<Bytes, ArrowError> {
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, batch.schema_ref())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(stream.into())
}

/// The messages before the batch's own.
fn schema_and_dictionaries(batch: &RecordBatch, options: &IpcWriteOptions) -> Result<Vec<u8>, ArrowError> {
    let generator = IpcDataGenerator::default();
    let mut tracker = DictionaryTracker::new(false);
    let schema = generator.schema_to_bytes_with_dictionary_tracker(batch.schema_ref(), &mut tracker, options);
    // Dictionaries are whole in a batch of no rows, too.
    let no_rows = batch.slice(0, 0);
    let (dictionaries, _) =
        generator.encode(&no_rows, &mut tracker, options, &mut CompressionContext::default())?;
    let mut bytes = Vec::new();
    for message in [schema].into_iter().chain(dictionaries) {
        write_message(&mut bytes, message, options)?;
    }
    Ok(bytes)
}

/// The buffers of a batch, depth first, where they are, and what the message says of them.
#[derive(Default)]
struct Body<'a> {
    parts: Vec<&'a [u8]>,
    buffers: Vec<arrow_ipc::Buffer>,
    nodes: Vec<FieldNode>,
    /// Bytes of all parts, padded.
    length: usize,
}

impl<'a> Body<'a> {
    /// Adds an array; None if it isn't plain.
    fn add(&mut self, array: &'a arrow_data::ArrayData) -> Option<()> {
        let rows = array.len();
        if array.offset() != 0 {
            return None;
        }
        self.nodes.push(FieldNode::new(rows as i64, array.null_count() as i64));
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) if nulls.offset() != 0 => return None,
            Some(nulls) => self.part(nulls.validity().get(..rows.div_ceil(8))?),
            // Readers take all rows to be valid.
            None => self.part(&[]),
        }
        let buffer = |at: usize| array.buffers().get(at).map(|buffer| buffer.as_slice());
        match array.data_type() {
            DataType::Boolean => self.part(buffer(0)?.get(..rows.div_ceil(8))?),
            DataType::Utf8 => {
                let offsets = buffer(0)?.get(..(rows + 1) * size_of::<i32>())?;
                self.part(offsets);
                self.part(buffer(1)?.get(..end_of_plain(offsets)?)?);
            }
            DataType::List(_) => {
                let offsets = buffer(0)?.get(..(rows + 1) * size_of::<i32>())?;
                self.part(offsets);
                let items = array.child_data().first()?;
                if end_of_plain(offsets)? != items.len() {
                    return None;
                }
                self.add(items)?;
            }
            DataType::Struct(_) => array.child_data().iter().try_for_each(|child| self.add(child))?,
            DataType::Dictionary(keys, _) => self.part(buffer(0)?.get(..rows * keys.primitive_width()?)?),
            other => self.part(buffer(0)?.get(..rows * other.primitive_width()?)?),
        }
        Some(())
    }

    fn part(&mut self, part: &'a [u8]) {
        self.buffers.push(arrow_ipc::Buffer::new(self.length as i64, part.len() as i64));
        self.parts.push(part);
        self.length += part.len() + padding(part.len());
    }

    /// The message that the body follows.
    fn message(&self, rows: usize) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let (buffers, nodes) = (builder.create_vector(&self.buffers), builder.create_vector(&self.nodes));
        let mut batch = RecordBatchBuilder::new(&mut builder);
        batch.add_length(rows as i64);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        let batch = batch.finish().as_union_value();
        let mut message = MessageBuilder::new(&mut builder);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(MessageHeader::RecordBatch);
        message.add_bodyLength(self.length as i64);
        message.add_header(batch);
        let message = message.finish();
        builder.finish(message, None);
        let message = builder.finished_data();
        let padded = message.len() + padding(PREFIX_BYTES + message.len());
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + padded);
        bytes.extend_from_slice(&CONTINUATION);
        bytes.extend_from_slice(&(padded as u32).to_le_bytes());
        bytes.extend_from_slice(message);
        bytes.resize(PREFIX_BYTES + padded, 0);
        bytes
    }
}

/// Bytes from a length to the next multiple of the alignment.
fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT) - length
}

/// The last of some offsets; None if the first isn't zero.
fn end_of_plain(offsets: &[u8]) -> Option<usize> {
    let (offsets, _) = offsets.as_chunks::<{ size_of::<i32>() }>();
    if i32::from_le_bytes(*offsets.first()?) != 0 {
        return None;
    }
    usize::try_from(i32::from_le_bytes(*offsets.last()?)).ok()
}

#[cfg(test)]
mod tests;
