//! Frames: how anything stands in the log's files. Magic, CRC-32 and length, four little-endian bytes each, then the
//! payload. The sum covers the frame's place too, so that a frame found elsewhere is no frame.

/// Size of what stands before a payload.
pub(super) const HEADER_BYTES: usize = 12;

/// Begins every frame. 0xF5 never occurs in UTF-8, so that no JSON payload holds it; and a run of zeros, which some
/// file systems leave after a power cut, is no frame.
const MAGIC: [u8; 4] = [0xF5, b'T', b'L', 1];

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    sum: u32,
    length: u32,
}

impl FrameHeader {
    /// For a payload in parts. `place` is the record's offset or the frame's byte position. The caller has bounded
    /// the payload below 4 GiB.
    pub(super) fn of(place: u64, parts: &[&[u8]]) -> Self {
        let length = parts.iter().map(|part| part.len()).sum::<usize>() as u32;
        Self { sum: checksum(place, length, parts), length }
    }

    /// Reads a header; None where the bytes are too few or begin otherwise.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (sum, rest) = rest.split_first_chunk::<4>()?;
        let (length, _) = rest.split_first_chunk::<4>()?;
        (*magic == MAGIC).then(|| Self { sum: u32::from_le_bytes(*sum), length: u32::from_le_bytes(*length) })
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.sum.to_le_bytes());
        bytes[8..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// Length of the payload.
    pub(super) fn length(self) -> usize {
        self.length as usize
    }

    /// Whether the payload is the one that was written here.
    pub(super) fn fits(self, place: u64, payload: &[u8]) -> bool {
        payload.len() == self.length() && checksum(place, self.length, &[payload]) == self.sum
    }
}

fn checksum(place: u64, length: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// Byte position of the first whole frame in `bytes`, which begin at `base` of a file whose frames' places are their
/// positions.
pub(super) fn find(bytes: &[u8], base: u64) -> Option<usize> {
    memchr::memmem::find_iter(bytes, &MAGIC).find(|&at| {
        FrameHeader::parse(&bytes[at..]).is_some_and(|header| {
            bytes[at + HEADER_BYTES..]
                .get(..header.length())
                .is_some_and(|payload| header.fits(base + at as u64, payload))
        })
    })
}
