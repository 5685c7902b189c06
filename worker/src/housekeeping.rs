//! Makes durable what the roles have left to be made so, and keeps `ledger.json` current.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::log::Log;
use crate::report::Report;
use crate::role::{Role, RoleError};

/// See the module.
pub struct Housekeeping {
    log: Arc<dyn Log>,
    ledger: PathBuf,
    study: String,
    pipeline: String,
    interval: Duration,
    synced: Instant,
    /// The log's sequence at the last writing of the ledger.
    seen: Option<u64>,
}

impl Housekeeping {
    /// Keeps house for a pipeline, making durable what there is at each interval; the ledger is written to the file.
    pub fn new(log: Arc<dyn Log>, interval: Duration, ledger: PathBuf, study: &str, pipeline: &str) -> Self {
        let (study, pipeline) = (study.to_owned(), pipeline.to_owned());
        Self { log, ledger, study, pipeline, interval, synced: Instant::now(), seen: None }
    }
}

impl Role for Housekeeping {
    fn name(&self) -> &str {
        "housekeeping"
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        if self.synced.elapsed() >= self.interval {
            self.log.sync()?;
            self.synced = Instant::now();
        }
        Ok(false)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        let sequence = self.log.sequence();
        if self.seen == Some(sequence) {
            return Ok(());
        }
        let report = Report::of(&*self.log, &self.study, &self.pipeline)?;
        // Before it is written, so that the ledger is never ahead of what a crash leaves.
        self.log.sync()?;
        let failed = |error| format!("write {}: {error}", self.ledger.display());
        let temporary = self.ledger.with_extension("json.tmp");
        fs::write(&temporary, serde_json::to_vec_pretty(&report)?).map_err(failed)?;
        fs::rename(&temporary, &self.ledger).map_err(failed)?;
        self.seen = Some(sequence);
        Ok(())
    }
}
