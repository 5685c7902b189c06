//! NDJSON: one event a line. Blank lines are counted and skipped.

use memchr::memchr_iter;

use super::file::Found;

/// The whole lines at the beginning of a buffer; at the end of the file the last needs no line end.
pub(super) fn find(buffer: &[u8], at_end: bool, event_bytes_max: usize) -> Found {
    let mut found = Found::default();
    let mut line = 0;
    let mut start = 0;
    for end in memchr_iter(b'\n', buffer) {
        push(&mut found, buffer, start, end, line, event_bytes_max);
        line += 1;
        start = end + 1;
    }
    found.lines = line;
    if at_end && start < buffer.len() {
        // The file may grow by a line end later: until then this line isn't over.
        push(&mut found, buffer, start, buffer.len(), line, event_bytes_max);
        start = buffer.len();
    }
    found.consumed = start;
    found
}

fn push(found: &mut Found, buffer: &[u8], start: usize, end: usize, line: u64, event_bytes_max: usize) {
    let end = if end > start && buffer[end - 1] == b'\r' { end - 1 } else { end };
    // Most lines begin with a brace, so that this looks at one byte.
    if buffer[start..end].iter().any(|byte| !byte.is_ascii_whitespace()) {
        found.push(buffer, start, end, line, event_bytes_max);
    }
}
