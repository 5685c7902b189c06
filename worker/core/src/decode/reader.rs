//! A strict reader of RFC 8259 text: tokens only, no meaning. It never copies and never looks back.

use super::number::Literal;
use super::token::Token;

/// Why the text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Byte offset.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) message: String,
}

type Read<T> = Result<T, Box<SyntaxError>>;

/// A string as it stands in the text, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it holds escapes, so that its value is not its bytes.
    pub(crate) escaped: bool,
}

/// A position in a text that is known to be UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of the text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, pos: 0 }
    }

    /// A reader at a byte of the text.
    pub(crate) fn at(text: &'a str, pos: usize) -> Self {
        Self { text, pos }
    }

    /// Byte offset of what comes next.
    #[inline]
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    /// Part of the text; empty where the bounds cut a character, which those of a token never do.
    #[inline]
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The text of a string, escapes as they stand.
    #[inline]
    pub(crate) fn raw(&self, text: Text) -> &'a str {
        self.slice(text.start, text.end)
    }

    /// Skips white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        // Most often there is none.
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.spaces();
        }
    }

    fn spaces(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    /// Takes the next byte if it is the one wanted.
    #[inline]
    pub(crate) fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.pos += usize::from(found);
        found
    }

    /// Takes the next bytes if they are the ones wanted.
    #[inline]
    pub(crate) fn take_all(&mut self, wanted: &[u8]) -> bool {
        let end = self.pos + wanted.len();
        let found = self.text.as_bytes().get(self.pos..end) == Some(wanted);
        if found {
            self.pos = end;
        }
        found
    }

    /// Takes a token, if it is next.
    #[inline]
    pub(crate) fn take_token(&mut self, token: &Token) -> bool {
        let found = token.starts(self.text.as_bytes().get(self.pos..).unwrap_or_default());
        self.pos += if found { token.len() } else { 0 };
        found
    }

    /// Takes a colon with white space around it.
    #[inline]
    pub(crate) fn colon(&mut self) -> Read<()> {
        self.space();
        if !self.take(b':') {
            return Err(self.error("expected a colon after a member's name"));
        }
        self.space();
        Ok(())
    }

    /// Takes the comma before another member or item, or the closing bracket; whether it was a comma. White space
    /// around it goes too.
    #[inline]
    pub(crate) fn more(&mut self, close: u8) -> Read<bool> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.pos += 1;
                self.space();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.pos += 1;
                Ok(false)
            }
            _ if close == b'}' => Err(self.error("expected a comma or `}` after a member")),
            _ => Err(self.error("expected a comma or `]` after an item")),
        }
    }

    /// Takes `true`, `false` or `null`.
    #[inline]
    pub(crate) fn word(&mut self, word: &str) -> Read<()> {
        if self.take_all(word.as_bytes()) { Ok(()) } else { Err(self.error(&format!("expected `{word}`"))) }
    }

    /// Takes a number, if it is one of the short ones.
    #[inline(always)]
    pub(crate) fn short_number(&mut self) -> Option<Literal> {
        let negative = self.peek() == Some(b'-');
        let literal = Literal::read_short(self.eight(self.pos + usize::from(negative)), negative)?;
        self.pos += literal.len;
        Some(literal)
    }

    /// Takes a number.
    pub(crate) fn number(&mut self) -> Read<Literal> {
        let rest = self.text.as_bytes().get(self.pos..).unwrap_or_default();
        match Literal::read(rest) {
            Some(literal) => {
                self.pos += literal.len;
                Ok(literal)
            }
            None => {
                let (ahead, message) = Literal::fault(rest);
                Err(self.error_at(self.pos + ahead, message))
            }
        }
    }

    /// Goes past a number or a word, whatever its letters; None if there is neither.
    pub(crate) fn scalar(&mut self) -> Option<()> {
        let rest = self.text.as_bytes().get(self.pos..)?;
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let len = rest.iter().take_while(|byte| letter(byte)).count();
        self.pos += len;
        (len > 0).then_some(())
    }

    /// Takes a string without escapes, its value; None for any other. The opening quote comes next.
    #[inline(always)]
    pub(crate) fn plain_string(&mut self) -> Option<&'a str> {
        let start = self.pos + 1;
        let end = self.plain_end(start);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.pos = end + 1;
        self.text.get(start..end)
    }

    /// Takes a string; the opening quote comes next.
    pub(crate) fn string(&mut self) -> Read<Text> {
        let start = self.pos + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at = self.plain_end(at);
            match self.text.as_bytes().get(at) {
                Some(b'"') => {
                    self.pos = at + 1;
                    return Ok(Text { start, end: at, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape_end(at)?;
                }
                Some(_) => return Err(self.error_at(at, "a control character in a string must be escaped")),
                None => return Err(self.error_at(at, "a string does not end")),
            }
        }
    }

    /// A string that has been taken before.
    #[inline(never)]
    pub(crate) fn string_at(&self, start: usize) -> Text {
        let mut reader = Self { pos: start, ..*self };
        reader.string().unwrap_or(Text { start: start + 1, end: start + 1, escaped: false })
    }

    /// The next eight bytes at a position; zeros after the end.
    #[inline(always)]
    fn eight(&self, at: usize) -> u64 {
        match self.text.as_bytes().get(at..).and_then(<[u8]>::first_chunk::<8>) {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => self.last_eight(at),
        }
    }

    #[inline(never)]
    fn last_eight(&self, at: usize) -> u64 {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// The first position from here on of a quote, a backslash or a control character, or the end. Eight bytes at a time, by the
    /// zero-byte test of Mycroft: the lowest mark is always right, and only that one is used.
    #[inline(always)]
    fn plain_end(&self, mut at: usize) -> usize {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        loop {
            let word = self.eight(at);
            let quotes = word ^ (ONES * b'"' as u64);
            let slashes = word ^ (ONES * b'\\' as u64);
            let marks = (quotes.wrapping_sub(ONES) & !quotes)
                | (slashes.wrapping_sub(ONES) & !slashes)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let marks = marks & HIGH;
            if marks != 0 {
                return at + (marks.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
    }

    /// Checks the escape at a backslash and returns where it ends.
    #[cold]
    fn escape_end(&self, at: usize) -> Read<usize> {
        match self.text.as_bytes().get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => match self.unit(at) {
                Some(0xd800..=0xdbff) => match self.unit(at + 6) {
                    Some(0xdc00..=0xdfff) => Ok(at + 12),
                    _ => Err(self.error_at(at, "an escaped surrogate stands alone")),
                },
                Some(0xdc00..=0xdfff) => Err(self.error_at(at, "an escaped surrogate stands alone")),
                Some(_) => Ok(at + 6),
                None => Err(self.error_at(at, "four hexadecimal digits must follow `\\u`")),
            },
            _ => Err(self.error_at(at, "a backslash must be followed by one of `\"\\/bfnrtu`")),
        }
    }

    /// The UTF-16 unit of a `\uXXXX` at this position.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    /// The value of a string: its own bytes, or those without escapes, written to the scratch.
    #[inline]
    pub(crate) fn value<'s>(&self, text: Text, scratch: &'s mut String) -> &'s str
    where
        'a: 's,
    {
        if !text.escaped {
            return self.raw(text);
        }
        self.unescape(text, scratch);
        scratch
    }

    /// Writes the value of a string that has been read.
    #[cold]
    fn unescape(&self, text: Text, out: &mut String) {
        out.clear();
        let mut at = text.start;
        while at < text.end {
            let plain = self.plain_end(at).min(text.end);
            out.push_str(self.slice(at, plain));
            if plain >= text.end {
                break;
            }
            at = plain + 2;
            out.push(match self.text.as_bytes().get(plain + 1) {
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'u') => {
                    let high = self.unit(plain).unwrap_or_default();
                    at = plain + 6;
                    let pair = (high & 0xfc00 == 0xd800).then(|| self.unit(at)).flatten();
                    at += if pair.is_some() { 6 } else { 0 };
                    let code = pair.map_or(high, |low| 0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff));
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                // A quote, a backslash or a slash stands for itself.
                Some(byte) => char::from(*byte),
                None => break,
            });
        }
    }

    /// An error at the next byte.
    #[cold]
    pub(crate) fn error(&self, message: &str) -> Box<SyntaxError> {
        self.error_at(self.pos, message)
    }

    #[cold]
    fn error_at(&self, offset: usize, message: &str) -> Box<SyntaxError> {
        let found = match self.text.get(offset..).and_then(|rest| rest.chars().next()) {
            Some(found) => format!("found `{}`", found.escape_debug()),
            None => "found the end".to_owned(),
        };
        Box::new(SyntaxError { offset, message: format!("{message}, {found}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(json: &str) -> Result<String, String> {
        let mut reader = Reader::new(json);
        let text = reader.string().map_err(|error| error.message)?;
        assert_eq!(reader.pos(), json.len());
        Ok(reader.value(text, &mut String::new()).to_owned())
    }

    #[test]
    fn strings_have_the_values_that_serde_json_gives_them() {
        for json in [
            r#""""#,
            r#""plain, longer than eight bytes""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u0041\u00e9\u20AC\ud83d\ude00 and é€😀""#,
            r#""ends in an escape\n""#,
            "\"\u{7f}\u{80}\"",
        ] {
            assert_eq!(string(json).unwrap(), serde_json::from_str::<String>(json).unwrap(), "{json}");
        }
    }

    #[test]
    fn strings_that_are_wrong_are_refused() {
        for (json, message) in [
            ("\"", "does not end"),
            ("\"1234567\n\"", "control character"),
            ("\"\u{1f}\"", "control character"),
            (r#""\x""#, "backslash"),
            (r#""\u12g4""#, "hexadecimal"),
            (r#""\u+123""#, "hexadecimal"),
            (r#""\ud800""#, "surrogate"),
            (r#""\ud800\u0041""#, "surrogate"),
            (r#""\udc00""#, "surrogate"),
        ] {
            let error = string(json).unwrap_err();
            assert!(error.contains(message), "{json}: {error}");
        }
    }
}
