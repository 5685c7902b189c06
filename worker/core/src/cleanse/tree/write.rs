//! From a tree to the new text, and from places in the new text back to the old one.

use super::{Node, ROOT, Span, Tree};
use crate::cleanse::scalar::quoted;

/// A piece of the new text and what it stands for in the old one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    old: Span,
    new: Span,
}

impl Tree {
    /// Writes the event with its changes.
    pub(in crate::cleanse) fn write(&mut self, text: &str, out: &mut String) {
        out.clear();
        let mut edits = std::mem::take(&mut self.edits);
        let mut writer = Writer { tree: self, text, out, edits: &mut edits, at: 0 };
        writer.node(ROOT);
        writer.copy(text.len());
        self.edits = edits;
    }

    /// What stood in the text where a byte of the new one stands.
    pub(in crate::cleanse) fn old_offset(&self, offset: usize) -> usize {
        match self.edits.iter().rev().find(|edit| edit.new.start <= offset) {
            None => offset,
            Some(edit) if offset < edit.new.end => edit.old.start,
            Some(edit) => edit.old.end + (offset - edit.new.end),
        }
    }
}

/// Writes the new text from left to right.
struct Writer<'w> {
    tree: &'w Tree,
    text: &'w str,
    out: &'w mut String,
    edits: &'w mut Vec<Edit>,
    /// So far the old text is dealt with.
    at: usize,
}

impl Writer<'_> {
    fn copy(&mut self, end: usize) {
        self.out.push_str(&self.text[self.at..end]);
        self.at = end;
    }

    fn replace(&mut self, old: Span, with: &str) {
        self.copy(old.start);
        let start = self.out.len();
        self.out.push_str(with);
        self.edits.push(Edit { old, new: Span { start, end: self.out.len() } });
        self.at = old.end;
    }

    fn node(&mut self, at: usize) {
        let tree = self.tree;
        let node = &tree.nodes[at];
        if let Some(name) = &node.new_name {
            self.replace(node.name, &quoted(name));
        }
        if let Some(json) = &node.new_value {
            return self.replace(node.value, json);
        }
        // Behind the opening bracket, or the last member that was there.
        let mut end = node.value.start + 1;
        let mut is_empty = true;
        for child in tree.children(at) {
            if tree.nodes[child].added {
                let comma = if is_empty { "" } else { "," };
                self.insert(end, comma, &tree.nodes[child]);
            } else {
                self.node(child);
                end = tree.nodes[child].value.end;
            }
            is_empty = false;
        }
    }

    fn insert(&mut self, at: usize, comma: &str, node: &Node) {
        let name = node.new_name.as_deref().unwrap_or_default();
        let json = node.new_value.as_deref().unwrap_or_default();
        let member = format!("{comma}{}:{json}", quoted(name));
        self.replace(Span { start: at, end: at }, &member);
    }
}
