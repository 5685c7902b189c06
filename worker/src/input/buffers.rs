//! The memory of what is read of a file, which is filled again.

use bytes::{Bytes, BytesMut};

use super::CHUNK_BYTES;
use crate::lent::Lent;

/// So many batches at most are waited for; more are seldom under way.
const LENT_MAX: usize = 32;

/// Larger batches hold a large event.
const BATCH_BYTES_MAX: usize = 2 * CHUNK_BYTES;

/// The batches of one input that were handed out last.
pub(super) struct Buffers(Lent);

impl Default for Buffers {
    fn default() -> Self {
        Self(Lent::new(LENT_MAX, BATCH_BYTES_MAX))
    }
}

impl Buffers {
    /// Notes that a batch is handed out.
    pub(super) fn lend(&mut self, batch: &Bytes) {
        self.0.lend(batch);
    }

    /// Moves what is in a buffer to one with room for so many bytes in all, unless it has that. What lies behind it
    /// in the new one is left from before.
    pub(super) fn make_room(&mut self, buffer: &mut BytesMut, length: usize) {
        if buffer.capacity() >= length {
            return;
        }
        let mut larger = self.0.take_back().unwrap_or_default();
        if larger.len() < buffer.len() {
            larger.resize(buffer.len(), 0);
        }
        larger[..buffer.len()].copy_from_slice(buffer);
        larger.reserve(length.saturating_sub(larger.len()));
        *buffer = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(buffers: &mut Buffers, held: &[u8]) -> BytesMut {
        let mut buffer = BytesMut::from(held);
        buffers.make_room(&mut buffer, 1000);
        assert_eq!(&buffer[..held.len()], held);
        assert!(buffer.capacity() >= 1000);
        buffer.resize(1000, 7);
        buffer
    }

    #[test]
    fn memory_is_filled_again_once_its_batch_is_gone_and_not_before() {
        let mut buffers = Buffers::default();
        let mut buffer = filled(&mut buffers, b"");
        let memory = buffer.as_ptr();
        let batch = buffer.split_to(900).freeze();
        buffers.lend(&batch);

        let other = filled(&mut buffers, &buffer);
        assert_ne!(other.as_ptr(), memory, "the batch and the rest of the buffer are still held");
        drop(buffer);
        let other = filled(&mut buffers, &other[..10]);
        assert_ne!(other.as_ptr(), memory, "the batch is still held");
        assert_eq!(*batch, [7; 900]);
        drop(batch);
        assert_eq!(filled(&mut buffers, b"rest").as_ptr(), memory);
    }
}
