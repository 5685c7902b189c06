//! Keeps the state folder small and `ledger.json` current.
//!
//! Records that every reader has committed beyond are let go. The raw topic is the immutable event log and is kept.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::log::{Log, LogError, Topic, Transaction};
use crate::process::Process;
use crate::report::Report;
use crate::role::{Role, RoleError};

/// See the module.
pub struct Housekeeping {
    log: Arc<dyn Log>,
    /// Who reads which topic.
    readers: Vec<(Topic, &'static str)>,
    ledger: PathBuf,
    study: String,
    pipeline: String,
    /// The log's sequence at the last look for records to let go.
    trimmed: Option<u64>,
    /// The log's sequence at the last writing of the ledger.
    seen: Option<u64>,
}

impl Housekeeping {
    /// Keeps house for a pipeline; the ledger is written to the file.
    pub fn new(
        log: Arc<dyn Log>,
        readers: Vec<(Topic, &'static str)>,
        ledger: PathBuf,
        study: &str,
        pipeline: &str,
    ) -> Self {
        Self {
            log,
            readers,
            ledger,
            study: study.to_owned(),
            pipeline: pipeline.to_owned(),
            trimmed: None,
            seen: None,
        }
    }

    fn trim(&self) -> Result<(), LogError> {
        let mut trim = Vec::new();
        for topic in Topic::ALL {
            let mut readers = self.readers.iter().filter(|(read, _)| *read == topic).peekable();
            if readers.peek().is_none() {
                continue;
            }
            let offset = |group| self.log.committed(group).map_or(0, |committed| committed.offset(topic));
            let before = readers.map(|(_, group)| offset(group)).min().unwrap_or(0);
            if before > self.log.start(topic) {
                trim.push((topic, before));
            }
        }
        if trim.is_empty() { Ok(()) } else { self.log.commit(Transaction { trim, ..Transaction::default() }) }
    }
}

impl Role for Housekeeping {
    fn name(&self) -> &str {
        "housekeeping"
    }

    /// Lets records go as soon as they can: to remove large files takes the disk a while, in which others can work.
    fn step(&mut self) -> Result<bool, RoleError> {
        if self.trimmed != Some(self.log.sequence()) {
            self.trim()?;
            self.trimmed = Some(self.log.sequence());
        }
        Ok(false)
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        let sequence = self.log.sequence();
        if self.seen == Some(sequence) {
            return Ok(());
        }
        self.trim()?;
        let report = Report::new(&self.study, &self.pipeline, &Process::committed_state(&*self.log)?);
        let failed = |error| format!("write {}: {error}", self.ledger.display());
        let temporary = self.ledger.with_extension("json.tmp");
        fs::write(&temporary, serde_json::to_vec_pretty(&report)?).map_err(failed)?;
        fs::rename(&temporary, &self.ledger).map_err(failed)?;
        self.seen = Some(sequence);
        Ok(())
    }
}
