//! One bounded source on its way through decoding: it reads ahead, so that decoding threads have work, and hands its
//! batches out in order.

use std::collections::VecDeque;

use transect_core::events::DecodedBatch;

use super::decode_pool::{DecodePool, PoolGone, Ticket};
use crate::input::{FileSource, InputError, SourcePosition};

/// See the module.
pub(super) struct Lane {
    /// Position in the pipeline's sources.
    pub(super) source: usize,
    reader: FileSource,
    ahead: VecDeque<(Ticket, SourcePosition)>,
    end: Option<Result<(), InputError>>,
    /// Where the batches handed out so far end.
    position: SourcePosition,
}

impl Lane {
    pub(super) fn new(source: usize, reader: FileSource) -> Self {
        let position = reader.position();
        Self { source, reader, ahead: VecDeque::new(), end: None, position }
    }

    /// Reads ahead until the pool has enough to do.
    pub(super) fn fill(&mut self, pool: &mut DecodePool) -> Result<(), PoolGone> {
        while self.end.is_none() && self.ahead.len() < pool.ahead() {
            match self.reader.next_batch() {
                Ok(Some(batch)) => self.ahead.push_back((pool.submit(batch)?, self.reader.position())),
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
        Ok(())
    }

    /// The next batch; None at the end of the input, or of what could be read of it.
    pub(super) fn pop(&mut self) -> Result<Option<DecodedBatch>, PoolGone> {
        let Some((ticket, position)) = self.ahead.pop_front() else { return Ok(None) };
        self.position = position;
        ticket.wait().map(Some)
    }

    /// Whether everything that could be read has been handed out.
    pub(super) fn is_exhausted(&self) -> bool {
        self.end.is_some() && self.ahead.is_empty()
    }

    /// Takes the error that ended the input early.
    pub(super) fn take_error(&mut self) -> Option<InputError> {
        match self.end.take()? {
            Ok(()) => {
                self.end = Some(Ok(()));
                None
            }
            Err(error) => {
                self.end = Some(Ok(()));
                Some(error)
            }
        }
    }

    /// Whether the input ended early.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.end, Some(Err(_)))
    }

    /// Where the batches handed out so far end; at the end of the input, its end.
    pub(super) fn position(&self) -> SourcePosition {
        if self.is_exhausted() { self.reader.position() } else { self.position.clone() }
    }
}
