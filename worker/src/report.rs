//! The ledger as people read it: `ledger.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use transect_core::ledger::{self, Tally};

use crate::aggregate::Aggregate;
use crate::log::Log;
use crate::process::Process;
use crate::role::RoleError;

/// What became of every event of a pipeline. No times of writing in it: the same events give the same file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The study.
    pub study: String,
    /// The pipeline.
    pub pipeline: String,
    /// All sources together.
    pub total: Tally,
    /// By name of the source.
    pub sources: BTreeMap<String, Tally>,
    /// Accepted events by event type; the rows of its table.
    pub event_types: BTreeMap<String, u64>,
    /// By event type and rule, what became of the events that break it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: ledger::Rules,
    /// Alerts by detector; only of those that have raised any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<String, u64>,
    /// By table that rules look values up in, and the digest of its content: how many events were read under it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookups: ledger::Lookups,
    /// Whether `read = accepted + duplicate + rejected` for every source, and the event types' sum is the accepted.
    pub adds_up: bool,
}

impl Report {
    /// The report of what the process and aggregate roles have committed.
    pub fn of(log: &dyn Log, study: &str, pipeline: &str) -> Result<Self, RoleError> {
        let ledger = Process::committed_state(log)?.ledger;
        let mut alerts = ledger.alerts.clone();
        // No detector watches both events and windows.
        alerts.extend(Aggregate::committed_alerts(log)?);
        Ok(Self {
            study: study.to_owned(),
            pipeline: pipeline.to_owned(),
            total: ledger.total(),
            adds_up: ledger.adds_up(),
            sources: ledger.sources,
            event_types: ledger.accepted,
            rules: ledger.rules,
            lookups: ledger.lookups,
            alerts,
        })
    }

    /// Reads a `ledger.json`.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let failed = |problem: String| ReportError { path: path.display().to_string(), problem };
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }
}

/// A ledger file can't be read.
#[derive(Debug, thiserror::Error)]
#[error("read {path}: {problem}; give the --out folder of a pipeline that has run")]
pub struct ReportError {
    path: String,
    problem: String,
}
