//! How far the table lags behind: when it does too much, reading pauses, so that the log stays small on the disk.

use std::collections::VecDeque;

/// Bytes of `clean` that may wait: some times what the table holds before it writes, or both would wait for each other.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What has been written to `clean` since the start and isn't known to be in the table.
pub(super) struct Backlog {
    /// The offset after the last record of `clean`.
    next: u64,
    /// By epoch: the offset after its last record, and its bytes.
    epochs: VecDeque<(u64, u64)>,
    bytes: u64,
}

impl Backlog {
    pub(super) fn new(next: u64) -> Self {
        Self { next, epochs: VecDeque::new(), bytes: 0 }
    }

    /// Notes an epoch's records.
    pub(super) fn push(&mut self, records: u64, bytes: u64) {
        self.next += records;
        self.bytes += bytes;
        self.epochs.push_back((self.next, bytes));
    }

    /// Whether too much waits, with the table at an offset.
    pub(super) fn is_full(&mut self, table: u64) -> bool {
        while let Some((next, bytes)) = self.epochs.front()
            && *next <= table
        {
            self.bytes -= bytes;
            self.epochs.pop_front();
        }
        self.bytes > BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_by_bytes_until_the_table_has_caught_up() {
        let mut backlog = Backlog::new(10);
        for _ in 0..1000 {
            backlog.push(1, 20_000);
        }
        assert!(!backlog.is_full(10), "many small records are little");
        backlog.push(2, BYTES_MAX + 1);
        assert!(backlog.is_full(1009));
        assert!(backlog.is_full(1011));
        assert!(!backlog.is_full(1012));
    }
}
