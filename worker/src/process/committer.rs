//! Commits on a thread of its own, so that the next epoch is decoded while the last one is made durable.
//!
//! At most one transaction is under way. An epoch's changes in memory are provisional until its commit; when one fails
//! the role ends, and the next start rebuilds from what was committed.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::log::{Log, LogError, Transaction};

/// See the module.
pub(super) enum Committer {
    /// The caller waits for each commit.
    Here(Arc<dyn Log>),
    /// A thread has one under way.
    Thread(Thread),
}

/// The other end of the thread.
pub(super) struct Thread {
    transactions: SyncSender<Transaction>,
    outcomes: Receiver<Result<(), LogError>>,
    under_way: bool,
}

/// Why a commit has not happened.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommitError {
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The thread has died.
    #[error(
        "the committing thread has died; this is a bug in Transect: start again, nothing committed is lost"
    )]
    Gone,
}

impl Committer {
    /// With a thread, or without.
    pub(super) fn new(log: Arc<dyn Log>, threaded: bool) -> io::Result<Self> {
        Ok(if threaded { Self::Thread(Thread::start(log)?) } else { Self::Here(log) })
    }

    /// Hands a transaction over, after the one before it has been committed.
    pub(super) fn submit(&mut self, transaction: Transaction) -> Result<(), CommitError> {
        match self {
            Self::Here(log) => Ok(log.commit_soon(transaction)?),
            Self::Thread(thread) => thread.submit(transaction),
        }
    }

    /// Waits until everything handed over is committed.
    pub(super) fn settle(&mut self) -> Result<(), CommitError> {
        match self {
            Self::Here(_) => Ok(()),
            Self::Thread(thread) => thread.settle(),
        }
    }
}

impl Thread {
    fn start(log: Arc<dyn Log>) -> io::Result<Self> {
        let (transactions, inbox) = sync_channel::<Transaction>(1);
        let (outbox, outcomes) = sync_channel(1);
        thread::Builder::new().name("commit".into()).spawn(move || {
            for transaction in inbox {
                if outbox.send(log.commit_soon(transaction)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { transactions, outcomes, under_way: false })
    }

    fn submit(&mut self, transaction: Transaction) -> Result<(), CommitError> {
        self.settle()?;
        self.transactions.send(transaction).map_err(|_| CommitError::Gone)?;
        self.under_way = true;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), CommitError> {
        if std::mem::take(&mut self.under_way) {
            self.outcomes.recv().map_err(|_| CommitError::Gone)??;
        }
        Ok(())
    }
}
