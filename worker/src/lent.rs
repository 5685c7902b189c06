//! Memory that was handed out as [`Bytes`] and is filled again once nobody has them any more.
//!
//! While much is under way new memory would be taken for each batch, and the system clears a page of it at a time: on
//! two threads that was a third of all page faults where batches are read, and as many where they go to the log.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// What was handed out last, oldest first.
pub(crate) struct Lent {
    lent: VecDeque<Bytes>,
    count_max: usize,
    length_max: usize,
}

impl Lent {
    /// Nothing yet. So many pieces at most are waited for; larger ones than `length_max` bytes are let go: kept for
    /// later they would add up.
    pub(crate) fn new(count_max: usize, length_max: usize) -> Self {
        Self { lent: VecDeque::new(), count_max, length_max }
    }

    /// Notes that a piece is handed out.
    pub(crate) fn lend(&mut self, piece: &Bytes) {
        if piece.len() > self.length_max {
            return;
        }
        if self.lent.len() == self.count_max {
            self.lent.pop_front();
        }
        self.lent.push_back(piece.clone());
    }

    /// The oldest piece, with what is still in it, if it is back.
    pub(crate) fn take_back(&mut self) -> Option<BytesMut> {
        match self.lent.pop_front()?.try_into_mut() {
            Ok(piece) => Some(piece),
            Err(piece) => {
                self.lent.push_front(piece);
                None
            }
        }
    }

    /// Waits for nothing any more: what is back is let go.
    pub(crate) fn forget(&mut self) {
        self.lent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_back_once_nobody_has_it() {
        let mut lent = Lent::new(2, 100);
        let (first, second) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100]));
        let memory = first.as_ptr();
        lent.lend(&first);
        lent.lend(&second);
        drop(second);
        assert!(lent.take_back().is_none(), "the oldest comes first");
        assert_eq!(*first, [1; 100]);
        drop(first);
        assert_eq!(lent.take_back().map(|piece| piece.as_ptr()), Some(memory));
        assert_eq!(lent.take_back().as_deref(), Some(&[2; 100][..]));
        assert!(lent.take_back().is_none());
    }

    #[test]
    fn a_large_piece_is_not_waited_for() {
        let mut lent = Lent::new(2, 100);
        lent.lend(&Bytes::from(vec![0; 101]));
        assert!(lent.take_back().is_none());
    }

    #[test]
    fn no_more_than_so_many_pieces_are_waited_for() {
        let mut lent = Lent::new(2, 100);
        let pieces = [1_u8, 2, 3].map(|n| Bytes::from(vec![n; 10]));
        pieces.iter().for_each(|piece| lent.lend(piece));
        drop(pieces);
        assert_eq!(lent.take_back().as_deref(), Some(&[2; 10][..]));
        lent.forget();
        assert!(lent.take_back().is_none());
    }
}
