//! Writing only: for who has no partitions. After a failure, or when its secrets have changed, the next commit begins with a
//! new session, under the same transactional id, so that what was left open is undone or finished first.

use std::sync::{Mutex, PoisonError};

use super::KafkaLog;
use super::security::Watched;
use super::settings::KafkaSettings;
use crate::log::{LogError, Transaction};

/// See the module.
pub struct Outlet {
    settings: KafkaSettings,
    session: Mutex<Option<(KafkaLog, Watched)>>,
    partitions: u32,
}

impl Outlet {
    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`KafkaLog::connect`].
    pub fn connect(settings: KafkaSettings) -> Result<Self, LogError> {
        let session = begin(&settings)?;
        let partitions = session.0.partitions();
        Ok(Self { settings, session: Mutex::new(Some(session)), partitions })
    }

    /// Number of partitions of each topic.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Makes a transaction durable. Its records say their partitions. After an error it may be durable or not.
    pub fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let current = session.take().and_then(|(log, mut watched)| {
            let has_changed = watched.has_changed();
            (!has_changed).then_some((log, watched))
        });
        let (log, watched) = current.map_or_else(|| begin(&self.settings), Ok)?;
        log.commit(transaction)?;
        *session = Some((log, watched));
        Ok(())
    }
}

fn begin(settings: &KafkaSettings) -> Result<(KafkaLog, Watched), LogError> {
    let watched = Watched::begin(&settings.security);
    Ok((KafkaLog::connect(settings.clone(), Vec::new())?, watched))
}
