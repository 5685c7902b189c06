//! A value within JSON text, by its pointer: for what no plan leads to. Reads only as far as it must.

use transect_config::Pointer;

use super::reader::Reader;

/// The string that an event holds at a pointer, so that it can be routed before it is decoded. None if there is no
/// string there, or the event is so malformed that it can't be told; decoding says what is wrong.
pub fn peek_string(event: &[u8], pointer: &Pointer) -> Option<String> {
    let text = simdutf8::basic::from_utf8(event).ok()?;
    let mut reader = Reader::new(find(text, pointer.steps())?);
    reader.peek().filter(|first| *first == b'"')?;
    let value = reader.string().ok()?;
    Some(reader.value(value, &mut String::new()).to_owned())
}

/// What an event says of its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peeked {
    /// Nothing, or null; or it can't be told.
    Nothing,
    /// This.
    Version(u32),
    /// Something that is no version.
    Other,
}

impl Peeked {
    /// What a value says, as JSON or as the text of a cell.
    pub(crate) fn of(value: Option<&str>) -> Self {
        let Some(value) = value.filter(|value| !matches!(*value, "" | "null")) else { return Self::Nothing };
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let digits = quoted.unwrap_or(value);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain).map_or(Self::Other, Self::Version)
    }
}

/// The version that an event holds at a pointer, as an integer or as digits in a string, so that its plan can be chosen
/// before it is decoded.
pub fn peek_version(event: &[u8], pointer: &Pointer) -> Peeked {
    let text = simdutf8::basic::from_utf8(event).ok();
    Peeked::of(text.and_then(|text| find(text, pointer.steps())))
}

/// The text of the value that some steps lead to: names in objects, indexes in arrays.
pub(crate) fn find<'a>(text: &'a str, steps: &[String]) -> Option<&'a str> {
    let mut reader = Reader::new(text);
    reader.space();
    for step in steps {
        if reader.take(b'{') {
            enter_member(&mut reader, step)?;
        } else if reader.take(b'[') {
            enter_item(&mut reader, step)?;
        } else {
            return None;
        }
    }
    let start = reader.pos();
    skip(&mut reader)?;
    Some(reader.slice(start, reader.pos()))
}

/// Goes to the value of a member; the object's bracket has been taken.
fn enter_member(reader: &mut Reader<'_>, wanted: &str) -> Option<()> {
    let mut unescaped = String::new();
    loop {
        reader.space();
        reader.peek().filter(|first| *first == b'"')?;
        let name = reader.string().ok()?;
        reader.colon().ok()?;
        if reader.value(name, &mut unescaped) == wanted {
            return Some(());
        }
        skip(reader)?;
        reader.space();
        reader.take(b',').then_some(())?;
    }
}

/// Goes to an item; the array's bracket has been taken.
fn enter_item(reader: &mut Reader<'_>, wanted: &str) -> Option<()> {
    let canonical =
        wanted == "0" || !wanted.starts_with('0') && wanted.bytes().all(|byte| byte.is_ascii_digit());
    let index: usize = wanted.parse().ok().filter(|_| canonical)?;
    for _ in 0..index {
        reader.space();
        skip(reader)?;
        reader.space();
        reader.take(b',').then_some(())?;
    }
    reader.space();
    reader.peek().filter(|first| *first != b']').map(|_| ())
}

/// Goes past a value, counting brackets instead of matching them, so that no nesting is too deep.
pub(crate) fn skip(reader: &mut Reader<'_>) -> Option<()> {
    let mut open = 0_usize;
    loop {
        match reader.peek()? {
            b'"' => {
                reader.string().ok()?;
            }
            bracket @ (b'{' | b'[') => {
                reader.take(bracket);
                open += 1;
            }
            bracket @ (b'}' | b']') => {
                reader.take(bracket);
                open = open.checked_sub(1)?;
            }
            // Between values.
            byte @ (b',' | b':' | b' ' | b'\n' | b'\t' | b'\r') if open > 0 => {
                reader.take(byte);
                continue;
            }
            _ => reader.scalar()?,
        }
        if open == 0 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peek(event: &str, pointer: &str) -> Option<String> {
        peek_string(event.as_bytes(), &pointer.parse().unwrap())
    }

    #[test]
    fn finds_a_string_without_decoding() {
        let event = r#" {"n" : -1.5e3, "deep": {"a/b": [1, {"x": "no"}, {"t\u0079pe": "sur\u0076ey"}]}, "type":"air"}"#;
        assert_eq!(peek(event, "/type").as_deref(), Some("air"));
        assert_eq!(peek(event, "/deep/a~1b/2/type").as_deref(), Some("survey"));
        for pointer in ["", "/n", "/deep", "/nothing", "/deep/a~1b/3", "/deep/a~1b/02", "/type/x"] {
            assert_eq!(peek(event, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn a_version_is_an_integer_or_digits() {
        let pointer = "/v".parse().unwrap();
        for (event, version) in [
            (r#"{"a": {"v": 1}, "v": 2}"#, Peeked::Version(2)),
            (r#"{"v" : "03"}"#, Peeked::Version(3)),
            (r#"{"v": null}"#, Peeked::Nothing),
            (r#"{"a": 1}"#, Peeked::Nothing),
            (r#"{"v"#, Peeked::Nothing),
            (r#"{"v": 2.0}"#, Peeked::Other),
            (r#"{"v": -1}"#, Peeked::Other),
            (r#"{"v": "v2"}"#, Peeked::Other),
            (r#"{"v": ""}"#, Peeked::Other),
            (r#"{"v": {}}"#, Peeked::Other),
            (r#"{"v": 99999999999}"#, Peeked::Other),
        ] {
            assert_eq!(peek_version(event.as_bytes(), &pointer), version, "{event}");
        }
    }

    #[test]
    fn gives_up_on_malformed_events() {
        for event in
            ["", "{", "{\"a\"", "{\"a\":}", "[", "nonsense", "{\"a\":1 \"type\":\"x\"}", "{]", "{\"a\":]}"]
        {
            assert_eq!(peek(event, "/type"), None, "{event}");
        }
        assert_eq!(peek_string(b"{\"type\":\"\xff\"}", &"/type".parse().unwrap()), None);
        assert_eq!(peek(&"[".repeat(1_000_000), "/0"), None);
    }
}
