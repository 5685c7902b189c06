//! The memory of what is read of a file: once nobody has a batch any more, its memory is filled again.
//!
//! While several batches are under way each would otherwise be read into new memory: on two threads that was a third of
//! all page faults and a thirtieth of the processor's time.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::CHUNK_BYTES;

/// So many batches at most are waited for; more are seldom under way.
const LENT_MAX: usize = 32;

/// Larger batches, which hold a large event, are let go: kept for later they would add up.
const BATCH_BYTES_MAX: usize = 2 * CHUNK_BYTES;

/// The batches of one input that were handed out last.
#[derive(Default)]
pub(super) struct Buffers {
    lent: VecDeque<Bytes>,
}

impl Buffers {
    /// Notes that a batch is handed out.
    pub(super) fn lend(&mut self, batch: &Bytes) {
        if batch.len() > BATCH_BYTES_MAX {
            return;
        }
        if self.lent.len() == LENT_MAX {
            self.lent.pop_front();
        }
        self.lent.push_back(batch.clone());
    }

    /// Moves what is in a buffer to one with room for so many bytes in all, unless it has that. What lies behind it
    /// in the new one is left from before.
    pub(super) fn make_room(&mut self, buffer: &mut BytesMut, length: usize) {
        if buffer.capacity() >= length {
            return;
        }
        let mut larger = self.take_back().unwrap_or_default();
        if larger.len() < buffer.len() {
            larger.resize(buffer.len(), 0);
        }
        larger[..buffer.len()].copy_from_slice(buffer);
        larger.reserve(length.saturating_sub(larger.len()));
        *buffer = larger;
    }

    /// A batch that is back, the oldest.
    fn take_back(&mut self) -> Option<BytesMut> {
        match self.lent.pop_front()?.try_into_mut() {
            Ok(buffer) => Some(buffer),
            Err(batch) => {
                self.lent.push_front(batch);
                None
            }
        }
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

    #[test]
    fn a_large_batch_is_not_waited_for() {
        let mut buffers = Buffers::default();
        buffers.lend(&Bytes::from(vec![0; BATCH_BYTES_MAX + 1]));
        assert!(buffers.lent.is_empty());
    }

    #[test]
    fn no_more_than_so_many_batches_are_waited_for() {
        let mut buffers = Buffers::default();
        for _ in 0..=LENT_MAX {
            buffers.lend(&Bytes::from_static(b"held for ever"));
        }
        assert_eq!(buffers.lent.len(), LENT_MAX);
    }
}
