//! Frames: how both journal and segments lay bytes in a file, each with its length and checksums.
//!
//! `length u32 · crc32 of the length u32 · crc32 of the payload u32 · payload`, little endian. The length has a
//! checksum of its own, so that a damaged one is not taken for the end of the file.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// Bytes before a payload.
pub(super) const HEAD: u64 = 12;

/// Writes a frame whose payload comes in parts; its length in the file.
pub(super) fn write(to: &mut impl Write, parts: &[&[u8]]) -> io::Result<u64> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a record of 4 GiB or more"))?;
    let mut payload = crc32fast::Hasher::new();
    parts.iter().for_each(|part| payload.update(part));
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&crc32fast::hash(&length.to_le_bytes()).to_le_bytes())?;
    to.write_all(&payload.finalize().to_le_bytes())?;
    parts.iter().try_for_each(|part| to.write_all(part))?;
    Ok(HEAD + u64::from(length))
}

/// The start of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) length: u32,
    payload_crc: u32,
}

impl Head {
    /// Reads a head; None if its bytes are not one.
    pub(super) fn parse(bytes: &[u8; HEAD as usize]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (length, length_crc) = (word(0), word(4));
        let sound = crc32fast::hash(&length.to_le_bytes()) == length_crc;
        sound.then(|| Self { length, payload_crc: word(8) })
    }

    /// Reads the head at a place of a file.
    pub(super) fn read(file: &File, at: u64) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEAD as usize];
        file.read_exact_at(&mut bytes, at)?;
        Ok(Self::parse(&bytes))
    }

    /// Bytes of the whole frame.
    pub(super) fn frame(self) -> u64 {
        HEAD + u64::from(self.length)
    }

    /// Whether this is the payload that was written.
    pub(super) fn fits(self, payload: &[u8]) -> bool {
        crc32fast::hash(payload) == self.payload_crc
    }
}
