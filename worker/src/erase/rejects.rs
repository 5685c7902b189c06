//! Refused events that name an erased participant lose their message and original. They stay counted.

use std::fs;
use std::path::Path;

use transect_core::privacy::KeyRing;

use super::{files, names, replace};
use crate::record::RejectedEvent;
use crate::record::sealed::open_reject;
use crate::role::RoleError;

/// How many events were emptied.
pub(super) fn erase(folder: &Path, ring: &KeyRing, participant: &str) -> Result<u64, RoleError> {
    let mut erased = 0;
    for path in files(folder, ".ndjson")? {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let before = erased;
        let mut lines = String::with_capacity(text.len());
        for line in text.lines() {
            let event: RejectedEvent = serde_json::from_str(line).map_err(|error| failed(&error))?;
            let opened = open_reject(ring, event.clone()).map_err(|error| failed(&error))?;
            let content = serde_json::to_vec(&opened)?;
            let original = opened.original.as_deref().unwrap_or_default().as_bytes();
            if names(&content, participant) || names(original, participant) {
                erased += 1;
                lines.push_str(&serde_json::to_string(&emptied(event))?);
            } else {
                lines.push_str(line);
            }
            lines.push('\n');
        }
        if erased > before {
            replace(&path, lines.as_bytes())?;
        }
    }
    Ok(erased)
}

fn emptied(event: RejectedEvent) -> RejectedEvent {
    RejectedEvent {
        message: "erased, with the participant whom the event named".to_owned(),
        original: None,
        original_base64: None,
        sha256: None,
        json: None,
        sealed: None,
        erased: true,
        ..event
    }
}
