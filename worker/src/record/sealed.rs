//! What a pipeline with personal fields keeps as it came is sealed with its master key: raw records and the originals of
//! rejects. Only process, the archive and whoever redrives open them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use transect_core::privacy::{KeyRing, OpenError};
use transect_core::reject::RejectReason;

use super::RejectedEvent;
use crate::log::{NewRecord, Record};

/// Header: present where the value is sealed.
pub const SEALED: &str = "sealed";

const RAW: &str = "raw";
const REJECT: &str = "reject";

/// Seals a raw record's value.
pub(crate) fn seal_raw(ring: &KeyRing, mut record: NewRecord) -> NewRecord {
    record.value = ring.seal(RAW, &record.value).into();
    record.headers.push((SEALED.into(), "1".to_owned()));
    record
}

/// Opens a raw record, if it is sealed.
pub(crate) fn open_raw(ring: Option<&KeyRing>, record: &Record) -> Result<Record, OpenError> {
    let mut opened = record.clone();
    if record.header(SEALED).is_some() {
        let ring = ring.ok_or(OpenError::Wrong)?;
        opened.value = ring.open(RAW, &record.value)?.into();
    }
    Ok(opened)
}

/// What of a refused event is of the event itself.
#[derive(Serialize, Deserialize)]
struct Content {
    pointer: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    original: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    original_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    json: Option<String>,
}

/// Seals what of a refused event is of the event itself. Of its pointer as much stays as the schema names.
pub(crate) fn seal_reject(ring: &KeyRing, mut event: RejectedEvent, described: String) -> RejectedEvent {
    let content = Content {
        pointer: std::mem::replace(&mut event.pointer, described),
        message: event.message.clone(),
        original: event.original.take(),
        original_base64: event.original_base64.take(),
        sha256: event.sha256.take(),
        json: event.json.take(),
    };
    // Texts only, which always serialise.
    let plain = serde_json::to_vec(&content).unwrap_or_default();
    // What a rule says is its author's; all else may quote the event.
    if event.reason != RejectReason::Rule {
        event.message.clear();
    }
    event.sealed = Some(BASE64_STANDARD.encode(ring.seal(REJECT, &plain)));
    event
}

/// Opens a refused event, if it is sealed.
pub fn open_reject(ring: &KeyRing, mut event: RejectedEvent) -> Result<RejectedEvent, OpenError> {
    let Some(sealed) = event.sealed.take() else { return Ok(event) };
    let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| OpenError::Wrong)?;
    let content: Content =
        serde_json::from_slice(&ring.open(REJECT, &sealed)?).map_err(|_| OpenError::Wrong)?;
    Ok(RejectedEvent {
        pointer: content.pointer,
        message: content.message,
        original: content.original,
        original_base64: content.original_base64,
        sha256: content.sha256,
        json: content.json,
        ..event
    })
}
