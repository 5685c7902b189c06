//! How the blocks of a container file are compressed.

use std::io::Read;

use flate2::bufread::DeflateDecoder;

/// The codecs that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

impl Codec {
    /// The codec of a name; an error says which there are.
    pub(super) fn named(name: &[u8]) -> Result<Self, String> {
        match name {
            b"null" => Ok(Self::Null),
            b"deflate" => Ok(Self::Deflate),
            b"snappy" => Ok(Self::Snappy),
            b"zstandard" => Ok(Self::Zstandard),
            other => Err(format!(
                "its blocks are compressed by `{}`; write it with null, deflate, snappy or zstandard",
                String::from_utf8_lossy(other)
            )),
        }
    }

    /// Appends the bytes of a block, at most so many.
    pub(super) fn decompress(self, block: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Null => read(block, bytes_max, out),
            Self::Deflate => read(DeflateDecoder::new(block), bytes_max, out),
            Self::Zstandard => {
                let decoder = zstd::stream::read::Decoder::with_buffer(block);
                read(decoder.map_err(|error| error.to_string())?, bytes_max, out)
            }
            Self::Snappy => snappy(block, bytes_max, out),
        }
    }
}

fn read(reader: impl Read, bytes_max: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let read = reader.take(bytes_max as u64 + 1).read_to_end(out).map_err(|error| error.to_string())?;
    if read > bytes_max { Err(too_large(bytes_max)) } else { Ok(()) }
}

/// Snappy without its framing, and the CRC-32 of the bytes behind it.
fn snappy(block: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let (compressed, checksum) = block.split_last_chunk::<4>().ok_or("its checksum is missing")?;
    let length = snap::raw::decompress_len(compressed).map_err(|error| error.to_string())?;
    if length > bytes_max {
        return Err(too_large(bytes_max));
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(compressed).map_err(|error| error.to_string())?;
    if crc32fast::hash(&bytes) != u32::from_be_bytes(*checksum) {
        return Err("its checksum is wrong".to_owned());
    }
    out.extend_from_slice(&bytes);
    Ok(())
}

fn too_large(bytes_max: usize) -> String {
    format!("it has more than {bytes_max} bytes")
}
