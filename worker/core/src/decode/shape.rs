//! The events of one producer mostly have the same members, in the same order and spaced alike. Such a shape is learnt
//! from one event, and the next ones are read by it: what stands between two values is compared as bytes, and need not
//! be read as names, colons and brackets. Whatever was checked of the members of the one event (that they are known,
//! required, there once, not too many) holds for all of its shape; their values are checked as always. An event that
//! turns out to have another shape, or to break its schema, is read in full.

use std::sync::Arc;

use super::content::{self, Content, ContentKey, Word};
use super::find::skip;
use super::pass::{Pass, Place, Step};
use super::reader::Reader;
use super::token::Token;
use crate::plan::Plan;
use crate::plan::node::{ColumnId, Node, NodeColumn, ObjectNode, Property};

/// What events have in common.
#[derive(Debug)]
pub(crate) struct Shape {
    leaves: Vec<Leaf>,
    /// What stands after the last value.
    end: Token,
    /// The columns of the objects that end within.
    closed: Vec<ColumnId>,
    /// The columns of the members that are not there.
    absent: Vec<ColumnId>,
    /// What the objects add to the content.
    objects: Content,
}

/// A member whose value is read by its node.
#[derive(Debug)]
struct Leaf {
    /// What stands before the value: its name, and whatever is between that and the value before.
    before: Token,
    property: Arc<Property>,
    /// The path as a number, for the content.
    path: u64,
    /// The number of objects around it.
    depth: u32,
    /// Its column, where an event of the same shape may do without the member.
    optional: Option<ColumnId>,
}

impl Shape {
    /// The shape of an event that has been read and found right. None if it has members that go to `extra`.
    pub(crate) fn of(event: &str, plan: &Plan, key: &ContentKey) -> Option<Self> {
        let shape = Self {
            leaves: Vec::new(),
            end: Token::new(""),
            closed: Vec::new(),
            absent: Vec::new(),
            objects: Content::new(plan.targets.id.is_empty()),
        };
        let mut learner = Learner { reader: Reader::new(event), key, shape, before: 0, depth: 0 };
        learner.reader.space();
        learner.before = learner.reader.pos();
        learner.object(flat(&plan.root)?, &plan.root, key.root())?;
        learner.shape.end = Token::new(learner.between());
        Some(learner.shape)
    }
}

/// The object of a node, where its members can be told from their names and values alone.
fn flat(node: &Node) -> Option<&ObjectNode> {
    node.object.as_deref().filter(|_| node.values.is_empty() && !node.whole && !node.never)
}

/// Goes over an event to learn its shape.
struct Learner<'a> {
    reader: Reader<'a>,
    key: &'a ContentKey,
    shape: Shape,
    /// Where the last value ended.
    before: usize,
    depth: u32,
}

impl<'a> Learner<'a> {
    fn object(&mut self, object: &ObjectNode, node: &Node, path: u64) -> Option<()> {
        self.shape.objects.word(self.key, path, Word::Object);
        self.reader.take(b'{').then_some(())?;
        self.reader.space();
        self.depth += 1;
        let mut seen = vec![false; object.properties.len()];
        let mut more = !self.reader.take(b'}');
        while more {
            let at = self.name(object)?;
            let first = seen.iter().all(|seen| !seen);
            *seen.get_mut(at)? = true;
            let property = &object.properties[at];
            let path = content::member(path, self.key.property(property.number));
            let is_struct = matches!(property.node.column, NodeColumn::Typed(_)) && property.slot.is_none();
            match flat(&property.node).filter(|_| is_struct && self.reader.peek() == Some(b'{')) {
                Some(object) => self.object(object, &property.node, path)?,
                None => {
                    let column = property.node.column.id()?;
                    // The first member has no comma before it, so that the next one would stand otherwise without it.
                    let counted = object.count.min.is_some() || object.count.max.is_some();
                    let optional = (!first && !property.required && !counted).then_some(column);
                    self.leaf(property, path, optional)?;
                }
            }
            more = self.reader.more(b'}').ok()?;
        }
        self.depth -= 1;
        let absent = object.properties.iter().zip(seen).filter(|(_, seen)| !seen);
        self.shape.absent.extend(absent.filter_map(|(property, _)| property.node.column.id()));
        if let NodeColumn::Typed(id) = node.column {
            self.shape.closed.push(id);
        }
        Some(())
    }

    /// Takes a member's name and colon; the position of its property.
    fn name(&mut self, object: &ObjectNode) -> Option<usize> {
        let name = self.reader.string().ok()?;
        self.reader.colon().ok()?;
        let mut unescaped = String::new();
        let name = self.reader.value(name, &mut unescaped);
        object.properties.iter().position(|property| *property.name == *name)
    }

    fn leaf(&mut self, property: &Arc<Property>, path: u64, optional: Option<ColumnId>) -> Option<()> {
        let (before, depth) = (Token::new(self.between()), self.depth);
        self.shape.leaves.push(Leaf { before, property: Arc::clone(property), path, depth, optional });
        skip(&mut self.reader)?;
        self.before = self.reader.pos();
        Some(())
    }

    /// What stands between the last value and here.
    fn between(&self) -> &'a str {
        self.reader.slice(self.before, self.reader.pos())
    }
}

impl<'a> Pass<'a> {
    /// Reads the event by a shape. False if it can't be, for whatever reason: then nothing of this pass counts.
    pub(crate) fn shaped(&mut self, shape: &'a Shape) -> bool {
        self.begin();
        // On its own, so that where the next value begins is found in registers.
        let mut reader = self.reader;
        reader.space();
        for leaf in &shape.leaves {
            if !reader.take_token(&leaf.before) {
                let Some(column) = leaf.optional else { return false };
                self.work.columns.null(column);
                continue;
            }
            let (start, property) = (reader.pos(), &*leaf.property);
            let place = Place { parent: None, step: Step::Named(property), path: leaf.path };
            if !self.short(&mut reader, &property.node, &place) {
                self.reader = reader;
                self.depth = leaf.depth;
                if self.value(&property.node, &place).is_err() {
                    return false;
                }
                reader = self.reader;
            }
            if let Some(slot) = property.slot {
                let slot = &mut self.work.slots[slot];
                (slot.start, slot.end) = (start, reader.pos());
            }
        }
        if !reader.take_token(&shape.end) {
            return false;
        }
        reader.space();
        self.content.add_all(&shape.objects);
        let columns = &mut self.work.columns;
        shape.absent.iter().for_each(|id| columns.null(*id));
        shape.closed.iter().for_each(|id| columns.close(*id));
        columns.null(self.plan.extra);
        reader.peek().is_none() && self.violation.is_none() && self.work.extra.text().is_empty()
    }

    /// Reads a short number, or a string without escapes; false for all other values.
    #[inline(always)]
    fn short(&mut self, reader: &mut Reader<'a>, node: &'a Node, place: &Place<'_>) -> bool {
        if node.whole {
            return false;
        }
        let start = reader.pos();
        if reader.peek() == Some(b'"') {
            let Some(value) = reader.plain_string() else { return false };
            self.reader = *reader;
            self.string_value(node, place, start, value);
            return true;
        }
        let Some(literal) = reader.short_number() else { return false };
        self.reader = *reader;
        self.number_value(node, place, start, literal).is_ok()
    }
}

/// The shape that the next event likely has.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    shape: Option<Shape>,
    /// So many events are read in full before the next shape is learnt.
    rest: u32,
    /// How long the next rest will be: doubled by each event that had another shape, so that events without a common one
    /// are hardly held up, and shortened by each that had it.
    pause: u32,
    /// Number of events that had the shape.
    #[cfg(test)]
    pub(super) hits: usize,
}

impl Expected {
    const MAX_PAUSE: u32 = 1023;

    pub(crate) fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// The last event had the shape.
    #[inline]
    pub(crate) fn hit(&mut self) {
        self.pause = self.pause.saturating_sub(1);
        #[cfg(test)]
        {
            self.hits += 1;
        }
    }

    /// The last event has been read in full, and is right.
    #[inline]
    pub(crate) fn missed(&mut self, learn: impl FnOnce() -> Option<Shape>) {
        if self.shape.take().is_some() {
            self.back_off();
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        self.shape = learn();
        if self.shape.is_none() {
            self.back_off();
        }
    }

    fn back_off(&mut self) {
        self.rest = self.pause;
        self.pause = (2 * self.pause + 1).min(Self::MAX_PAUSE);
    }
}
