//! The one pass over an event's bytes: reads tokens, walks the plan's nodes, checks, and appends to the columns.
//!
//! The event is read to its end even where it breaks its schema, so that a syntax error is always found; of several
//! violations the first one counts, and nothing is appended after it.

use super::columns::Columns;
use super::content::{Content, ContentKey, Word};
use super::extra::Extra;
use super::names::Names;
use super::reader::{Reader, SyntaxError, Text};
use super::violation::Violation;
use crate::plan::Plan;
use crate::plan::node::{Node, NodeColumn, Property};
use crate::reject::{Reject, RejectReason};

/// Why an event can't be read on.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Box<Reject>);

impl From<Box<SyntaxError>> for Stop {
    fn from(error: Box<SyntaxError>) -> Self {
        Self::new(RejectReason::Malformed, error.offset, error.message)
    }
}

impl Stop {
    #[cold]
    pub(crate) fn new(reason: RejectReason, offset: usize, message: String) -> Self {
        let (pointer, keyword) = Default::default();
        Self(Box::new(Reject { reason, pointer, keyword, message, offset: u32::try_from(offset).ok() }))
    }
}

/// One step from a value to a part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'p> {
    /// No step: the event itself.
    Event,
    /// A member that the schema names.
    Named(&'p Property),
    /// Another member, whose name begins here.
    Other(usize),
    Item(usize),
}

/// Where a value stands in the event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub(crate) parent: Option<&'p Place<'p>>,
    pub(crate) step: Step<'p>,
    /// The path as a number, for the content.
    pub(crate) path: u64,
}

impl<'p> Place<'p> {
    /// The event itself.
    pub(crate) fn event(path: u64) -> Self {
        Self { parent: None, step: Step::Event, path }
    }

    /// A part of the value here.
    #[inline]
    pub(crate) fn part(&'p self, step: Step<'p>, path: u64) -> Place<'p> {
        Place { parent: Some(self), step, path }
    }
}

/// What is noted of a value that a field of the event leads to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    /// Its bounds in the event's text; both zero if it was not there.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The time, if it was read as one already.
    pub(crate) micros: Option<i64>,
}

/// What a pass needs beside the event, kept from one to the next.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) columns: Columns,
    pub(crate) extra: Extra,
    pub(crate) names: Names,
    /// What is noted of the values of the plan's slots.
    pub(crate) slots: Vec<Slot>,
    /// The text of a string that holds escapes.
    pub(crate) unescaped: String,
    /// A string on its way to the `jsonschema` crate.
    pub(crate) scratch: serde_json::Value,
}

/// A pass over one event.
pub(crate) struct Pass<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) plan: &'a Plan,
    pub(crate) key: &'a ContentKey,
    pub(crate) work: &'a mut Workspace,
    pub(crate) content: Content,
    /// The number of arrays and objects that are open.
    pub(crate) depth: u32,
    pub(crate) violation: Option<Box<Violation>>,
}

impl<'a> Pass<'a> {
    /// A pass that is about to begin.
    pub(crate) fn new(text: &'a str, plan: &'a Plan, key: &'a ContentKey, work: &'a mut Workspace) -> Self {
        let content = Content::new(plan.targets.id.is_empty());
        Self { reader: Reader::new(text), plan, key, work, content, depth: 0, violation: None }
    }

    /// Forgets the event before.
    pub(crate) fn begin(&mut self) {
        self.work.extra.clear();
        self.work.names.clear();
        self.work.slots.fill(Slot::default());
    }

    /// Reads the event from its first byte to its last.
    pub(crate) fn event(&mut self) -> Result<(), Stop> {
        self.begin();
        let plan = self.plan;
        self.reader.space();
        self.value(&plan.root, &Place::event(self.key.root()))?;
        self.reader.space();
        if self.reader.peek().is_some() {
            return Err(self.reader.error("expected nothing after the event").into());
        }
        if self.violation.is_none() {
            let extra = self.work.extra.text();
            if extra.is_empty() {
                self.work.columns.null(plan.extra);
            } else {
                self.work.columns.text(plan.extra, extra);
            }
        }
        Ok(())
    }

    /// Reads a value for which there is a node.
    #[inline]
    pub(crate) fn value(&mut self, node: &'a Node, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.peek() {
            Some(b'"') => self.string(node, place)?,
            Some(b'{') => self.object(node, place)?,
            Some(b'[') => self.array(node, place)?,
            Some(b'n') => self.null(node, place)?,
            Some(b't') => self.boolean(node, place, true)?,
            Some(b'f') => self.boolean(node, place, false)?,
            _ => self.number(node, place)?,
        }
        if node.whole {
            self.whole(node, place, start);
        }
        Ok(())
    }

    /// What is left once a value has been read: its bytes go to a JSON column, and what failed within a union is the
    /// union's failure.
    fn whole(&mut self, node: &Node, place: &Place<'_>, start: usize) {
        if let NodeColumn::Json(id) = node.column {
            match self.reader.slice(start, self.reader.pos()) {
                "null" => self.work.columns.null(id),
                text => self.work.columns.text(id, text),
            }
        }
        if let (Some(keyword), Some(violation)) = (node.union, &mut self.violation)
            && violation.offset >= start
        {
            violation.pointer = super::violation::pointer(&self.reader, place);
            violation.keyword = keyword.into();
        }
    }

    /// Takes an opening bracket.
    pub(crate) fn enter(&mut self, place: &Place<'_>, word: Word) -> Result<(), Stop> {
        let limit = self.plan.limits.depth;
        if self.depth >= limit {
            let message =
                format!("expected at most {limit} arrays and objects within each other, found more");
            let mut stop = Stop::new(RejectReason::TooDeep, self.reader.pos(), message);
            stop.0.pointer = super::violation::pointer(&self.reader, place);
            return Err(stop);
        }
        self.depth += 1;
        self.content.word(self.key, place.path, word);
        self.reader.take(if matches!(word, Word::Array) { b'[' } else { b'{' });
        self.reader.space();
        Ok(())
    }

    /// Takes a name and its colon.
    pub(crate) fn name(&mut self) -> Result<Text, Stop> {
        if self.reader.peek() != Some(b'"') {
            return Err(self.reader.error("expected the name of a member, in quotes").into());
        }
        Ok(self.reader.string()?)
    }
}

#[cold]
pub(crate) fn beyond_double(offset: usize) -> Stop {
    Stop::new(RejectReason::Malformed, offset, "expected a number within the range of a double".to_owned())
}
