//! What detectors have taken in, in the log: written with each epoch's transaction, read again at a start, let go by event
//! time.

use std::collections::VecDeque;

use transect_core::anomaly::{Alert, Detectors, EpochAlerts, Observed, WindowDetectors};

use crate::log::{self, Log, NewRecord, Record, Topic};
use crate::record;
use crate::role::RoleError;

/// Alerts in a record at most: about 1 MiB.
const ALERTS_OF_RECORD: usize = 2048;

/// The observations of one role.
pub(crate) struct Observations {
    topic: Topic,
    /// The offset of the next record.
    next: u64,
    /// Records that are still needed: offset, and the watermark from which on they are not.
    alive: VecDeque<(u64, i64)>,
}

impl Observations {
    /// Those of the process role. Rebuilds its detectors, at the watermark that it has committed.
    pub(crate) fn of_events(
        log: &dyn Log,
        detectors: &mut Detectors,
        watermark: i64,
    ) -> Result<Self, RoleError> {
        let all = Self::read(log, Topic::Observations, |observed| Ok(detectors.restore(observed)?))?;
        detectors.settle(watermark);
        Ok(all)
    }

    /// Those of the aggregate role, likewise.
    pub(crate) fn of_windows(
        log: &dyn Log,
        detectors: &mut WindowDetectors,
        watermark: i64,
    ) -> Result<Self, RoleError> {
        let all = Self::read(log, Topic::WindowObservations, |observed| Ok(detectors.restore(observed)?))?;
        detectors.settle(watermark);
        Ok(all)
    }

    /// Reads a topic through; `restore` takes each record back, or says that no detector is of its definition.
    fn read(
        log: &dyn Log,
        topic: Topic,
        mut restore: impl FnMut(&Observed) -> Result<bool, RoleError>,
    ) -> Result<Self, RoleError> {
        let mut all = Self { topic, next: log.start(topic), alive: VecDeque::new() };
        for rec in log::between(log, topic, all.next, log.end(topic)) {
            let rec = rec?;
            let observed = observed(topic, &rec)?;
            if !restore(&observed)? {
                tracing::warn!(
                    detector = observed.detector,
                    offset = rec.offset,
                    "skipped observations of another definition of the detector"
                );
            }
            all.alive.push_back((rec.offset, observed.keep_until));
            all.next = rec.offset + 1;
        }
        Ok(all)
    }

    /// An epoch's records: what was observed, then the alerts.
    pub(crate) fn records(
        &mut self,
        ended: EpochAlerts,
        records: &mut Vec<NewRecord>,
    ) -> Result<(), RoleError> {
        for (detector, rows) in &ended.unremembered {
            tracing::warn!(detector, rows, "a detector's memory is full: it did not remember these rows");
        }
        for Observed { detector, digest, bytes, keep_until } in ended.observed {
            self.alive.push_back((self.next, keep_until));
            self.next += 1;
            let headers = vec![
                (record::DETECTOR.into(), detector),
                (record::DIGEST.into(), digest.to_string()),
                (record::KEEP.into(), keep_until.to_string()),
            ];
            records.push(NewRecord::new(self.topic, headers, bytes));
        }
        records.extend(alerts(&ended.alerts)?);
        Ok(())
    }

    /// The offset before which nothing is needed at a watermark, if that is more than before. Only what is committed is
    /// let go.
    pub(crate) fn expired(&mut self, log: &dyn Log, watermark: i64) -> Option<(Topic, u64)> {
        let mut before = None;
        while let Some((offset, keep_until)) = self.alive.front().copied()
            && keep_until <= watermark
            && offset < log.end(self.topic)
        {
            before = Some((self.topic, offset + 1));
            self.alive.pop_front();
        }
        before
    }
}

fn observed(topic: Topic, rec: &Record) -> Result<Observed, RoleError> {
    let header = |name: &str| {
        rec.header(name).ok_or_else(|| {
            format!(
                "{} record {}: it has no header {name}; this is a bug in Transect",
                topic.as_str(),
                rec.offset
            )
        })
    };
    Ok(Observed {
        detector: header(record::DETECTOR)?.to_owned(),
        digest: header(record::DIGEST)?.parse()?,
        bytes: rec.value.clone(),
        keep_until: header(record::KEEP)?.parse()?,
    })
}

/// Alerts as records of a bounded size.
fn alerts(alerts: &[Alert]) -> Result<Vec<NewRecord>, RoleError> {
    let mut records = Vec::new();
    for some in alerts.chunks(ALERTS_OF_RECORD) {
        let mut value = Vec::new();
        for alert in some {
            serde_json::to_writer(&mut value, alert)?;
            value.push(b'\n');
        }
        let headers = vec![(record::COUNT.into(), some.len().to_string())];
        records.push(NewRecord::new(Topic::Alerts, headers, value));
    }
    Ok(records)
}
