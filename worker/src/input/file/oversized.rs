//! Events that are too large to hold.

use std::io::{Seek, Write};

use sha2::{Digest, Sha256};
use transect_core::format::Format;
use transect_core::format::csv::Scan;
use transect_core::input::{EventBatch, EventSpan, Oversized};

use super::{FileInput, Found, HEAD_BYTES};
use crate::input::error::InputError;
use crate::input::position::ReadState;
use crate::input::values;

/// An event that is longer than the limit, as it streams past.
pub(in crate::input) struct Passing {
    sha256: Sha256,
    length: u64,
}

impl Passing {
    pub(in crate::input) fn new() -> Self {
        Self { sha256: Sha256::new(), length: 0 }
    }

    pub(in crate::input) fn take(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.length += bytes.len() as u64;
    }

    pub(in crate::input) fn finish(self) -> Oversized {
        Oversized { length: self.length, sha256: self.sha256.finalize().into() }
    }
}

impl FileInput {
    /// Streams an event past that is too large to hold: its head, length and hash are kept.
    pub(super) fn pass_oversized(&mut self) -> Result<EventBatch, InputError> {
        let head = self.rest[..HEAD_BYTES.min(self.rest.len())].to_vec();
        let (begun, line) = (self.position.clone(), self.position.line);
        let mut passing = Passing::new();
        let mut end_of_value = values::Scan::default();
        let mut end_of_record = match &self.format {
            Format::Csv(head) => Some(Scan::new(head.delimiter())),
            _ => None,
        };
        let by_line = matches!(self.position.state, ReadState::Line | ReadState::Record);
        // Half of a line's end, if it is cut there.
        let mut return_held = false;
        self.spill(None)?;
        loop {
            let end = match &mut end_of_record {
                Some(scan) => scan.end(&self.rest),
                None if by_line => memchr::memchr(b'\n', &self.rest),
                None => end_of_value.end(&self.rest),
            };
            let taken = end.unwrap_or(self.rest.len());
            let mut event = &self.rest[..taken];
            if return_held && !event.is_empty() {
                self.pass(&mut passing, b"\r")?;
            }
            return_held = false;
            if by_line && let Some(before) = event.strip_suffix(b"\r") {
                (event, return_held) = (before, true);
            }
            self.pass(&mut passing, event)?;
            self.skip(taken);
            if end.is_some() {
                break;
            }
            self.fill(self.chunk_bytes);
            if self.rest.is_empty() {
                if return_held {
                    self.pass(&mut passing, b"\r")?;
                }
                // The end of the file ends a line, and breaks a value.
                if self.trouble.is_some() || !by_line {
                    let passed = self.position.bytes - begun.bytes;
                    // It is read again once the file is repaired.
                    self.position = begun;
                    self.end_within(passed as usize)?;
                }
                break;
            }
        }
        if by_line && !self.rest.is_empty() {
            self.skip(1);
        }
        self.position.state = match self.position.state {
            ReadState::First | ReadState::Comma => ReadState::Element,
            state => state,
        };
        let span = EventSpan { start: 0, len: head.len() as u32, index: 0, oversized: 0 };
        let consumed = head.len();
        let found = Found {
            events: vec![span],
            oversized: vec![passing.finish()],
            consumed,
            lines: 0,
            first_line: 0,
        };
        Ok(self.batch(head.into(), found, line))
    }

    fn pass(&self, passing: &mut Passing, bytes: &[u8]) -> Result<(), InputError> {
        passing.take(bytes);
        self.spill(Some(bytes))
    }

    /// Keeps the bytes of an oversized event where that is wanted; None begins with the next one.
    fn spill(&self, bytes: Option<&[u8]>) -> Result<(), InputError> {
        let Some(mut file) = self.spill.as_ref() else { return Ok(()) };
        let spilled = match bytes {
            Some(bytes) => file.write_all(bytes),
            None => file.set_len(0).and_then(|()| file.rewind()),
        };
        spilled.map_err(|source| InputError::Io {
            doing: "spill a large event of",
            path: self.name.to_string(),
            source,
        })
    }
}
