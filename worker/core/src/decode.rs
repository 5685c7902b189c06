//! JSON bytes to checked Arrow columns in one pass, by a [`Plan`].
//!
//! An event is refused for the first of these that holds: it is too large; it is malformed or too deep; it breaks its
//! schema; a field of its identity is missing; its time can't be read.

pub(crate) mod canonical;
mod columns;
mod compound;
mod content;
mod extra;
pub(crate) mod find;
mod identify;
mod names;
pub(crate) mod number;
mod pass;
pub(crate) mod reader;
mod scalar;
mod shape;
mod skip;
pub(crate) mod time;
pub(crate) mod token;
pub(crate) mod violation;

use std::mem;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::check::Finding;
use crate::identity::PipelineKey;
use crate::plan::Plan;
use crate::reject::{Reject, RejectReason};

pub use find::{Peeked, peek_string, peek_version};

use columns::Columns;
use content::{Content, ContentKey};
use identify::{Identified, Identifier};
use pass::{Pass, Slot, Stop, Workspace};
use shape::{Expected, Shape};

/// So many bytes of events at most go into one batch: offsets in Arrow have 31 bits, and `extra` can be larger than
/// what it was read from.
const MAX_BATCH_BYTES: usize = 256 * 1024 * 1024;

/// The accepted events of one type: columns, and what the pipeline needs of each row.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// One row an event, in the order pushed; `Plan::arrow_schema`.
    pub columns: RecordBatch,
    /// MAC of (event type, key, event id), or of (event type, content) where the schema has no id.
    pub identities: Vec<u128>,
    /// 64-bit hash of the content; a repeat with another one is a conflict. Independent of white space and of the
    /// order of members.
    pub contents: Vec<u64>,
    /// Hash of the key, the same under every pipeline key; picks the partition. Of the identity, where the schema has no key.
    pub keys: Vec<u64>,
    /// Event time, microseconds since 1970 UTC.
    pub times: Vec<i64>,
}

/// Fills columns from events, one `push` each. Reusable after `finish`.
#[derive(Debug)]
pub struct Decoder {
    plan: Arc<Plan>,
    key: PipelineKey,
    content_key: ContentKey,
    work: Workspace,
    expected: Expected,
    identifier: Identifier,
    identities: Vec<u128>,
    contents: Vec<u64>,
    keys: Vec<u64>,
    times: Vec<i64>,
    /// Bytes of the events pushed since the last `finish`.
    bytes: usize,
}

impl Decoder {
    /// A decoder for one event type; identities are under the key.
    pub fn new(plan: Arc<Plan>, key: PipelineKey) -> Self {
        let work = Workspace {
            columns: Columns::new(&plan),
            extra: Default::default(),
            names: Default::default(),
            slots: vec![Slot::default(); plan.targets.slots],
            unescaped: String::new(),
            scratch: serde_json::Value::Null,
        };
        let content_key = ContentKey::new(&plan, &key);
        let (expected, identifier, identities, contents, keys, times) = Default::default();
        Self {
            plan,
            key,
            content_key,
            work,
            expected,
            identifier,
            identities,
            contents,
            keys,
            times,
            bytes: 0,
        }
    }

    /// Reads and checks one event (one JSON value, surrounding white space allowed). An error leaves the columns as
    /// they were.
    ///
    /// The events of one batch have 256 MiB together at most; one that goes beyond is refused as TooLarge, so call
    /// [`Self::finish`] long before that.
    pub fn push(&mut self, event: &[u8]) -> Result<(), Reject> {
        match self.read(event) {
            Ok((content, identified)) => {
                self.work.columns.keep_row();
                self.identities.push(identified.identity);
                self.contents.push(content.hash());
                self.keys.push(identified.key);
                self.times.push(identified.time);
                self.bytes += event.len();
                Ok(())
            }
            Err(reject) => {
                self.work.columns.drop_row();
                Err(*reject)
            }
        }
    }

    /// Reads and checks one event as [`Self::push`] does, short of its identity and time, and keeps nothing of it.
    pub(crate) fn check(&mut self, event: &[u8]) -> Result<(), Reject> {
        let checked = self.read_checked(event).map(|_| ()).map_err(|reject| *reject);
        self.work.columns.drop_row();
        checked
    }

    fn read(&mut self, event: &[u8]) -> Result<(Content, Identified), Box<Reject>> {
        let (text, content) = self.read_checked(event)?;
        let plan = &*self.plan;
        let identified = self.identifier.identify(plan, &self.key, text, &self.work.slots, &content)?;
        Ok((content, identified))
    }

    /// The event's text, and its content; its values are in the columns, and its schema is satisfied.
    fn read_checked<'e>(&mut self, event: &'e [u8]) -> Result<(&'e str, Content), Box<Reject>> {
        self.check_size(event.len())?;
        let text = simdutf8::basic::from_utf8(event).map_err(|_| not_utf8(event))?;
        let content = match self.read_by_shape(text) {
            Some(content) => content,
            None => self.read_in_full(text)?,
        };
        fall_back(&self.plan, text)?;
        Ok((text, content))
    }

    /// Reads an event that has the shape of the last ones; None if it hasn't, or is wrong.
    fn read_by_shape(&mut self, text: &str) -> Option<Content> {
        let mut pass = Pass::new(text, &self.plan, &self.content_key, &mut self.work);
        if pass.shaped(self.expected.shape()?) {
            let content = pass.content;
            self.expected.hit();
            return Some(content);
        }
        self.work.columns.drop_row();
        None
    }

    fn read_in_full(&mut self, text: &str) -> Result<Content, Box<Reject>> {
        let mut pass = Pass::new(text, &self.plan, &self.content_key, &mut self.work);
        pass.event().map_err(|Stop(reject)| reject)?;
        if let Some(violation) = pass.violation {
            return Err(Box::new(violation.into_reject()));
        }
        let content = pass.content;
        self.expected.missed(|| Shape::of(text, &self.plan, &self.content_key));
        Ok(content)
    }

    fn check_size(&self, len: usize) -> Result<(), Box<Reject>> {
        let limit = self.plan.limits.event_bytes as usize;
        let message = if len > limit {
            format!("expected at most {limit} bytes, found {len}")
        } else if self.bytes + len > MAX_BATCH_BYTES {
            format!("expected at most {MAX_BATCH_BYTES} bytes of events in one batch, found more")
        } else {
            return Ok(());
        };
        let Stop(mut reject) = Stop::new(RejectReason::TooLarge, 0, message);
        reject.offset = None;
        Err(reject)
    }

    /// Greatest size of an event.
    pub(crate) fn bytes_max(&self) -> usize {
        self.plan.limits.event_bytes as usize
    }

    /// Number of rows since the last `finish`.
    pub fn len(&self) -> usize {
        self.work.columns.rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the rows.
    pub fn finish(&mut self) -> Decoded {
        let rows = self.len();
        self.bytes = 0;
        Decoded {
            columns: self.work.columns.finish(),
            identities: mem::replace(&mut self.identities, Vec::with_capacity(rows)),
            contents: mem::replace(&mut self.contents, Vec::with_capacity(rows)),
            keys: mem::replace(&mut self.keys, Vec::with_capacity(rows)),
            times: mem::replace(&mut self.times, Vec::with_capacity(rows)),
        }
    }
}

/// Checks what the plan can't.
fn fall_back(plan: &Plan, event: &str) -> Result<(), Box<Reject>> {
    let Some(validator) = &plan.fallback else { return Ok(()) };
    let event: serde_json::Value = serde_json::from_str(event).map_err(|error| {
        let Stop(reject) = Stop::new(RejectReason::Malformed, 0, error.to_string());
        reject
    })?;
    match validator.iter_errors(&event).next() {
        None => Ok(()),
        Some(error) => {
            let Finding { pointer, keyword, message } = Finding::from(&error);
            Err(Box::new(Reject {
                reason: RejectReason::SchemaViolation,
                pointer,
                keyword,
                message: violation::cut(&message).into_owned(),
                offset: None,
            }))
        }
    }
}

#[cold]
fn not_utf8(event: &[u8]) -> Box<Reject> {
    let offset = std::str::from_utf8(event).map_or_else(|error| error.valid_up_to(), str::len);
    let Stop(reject) =
        Stop::new(RejectReason::Malformed, offset, "expected UTF-8, found other bytes".to_owned());
    reject
}

#[cfg(test)]
mod tests;
