//! The id, key and time of an event that has been read: from where their values stand to what the pipeline keeps.

use transect_config::TimeFormat;
use xxhash_rust::xxh3::xxh3_64;

use super::canonical::Canonical;
use super::content::Content;
use super::find::find;
use super::number::Literal;
use super::pass::Slot;
use super::reader::Reader;
use super::time;
use super::violation::cut;
use crate::identity::PipelineKey;
use crate::plan::{Plan, Target};
use crate::reject::{Reject, RejectReason};

/// What is kept of one event beside its columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identified {
    pub(crate) identity: u128,
    pub(crate) key: u64,
    pub(crate) time: i64,
}

/// A scratch for what is hashed.
#[derive(Debug, Default)]
pub(crate) struct Identifier {
    bytes: Vec<u8>,
    unescaped: String,
}

impl Identifier {
    /// Identifies an event by its text, and where the values of the plan's slots stand in it.
    pub(crate) fn identify(
        &mut self,
        plan: &Plan,
        key: &PipelineKey,
        event: &str,
        slots: &[Slot],
        content: &Content,
    ) -> Result<Identified, Box<Reject>> {
        let targets = &plan.targets;
        // Length and kind stand before every part, so that no two lists of parts are written alike.
        self.bytes.clear();
        self.part(b'E', plan.name.as_bytes());
        let key_start = self.bytes.len();
        self.part(b'K', &(targets.key.len() as u32).to_le_bytes());
        for target in &targets.key {
            self.scalar("event.key", target, event, slots)?;
        }
        // Not under the pipeline's key: a replay into a new state must find the same partitions.
        let key_hash = (!targets.key.is_empty()).then(|| xxh3_64(&self.bytes[key_start..]));
        if targets.id.is_empty() {
            self.bytes.truncate(key_start);
            self.part(b'C', &content.digest());
        }
        for target in &targets.id {
            self.scalar("event.id", target, event, slots)?;
        }
        let identity = key.mac(&self.bytes);
        let time = self.time(plan, event, slots)?;
        // Without a key nothing need stay in order, so that events spread by their identity.
        Ok(Identified { identity, key: key_hash.unwrap_or_else(|| xxh3_64(&self.bytes)), time })
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.bytes.push(kind);
        // An event has less than 4 GiB.
        self.bytes.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a field's value: a string by what it says, a number by what it is, however they are spelled.
    fn scalar(
        &mut self,
        field: &str,
        target: &Target,
        event: &str,
        slots: &[Slot],
    ) -> Result<(), Box<Reject>> {
        let (start, text) = value(target, event, slots);
        match text.as_bytes().first() {
            Some(b'"') => self.string(text),
            Some(b'-' | b'0'..=b'9') => self.number(text),
            Some(b't') => self.part(b't', b""),
            Some(b'f') => self.part(b'f', b""),
            _ => {
                let message = format!("{field} needs a string, a number or a boolean, found {}", shown(text));
                return Err(refuse(RejectReason::MissingIdentity, target, message, start));
            }
        }
        Ok(())
    }

    fn string(&mut self, text: &str) {
        if memchr::memchr(b'\\', text.as_bytes()).is_none() {
            return self.part(b's', &text.as_bytes()[1..text.len() - 1]);
        }
        let mut reader = Reader::new(text);
        if let Ok(string) = reader.string() {
            let mut held = std::mem::take(&mut self.unescaped);
            self.part(b's', reader.value(string, &mut held).as_bytes());
            self.unescaped = held;
        }
    }

    fn number(&mut self, text: &str) {
        let Some(literal) = Literal::read(text.as_bytes()) else { return };
        let canonical = literal.canonical(|| text);
        let negative = literal.negative && canonical != Canonical::Int(0);
        self.part(if negative { b'-' } else { b'+' }, b"");
        match canonical {
            Canonical::Int(int) => self.part(b'i', &int.to_le_bytes()),
            Canonical::Decimal(mantissa, exponent) => {
                self.part(b'd', &mantissa.to_le_bytes());
                self.part(b'x', &exponent.to_le_bytes());
            }
            Canonical::Long(digits) => self.part(b'l', digits.as_bytes()),
        }
    }

    fn time(&mut self, plan: &Plan, event: &str, slots: &[Slot]) -> Result<i64, Box<Reject>> {
        let (target, format) = (&plan.targets.time, plan.targets.time_format);
        let read = target.slot.filter(|_| target.rest == 0).and_then(|slot| slots[slot].micros);
        let (start, text) = value(target, event, slots);
        let micros = match (text.as_bytes().first(), format) {
            (_, TimeFormat::Rfc3339) if read.is_some() => read,
            (Some(b'"'), TimeFormat::Rfc3339) => {
                let mut reader = Reader::new(text);
                let string = reader.string().ok();
                let value = string.map(|string| reader.value(string, &mut self.unescaped));
                value.and_then(|value| time::parse_rfc3339(value.as_bytes())).map(|moment| moment.micros)
            }
            (Some(b'-' | b'0'..=b'9'), format) => {
                Literal::read(text.as_bytes()).and_then(|number| time::from_number(&number, text, format))
            }
            _ => None,
        };
        micros.filter(|micros| time::RANGE.contains(micros)).ok_or_else(|| {
            let needs = match format {
                TimeFormat::Rfc3339 => "an RFC 3339 time with an offset, such as \"2026-01-31T12:00:00Z\"",
                TimeFormat::UnixSeconds => "a number of seconds since 1970",
                TimeFormat::UnixMillis => "a number of milliseconds since 1970",
                TimeFormat::UnixMicros => "a number of microseconds since 1970",
            };
            let message = format!("event.time needs {needs}, in the years 1 to 9999, found {}", shown(text));
            refuse(RejectReason::InvalidTime, target, message, start)
        })
    }
}

/// Where a field's value begins, and its text; both empty if it is not there.
#[inline]
fn value<'e>(target: &Target, event: &'e str, slots: &[Slot]) -> (usize, &'e str) {
    let (start, end) = target.slot.map_or((0, event.len()), |slot| (slots[slot].start, slots[slot].end));
    let held = event.get(start..end).unwrap_or_default();
    if target.rest().is_empty() {
        return (start, held);
    }
    let found = find(held, target.rest()).unwrap_or_default();
    (start, found)
}

fn shown(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { cut(text).into_owned() }
}

#[cold]
fn refuse(reason: RejectReason, target: &Target, message: String, start: usize) -> Box<Reject> {
    let offset = u32::try_from(start).ok();
    Box::new(Reject { reason, pointer: target.pointer.to_string(), keyword: String::new(), message, offset })
}
