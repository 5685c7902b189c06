//! An event's text with changes laid over it: only the objects and arrays on the way to a field are read, and only what
//! was changed is written anew. Everything else keeps its bytes.

mod write;

use std::borrow::Cow;

use crate::decode::find::skip;
use crate::decode::reader::{Reader, SyntaxError};
use write::Edit;

/// The event as a whole.
pub(super) const ROOT: usize = 0;

/// The text is no JSON, or an object names a member twice. Decoding says it better.
#[derive(Debug)]
pub(super) struct Malformed;

impl From<Box<SyntaxError>> for Malformed {
    fn from(_: Box<SyntaxError>) -> Self {
        Self
    }
}

/// One step of a path: the name of a member, or what it means for an array.
#[derive(Debug)]
pub(super) struct PathStep {
    pub(super) name: Box<str>,
    item: Item,
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Every,
    At(usize),
    None,
}

impl PathStep {
    pub(super) fn new(name: &str) -> Self {
        let canonical = name == "0" || !name.starts_with(['0', '+']);
        let item = match name.parse() {
            _ if name == "*" => Item::Every,
            Ok(index) if canonical => Item::At(index),
            _ => Item::None,
        };
        Self { name: name.into(), item }
    }

    /// Whether it stands for items of an array: for all, or for one by its index.
    pub(super) fn is_item(&self) -> bool {
        !matches!(self.item, Item::None)
    }

    /// Whether it stands for every item of an array.
    pub(super) fn is_every(&self) -> bool {
        matches!(self.item, Item::Every)
    }
}

/// Bounds in the text.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: usize,
    end: usize,
}

/// A value on the way to a field.
#[derive(Debug)]
struct Node {
    parent: usize,
    /// The next member or item of the same object or array.
    next: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    /// The name with its quotes; empty for items and for what was added.
    name: Span,
    /// Whether the name has escapes.
    escaped: bool,
    /// The value; empty for what was added.
    value: Span,
    /// Whether its members or items have been read.
    open: bool,
    new_name: Option<Box<str>>,
    /// JSON text of a scalar.
    new_value: Option<String>,
    added: bool,
}

impl Node {
    fn of(parent: usize, value: Span) -> Self {
        Self {
            parent,
            next: None,
            first: None,
            last: None,
            name: Span::default(),
            escaped: false,
            value,
            open: false,
            new_name: None,
            new_value: None,
            added: false,
        }
    }
}

/// The changes to one event at a time; the event's text is given to every call.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    edits: Vec<Edit>,
    changed: bool,
}

impl Tree {
    /// Begins with another event.
    pub(super) fn begin(&mut self, text: &str) {
        self.nodes.clear();
        self.edits.clear();
        self.changed = false;
        let mut reader = Reader::new(text);
        reader.space();
        self.nodes.push(Node::of(ROOT, Span { start: reader.pos(), end: text.len() }));
    }

    /// Whether anything was changed.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Adds the values that a path leads to from a node, in the order of the text.
    pub(super) fn find(
        &mut self,
        text: &str,
        node: usize,
        path: &[PathStep],
        found: &mut Vec<usize>,
    ) -> Result<(), Malformed> {
        let Some((step, rest)) = path.split_first() else {
            found.push(node);
            return Ok(());
        };
        self.open(text, node)?;
        match (self.first_byte(text, node), step.item) {
            (b'{', _) => {
                if let Some(member) = self.member(text, node, &step.name)? {
                    self.find(text, member, rest, found)?;
                }
            }
            (b'[', Item::Every) => {
                let mut item = self.nodes[node].first;
                while let Some(at) = item {
                    self.find(text, at, rest, found)?;
                    item = self.nodes[at].next;
                }
            }
            (b'[', Item::At(index)) => {
                let item = self.children(node).nth(index);
                if let Some(at) = item {
                    self.find(text, at, rest, found)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The member of an object that has a name now.
    pub(super) fn member(&self, text: &str, object: usize, name: &str) -> Result<Option<usize>, Malformed> {
        let mut named = self.children(object).filter(|child| self.is_named(text, *child, name));
        match (named.next(), named.next()) {
            (found, None) => Ok(found),
            (_, Some(_)) => Err(Malformed),
        }
    }

    /// Whether a node is an object; its members have been read then.
    pub(super) fn is_object(&mut self, text: &str, node: usize) -> Result<bool, Malformed> {
        self.open(text, node)?;
        Ok(self.first_byte(text, node) == b'{')
    }

    /// The object or array that holds a node.
    pub(super) fn parent(&self, node: usize) -> usize {
        self.nodes[node].parent
    }

    /// The JSON text of a value as it is now.
    pub(super) fn value<'s>(&'s self, text: &'s str, node: usize) -> &'s str {
        let node = &self.nodes[node];
        node.new_value.as_deref().unwrap_or(&text[node.value.start..node.value.end])
    }

    /// Where a value begins in the text; where one was added, nothing does.
    pub(super) fn start(&self, node: usize) -> Option<usize> {
        let node = &self.nodes[node];
        (!node.added).then_some(node.value.start)
    }

    /// Writes another scalar in the place of a value.
    pub(super) fn set_value(&mut self, node: usize, json: String) {
        self.nodes[node].new_value = Some(json);
        self.changed = true;
    }

    /// Gives a member another name.
    pub(super) fn set_name(&mut self, node: usize, name: &str) {
        self.nodes[node].new_name = Some(name.into());
        self.changed = true;
    }

    /// Adds a scalar at the end of an object.
    pub(super) fn add(&mut self, object: usize, name: &str, json: &str) {
        let node = Node {
            new_name: Some(name.into()),
            new_value: Some(json.to_owned()),
            added: true,
            ..Node::of(object, Span::default())
        };
        self.append(node);
        self.changed = true;
    }

    fn append(&mut self, node: Node) {
        let (parent, at) = (node.parent, self.nodes.len());
        self.nodes.push(node);
        let before = self.nodes[parent].last.replace(at);
        match before {
            Some(before) => self.nodes[before].next = Some(at),
            None => self.nodes[parent].first = Some(at),
        }
    }

    fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.nodes[node].first, |at| self.nodes[*at].next)
    }

    fn is_named(&self, text: &str, node: usize, name: &str) -> bool {
        let node = &self.nodes[node];
        match &node.new_name {
            Some(new) => **new == *name,
            None if node.escaped => self.name_in(text, node) == name,
            None => text.get(node.name.start + 1..node.name.end - 1) == Some(name),
        }
    }

    /// A member's name in the text.
    fn name_in<'t>(&self, text: &'t str, node: &Node) -> Cow<'t, str> {
        let reader = Reader::new(text);
        let name = reader.string_at(node.name.start);
        if node.escaped {
            reader.value(name, &mut String::new()).to_owned().into()
        } else {
            reader.raw(name).into()
        }
    }

    fn first_byte(&self, text: &str, node: usize) -> u8 {
        self.value(text, node).as_bytes().first().copied().unwrap_or_default()
    }

    /// Reads the members or items of a node, if it has any and they have not been read.
    fn open(&mut self, text: &str, node: usize) -> Result<(), Malformed> {
        if std::mem::replace(&mut self.nodes[node].open, true) {
            return Ok(());
        }
        let mut reader = Reader::at(text, self.nodes[node].value.start);
        match self.first_byte(text, node) {
            b'{' => self.open_object(&mut reader, node),
            b'[' => self.open_array(&mut reader, node),
            _ => Ok(()),
        }
    }

    fn open_object(&mut self, reader: &mut Reader<'_>, object: usize) -> Result<(), Malformed> {
        reader.take(b'{');
        reader.space();
        let mut more = !reader.take(b'}');
        while more {
            let start = reader.pos();
            reader.peek().filter(|first| *first == b'"').ok_or(Malformed)?;
            let escaped = reader.string()?.escaped;
            let name = Span { start, end: reader.pos() };
            reader.colon()?;
            let start = reader.pos();
            skip(reader).ok_or(Malformed)?;
            let value = Span { start, end: reader.pos() };
            self.append(Node { name, escaped, ..Node::of(object, value) });
            more = reader.more(b'}')?;
        }
        Ok(())
    }

    fn open_array(&mut self, reader: &mut Reader<'_>, array: usize) -> Result<(), Malformed> {
        reader.take(b'[');
        reader.space();
        let mut more = !reader.take(b']');
        while more {
            let start = reader.pos();
            skip(reader).ok_or(Malformed)?;
            self.append(Node::of(array, Span { start, end: reader.pos() }));
            more = reader.more(b']')?;
        }
        Ok(())
    }

    /// The path of a node by the names in the text.
    pub(super) fn old_path(&self, text: &str, node: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = node;
        while at != ROOT {
            let here = &self.nodes[at];
            path.push(if here.added {
                here.new_name.as_deref().unwrap_or_default().to_owned()
            } else if here.name.end == 0 {
                self.children(here.parent).position(|item| item == at).unwrap_or_default().to_string()
            } else {
                self.name_in(text, here).into_owned()
            });
            at = here.parent;
        }
        path.reverse();
        path
    }

    /// The node nearest to a path by the names of now, how many steps lead to it, and the last changed one on the way.
    pub(super) fn nearest(&self, text: &str, path: &[String]) -> (usize, usize, Option<usize>) {
        let (mut node, mut steps, mut changed) = (ROOT, 0, None);
        for step in path {
            let is_array = self.first_byte(text, node) == b'[';
            let child = if is_array {
                step.parse().ok().and_then(|index| self.children(node).nth(index))
            } else {
                self.children(node).find(|child| self.is_named(text, *child, step))
            };
            let Some(child) = child else { break };
            (node, steps) = (child, steps + 1);
            let here = &self.nodes[node];
            if here.new_name.is_some() || here.new_value.is_some() {
                changed = Some(node);
            }
        }
        (node, steps, changed)
    }

    /// The JSON text of a value before all changes; None if there was none.
    pub(super) fn old_value<'t>(&self, text: &'t str, node: usize) -> Option<&'t str> {
        let node = &self.nodes[node];
        (!node.added).then(|| &text[node.value.start..node.value.end])
    }
}
