//! One partition of one topic as a broker keeps it: records of open, committed and undone transactions, and marks where
//! transactions end. Nothing is ever removed, so that the oracles can look back; `start` says what can still be read.

use std::collections::BTreeMap;

use transect_worker::log::Record;

/// Number of a transaction, never used again.
pub type TransactionNumber = u64;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open(TransactionNumber),
    Committed,
    Undone,
}

#[derive(Clone, Debug)]
struct Entry {
    /// None for the mark at the end of a transaction.
    record: Option<Record>,
    key: String,
    fate: Fate,
    appended: i64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct TopicPartition {
    start: u64,
    /// By offset.
    entries: Vec<Entry>,
    /// The first offset of each open transaction.
    open: BTreeMap<TransactionNumber, u64>,
}

impl TopicPartition {
    /// The first offset that is kept.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset after the last entry of any kind.
    pub fn high_watermark(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Before the first record of an open transaction: what readers of committed records see the end at.
    pub fn last_stable(&self) -> u64 {
        self.open.values().copied().min().unwrap_or_else(|| self.high_watermark())
    }

    /// Whether no transaction is open.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds a record of an open transaction.
    pub fn append(&mut self, number: TransactionNumber, key: String, mut record: Record, now: i64) {
        record.offset = self.high_watermark();
        self.open.entry(number).or_insert(record.offset);
        self.entries.push(Entry { record: Some(record), key, fate: Fate::Open(number), appended: now });
    }

    /// Ends a transaction here.
    pub fn end(&mut self, number: TransactionNumber, commit: bool, now: i64) {
        let Some(first) = self.open.remove(&number) else { return };
        let fate = if commit { Fate::Committed } else { Fate::Undone };
        for entry in &mut self.entries[first as usize..] {
            if entry.fate == Fate::Open(number) {
                entry.fate = fate;
            }
        }
        self.entries.push(Entry { record: None, key: String::new(), fate, appended: now });
    }

    /// Committed records from an offset to before the last stable one, with their keys.
    pub fn committed_from(&self, from: u64) -> impl DoubleEndedIterator<Item = (&str, &Record)> {
        let end = self.last_stable() as usize;
        committed(&self.entries[(from as usize).min(end)..end])
    }

    /// All records that were ever committed.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = (&str, &Record)> {
        committed(&self.entries)
    }

    /// When the entry of an offset was appended.
    pub fn appended(&self, offset: u64) -> Option<i64> {
        self.entries.get(offset as usize).map(|entry| entry.appended)
    }

    /// Lets go of what was appended before a moment, and is before an offset. Where there is no record behind that any more, the
    /// marks there go as well, once they are older than another moment.
    pub fn retain(&mut self, since: i64, before: u64, marks_since: i64) {
        self.let_go(since, before);
        if self.committed_from(before).next().is_none() {
            self.let_go(marks_since, u64::MAX);
        }
    }

    fn let_go(&mut self, since: i64, before: u64) {
        let end = self.last_stable().min(before);
        while self.start < end && self.entries[self.start as usize].appended < since {
            self.start += 1;
        }
    }
}

fn committed(entries: &[Entry]) -> impl DoubleEndedIterator<Item = (&str, &Record)> {
    let kept = entries.iter().filter(|entry| entry.fate == Fate::Committed);
    kept.filter_map(|entry| Some((entry.key.as_str(), entry.record.as_ref()?)))
}
