//! The sealed archive: what a participant's key opens, and what of them the pipeline's key has sealed because nobody could
//! tell whose it was.

use std::fs;
use std::path::Path;

use transect_core::privacy::DataKey;

use super::{files, names, replace};
use crate::keys::Keys;
use crate::role::RoleError;
use crate::sink::archive::sealed::{self, Opened, Piece};

const EXTENSION: &str = ".sealed.avro";

/// How many of a participant's pieces a key opens.
pub(super) fn opened_by(folder: &Path, who: u128, key: Option<&DataKey>) -> Result<u64, RoleError> {
    let Some(key) = key else { return Ok(0) };
    let mut opened = 0;
    for path in files(folder, EXTENSION)? {
        let pieces = read(&path)?;
        opened +=
            pieces.iter().filter(|piece| piece.participant == Some(who) && piece.opens_with(key)).count()
                as u64;
    }
    Ok(opened)
}

/// Takes the events that name the participant out of pieces that the pipeline's key opens; how many there were.
pub(super) fn erase(folder: &Path, keys: &Keys, participant: &str) -> Result<u64, RoleError> {
    let mut erased = 0;
    for path in files(folder, EXTENSION)? {
        let mut pieces = read(&path)?;
        let before = erased;
        for piece in pieces.iter_mut().filter(|piece| piece.participant.is_none()) {
            let Opened::Events(events) = piece.open(&keys.privacy.ring, None)? else { continue };
            let (left, gone) = without(piece, &events, participant);
            if gone > 0 {
                erased += gone;
                *piece = piece.resealed(&keys.privacy.ring, &left)?;
            }
        }
        if erased > before {
            replace(&path, &sealed::container(&pieces)?)?;
        }
    }
    Ok(erased)
}

/// The events that don't name the participant, and how many do. Binary events go all together: where one ends isn't known.
fn without(piece: &Piece, events: &[u8], participant: &str) -> (Vec<u8>, u64) {
    if piece.content_type == sealed::BINARY {
        let gone = if names(events, participant) { piece.count } else { 0 };
        return if gone > 0 { (Vec::new(), gone) } else { (events.to_vec(), 0) };
    }
    let (mut left, mut gone) = (Vec::with_capacity(events.len()), 0);
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        if names(line.trim_ascii_end(), participant) {
            gone += 1;
        } else {
            left.extend_from_slice(line);
        }
    }
    (left, gone)
}

fn read(path: &Path) -> Result<Vec<Piece>, RoleError> {
    let read = fs::read(path).map_err(RoleError::from).and_then(|bytes| sealed::read(&bytes));
    read.map_err(|error| format!("{}: {error}", path.display()).into())
}
