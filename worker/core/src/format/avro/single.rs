//! Single objects: a datum behind a marker and the fingerprint of its schema.
//! <https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding>

use crate::events::{EventType, unknown};
use crate::format::malformed;
use crate::reject::{Reject, RejectReason};

const MARKER: [u8; 2] = [0xc3, 0x01];

/// Whether some bytes begin as a single object.
pub fn is_single_object(bytes: &[u8]) -> bool {
    bytes.starts_with(&MARKER)
}

/// The fingerprint and the datum of a single object.
pub(super) fn open(object: &[u8]) -> Result<(u64, &[u8]), Reject> {
    let behind = object.strip_prefix(&MARKER).and_then(|rest| rest.split_first_chunk::<8>());
    let Some((fingerprint, datum)) = behind else {
        let message =
            "expected a single object of Avro: the bytes c3 01, the 8 bytes of a fingerprint, and a datum";
        return Err(malformed(message.to_owned()));
    };
    Ok((u64::from_le_bytes(*fingerprint), datum))
}

/// The versions whose schema has a fingerprint.
pub(super) struct Known {
    /// Positions of event types and, in each, of the newest version; at most one of a type.
    found: Vec<(usize, usize)>,
}

impl Known {
    /// Those of one event type, if it is named, or else of all.
    pub(super) fn of(fingerprint: u64, types: &[EventType], named: Option<usize>) -> Self {
        let wanted = types.iter().enumerate().filter(|(at, _)| named.is_none_or(|named| named == *at));
        let found = wanted.filter_map(|(at, event_type)| {
            let has = |avro: &std::sync::Arc<crate::avro::AvroSchema>| avro.fingerprint == fingerprint;
            let versions = event_type.versions.all();
            let version = versions.iter().position(|version| version.avro.as_ref().is_some_and(has));
            Some((at, version?))
        });
        Self { found: found.collect() }
    }

    /// The event type, if it is only one.
    pub(super) fn event_type(&self) -> Option<usize> {
        match self.found[..] {
            [(event_type, _)] => Some(event_type),
            _ => None,
        }
    }

    /// The number of the version of an event type.
    pub(super) fn version(&self, types: &[EventType], event_type: usize) -> Option<u32> {
        let (_, at) = self.found.iter().find(|(of, _)| *of == event_type)?;
        Some(types[event_type].versions.all()[*at].number)
    }

    /// The positions of the one event type and its version; else a refusal that says what is known.
    pub(super) fn only(&self, types: &[EventType], fingerprint: u64) -> Result<(usize, usize), Reject> {
        match self.found[..] {
            [only] => Ok(only),
            [] => Err(unknown_fingerprint(types, fingerprint)),
            _ => {
                let found = format!(
                    "several have the schema with the fingerprint {fingerprint:016x}; say which by ?type=, or by `schema` of the source"
                );
                Err(unknown(types, String::new(), &found))
            }
        }
    }
}

fn unknown_fingerprint(types: &[EventType], fingerprint: u64) -> Reject {
    let all = types.iter().flat_map(|event_type| {
        event_type.versions.all().iter().rev().filter_map(|version| {
            let avro = version.avro.as_ref()?;
            // A schema that is checked by itself is of nothing.
            Some(match &*event_type.name {
                "" => format!("this one has {}", avro.hex()),
                name => format!("{name} version {} has {}", version.number, avro.hex()),
            })
        })
    });
    let known: Vec<String> = all.collect();
    let known = match known.is_empty() {
        true => "no event type here has a schema in Avro".to_owned(),
        false => known.join(", "),
    };
    Reject {
        reason: RejectReason::UnknownSchemaVersion,
        pointer: String::new(),
        keyword: String::new(),
        message: format!("no schema here has the fingerprint {fingerprint:016x}: {known}"),
        offset: None,
    }
}
