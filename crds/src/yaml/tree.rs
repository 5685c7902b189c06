//! A YAML document as a tree of values that know where they stand.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::thread;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::place::{Places, Position, join};
use super::problem::Problem;

/// One value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One member of a map, and where its key stands.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) node: Node,
}

/// A document taken apart: its JSON value, the places of its fields, and what is wrong with its writing: keys that it
/// has twice, and words that kubectl reads otherwise.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) places: Arc<Places>,
    pub(super) problems: Vec<Problem>,
}

/// Deeper documents are refused.
const DEPTH_MAX: usize = 128;
/// Room for so deep a document, whatever the caller's thread has; a level takes up to 40 KiB in builds without
/// optimization. It is only taken from the system as far as it is used.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// The documents of a text, empty ones left out, up to the first that is no YAML.
pub(super) fn parse(text: &str) -> Vec<Result<Node, serde_saphyr::Error>> {
    let parse = || {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
            with_snippet: false,
        };
        let mut bytes = text.as_bytes();
        serde_saphyr::read_with_options(&mut bytes, options).collect()
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("manifests".into()).stack_size(STACK_BYTES);
        let parsed = thread.spawn_scoped(scope, parse).map_err(serde::de::Error::custom).and_then(|handle| {
            handle.join().map_err(|_| serde::de::Error::custom("the parser gave up on this text"))
        });
        parsed.unwrap_or_else(|error| vec![Err(error)])
    })
}

/// Words that kubectl, which reads YAML 1.1, takes for true or false, and YAML 1.2 for text.
const AMBIGUOUS: [&str; 16] =
    ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];

impl Node {
    /// Takes the tree apart. `text` is the file's.
    pub(super) fn into_document(self, file: &Arc<str>, text: &[&str]) -> Document {
        let places = Places { file: file.clone(), fields: HashMap::new() };
        let mut flattening = Flattening { text, places, problems: Vec::new() };
        let at = self.at;
        let value = flattening.value(self, "", at);
        Document { value, places: Arc::new(flattening.places), problems: flattening.problems }
    }
}

struct Flattening<'a> {
    /// The file's lines.
    text: &'a [&'a str],
    places: Places,
    problems: Vec<Problem>,
}

impl Flattening<'_> {
    /// The JSON value of a node. `named` is where its key stands, or for items of a list the node itself.
    fn value(&mut self, node: Node, path: &str, named: Position) -> Value {
        let here = if matches!(node.content, Content::Scalar(_)) { node.at } else { named };
        self.places.fields.insert(path.to_owned(), here);
        match node.content {
            Content::Scalar(value) => {
                if let Some(word) = value.as_str() {
                    self.unambiguous(word, path, node.at);
                }
                value
            }
            Content::List(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    let at = item.at;
                    self.value(item, &format!("{path}[{index}]"), at)
                });
                Value::Array(items.collect())
            }
            Content::Map(entries) => self.map(entries, path),
        }
    }

    fn map(&mut self, entries: Vec<Entry>, path: &str) -> Value {
        let mut map = Map::new();
        for entry in entries {
            let path = join(path, &entry.key);
            self.unambiguous(&entry.key, &path, entry.at);
            if map.contains_key(&entry.key) {
                let message = format!("is here twice, first on line {}", self.places.position(&path).line);
                self.problem(&path, entry.at, message, "keep one of the two");
            } else {
                let value = self.value(entry.node, &path, entry.at);
                map.insert(entry.key, value);
            }
        }
        Value::Object(map)
    }

    fn unambiguous(&mut self, word: &str, path: &str, at: Position) {
        let line = self.text.get(at.line.saturating_sub(1) as usize).copied().unwrap_or_default();
        let bare = line.chars().skip(at.column.saturating_sub(1) as usize).take(word.len()).eq(word.chars());
        if bare && AMBIGUOUS.contains(&word) {
            let message = format!("`{word}` is text here, but kubectl takes it for true or false");
            self.problem(path, at, message, "write it in quotes, or as `true` or `false`");
        }
    }

    fn problem(&mut self, path: &str, at: Position, message: String, fix: &str) {
        let problem = self.places.problem(path, message, fix);
        self.problems.push(Problem { line: at.line, column: at.column, ..problem });
    }
}

fn position(location: serde_saphyr::Location) -> Position {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: small(location.line()), column: small(location.column()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { at: position(spanned.referenced), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Content::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = members.next_key::<Spanned<String>>()? {
            let node = members.next_value()?;
            entries.push(Entry { at: position(key.referenced), key: key.value, node });
        }
        Ok(Content::Map(entries))
    }
}
