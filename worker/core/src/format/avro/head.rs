//! The head of a container file, and the frames of its blocks.

use bytes::Bytes;

use super::codec::Codec;
use super::reader::{Fault, Reader};
use super::shape::Shapes;

/// A block is at most so large, compressed or not.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A block holds at most so many data.
const BLOCK_DATA_MAX: usize = 1 << 20;

const MAGIC: &[u8] = b"Obj\x01";

/// The head of a container file.
#[derive(Debug)]
pub struct Head {
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
                let shapes = Shapes::of(schema)?;
                let codec = Codec::named(codec)?;
                let bytes = Bytes::copy_from_slice(&bytes[..length]);
                Ok(Some((Self { shapes, codec, sync, bytes }, length)))
            }
            Err(Fault::End { .. }) => Ok(None),
            Err(Fault::Bad { message, .. }) => Err(message),
        }
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
            Err(Fault::Bad { message, .. }) => Err(message),
        }
    }

    /// Appends the data of a whole block, decompressed. Where that can't be done they are appended as they came, with an
    /// error that says why.
    pub(super) fn decompress(
        &self,
        frame: &[u8],
        bytes_max: usize,
        data: &mut Vec<u8>,
    ) -> Result<(), String> {
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
