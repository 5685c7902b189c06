//! Decoding on several threads: batches go in and come out by ticket, so the order is the caller's.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use transect_core::events::{DecodedBatch, EventDecoder};
use transect_core::input::EventBatch;

type Job = (EventBatch, SyncSender<DecodedBatch>);

/// Decodes batches, on its own threads or on the caller's where only one is wanted.
pub(super) enum DecodePool {
    /// On the caller's thread, at once.
    Inline(Box<EventDecoder>),
    /// On others.
    Threads { jobs: SyncSender<Job>, ahead: usize },
}

/// A batch on its way.
pub(super) enum Ticket {
    Done(Box<DecodedBatch>),
    Waiting(Receiver<DecodedBatch>),
}

impl DecodePool {
    /// A pool of so many threads; each has a decoder of its own.
    pub(super) fn new(threads: usize, decoder: impl Fn() -> EventDecoder) -> io::Result<Self> {
        if threads <= 1 {
            return Ok(Self::Inline(Box::new(decoder())));
        }
        let (jobs, queue) = sync_channel::<Job>(threads);
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..threads {
            let (queue, mut decoder) = (Arc::clone(&queue), decoder());
            // They end when the pool, and with it the only sender, is dropped.
            thread::Builder::new().name(format!("decode-{n}")).spawn(move || {
                while let Some((batch, reply)) = next(&queue) {
                    // A caller that is gone needs no answer.
                    let _ = reply.send(decoder.decode(batch));
                }
            })?;
        }
        Ok(Self::Threads { jobs, ahead: 2 * threads })
    }

    /// How many batches an input may have under way.
    pub(super) fn ahead(&self) -> usize {
        match self {
            Self::Inline(_) => 1,
            Self::Threads { ahead, .. } => *ahead,
        }
    }

    /// Sends a batch on its way.
    pub(super) fn submit(&mut self, batch: EventBatch) -> Result<Ticket, PoolGone> {
        match self {
            Self::Inline(decoder) => Ok(Ticket::Done(Box::new(decoder.decode(batch)))),
            Self::Threads { jobs, .. } => {
                let (reply, ticket) = sync_channel(1);
                jobs.send((batch, reply)).map_err(|_| PoolGone)?;
                Ok(Ticket::Waiting(ticket))
            }
        }
    }
}

fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().ok()?.recv().ok()
}

impl Ticket {
    /// Waits for the batch.
    pub(super) fn wait(self) -> Result<DecodedBatch, PoolGone> {
        match self {
            Self::Done(batch) => Ok(*batch),
            Self::Waiting(ticket) => ticket.recv().map_err(|_| PoolGone),
        }
    }
}

/// A decoding thread has ended by a panic, which is a bug.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "a decoding thread has died; this is a bug in Transect: nothing of the open epoch was kept, start again"
)]
pub(super) struct PoolGone;
