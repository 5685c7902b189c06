//! One bounded source on its way through decoding: it orders ahead, so that decoding threads have work, and hands its
//! batches out in order.

use std::collections::VecDeque;

use transect_core::privacy::TreatedBatch;

use super::decode_pool::{DecodePool, Input, Piece, PoolError, Ticket};
use crate::input::{FileSource, InputError, SourcePosition};

/// See the module.
pub(super) struct Lane {
    /// Position in the pipeline's sources.
    pub(super) source: usize,
    input: Input,
    ahead: VecDeque<Ticket>,
    /// The next batch, and where it ends.
    next: Option<(TreatedBatch, SourcePosition)>,
    end: Option<Result<(), InputError>>,
    /// Where the batches handed out so far end; at the end of the input, its end.
    position: SourcePosition,
}

impl Lane {
    pub(super) fn new(source: usize, reader: FileSource) -> Self {
        let position = reader.position();
        Self { source, input: Input::new(reader), ahead: VecDeque::new(), next: None, end: None, position }
    }

    /// Orders ahead until the pool has enough to do, and waits until the next batch is there or the input has ended.
    pub(super) fn advance(&mut self, pool: &mut DecodePool) -> Result<(), PoolError> {
        if self.end.is_some() || self.next.is_some() {
            return Ok(());
        }
        while self.ahead.len() < pool.ahead() {
            self.ahead.push_back(pool.order(&self.input)?);
        }
        let Some(ticket) = self.ahead.pop_front() else { return Ok(()) };
        let Piece { outcome, position } = pool.wait(&ticket)?;
        match outcome {
            Ok(Some(batch)) => self.next = Some((batch?, position)),
            ended => {
                self.end = Some(ended.map(|_| ()));
                self.position = position;
                self.ahead.clear();
            }
        }
        Ok(())
    }

    /// Hands the next batch out, if it is there.
    pub(super) fn pop(&mut self) -> Option<TreatedBatch> {
        let (batch, position) = self.next.take()?;
        self.position = position;
        Some(batch)
    }

    /// Whether everything that could be read has been handed out.
    pub(super) fn is_exhausted(&self) -> bool {
        self.end.is_some()
    }

    /// Takes the error that ended the input early.
    pub(super) fn take_error(&mut self) -> Option<InputError> {
        let end = self.end.take()?;
        self.end = Some(Ok(()));
        end.err()
    }

    /// Whether the input ended early.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.end, Some(Err(_)))
    }

    /// Where the batches handed out so far end; at the end of the input, its end.
    pub(super) fn position(&self) -> SourcePosition {
        self.position.clone()
    }
}
