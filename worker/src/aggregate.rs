//! The aggregate role: merges delta partials and issues windows as the watermark passes, from `partials` to `windows`.
//!
//! Its state is a cache of the log: it commits how far it has read, the watermark there, and the oldest partials that
//! open windows still need; a new start reads from those again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use transect_config::Watched;
use transect_core::anomaly::{DetectorPlan, WindowDetectors};
use transect_core::watermark;
use transect_core::window::{Merge, WindowPlan};

use crate::log::{self, Committed, Log, NewRecord, Record, Topic, Transaction};
use crate::metrics::Metrics;
use crate::observations::Observations;
use crate::placement;
use crate::record;
use crate::role::{Role, RoleError};

/// The group under which the aggregate role commits.
pub const GROUP: &str = "aggregate";

const READ_BYTES: usize = 8 * 1024 * 1024;

/// The metadata of the role's commits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AggregateState {
    /// The watermark up to which windows have been issued, microseconds since 1970 UTC.
    watermark: i64,
    /// Where there are several: the watermarks of all partitions that have said one. Windows are issued up to the least.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    partitions: BTreeMap<u32, i64>,
    /// The oldest partials that open windows need.
    low_water: Option<u64>,
    /// Alerts on windows so far, by detector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    alerts: BTreeMap<String, u64>,
}

/// See the module.
pub struct Aggregate {
    log: Arc<dyn Log>,
    merges: Vec<(Arc<WindowPlan>, Merge)>,
    /// The next partials to merge.
    offset: u64,
    /// The next partials to read.
    next: u64,
    /// Those in between, of an epoch whose watermark is still to be read.
    waiting: Vec<Record>,
    watermark: i64,
    partitions: BTreeMap<u32, i64>,
    detectors: WindowDetectors,
    observations: Observations,
    alerts: BTreeMap<String, u64>,
    metrics: Arc<Metrics>,
}

impl Aggregate {
    /// Rebuilds the role from the log. Where that is one of several, it gathers the windows that come together there.
    pub fn new(
        log: Arc<dyn Log>,
        mut plans: Vec<Arc<WindowPlan>>,
        mut detectors: Vec<Arc<DetectorPlan>>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RoleError> {
        if let Some(share) = log.share() {
            let is_here = |name: &str| placement::of_window(name, share) == share.partition;
            plans.retain(|plan| is_here(plan.name()));
            detectors.retain(|plan| match &plan.config().watched {
                Watched::Aggregate { window, .. } => is_here(window),
                Watched::Field { .. } | Watched::Silence { .. } => true,
            });
        }
        let merges = plans.into_iter().map(|plan| (Arc::clone(&plan), Merge::new(plan))).collect();
        let committed = log.committed(GROUP).unwrap_or_default();
        let state = Self::committed_state(&*log)?;
        let mut detectors = WindowDetectors::new(detectors);
        let observations = Observations::of_windows(&*log, &mut detectors, state.watermark)?;
        let AggregateState { watermark, partitions, alerts, .. } = state.clone();
        let offset = committed.offset(Topic::Partials);
        let (next, waiting) = (offset, Vec::new());
        let mut role = Self {
            log,
            merges,
            offset,
            next,
            waiting,
            watermark,
            partitions,
            detectors,
            observations,
            alerts,
            metrics,
        };
        role.rebuild(state)?;
        Ok(role)
    }

    /// Alerts on windows that the role has committed, by detector.
    pub fn committed_alerts(log: &dyn Log) -> Result<BTreeMap<String, u64>, RoleError> {
        Ok(Self::committed_state(log)?.alerts)
    }

    fn committed_state(log: &dyn Log) -> Result<AggregateState, RoleError> {
        match log.committed(GROUP) {
            Some(committed) => Ok(serde_json::from_str(&committed.metadata)?),
            None => Ok(AggregateState {
                watermark: watermark::NONE,
                partitions: BTreeMap::new(),
                low_water: None,
                alerts: BTreeMap::new(),
            }),
        }
    }

    /// Reads the partials of open windows again; what they issued before is not issued twice.
    fn rebuild(&mut self, state: AggregateState) -> Result<(), RoleError> {
        for (_, merge) in &mut self.merges {
            merge.restore(state.watermark);
        }
        let log = Arc::clone(&self.log);
        let from = state.low_water.unwrap_or(self.offset);
        for rec in log::between(&*log, Topic::Partials, from, self.offset) {
            self.merge(&rec?)?;
        }
        for (_, merge) in &mut self.merges {
            merge.settle()?;
        }
        Ok(())
    }

    /// Reads on. The records up to the last watermark that was read: what is committed is then always settled by it.
    fn read_whole_epochs(&mut self) -> Result<Vec<Record>, RoleError> {
        loop {
            let records = self.log.read(Topic::Partials, self.next, READ_BYTES)?;
            let Some(last) = records.last() else { return Ok(Vec::new()) };
            self.next = last.offset + 1;
            self.waiting.extend(records);
            let settled = self.waiting.iter().rposition(|rec| rec.header(record::WATERMARK).is_some());
            if let Some(last) = settled {
                return Ok(self.waiting.drain(..=last).collect());
            }
        }
    }

    /// Takes a window's pieces in, or gives the watermark of a record that has one, and the partition that it is of.
    fn merge(&mut self, rec: &Record) -> Result<Option<(u32, i64)>, RoleError> {
        if let Some(watermark) = rec.header(record::WATERMARK) {
            let partition = rec.header(record::PARTITION).map_or(Ok(0), str::parse)?;
            return Ok(Some((partition, watermark.parse()?)));
        }
        let (name, digest) = (rec.header(record::WINDOW), rec.header(record::DIGEST));
        let known = self.merges.iter_mut().find(|(plan, _)| Some(plan.name()) == name);
        match known {
            Some((plan, merge)) if digest == Some(&plan.digest().to_string()) => {
                merge.merge(rec.offset, &rec.value)?;
            }
            // The manifest has changed since: those windows are not what is asked for now.
            _ => tracing::warn!(
                window = name,
                offset = rec.offset,
                "skipped partials of another window definition"
            ),
        }
        Ok(None)
    }

    /// Up to where event time is complete in all partitions, with what one of them has said last.
    fn least(&mut self, partition: u32, watermark: i64) -> i64 {
        let Some(share) = self.log.share() else { return watermark };
        self.partitions.insert(partition, watermark);
        let all = (0..share.of).map(|partition| self.partitions.get(&partition).copied());
        // One that has not been heard of may yet have anything.
        all.min().flatten().unwrap_or(watermark::NONE)
    }

    /// Issues what is due.
    fn advance(&mut self, watermark: i64, issued: &mut Vec<NewRecord>) -> Result<(), RoleError> {
        self.watermark = watermark;
        for (plan, merge) in &mut self.merges {
            if let Some(rows) = merge.advance(watermark)? {
                let headers = vec![
                    (record::WINDOW.into(), plan.name().to_owned()),
                    (record::COUNT.into(), rows.num_rows().to_string()),
                ];
                self.detectors.add(plan.name(), &rows)?;
                let value = record::encode_batch(&rows)?;
                issued.push(NewRecord::new(Topic::Windows, headers, value));
            }
        }
        Ok(())
    }

    /// Adds alerts, and what the detectors of windows need to be rebuilt.
    fn detect(&mut self, records: &mut Vec<NewRecord>) -> Result<(), RoleError> {
        let ended = self.detectors.end_epoch(self.watermark);
        let mut counts = BTreeMap::new();
        for alert in &ended.alerts {
            *counts.entry(alert.detector.clone()).or_default() += 1;
        }
        self.metrics.count_alerts(&counts);
        for (detector, count) in counts {
            *self.alerts.entry(detector).or_default() += count;
        }
        self.observations.records(ended, records)
    }

    fn commit(&mut self, records: Vec<NewRecord>) -> Result<(), RoleError> {
        let low_waters = self.merges.iter().filter_map(|(_, merge)| merge.low_water());
        let low_water = low_waters.min();
        let (watermark, partitions, alerts) = (self.watermark, self.partitions.clone(), self.alerts.clone());
        let metadata = serde_json::to_string(&AggregateState { watermark, partitions, low_water, alerts })?;
        let committed = Committed { offsets: vec![(Topic::Partials, self.offset)], metadata };
        let progress = Some((GROUP.to_owned(), committed));
        let mut trim = vec![(Topic::Partials, low_water.unwrap_or(self.offset))];
        trim.extend(self.observations.expired(&*self.log, self.watermark));
        Ok(self.log.commit_soon(Transaction { records, progress, trim })?)
    }
}

impl Role for Aggregate {
    fn name(&self) -> &str {
        GROUP
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        let records = self.read_whole_epochs()?;
        if records.is_empty() {
            return Ok(false);
        }
        let mut issued = Vec::new();
        for rec in &records {
            if let Some((partition, watermark)) = self.merge(rec)? {
                let least = self.least(partition, watermark);
                self.advance(least, &mut issued)?;
            }
            self.offset = rec.offset + 1;
        }
        self.detect(&mut issued)?;
        self.commit(issued)?;
        Ok(true)
    }

    /// Nothing is held between steps.
    fn flush(&mut self) -> Result<(), RoleError> {
        Ok(())
    }
}
