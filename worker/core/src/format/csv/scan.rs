//! Where a record ends: at a line end that is not within quotes.

use memchr::{memchr, memchr2};

/// Finds where records end, however their bytes are cut into pieces. A quote opens only where a cell begins.
#[derive(Clone, Debug)]
pub struct Scan {
    delimiter: u8,
    quoted: bool,
    /// Whether a quote opens, or opens again, at the next byte.
    opens: bool,
}

impl Scan {
    /// At the beginning of a record.
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, quoted: false, opens: true }
    }

    /// Where in this piece the line end is that ends the record; the next piece begins after it. None if the record goes
    /// on beyond the piece.
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.quoted {
                at += memchr(b'"', &bytes[at..])? + 1;
                // A quote right after is a doubled one.
                (self.quoted, self.opens) = (false, true);
            }
            let Some(next) = memchr2(b'"', b'\n', &bytes[at..]) else {
                if at < bytes.len() {
                    self.opens = bytes.ends_with(&[self.delimiter]);
                }
                return None;
            };
            let found = at + next;
            if bytes[found] == b'\n' {
                (self.quoted, self.opens) = (false, true);
                return Some(found);
            }
            self.quoted = if next == 0 { self.opens } else { bytes[found - 1] == self.delimiter };
            self.opens = false;
            at = found + 1;
        }
    }

    /// Whether a record, whole and without its line end, leaves a quote open.
    pub(super) fn is_open_after(&mut self, record: &[u8]) -> bool {
        memchr(b'"', record).is_some() && self.end(record).is_none() && self.quoted
    }
}
