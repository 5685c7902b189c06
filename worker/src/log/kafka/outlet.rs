//! Writing only: for who has no partitions. After a failure the next commit begins with a new session, under the same
//! transactional id, so that what was left open is undone or finished first.

use std::sync::{Mutex, PoisonError};

use super::KafkaLog;
use super::settings::KafkaSettings;
use crate::log::{LogError, Transaction};

/// See the module.
pub struct Outlet {
    settings: KafkaSettings,
    session: Mutex<Option<KafkaLog>>,
    partitions: u32,
}

impl Outlet {
    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`KafkaLog::connect`].
    pub fn connect(settings: KafkaSettings) -> Result<Self, LogError> {
        let session = KafkaLog::connect(settings.clone(), Vec::new())?;
        let partitions = session.partitions();
        Ok(Self { settings, session: Mutex::new(Some(session)), partitions })
    }

    /// Number of partitions of each topic.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Makes a transaction durable. Its records say their partitions. After an error it may be durable or not.
    pub fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match session.take() {
            Some(open) => open,
            None => KafkaLog::connect(self.settings.clone(), Vec::new())?,
        };
        open.commit(transaction)?;
        *session = Some(open);
        Ok(())
    }
}
