//! CSV: one event a record, which a line end ends that is not within quotes. Blank lines are counted and skipped.

use memchr::memchr_iter;
use transect_core::format::csv::Scan;
use transect_core::input::EventSpan;

use super::file::Found;

/// The whole records at the beginning of a buffer; at the end of the file the last needs no line end.
pub(super) fn find(buffer: &[u8], at_end: bool, delimiter: u8, event_bytes_max: usize) -> Found {
    let mut found = Found::default();
    let mut scan = Scan::new(delimiter);
    while let Some(length) = scan.end(&buffer[found.consumed..]) {
        push(&mut found, buffer, length, event_bytes_max);
        found.lines += 1;
        found.consumed += 1;
    }
    if at_end {
        let rest = buffer.len() - found.consumed;
        push(&mut found, buffer, rest, event_bytes_max);
    }
    found
}

/// The records of rows that are all there, whatever their size.
pub(crate) fn events(rows: &[u8], delimiter: u8) -> Vec<EventSpan> {
    let mut events = find(rows, true, delimiter, usize::MAX).events;
    // They are counted, not their lines.
    events.iter_mut().enumerate().for_each(|(at, span)| span.index = at as u32);
    events
}

/// Takes the next bytes as a record.
fn push(found: &mut Found, buffer: &[u8], length: usize, event_bytes_max: usize) {
    let (start, end) = (found.consumed, found.consumed + length);
    let record = &buffer[start..end];
    let text = record.strip_suffix(b"\r").unwrap_or(record);
    // Most records begin with what is no blank, so that this looks at one byte.
    if text.iter().any(|byte| !byte.is_ascii_whitespace()) {
        let line = found.lines;
        found.push(buffer, start, start + text.len(), line, event_bytes_max);
    }
    found.lines += memchr_iter(b'\n', record).count() as u64;
    found.consumed = end;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at_end: bool, records: &[(&str, u32)], rest: &str) {
        let found = find(text.as_bytes(), at_end, b',', 1 << 20);
        let span = |e: &transect_core::input::EventSpan| &text[e.start as usize..(e.start + e.len) as usize];
        let events: Vec<_> =
            found.events.iter().map(|e| (span(e), e.index + found.first_line as u32)).collect();
        assert_eq!(events, records);
        assert_eq!(&text[found.consumed..], rest);
        let lines = text[..found.consumed].matches('\n').count();
        assert_eq!(found.lines, lines as u64);
    }

    #[test]
    fn a_record_ends_at_a_line_end_outside_quotes() {
        check("a,b\r\n\n\"x\ny\",2\n3,", false, &[("a,b", 0), ("\"x\ny\",2", 2)], "3,");
        check("a\n\"b\n", false, &[("a", 0)], "\"b\n");
        check("a\n\"b\n", true, &[("a", 0), ("\"b\n", 1)], "");
        check("5\",\"\"\"\n\"\n", false, &[("5\",\"\"\"\n\"", 0)], "");
        check("\t\n \r\n", true, &[], "");
    }
}
