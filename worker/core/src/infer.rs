//! A first StudySchema, drafted from samples: what their events have in common, and what a person must decide.
//!
//! Events are looked at as a pipeline would see them: made JSON by their format, and left out where no pipeline would take
//! them. What is kept of them is bounded, however many there are. The draft takes all events that it was made from.

mod distinct;
mod number;
mod part;
mod roles;
mod seen;
mod text;
mod words;
mod yaml;

use serde_json::{Value, json};
use transect_config::{Limits, SchemaFamily};

use self::distinct::Budget;
use self::part::Part;
use self::roles::Roles;
use self::seen::Seen;
use self::text::Formats;
use crate::check::Checker;
use crate::events::EventType;
use crate::format::{Converter, Format};
use crate::input::{EventBatch, Place};
use crate::plan::{Plan, PlanError};
use crate::versions::Versions;

/// So many events are kept whole, to try pairs of fields as ids.
const KEPT_MAX: usize = 1000;
/// And so many bytes of their text.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Gathers what events have in common.
pub struct Inference {
    events_max: u64,
    checker: Checker,
    converter: Converter,
    /// Of events whose envelope matters, and of all others: types that say nothing of their content.
    enveloped: [EventType; 1],
    plain: [EventType; 1],
    formats: Formats,
    budget: Budget,
    root: Seen,
    /// Whether all texts so far are cells of CSV files, which the schema will type.
    cells: bool,
    kept: Vec<Value>,
    kept_bytes: usize,
    events: u64,
    unread: Unread,
}

/// The events that no pipeline would take, whatever the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// How many.
    pub count: u64,
    /// Where the first stands, and what is wrong with it in a word.
    pub first: Option<String>,
}

/// What the person who asks has said.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name of the StudySchema.
    pub name: &'a str,
    /// The study.
    pub study: &'a str,
    /// The files, for the comment at the top.
    pub files: &'a [String],
}

/// A manifest with comments, and what is left to say beside it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// YAML.
    pub manifest: String,
    /// Whether a field was found that is the event time, without which no pipeline runs.
    pub has_time: bool,
}

impl Inference {
    /// Looks at so many events at most.
    pub fn new(events_max: u64, limits: &Limits) -> Result<Self, PlanError> {
        let enveloped = event_type(&json!({"properties": {"cloudevent": {"type": "object"}}}), limits)?;
        Ok(Self {
            events_max,
            checker: Checker::new(&json!({"type": "object"}), &SchemaFamily::default(), limits)?,
            converter: Converter::default(),
            enveloped: [enveloped],
            plain: [event_type(&json!({}), limits)?],
            formats: Formats::new(),
            budget: Budget::default(),
            root: Seen::default(),
            cells: true,
            kept: Vec::new(),
            kept_bytes: 0,
            events: 0,
            unread: Unread::default(),
        })
    }

    /// Whether it has looked at as many events as were asked for.
    pub fn is_full(&self) -> bool {
        self.events >= self.events_max
    }

    /// The number of events looked at, those included that can't be read.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The events that could not be read.
    pub fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Looks at the events of a batch.
    pub fn take(&mut self, mut batch: EventBatch) {
        if batch.format != Format::Json {
            self.converter.open(&mut batch);
        }
        self.cells &= matches!(batch.format, Format::Csv(_));
        for at in 0..batch.events.len() {
            if self.is_full() {
                return;
            }
            self.events += 1;
            if let Err(what) = self.event(&mut batch, at) {
                self.unread.count += 1;
                self.unread.first.get_or_insert_with(|| format!("{}: {what}", place(&batch, at)));
            }
        }
    }

    /// Looks at one event; an error says in a word why no pipeline would take it.
    fn event(&mut self, batch: &mut EventBatch, at: usize) -> Result<(), String> {
        let span = batch.events[at];
        if span.oversized != u32::MAX {
            return Err("tooLarge".to_owned());
        }
        let value: Value;
        if batch.format == Format::Json {
            value = self.read(batch.event(span))?;
        } else {
            let types = if batch.format == Format::CloudEvents { &self.enveloped } else { &self.plain };
            let mut converter = std::mem::take(&mut self.converter);
            let read = match converter.convert(batch, at, types, Some(0)) {
                Ok(converted) => self.read(converted.text),
                Err(reject) => Err(reject.reason.to_string()),
            };
            self.converter = converter;
            value = read?;
        }
        self.root.observe(&value, &self.formats, &mut self.budget);
        if self.kept.len() < KEPT_MAX && self.kept_bytes < KEPT_BYTES_MAX {
            self.kept.push(value);
        }
        Ok(())
    }

    fn read(&mut self, text: &[u8]) -> Result<Value, String> {
        match self.checker.check(text).into_iter().next() {
            Some(finding) if finding.keyword == "type" => return Err("no object".to_owned()),
            Some(finding) => return Err(finding.keyword),
            None => {}
        }
        self.kept_bytes += text.len();
        serde_json::from_slice(text).map_err(|_| "malformed".to_owned())
    }

    /// The draft.
    pub fn draft(&self, asked: &Asked<'_>) -> Draft {
        let root = Part::root(&self.root, self.cells);
        let roles = Roles::choose(&root, &self.kept);
        Draft { has_time: roles.time.is_some(), manifest: yaml::manifest(self, asked, &root, &roles) }
    }
}

/// An event type for conversion alone.
fn event_type(schema: &Value, limits: &Limits) -> Result<EventType, PlanError> {
    let (plan, _) = Plan::for_checks(schema, &SchemaFamily::default(), limits)?;
    Ok(EventType::for_conversion(Versions::of(plan, None)))
}

fn place(batch: &EventBatch, at: usize) -> String {
    match &batch.place {
        Place::File { file, line } => format!("{file}:{}", line + u64::from(batch.events[at].index)),
        Place::Record { partition, offset } => format!("partition {partition}, offset {offset}"),
    }
}
