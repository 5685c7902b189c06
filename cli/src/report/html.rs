//! HTML that is written piece by piece. What is not written in this program's source is escaped: the types don't allow
//! anything else.

use std::fmt::{self, Write as _};

/// A narrow blank that no line breaks at.
const THIN: char = '\u{202f}';

/// A page in the making.
#[derive(Default)]
pub(super) struct Html {
    text: String,
    ids: usize,
}

impl Html {
    /// Adds markup of this program.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Adds a text from anywhere: between tags, or in an attribute between quotes.
    pub(super) fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        // Writing to a string can't fail.
        let _ = write!(Escaped(&mut self.text), "{text}");
        self
    }

    /// Adds a count.
    pub(super) fn count(&mut self, n: u64) -> &mut Self {
        self.text(count(n))
    }

    /// An id that the page has not used yet.
    pub(super) fn id(&mut self) -> usize {
        self.ids += 1;
        self.ids
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Escapes what is written through it.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(char),
                unseen if is_unseen(unseen) => self.0.extend(unseen.escape_unicode()),
                _ => self.0.push(char),
            }
        }
        Ok(())
    }
}

/// Whether a character is not seen, but could change what is: controls, and marks that turn the direction of text.
fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A count with thousands set apart, as `1 234 567`.
pub(super) fn count(n: u64) -> String {
    crate::output::count(n).replace(' ', THIN.encode_utf8(&mut [0; 4]))
}

/// A number with about four digits that count.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e9 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.3e}");
    }
    let decimals = if size >= 1000.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 1.0 {
        2
    } else {
        4
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let whole = digits.parse().map_or_else(|_| digits.to_owned(), count);
    let sign = if whole == "0" && fraction.is_empty() { "" } else { sign };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `1 event`, `2 events`.
pub(super) fn events(n: u64) -> String {
    plural(n, "event")
}

/// `1 day`, `2 days`.
pub(super) fn plural(n: u64, word: &str) -> String {
    format!("{}\u{a0}{word}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A part of a whole, as `12.3 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0\u{202f}%".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        0.0 => "0\u{202f}%".to_owned(),
        few if few < 0.1 => "<\u{202f}0.1\u{202f}%".to_owned(),
        most if part < whole && most > 99.9 => ">\u{202f}99.9\u{202f}%".to_owned(),
        _ => format!("{percent:.1}\u{202f}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut html = Html::default();
        html.text("</style><script a='b' c=\"d\">&\u{202e}\u{200f}\u{0}\u{1b}[2J");
        let expected = "&lt;/style&gt;&lt;script a=&#39;b&#39; c=&quot;d&quot;&gt;&amp;\\u{202e}\\u{200f}\\u{0}\\u{1b}[2J";
        assert_eq!(html.finish(), expected);
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [
            (0.0, "0"),
            (-0.0, "0"),
            (-0.00001, "-1.000e-5"),
            (1234567.0, "1\u{202f}234\u{202f}567"),
            (-12.5, "−12.5"),
            (0.25, "0.25"),
            (123.456, "123.5"),
            (3e12, "3.000e12"),
        ];
        for (value, text) in numbers {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn shares_are_never_nothing_where_there_is_something() {
        assert_eq!(share(0, 10), "0\u{202f}%");
        assert_eq!(share(1, 1_000_000), "<\u{202f}0.1\u{202f}%");
        assert_eq!(share(999_999, 1_000_000), ">\u{202f}99.9\u{202f}%");
        assert_eq!(share(1, 3), "33.3\u{202f}%");
    }
}
