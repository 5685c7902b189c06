//! Texts in YAML.

use std::fmt::Write as _;

/// Words that some reader of YAML takes for something else than text.
const TAKEN: [&str; 13] =
    ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity", "undefined"];

/// A text as a key or a value, in quotes only where it needs them.
pub(super) fn word(text: &str) -> String {
    let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/');
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '-' | '.');
    let plain = text.starts_with(begins) && text.chars().all(goes_on);
    if plain && !TAKEN.contains(&text.to_ascii_lowercase().as_str()) { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // What a reader may refuse, take for a line end or leave out.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
