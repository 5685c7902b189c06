//! Patterns like `^[A-Z]{3}$`, matched by counting characters. A match found here is a match; where none is found, the
//! regular expression has the word.

/// A sequence of characters of some classes, from the start of a string on.
#[derive(Debug)]
pub(crate) struct Sequence {
    runs: Vec<Run>,
    /// Whether the string must end with the last run.
    whole: bool,
}

/// Some ASCII characters of one class in a row.
#[derive(Debug)]
struct Run {
    /// One bit a character.
    class: u128,
    min: usize,
    max: usize,
}

impl Sequence {
    /// Reads a pattern that consists of `^`, ASCII letters, digits, and classes of these, each perhaps with a
    /// quantifier, and perhaps `$`. None for any other.
    pub(crate) fn compile(pattern: &str) -> Option<Self> {
        let mut rest = pattern.strip_prefix('^')?.as_bytes();
        let mut runs = Vec::new();
        while !matches!(rest, [] | [b'$']) {
            let (class, after) = class(rest)?;
            let (min, max, after) = quantifier(after)?;
            runs.push(Run { class, min, max });
            rest = after;
        }
        Some(Self { runs, whole: rest == b"$" })
    }

    /// Whether the string surely matches.
    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        for run in &self.runs {
            let member = |byte: &u8| *byte < 128 && run.class >> byte & 1 == 1;
            let count = rest.iter().take(run.max).take_while(|byte| member(byte)).count();
            if count < run.min {
                return false;
            }
            rest = &rest[count..];
        }
        rest.is_empty() || !self.whole
    }
}

/// The class at the start of a pattern, and what follows it.
fn class(pattern: &[u8]) -> Option<(u128, &[u8])> {
    let (first, mut rest) = pattern.split_first()?;
    if is_plain(*first) {
        return Some((1 << first, rest));
    }
    (*first == b'[').then_some(())?;
    let mut class = 0;
    loop {
        match rest {
            [b']', after @ ..] => return Some((class, after)),
            [low, b'-', high, after @ ..] if is_plain(*low) && is_plain(*high) && low <= high => {
                class |= (*low..=*high).fold(0, |class, byte| class | 1 << byte);
                rest = after;
            }
            [byte, after @ ..] if is_plain(*byte) => {
                class |= 1 << byte;
                rest = after;
            }
            // At the end it is no range.
            [b'-', b']', ..] => {
                class |= 1 << b'-';
                rest = &rest[1..];
            }
            _ => return None,
        }
    }
}

/// Whether a character means itself in every pattern and class.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The least and greatest number that a quantifier allows, and what follows it.
fn quantifier(pattern: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (min, max, rest) = match pattern {
        [b'*', rest @ ..] => (0, usize::MAX, rest),
        [b'+', rest @ ..] => (1, usize::MAX, rest),
        [b'?', rest @ ..] => (0, 1, rest),
        [b'{', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'}')?;
            let bounds = std::str::from_utf8(&rest[..end]).ok()?;
            let (min, max) = bounds.split_once(',').unwrap_or((bounds, bounds));
            let max = if max.is_empty() { usize::MAX } else { max.parse().ok()? };
            (min.parse().ok()?, max, &rest[end + 1..])
        }
        rest => return Some((1, 1, rest)),
    };
    // A second quantifier would change the first.
    (!matches!(rest.first(), Some(b'?' | b'+' | b'*' | b'{'))).then_some((min, max, rest))
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn matches_are_those_of_a_regular_expression() {
        let texts =
            ["", "A", "AB", "ABC", "ABCD", "abc", "N1", "N", "N12AB", "a-b", "é", "N1é", "12-", "a\n", "_9"];
        for pattern in [
            "^[A-Z]{3}$",
            "^N[0-9A-Z]+$",
            "^A",
            "^",
            "^$",
            "^[a-z]?B*$",
            "^[A-Z]{1,2}",
            "^[0-9-]{2,}$",
            "^[a_-]+[0-9]*",
        ] {
            let sequence = Sequence::compile(pattern).unwrap();
            let regex = fancy_regex::Regex::new(pattern).unwrap();
            for text in texts {
                assert_eq!(sequence.matches(text), regex.is_match(text).unwrap(), "{pattern} on {text:?}");
            }
        }
    }

    #[test]
    fn leaves_everything_else_alone() {
        for pattern in [
            "A", "A$", "^(a)", "^.", "^a|b", "^[^a]", "^\\d", "^a+?", "^[a-", "^[z-a]", "^a{2,1", "^é",
            "^a$b",
        ] {
            assert!(Sequence::compile(pattern).is_none(), "{pattern}");
        }
    }
}
