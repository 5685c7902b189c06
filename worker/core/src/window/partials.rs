//! Delta partials as bytes: a format number, then the groups and pieces of one epoch and one definition, by postcard.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::aggregate::State;
use super::scalar::Scalar;
use super::sketch::SketchError;

const FORMAT: u8 = 1;

/// Partials that can't be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartialsError {
    /// Another format, from another version of Transect.
    #[error("partials of format {0}, but this build reads format {FORMAT}; use the transect that wrote them")]
    Format(u8),
    /// Not what was written.
    #[error("damaged partials: {0}")]
    Damaged(&'static str),
}

impl From<SketchError> for PartialsError {
    fn from(_: SketchError) -> Self {
        Self::Damaged("two pieces of one window do not fit together")
    }
}

/// One epoch's share in one definition.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Partials {
    /// The groups that pieces refer to.
    pub(super) groups: Vec<Vec<Scalar>>,
    pub(super) pieces: Vec<Piece>,
}

/// One epoch's share in one pane or session of one group.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Piece {
    /// Beginning of the pane; of a session, its first event.
    pub(super) start: i64,
    /// End of the first window that takes the piece in; of a session, a gap beyond its last event.
    pub(super) end: i64,
    /// Position in `Partials::groups`.
    pub(super) group: u32,
    /// One an aggregate.
    pub(super) states: Vec<State>,
}

impl Partials {
    /// The pieces as bytes; `expected` is about how many, from one time to the next.
    pub(super) fn encode(&self, expected: &mut usize) -> Bytes {
        let mut bytes = Vec::with_capacity(*expected + *expected / 8);
        bytes.push(FORMAT);
        // Plain data into memory: nothing here can fail.
        let bytes = postcard::to_extend(self, bytes).unwrap_or_default();
        *expected = bytes.len();
        bytes.into()
    }

    pub(super) fn decode(bytes: &[u8], aggregates: usize) -> Result<Self, PartialsError> {
        let damaged = PartialsError::Damaged;
        let (format, rest) = bytes.split_first().ok_or(damaged("they are empty"))?;
        if *format != FORMAT {
            return Err(PartialsError::Format(*format));
        }
        let partials: Self = postcard::from_bytes(rest).map_err(|_| damaged("they don't decode"))?;
        let sound = |piece: &Piece| {
            piece.states.len() == aggregates
                && (piece.group as usize) < partials.groups.len()
                && piece.start < piece.end
        };
        if partials.pieces.iter().all(sound) {
            Ok(partials)
        } else {
            Err(damaged("a piece fits no definition"))
        }
    }
}
