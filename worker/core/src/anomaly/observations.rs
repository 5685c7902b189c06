//! What a detector has taken in during an epoch, as bytes: enough to rebuild what it remembers. A format number, then
//! groups and rows by postcard.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::memory::Numbers;
use crate::window::scalar::Scalar;

const FORMAT: u8 = 1;

/// Observations that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObservationsError {
    /// Another format, from another version of Transect.
    #[error(
        "observations of format {0}, but this build reads format {FORMAT}; use the transect that wrote them"
    )]
    Format(u8),
    /// Not what was written.
    #[error(
        "damaged observations; restore the state folder from a backup, or start again from the inputs with a new one"
    )]
    Damaged,
}

/// One epoch's rows of one detector, in the order of the log.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Observations {
    /// The groups that rows refer to.
    pub(super) groups: Vec<Vec<Scalar>>,
    /// Position in `groups`, event time, value.
    pub(super) rows: Vec<(u32, i64, f64)>,
}

impl Observations {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ObservationsError> {
        let (format, rest) = bytes.split_first().ok_or(ObservationsError::Damaged)?;
        if *format != FORMAT {
            return Err(ObservationsError::Format(*format));
        }
        let all: Self = postcard::from_bytes(rest).map_err(|_| ObservationsError::Damaged)?;
        let sound = all
            .rows
            .iter()
            .all(|(group, _, value)| (*group as usize) < all.groups.len() && value.is_finite());
        if sound { Ok(all) } else { Err(ObservationsError::Damaged) }
    }
}

/// Observations in the making.
#[derive(Debug, Default)]
pub(super) struct Observing {
    all: Observations,
    numbers: Numbers<u32>,
}

impl Observing {
    /// Adds a row of the group with this key.
    pub(super) fn push(&mut self, key: &[u8], group: impl FnOnce() -> Vec<Scalar>, time: i64, value: f64) {
        let number = match self.numbers.get(key) {
            Some(number) => *number,
            None => {
                let number = self.all.groups.len() as u32;
                self.numbers.insert(key.into(), number);
                self.all.groups.push(group());
                number
            }
        };
        self.all.rows.push((number, time, value));
    }

    /// The bytes, if there are any rows, and the greatest time. Empty again.
    pub(super) fn finish(&mut self) -> Option<(Bytes, i64)> {
        let Self { all, .. } = std::mem::take(self);
        let newest = all.rows.iter().map(|(_, time, _)| *time).max()?;
        // Plain data into memory: nothing here can fail.
        Some((postcard::to_extend(&all, vec![FORMAT]).unwrap_or_default().into(), newest))
    }
}
