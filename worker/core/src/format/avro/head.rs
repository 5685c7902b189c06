//! The head of a container file, and the frames of its blocks.

use bytes::Bytes;

use super::codec::Codec;
use super::reader::{Fault, Reader};
use super::shape::Shapes;
use super::text::write_long;
use crate::avro::{self, AvroSchema, Parsed};

/// A block is at most so large, compressed or not.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A block holds at most so many data.
const BLOCK_DATA_MAX: usize = 1 << 20;

const MAGIC: &[u8] = b"Obj\x01";

/// Ends the blocks of containers that are made here.
const SYNC: [u8; 16] = *b"transect-avro-v1";

/// A container whose data are single objects, each the bytes that came.
const SINGLE_OBJECTS: &str = r#"{"type":"record","name":"SingleObject","namespace":"dev.transect","fields":[{"name":"bytes","type":"bytes"}]}"#;

/// The head of a container file.
#[derive(Debug)]
pub struct Head {
    schema: AvroSchema,
    shapes: Shapes,
    codec: Codec,
    sync: [u8; 16],
    bytes: Bytes,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

/// A block at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Number of its data.
    pub count: usize,
    /// Its length in bytes, frame and all.
    pub length: usize,
    /// Where its data begin.
    data: usize,
}

impl Head {
    /// Whether a file begins as a container.
    pub fn is_at(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads a head and its length; None if it goes on beyond the bytes. An error says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err("it does not begin as an Avro container does, with `Obj` and the byte 1".to_owned());
        }
        match read_head(bytes) {
            Ok(Raw { schema, codec, sync, length }) => {
                let schema = str::from_utf8(schema).map_err(|_| "its schema is not UTF-8".to_owned())?;
                let schema = AvroSchema::of(Parsed::of_text(schema)?);
                let shapes = Shapes::of(&schema.parsed)?;
                let codec = Codec::named(codec)?;
                let bytes = Bytes::copy_from_slice(&bytes[..length]);
                Ok(Some((Self { schema, shapes, codec, sync, bytes }, length)))
            }
            Err(Fault::End { .. }) => Ok(None),
            Err(Fault::Bad { message, .. } | Fault::Unresolved { message, .. }) => Err(message),
        }
    }

    /// The head of containers whose data are single objects.
    pub fn of_single_objects() -> Result<Self, String> {
        Self::made(SINGLE_OBJECTS)
    }

    /// The head of a container with the same schema, whose blocks are not compressed and end with our own marker, so that
    /// those of several containers can stand behind it.
    pub fn plain(&self) -> Result<Self, String> {
        let raw = read_head(&self.bytes).map_err(|_| "its head is not whole".to_owned())?;
        Self::made(str::from_utf8(raw.schema).map_err(|_| "its schema is not UTF-8".to_owned())?)
    }

    fn made(schema: &str) -> Result<Self, String> {
        let mut bytes = MAGIC.to_vec();
        write_long(2, &mut bytes);
        for text in ["avro.schema", schema, "avro.codec", "null"] {
            write_long(text.len() as i64, &mut bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
        write_long(0, &mut bytes);
        bytes.extend_from_slice(&SYNC);
        Ok(Self::parse(&bytes)?.ok_or("its head is not whole")?.0)
    }

    /// Appends a block of so many data, which must not be compressed.
    pub fn write_block(&self, count: usize, data: &[u8], out: &mut Vec<u8>) {
        write_long(count as i64, out);
        write_long(data.len() as i64, out);
        out.extend_from_slice(data);
        out.extend_from_slice(&self.sync);
    }

    /// Appends a single object, as it came, as a datum of such a container.
    pub fn write_single_object(object: &[u8], out: &mut Vec<u8>) {
        write_long(object.len() as i64, out);
        out.extend_from_slice(object);
    }

    /// Appends an event's own bytes as a datum of this container.
    pub fn write_datum(&self, event: &[u8], out: &mut Vec<u8>) {
        if self.is_of_single_objects() {
            Self::write_single_object(event, out);
        } else {
            out.extend_from_slice(event);
        }
    }

    /// Whether its data are single objects.
    pub fn is_of_single_objects(&self) -> bool {
        matches!(avro::Shape::of(&self.schema.parsed.root), avro::Shape::Record(record)
            if record.name.fullname(None) == "dev.transect.SingleObject")
    }

    /// The schema with which its data were written.
    pub(super) fn schema(&self) -> &AvroSchema {
        &self.schema
    }

    /// The head as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// The block at the beginning of some bytes; None if it goes on beyond them. An error says what is wrong with it.
    pub fn block(&self, bytes: &[u8]) -> Result<Option<Block>, String> {
        let mut reader = Reader::new(bytes);
        let read = (|| {
            let (count, size) = (reader.size()?, reader.size()?);
            if count > BLOCK_DATA_MAX || size > BLOCK_BYTES_MAX {
                return Err(Fault::bad(format!(
                    "a block says that it has {count} data in {size} bytes; at most {BLOCK_DATA_MAX} in {BLOCK_BYTES_MAX} are read"
                )));
            }
            let data = reader.at();
            reader.take(size)?;
            if reader.array()? != self.sync {
                return Err(Fault::bad("a block does not end with the file's sync marker"));
            }
            Ok(Block { count, length: reader.at(), data })
        })();
        match read {
            Ok(block) => Ok(Some(block)),
            Err(Fault::End { .. }) => Ok(None),
            Err(Fault::Bad { message, .. } | Fault::Unresolved { message, .. }) => Err(message),
        }
    }

    /// Appends the data of a whole block, decompressed. Where that can't be done they are appended as they came, with an
    /// error that says why.
    pub fn decompress(&self, frame: &[u8], bytes_max: usize, data: &mut Vec<u8>) -> Result<(), String> {
        let Ok(Some(Block { data: from, length, .. })) = self.block(frame) else {
            return Err("the block is not whole".to_owned());
        };
        let compressed = &frame[from..length - self.sync.len()];
        let start = data.len();
        self.codec.decompress(compressed, bytes_max.min(BLOCK_BYTES_MAX), data).map_err(|problem| {
            data.truncate(start);
            data.extend_from_slice(compressed);
            format!("its block can't be decompressed: {problem}; copy the file again")
        })
    }
}

struct Raw<'a> {
    schema: &'a [u8],
    codec: &'a [u8],
    sync: [u8; 16],
    length: usize,
}

fn read_head(bytes: &[u8]) -> Result<Raw<'_>, Fault> {
    let mut reader = Reader::new(bytes);
    reader.take(MAGIC.len())?;
    let (mut schema, mut codec) = (None, &b"null"[..]);
    loop {
        let items = reader.items()?;
        for _ in 0..items {
            let (key, value) = (reader.bytes()?, reader.bytes()?);
            match key {
                b"avro.schema" => schema = Some(value),
                b"avro.codec" => codec = value,
                _ => {}
            }
        }
        if items == 0 {
            break;
        }
    }
    let sync = reader.array()?;
    let schema = schema.ok_or_else(|| Fault::bad("it names no schema (`avro.schema`)"))?;
    Ok(Raw { schema, codec, sync, length: reader.at() })
}
