//! Which fields may be an event's id, time, key and region, and which look personal.

use std::collections::HashSet;

use serde_json::Value;
use transect_config::Pointer;

use super::part::Part;
use super::words;

/// So many other fields at most are named beside the one that was chosen.
const OTHERS_MAX: usize = 4;

/// The roles of fields.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub(super) id: Option<Pointer>,
    /// Other fields that no two events share.
    pub(super) unique: Vec<Pointer>,
    /// Fields that no two of the first events share together, where no one alone is an id.
    pub(super) pair: Option<[Pointer; 2]>,
    pub(super) time: Option<Time>,
    pub(super) other_times: Vec<Pointer>,
    pub(super) key: Option<Pointer>,
    pub(super) other_keys: Vec<Pointer>,
    pub(super) region: Option<Pointer>,
    /// Fields that look personal, and what a privacy rule could say of each.
    pub(super) personal: Vec<(Pointer, &'static str)>,
}

/// The event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) field: Pointer,
    pub(super) written: Written,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Rfc3339,
    /// By these `strftime` words, which cleansing reads.
    As(&'static str),
    /// By a number, of this `timeFormat`.
    Since1970(&'static str),
}

/// 2001-09-09 to 2100-01-01, in seconds since 1970: numbers beyond are taken for no times.
const SECONDS: [f64; 2] = [1e9, 4_102_444_800.0];

impl Roles {
    /// Chooses among the fields of all events. `kept` are the first events.
    pub(super) fn choose(root: &Part<'_>, kept: &[Value]) -> Self {
        let fields = root.fields();
        let mut roles = Self::default();
        roles.times(&fields);
        roles.ids(&fields);
        roles.keys(&fields);
        roles.region = pointer(fields.iter().copied().find(|field| {
            words::is_region(field.name) && field.types.iter().all(|kind| matches!(*kind, "string" | "null"))
        }));
        let personal = fields.iter().filter(|field| field.members.is_empty() && field.items.is_none());
        roles.personal = personal
            .filter_map(|field| Some((field.pointer.clone()?, words::privacy(field.name, field.format)?)))
            .collect();
        if roles.id.is_none() {
            roles.pair = roles.pair(kept);
        }
        roles
    }

    fn times(&mut self, fields: &[&Part<'_>]) {
        let mut found: Vec<(i32, Time)> = Vec::new();
        for field in fields.iter().filter(|field| field.in_all) {
            if let (Some(written), Some(pointer)) = (written(field), &field.pointer) {
                let envelope = i32::from(pointer.steps().first().is_some_and(|step| step == "cloudevent"));
                let score = 2 * words::time(field.name) - envelope;
                found.push((score, Time { field: pointer.clone(), written }));
            }
        }
        // Of equals the first.
        let best = found.iter().map(|(score, _)| *score).max();
        let best = found.iter().position(|(score, _)| Some(*score) == best);
        self.time = best.map(|at| found.remove(at).1);
        self.other_times = found.into_iter().take(OTHERS_MAX).map(|(_, time)| time.field).collect();
    }

    fn ids(&mut self, fields: &[&Part<'_>]) {
        let mut unique: Vec<&&Part<'_>> =
            fields.iter().filter(|field| is_unique(field) && written(field).is_none()).collect();
        let score =
            |field: &&&Part<'_>| words::id(field.name).max(2 * u32::from(field.format == Some("uuid")));
        let best = unique.iter().map(score).max().filter(|score| *score > 1);
        let best = unique.iter().position(|field| Some(score(field)) == best);
        self.id = best.and_then(|at| unique.remove(at).pointer.clone());
        self.unique = unique.into_iter().take(OTHERS_MAX).filter_map(|field| field.pointer.clone()).collect();
    }

    fn keys(&mut self, fields: &[&Part<'_>]) {
        let time = self.time.as_ref().map(|time| &time.field);
        let repeated = fields.iter().filter(|field| {
            let count = field.seen.distinct.count().unwrap_or(usize::MAX) as u64;
            field.in_all
                && is_scalar(field)
                && field.pointer.as_ref() != time
                && (2..field.of).contains(&count)
        });
        let (hinted, others): (Vec<&Part<'_>>, Vec<_>) =
            repeated.copied().partition(|field| words::is_key(field.name));
        self.key = pointer(hinted.first().copied());
        let others = others.into_iter().filter(|field| field.values.is_some());
        let others = hinted.iter().skip(1).copied().chain(others).take(OTHERS_MAX);
        self.other_keys = others.filter_map(|field| field.pointer.clone()).collect();
    }

    /// A key that makes an id together with the time, as far as the first events show.
    fn pair(&self, kept: &[Value]) -> Option<[Pointer; 2]> {
        let time = &self.time.as_ref()?.field;
        let at = |event: &Value, field: &Pointer| event.pointer(&field.to_string()).map(Value::to_string);
        let key = self.key.iter().chain(&self.other_keys).find(|key| {
            let mut met = HashSet::new();
            kept.len() > 1 && kept.iter().all(|event| met.insert((at(event, key), at(event, time))))
        })?;
        Some([key.clone(), time.clone()])
    }
}

fn pointer(field: Option<&Part<'_>>) -> Option<Pointer> {
    field.and_then(|field| field.pointer.clone())
}

fn is_scalar(field: &Part<'_>) -> bool {
    field.is_only("string") || field.is_only("integer")
}

/// Whether no two events have the same.
fn is_unique(field: &Part<'_>) -> bool {
    let count = field.seen.distinct.count();
    field.in_all && is_scalar(field) && field.of > 1 && count == usize::try_from(field.of).ok()
}

/// How a field writes a time, if it does.
fn written(field: &Part<'_>) -> Option<Written> {
    if field.is_only("string") && field.seen.texts.plain() == field.seen.count {
        if field.seen.texts.are_event_times() {
            return Some(Written::Rfc3339);
        }
        return field.seen.texts.times().map(Written::As);
    }
    // A number needs a hint: many are as large.
    if !(field.is_only("integer") || field.is_only("number")) || words::time(field.name) == 0 {
        return None;
    }
    let texts = &field.seen.texts;
    let range = if texts.count > 0 { texts.numbers.range() } else { field.seen.numbers.range() }?;
    let within =
        |per_second: f64| range.min >= SECONDS[0] * per_second && range.max <= SECONDS[1] * per_second;
    let scales = [(1.0, "UnixSeconds"), (1e3, "UnixMillis"), (1e6, "UnixMicros")];
    scales.into_iter().find(|(per_second, _)| within(*per_second)).map(|(_, name)| Written::Since1970(name))
}
