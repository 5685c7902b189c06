//! A batch of bytes becomes rows by event type and rejects: the part of the process role that has no state, and so
//! runs on any number of threads.

use std::mem;
use std::sync::Arc;

use arrow_buffer::BooleanBuffer;
use transect_config::{Pointer, Span};

use crate::cleanse::Cleanser;
use crate::decode::{Decoded, Decoder, peek_string};
use crate::format::Converter;
use crate::identity::PipelineKey;
use crate::input::EventBatch;
use crate::privacy::{Kept, PrivacyPlan};
use crate::reject::{Reject, RejectReason};
use crate::rules::Rules;
use crate::versions::{self, RowVersions, Version, VersionRows, Versions};

/// One event type, ready to run.
#[derive(Debug)]
pub struct EventType {
    /// Its name.
    pub name: Arc<str>,
    /// Its schema in all versions, compiled, and their common table.
    pub versions: Arc<Versions>,
    /// The field that names an event's type, if there is one.
    pub type_field: Option<Pointer>,
    /// The field that holds an event's time.
    pub time_field: Pointer,
    /// How far events may trail the newest.
    pub delay: Span,
    /// How far an event's time may lie beyond its received time.
    pub max_ahead: Option<Span>,
    /// What must hold across its fields.
    pub rules: Rules,
    /// How its personal fields are treated; None if it has none.
    pub privacy: Option<Arc<PrivacyPlan>>,
}

impl EventType {
    /// An event type of which nothing matters but how its events become JSON.
    pub(crate) fn for_conversion(versions: Arc<Versions>) -> Self {
        Self {
            name: Arc::from(""),
            versions,
            type_field: None,
            time_field: Pointer::default(),
            delay: Span::ZERO,
            max_ahead: None,
            rules: Rules::default(),
            privacy: None,
        }
    }

    /// The columns that are kept of its events.
    pub fn kept(&self) -> Kept<'_> {
        Kept::new(self.versions.table(), self.privacy.as_deref())
    }
}

/// The rows of one event type within a batch.
#[derive(Debug)]
pub struct TypedRows {
    /// Position in the pipeline's event types.
    pub event_type: usize,
    /// The rows, as the columns of the event type's table.
    pub decoded: Decoded,
    /// The schema versions of their events.
    pub versions: RowVersions,
    /// For each row, its position in `EventBatch::events`; ascending.
    pub events: Vec<u32>,
    /// For each rule that flags, the rows that it flags.
    pub flags: Vec<BooleanBuffer>,
}

/// A refused event.
#[derive(Debug)]
pub struct RejectedRow {
    /// Position in `EventBatch::events`.
    pub event: u32,
    /// Position in the pipeline's event types, where it was known.
    pub event_type: Option<usize>,
    /// Why.
    pub reject: Reject,
    /// The event as JSON, where it came in another format and could be converted.
    pub json: Option<String>,
    /// Its schema version, where what it was written with says it.
    pub version: Option<u32>,
}

impl RejectedRow {
    /// A refusal.
    pub fn new(event: u32, event_type: Option<usize>, reject: Reject) -> Self {
        Self { event, event_type, reject, json: None, version: None }
    }
}

/// A batch, decoded: each event is in exactly one of the rows or the rejects.
#[derive(Debug)]
pub struct DecodedBatch {
    /// What was decoded.
    pub batch: EventBatch,
    /// By event type; only those that occur.
    pub rows: Vec<TypedRows>,
    /// In the order of the batch.
    pub rejects: Vec<RejectedRow>,
}

/// The decoders of one thread, by event type and version.
pub struct EventDecoder {
    types: Arc<[EventType]>,
    decoders: Vec<Vec<VersionDecoder>>,
    converter: Converter,
}

/// The decoder of one version, and the events that it has taken.
struct VersionDecoder {
    decoder: Decoder,
    cleanser: Option<Cleanser>,
    rows: Vec<u32>,
}

impl VersionDecoder {
    fn new(version: &Version, key: &PipelineKey) -> Self {
        Self {
            decoder: Decoder::new(Arc::clone(&version.plan), key.clone()),
            cleanser: version.cleanse.clone().map(Cleanser::new),
            rows: Vec::new(),
        }
    }

    fn push(&mut self, at: u32, event: &[u8]) -> Result<(), Reject> {
        match &mut self.cleanser {
            None => self.decoder.push(event)?,
            Some(cleanser) => cleanser.push(&mut self.decoder, event)?,
        }
        self.rows.push(at);
        Ok(())
    }
}

impl EventDecoder {
    /// Decoders for all types of a pipeline.
    pub fn new(types: Arc<[EventType]>, key: &PipelineKey) -> Self {
        let decoder = |version| VersionDecoder::new(version, key);
        let decoders = types.iter().map(|t| t.versions.all().iter().map(decoder).collect()).collect();
        Self { types, decoders, converter: Converter::default() }
    }

    /// Decodes a batch.
    pub fn decode(&mut self, mut batch: EventBatch) -> DecodedBatch {
        let mut rejects = Vec::new();
        // The type that a source names is the same for the whole batch.
        let stated = batch.event_type.as_deref().map(|name| self.named(name));
        let is_json = batch.format.is_json();
        if !is_json {
            self.converter.open(&mut batch);
        }
        for at in 0..batch.events.len() {
            let (event, span) = (at as u32, batch.events[at]);
            if span.oversized != u32::MAX {
                let length = batch.oversized.get(span.oversized as usize).map_or(0, |o| o.length);
                rejects.push(RejectedRow::new(event, None, too_large(length)));
                continue;
            }
            let taken = if is_json {
                self.take(event, batch.event(span), stated.clone(), batch.schema_version)
            } else {
                self.convert(&mut batch, at, &stated)
            };
            if let Err((event_type, reject)) = taken {
                rejects.push(RejectedRow::new(event, event_type, reject));
            }
        }
        let rows = self.take_rows();
        let mut decoded = DecodedBatch { batch, rows, rejects };
        self.refuse_ahead(&mut decoded);
        for rows in &mut decoded.rows {
            let rules = &self.types[rows.event_type].rules;
            if !rules.is_empty() {
                judge(rules, rows, &mut decoded.rejects);
            }
        }
        if !is_json {
            self.note_json(&mut decoded);
        }
        decoded
    }

    /// Keeps what was made of refused events, so that they can be taken back in without their format.
    fn note_json(&mut self, decoded: &mut DecodedBatch) {
        let DecodedBatch { batch, rejects, .. } = decoded;
        for row in rejects.iter_mut().filter(|row| row.reject.reason != RejectReason::TooLarge) {
            let event = row.event as usize;
            if let Some(again) = self.converter.convert_again(batch, event, &self.types, row.event_type) {
                (row.version, row.json) = (again.version, str::from_utf8(again.text).ok().map(str::to_owned));
            }
        }
    }

    /// Reads and checks one event as JSON. A refusal comes with the event type, where it is known.
    fn take(
        &mut self,
        event: u32,
        json: &[u8],
        event_type: Option<Result<usize, Reject>>,
        version: Option<u32>,
    ) -> Result<(), (Option<usize>, Reject)> {
        let event_type =
            event_type.unwrap_or_else(|| route(&self.types, json)).map_err(|reject| (None, reject))?;
        let version = self.types[event_type].versions.choose(json, version);
        version
            .and_then(|version| self.decoders[event_type][version].push(event, json))
            .map_err(|reject| (Some(event_type), reject))
    }

    /// Takes one event of another format.
    fn convert(
        &mut self,
        batch: &mut EventBatch,
        at: usize,
        stated: &Option<Result<usize, Reject>>,
    ) -> Result<(), (Option<usize>, Reject)> {
        let named = stated.as_ref().and_then(|stated| stated.as_ref().ok().copied());
        let mut converter = mem::take(&mut self.converter);
        let taken = match converter.convert(batch, at, &self.types, named) {
            Ok(converted) => {
                let event_type = stated.clone().or(converted.event_type.map(Ok));
                let version = converted.version.or(batch.schema_version);
                self.take(at as u32, converted.text, event_type, version)
            }
            Err(reject) => Err((named, reject)),
        };
        self.converter = converter;
        // The byte is one of the text that was made of the event, not of the event.
        taken.map_err(|(event_type, reject)| (event_type, Reject { offset: None, ..reject }))
    }

    fn take_rows(&mut self) -> Vec<TypedRows> {
        let mut rows = Vec::new();
        for (event_type, decoders) in self.decoders.iter_mut().enumerate() {
            let versions = &self.types[event_type].versions;
            let taken = decoders.iter_mut().zip(versions.all()).filter(|(by, _)| !by.decoder.is_empty());
            let parts = taken.map(|(by, version)| VersionRows {
                version: version.number,
                decoded: by.decoder.finish(),
                events: mem::take(&mut by.rows),
            });
            let merged = versions::merge(versions.table(), parts.collect());
            rows.extend(merged.into_iter().map(|(versions, decoded, events)| TypedRows {
                event_type,
                decoded,
                versions,
                events,
                flags: Vec::new(),
            }));
        }
        rows
    }

    /// Moves the rows whose time lies too far beyond their received time to the rejects.
    fn refuse_ahead(&self, decoded: &mut DecodedBatch) {
        let before = decoded.rejects.len();
        for rows in &mut decoded.rows {
            let event_type = &self.types[rows.event_type];
            let Some(max_ahead) = event_type.max_ahead else { continue };
            let limit = decoded.batch.received.saturating_add(max_ahead.micros());
            if rows.decoded.times.iter().all(|time| *time <= limit) {
                continue;
            }
            let (keep, drop): (Vec<u32>, Vec<u32>) =
                (0..rows.events.len() as u32).partition(|row| rows.decoded.times[*row as usize] <= limit);
            for row in drop {
                let event = rows.events[row as usize];
                let reject = time_ahead(event_type, max_ahead);
                decoded.rejects.push(RejectedRow::new(event, Some(rows.event_type), reject));
            }
            rows.keep(&keep);
        }
        if decoded.rejects.len() > before {
            decoded.rejects.sort_by_key(|reject| reject.event);
        }
    }

    fn named(&self, name: &str) -> Result<usize, Reject> {
        let found = self.types.iter().position(|t| *t.name == *name);
        found.ok_or_else(|| unknown(&self.types, String::new(), &format!("the source says `{}`", cut(name))))
    }
}

/// The type of an event whose source does not say it.
#[inline]
pub(crate) fn route(types: &[EventType], event: &[u8]) -> Result<usize, Reject> {
    // Asked for each event, and mostly there is one type only.
    match types {
        [only] if only.type_field.is_none() => Ok(0),
        _ => read_type(types, event),
    }
}

fn read_type(types: &[EventType], event: &[u8]) -> Result<usize, Reject> {
    let mut found = None;
    for (at, event_type) in types.iter().enumerate() {
        let Some(field) = &event_type.type_field else { continue };
        match peek_string(event, field) {
            Some(name) if *name == *event_type.name => return Ok(at),
            Some(name) => found = Some((field, name)),
            None => {}
        }
    }
    Err(match found {
        Some((field, name)) => unknown(types, field.to_string(), &format!("found `{}`", cut(&name))),
        None => unknown(types, String::new(), "the event doesn't say its type"),
    })
}

/// A refusal of an event whose type is none of these.
pub(crate) fn unknown(types: &[EventType], pointer: String, found: &str) -> Reject {
    let names: Vec<&str> = types.iter().map(|t| &*t.name).collect();
    Reject {
        reason: RejectReason::UnknownEventType,
        pointer,
        keyword: String::new(),
        message: format!("expected one of the event types {}; {found}", names.join(", ")),
        offset: None,
    }
}

/// Moves the rows that break a rule to the rejects, each for the first rule that it breaks, and flags the others.
fn judge(rules: &Rules, rows: &mut TypedRows, rejects: &mut Vec<RejectedRow>) {
    let before = rejects.len();
    let mut broken = BooleanBuffer::new_unset(rows.events.len());
    for rule in &rules.rejecting {
        let now = rule.broken(&rows.decoded.columns);
        for row in (&now & &!&broken).set_indices() {
            rejects.push(RejectedRow::new(rows.events[row], Some(rows.event_type), rule.reject()));
        }
        broken = &broken | &now;
    }
    if rejects.len() > before {
        rejects.sort_by_key(|reject| reject.event);
        rows.keep(&(!&broken).set_indices_u32().collect::<Vec<_>>());
    }
    rows.flags = rules.flagging.iter().map(|rule| rule.broken(&rows.decoded.columns)).collect();
}

impl TypedRows {
    /// Keeps the rows whose positions are given, ascending.
    pub fn keep(&mut self, rows: &[u32]) {
        fn pick<T: Copy>(values: &mut Vec<T>, rows: &[u32]) {
            for (to, from) in rows.iter().enumerate() {
                values[to] = values[*from as usize];
            }
            values.truncate(rows.len());
        }
        let decoded = &mut self.decoded;
        // Positions within bounds are the only thing that taking rows can fail on.
        if let Ok(columns) = crate::provenance::take_rows(decoded.columns.clone(), rows) {
            decoded.columns = columns;
        }
        pick(&mut decoded.identities, rows);
        pick(&mut decoded.contents, rows);
        pick(&mut decoded.keys, rows);
        pick(&mut decoded.times, rows);
        pick(&mut self.events, rows);
        self.versions.keep(rows);
        for flagged in &mut self.flags {
            *flagged = BooleanBuffer::collect_bool(rows.len(), |at| flagged.value(rows[at] as usize));
        }
    }
}

fn too_large(length: u64) -> Reject {
    Reject {
        reason: RejectReason::TooLarge,
        pointer: String::new(),
        keyword: String::new(),
        message: format!("the event has {length} bytes, more than limits.eventBytes"),
        offset: None,
    }
}

fn time_ahead(event_type: &EventType, max_ahead: Span) -> Reject {
    Reject {
        reason: RejectReason::TimeAhead,
        pointer: event_type.time_field.to_string(),
        keyword: String::new(),
        message: format!(
            "the event time lies more than event.maxAhead = {max_ahead} beyond the received time"
        ),
        offset: None,
    }
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}
