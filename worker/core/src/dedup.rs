//! Which identities have been accepted within the dedup window: an index of 24 bytes an entry.
//!
//! Each source has a clock of its own (files: their watermark; the gateway: received time), and an entry expires by
//! the clock of the source that it came from: to the second, and never early. What the index holds is a function of
//! the entries inserted and the clocks alone, so an index rebuilt from the `ids` topic equals a live one.

use bytes::Bytes;
use hashbrown::HashTable;

const MICROS: i64 = 1_000_000;
/// Stamps count seconds from 1930, so that 32 bits reach 2066; earlier clocks stand still at 0.
const STAMP_EPOCH_SECONDS: i64 = -40 * 365 * 86_400;

/// One accepted identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdEntry {
    identity: [u64; 2],
    content: u32,
    stamp: u32,
}

/// Length of an entry's bytes.
pub const ENTRY_BYTES: usize = 24;

impl IdEntry {
    /// The entry of an event accepted at a reading of its source's clock, in microseconds since 1970.
    pub fn new(identity: u128, content: u64, clock: i64) -> Self {
        Self {
            identity: [identity as u64, (identity >> 64) as u64],
            content: (content ^ (content >> 32)) as u32,
            stamp: stamp(clock),
        }
    }

    /// Its bytes, little endian.
    pub fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.identity[0].to_le_bytes());
        bytes[8..16].copy_from_slice(&self.identity[1].to_le_bytes());
        bytes[16..20].copy_from_slice(&self.content.to_le_bytes());
        bytes[20..].copy_from_slice(&self.stamp.to_le_bytes());
        bytes
    }

    /// The entry of some bytes.
    pub fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self { identity: [word(0), word(8)], content: word(16) as u32, stamp: (word(16) >> 32) as u32 }
    }

    /// When it was accepted, in whole seconds of the index's own epoch.
    pub fn stamp(self) -> u32 {
        self.stamp
    }
}

/// Entries as bytes, one after the other, as they are written to the log.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    bytes: Vec<u8>,
    newest: u32,
}

impl Ids {
    /// None, with room for so many.
    pub fn with_capacity(entries: usize) -> Self {
        Self { bytes: Vec::with_capacity(entries * ENTRY_BYTES), newest: 0 }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: IdEntry) {
        self.bytes.extend_from_slice(&entry.to_bytes());
        self.newest = self.newest.max(entry.stamp);
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.bytes.len() / ENTRY_BYTES
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The latest stamp among them; 0 if there are none.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// Their bytes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

/// A clock reading in whole seconds of the index's own epoch.
pub fn stamp(clock: i64) -> u32 {
    let seconds = clock.div_euclid(MICROS).saturating_sub(STAMP_EPOCH_SECONDS);
    seconds.clamp(0, i64::from(u32::MAX)) as u32
}

/// What the index knows of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not accepted within the window.
    New,
    /// Accepted with the same content.
    Duplicate,
    /// Accepted with other content.
    Conflicting,
}

/// The index. One table a source, since entries expire by their source's clock.
#[derive(Debug)]
pub struct Dedup {
    window_seconds: u32,
    sources: Vec<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    entries: HashTable<IdEntry>,
    /// The source's clock; 0 before its first event.
    now: u32,
}

impl Dedup {
    /// An empty index for a number of sources; identities are remembered for at least the window.
    pub fn new(sources: usize, window_micros: i64) -> Self {
        let window_seconds = (window_micros + MICROS - 1) / MICROS;
        let empty = || Remembered { entries: HashTable::new(), now: 0 };
        Self {
            window_seconds: window_seconds.clamp(0, i64::from(u32::MAX)) as u32,
            sources: std::iter::repeat_with(empty).take(sources).collect(),
        }
    }

    /// Moves a source's clock on; a reading behind the present one changes nothing.
    pub fn advance(&mut self, source: usize, clock: i64) {
        let now = &mut self.sources[source].now;
        *now = (*now).max(stamp(clock));
    }

    /// A source's clock in whole seconds of the index's own epoch; for commits.
    pub fn clock(&self, source: usize) -> u32 {
        self.sources[source].now
    }

    /// Sets a source's clock to what was committed.
    pub fn restore_clock(&mut self, source: usize, now: u32) {
        self.sources[source].now = now;
    }

    /// Looks an entry up, and remembers it as accepted from the source if it is new.
    pub fn check(&mut self, source: usize, entry: IdEntry) -> Seen {
        for Remembered { entries, now } in &self.sources {
            if let Some(found) = entries.find(entry.identity[0], |e| e.identity == entry.identity)
                && !expired(found.stamp, *now, self.window_seconds)
            {
                return if found.content == entry.content { Seen::Duplicate } else { Seen::Conflicting };
            }
        }
        self.insert(source, entry);
        Seen::New
    }

    /// Remembers an entry without a look; for rebuilding.
    pub fn insert(&mut self, source: usize, entry: IdEntry) {
        let window = self.window_seconds;
        let Remembered { entries, now } = &mut self.sources[source];
        if let Some(found) = entries.find_mut(entry.identity[0], |e| e.identity == entry.identity) {
            *found = entry;
            return;
        }
        if entries.len() == entries.capacity() {
            // Growing is the moment to forget; growing anyway while more than half is alive keeps this rare.
            entries.retain(|e| !expired(e.stamp, *now, window));
            if entries.len() > entries.capacity() / 2 {
                entries.reserve(entries.len(), |e| e.identity[0]);
            }
        }
        entries.insert_unique(entry.identity[0], entry, |e| e.identity[0]);
    }

    /// Whether all entries with this stamp have expired for the source.
    pub fn has_expired(&self, source: usize, stamp: u32) -> bool {
        expired(stamp, self.sources[source].now, self.window_seconds)
    }

    /// Entries held, the expired but not yet forgotten among them.
    pub fn len(&self) -> usize {
        self.sources.iter().map(|source| source.entries.len()).sum()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Both sides are whole seconds, so only a difference beyond the window is surely longer than it.
fn expired(stamp: u32, now: u32, window_seconds: u32) -> bool {
    now.saturating_sub(stamp) > window_seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = MICROS;
    const HOUR: i64 = 3600 * SECOND;

    fn entry(id: u128, content: u64, clock: i64) -> IdEntry {
        IdEntry::new(id << 64 | id, content, clock)
    }

    #[test]
    fn a_repeat_within_the_window_is_a_duplicate_and_beyond_it_new() {
        let mut dedup = Dedup::new(1, HOUR);
        assert_eq!(dedup.check(0, entry(1, 7, 0)), Seen::New);
        for (clock, content, seen) in [
            (HOUR - SECOND / 2, 7, Seen::Duplicate),
            (HOUR, 8, Seen::Conflicting),
            (HOUR + 2 * SECOND, 7, Seen::New),
            (HOUR + 3 * SECOND, 7, Seen::Duplicate),
        ] {
            dedup.advance(0, clock);
            assert_eq!(dedup.check(0, entry(1, content, clock)), seen, "at {clock}");
        }
    }

    #[test]
    fn entries_expire_by_the_clock_of_their_own_source() {
        let mut dedup = Dedup::new(2, HOUR);
        dedup.check(0, entry(1, 7, 0));
        dedup.advance(1, 1000 * HOUR);
        assert_eq!(dedup.check(1, entry(1, 7, 1000 * HOUR)), Seen::Duplicate);
    }

    #[test]
    fn forgetting_bounds_the_index_and_never_forgets_early() {
        let mut dedup = Dedup::new(1, HOUR);
        for i in 0..100_000i64 {
            let clock = i * SECOND;
            dedup.advance(0, clock);
            assert_eq!(dedup.check(0, entry(i as u128, 0, clock)), Seen::New);
            let earlier = (i - 3599).max(0);
            assert_eq!(dedup.check(0, entry(earlier as u128, 0, clock)), Seen::Duplicate);
        }
        assert!(dedup.len() < 16_000, "{}", dedup.len());
    }

    #[test]
    fn bytes_round_trip() {
        let entry = IdEntry::new(u128::MAX / 3, 0x0123_4567_89ab_cdef, -5 * HOUR);
        assert_eq!(IdEntry::from_bytes(&entry.to_bytes()), entry);
    }
}
