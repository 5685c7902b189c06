//! The treater: decoded rows in, kept rows out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use super::column::{Sealing, texts};
use super::keys::DataKey;
use super::{ParticipantsError, PrivacyKeys, PrivacyPlan, participant};
use crate::events::{DecodedBatch, EventType, RejectedRow, TypedRows};
use crate::reject::{Reject, RejectReason};

/// Participants whose keys a treater remembers: about 6 MiB a thread.
const REMEMBERED_MAX: usize = 8192;

/// A batch whose personal fields are as they may be kept.
#[derive(Debug)]
pub struct TreatedBatch(pub(crate) DecodedBatch);

impl TreatedBatch {
    /// The batch.
    pub fn decoded(&self) -> &DecodedBatch {
        &self.0
    }
}

/// Why a batch can't be treated. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum TreatError {
    /// A participant's key can't be read or made.
    #[error(transparent)]
    Participants(#[from] ParticipantsError),
    /// Columns are not as the plan has them, which is a bug.
    #[error("treat personal fields: {0}; this is a bug in Transect")]
    Columns(#[from] ArrowError),
}

/// See the module. Each thread has its own.
pub struct Treater {
    types: Arc<[EventType]>,
    /// None if no event type has personal fields.
    keys: Option<PrivacyKeys>,
    remembered: HashMap<u128, Option<Arc<DataKey>>>,
}

impl Treater {
    /// A treater of a pipeline's events.
    pub fn new(types: Arc<[EventType]>, keys: Option<PrivacyKeys>) -> Self {
        Self { types, keys, remembered: HashMap::new() }
    }

    /// Treats what was decoded. Rows of erased participants become rejects, and so do rows that are to be encrypted and
    /// name nobody.
    pub fn treat(&mut self, mut decoded: DecodedBatch) -> Result<TreatedBatch, TreatError> {
        let Some(keys) = self.keys.clone() else { return Ok(TreatedBatch(decoded)) };
        let before = decoded.rejects.len();
        let types = Arc::clone(&self.types);
        for rows in &mut decoded.rows {
            if let Some(plan) = &types[rows.event_type].privacy {
                self.treat_rows(rows, plan, &keys, &mut decoded.rejects)?;
            }
        }
        if decoded.rejects.len() > before {
            decoded.rejects.sort_by_key(|reject| reject.event);
        }
        Ok(TreatedBatch(decoded))
    }

    /// Whom each row is about, by position in `DecodedBatch::rows`; None where the event type or the event doesn't say.
    pub fn participants(&self, decoded: &DecodedBatch) -> Result<Vec<Vec<Option<u128>>>, ArrowError> {
        let Some(keys) = &self.keys else { return Ok(Vec::new()) };
        let of_rows = |rows: &TypedRows| match &self.types[rows.event_type].privacy {
            Some(plan) => participants(plan, &rows.decoded.columns, keys),
            None => Ok(vec![None; rows.events.len()]),
        };
        decoded.rows.iter().map(of_rows).collect()
    }

    fn treat_rows(
        &mut self,
        rows: &mut TypedRows,
        plan: &PrivacyPlan,
        keys: &PrivacyKeys,
        rejects: &mut Vec<RejectedRow>,
    ) -> Result<(), TreatError> {
        let found = participants(plan, &rows.decoded.columns, keys)?;
        let mut kept = Vec::with_capacity(found.len());
        let mut data_keys = Vec::with_capacity(found.len());
        for (row, participant) in found.into_iter().enumerate() {
            let reject = match participant {
                None if plan.encrypts => Some(nobody()),
                None => {
                    data_keys.push(None);
                    None
                }
                Some(participant) => match self.key(participant, keys)? {
                    Some(key) => {
                        data_keys.push(Some(key));
                        None
                    }
                    None => Some(erased()),
                },
            };
            match reject {
                None => kept.push(row as u32),
                Some(reject) => {
                    rejects.push(RejectedRow::new(rows.events[row], Some(rows.event_type), reject));
                }
            }
        }
        if kept.len() < rows.events.len() {
            rows.keep(&kept);
        }
        let decoded = &mut rows.decoded;
        let sealing =
            Sealing { ring: &keys.ring, identities: &decoded.identities, keys: &data_keys, items: None };
        decoded.columns = plan.apply(&decoded.columns, &sealing)?;
        Ok(())
    }

    fn key(
        &mut self,
        participant: u128,
        keys: &PrivacyKeys,
    ) -> Result<Option<Arc<DataKey>>, ParticipantsError> {
        if let Some(known) = self.remembered.get(&participant) {
            return Ok(known.clone());
        }
        let key = keys.participants.key(participant)?;
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(participant, key.clone());
        Ok(key)
    }
}

/// Whom each row is about.
fn participants(
    plan: &PrivacyPlan,
    columns: &RecordBatch,
    keys: &PrivacyKeys,
) -> Result<Vec<Option<u128>>, ArrowError> {
    let Some(column) = plan.participant.as_deref().and_then(|path| column(columns, path)) else {
        return Ok(vec![None; columns.num_rows()]);
    };
    let texts: StringArray = texts(&column)?;
    Ok(texts.iter().map(|text| text.map(|text| participant(&keys.pipeline, text))).collect())
}

/// The column at a path through structs; null where one around it is.
fn column(columns: &RecordBatch, path: &[usize]) -> Option<ArrayRef> {
    let (first, rest) = path.split_first()?;
    let mut array = Arc::clone(columns.columns().get(*first)?);
    for child in rest {
        let parts = array.as_any().downcast_ref::<arrow_array::StructArray>()?;
        // A part of what is null is null: columns are filled so.
        let part = Arc::clone(parts.columns().get(*child)?);
        array = part;
    }
    Some(array)
}

fn nobody() -> Reject {
    Reject {
        reason: RejectReason::MissingIdentity,
        pointer: String::new(),
        keyword: String::new(),
        message:
            "the event has fields to encrypt, but event.participant is absent or null: there is no key for it"
                .to_owned(),
        offset: None,
    }
}

fn erased() -> Reject {
    Reject {
        reason: RejectReason::ParticipantErased,
        pointer: String::new(),
        keyword: String::new(),
        message: "the participant was erased; their events are not taken any more".to_owned(),
        offset: None,
    }
}
