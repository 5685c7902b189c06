//! Personal fields are treated right after the rules, and before anything is kept: only a [`TreatedBatch`] goes on.
//!
//! ```text
//! DecodedBatch ──► Treater ──► TreatedBatch
//!                    │ whom is each row about? an erased participant's is refused
//!                    │ each column that a rule names becomes another, or goes
//!                    └ the same fields leave `extra`, wherever an event has put them
//! ```
//!
//! Everything here depends on the batch and the keys alone, so that a replay gives the same bytes.

mod column;
mod extra;
mod kept;
mod keys;
mod plan;
mod treat;

use std::sync::Arc;

pub use kept::Kept;
pub use keys::{DataKey, KEY_BYTES, KeyRing, MasterKey, OpenError};
pub use plan::{PrivacyError, PrivacyPlan};
pub use treat::{TreatError, TreatedBatch, Treater};

use crate::identity::PipelineKey;

/// Where the participants' keys are.
pub trait Participants: Send + Sync {
    /// The key of a participant, which is made if there is none yet; None if the participant was erased.
    fn key(&self, participant: u128) -> Result<Option<Arc<DataKey>>, ParticipantsError>;
}

/// A participant's key can't be read or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParticipantsError(pub String);

/// All keys of a pipeline with personal fields.
#[derive(Clone)]
pub struct PrivacyKeys {
    /// The master keys.
    pub ring: Arc<KeyRing>,
    /// The participants' keys.
    pub participants: Arc<dyn Participants>,
    /// Names participants; never rotated.
    pub pipeline: PipelineKey,
}

/// Names a participant without telling who it is: a MAC of the text that the event has for them.
pub fn participant(key: &PipelineKey, text: &str) -> u128 {
    let mut bytes = b"participant\0".to_vec();
    bytes.extend_from_slice(text.as_bytes());
    key.mac(&bytes)
}

#[cfg(test)]
mod tests;
