//! JSON arrays, and JSON values with white space between them: where each element begins and ends.
//!
//! Looks at brackets and strings only; whether an element is sound is for the decoder to say.

use super::file::Found;
use super::position::ReadState;

/// The structure around the elements is broken, right after what was consumed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) expected: &'static str,
}

/// Finds where a value ends, however its bytes are cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// Whether the value is a number or a word, which ends before the next other byte.
    bare: bool,
    begun: bool,
}

impl Scan {
    /// The number of bytes of this piece that belong to the value, if it ends within.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.string(&bytes[at..]);
                if !self.in_string && self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            let byte = bytes[at];
            let ends_bare =
                matches!(byte, b',' | b']' | b'}' | b'[' | b'{' | b'"') || byte.is_ascii_whitespace();
            if self.bare && ends_bare {
                return Some(at);
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ if !self.begun => self.bare = true,
                _ => {}
            }
            self.begun = true;
            at += 1;
        }
        None
    }

    /// Bytes up to the end of a string, or of the piece.
    fn string(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if std::mem::take(&mut self.escaped) {
            at = 1;
        }
        while let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
            at += next;
            if bytes[at] == b'"' {
                self.in_string = false;
                return at + 1;
            }
            self.escaped = at + 1 == bytes.len();
            at += 2;
            if at >= bytes.len() {
                return bytes.len();
            }
        }
        bytes.len()
    }
}

/// The whole elements at the beginning of a buffer, the state after them, and what is broken there. White space at the
/// end is consumed; an element that isn't whole is not.
pub(super) fn find(
    buffer: &[u8],
    state: ReadState,
    event_bytes_max: usize,
) -> (Found, ReadState, Option<Broken>) {
    let (mut found, mut state) = (Found::default(), state);
    loop {
        let start = skip_blanks(buffer, &mut found);
        let Some(&byte) = buffer.get(start) else { return (found, state, None) };
        let expected = match (state, byte) {
            (ReadState::First | ReadState::Element, b']') => {
                (found.consumed, state) = (start + 1, ReadState::Closed);
                continue;
            }
            (ReadState::Element, b',') => {
                (found.consumed, state) = (start + 1, ReadState::Comma);
                continue;
            }
            (ReadState::Element, _) => "`,` or `]`",
            (ReadState::Closed, _) => "nothing after the array",
            (_, b',' | b']' | b'}' | b':') => "a JSON value",
            _ => "",
        };
        if !expected.is_empty() {
            return (found, state, Some(Broken { expected }));
        }
        let Some(length) = Scan::default().end(&buffer[start..]) else { return (found, state, None) };
        let line = found.lines;
        found.push(buffer, start, start + length, line, event_bytes_max);
        found.lines += memchr::memchr_iter(b'\n', &buffer[start..start + length]).count() as u64;
        found.consumed = start + length;
        state = if state == ReadState::Value { ReadState::Value } else { ReadState::Element };
    }
}

/// Consumes white space; where the next other byte is.
fn skip_blanks(buffer: &[u8], found: &mut Found) -> usize {
    while let Some(byte) = buffer.get(found.consumed)
        && byte.is_ascii_whitespace()
    {
        found.lines += u64::from(*byte == b'\n');
        found.consumed += 1;
    }
    found.consumed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        text: &str,
        state: ReadState,
        elements: &[&str],
        after: ReadState,
        broken: Option<&'static str>,
    ) {
        let (found, state, trouble) = find(text.as_bytes(), state, 1 << 20);
        let spans = found.events.iter().map(|e| &text[e.start as usize..(e.start + e.len) as usize]);
        assert_eq!(spans.collect::<Vec<_>>(), elements);
        assert_eq!((state, trouble), (after, broken.map(|expected| Broken { expected })));
    }

    #[test]
    fn elements_are_found_whatever_is_in_them() {
        use ReadState::*;
        check(
            r#"{"a":"]}\""}, [1,[2]] ,"x,\\" , 12,null]"#,
            First,
            &[r#"{"a":"]}\""}"#, "[1,[2]]", r#""x,\\""#, "12", "null"],
            Closed,
            None,
        );
        check(" ] ", First, &[], Closed, None);
        check("{}, {", First, &["{}"], Comma, None);
        check("{} {}", First, &["{}"], Element, Some("`,` or `]`"));
        check("{},]", First, &["{}"], Comma, Some("a JSON value"));
        check("] x", Element, &[], Closed, Some("nothing after the array"));
        check("{\n}\n{\n}\n", Value, &["{\n}", "{\n}"], Value, None);
    }

    #[test]
    fn a_value_ends_at_the_same_byte_however_it_is_cut() {
        let text = br#"{"a":"\\\"]}","b":[1,{"c":"\u005d"}]} rest"#;
        let whole = Scan::default().end(text);
        for cut in 0..=text.len() {
            let mut scan = Scan::default();
            let first = scan.end(&text[..cut]);
            let end = first.or_else(|| scan.end(&text[cut..]).map(|end| cut + end));
            assert_eq!(end, whole, "cut at {cut}");
        }
    }
}
