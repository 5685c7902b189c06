//! One detector at work: rows in, alerts and observations out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bytes::Bytes;
use transect_config::{Judge, Watched};

use super::alert::{Alert, AlertState, Origin};
use super::memory::Memory;
use super::observations::{Observations, ObservationsError, Observing};
use super::plan::{DetectorPlan, Watch};
use super::silences::{Silence, Silences};
use super::verdict::{self, Verdict};
use crate::watermark::NONE;
use crate::window::columns::View;
use crate::window::definition::Column;
use crate::window::scalar::{Scalar, rfc3339};

/// Accepted rows of one event type in the order of the log, or final rows of one window.
pub struct Rows<'a> {
    /// What detectors look at.
    pub columns: &'a RecordBatch,
    /// Event time by row, microseconds since 1970 UTC.
    pub times: &'a [i64],
    /// The watermark that stood before each row.
    pub watermarks: &'a [i64],
    /// The place of a row.
    pub origin: &'a dyn Fn(usize) -> Origin,
}

/// What a detector has taken in during an epoch, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Name of the detector.
    pub detector: String,
    /// Digest of its definition.
    pub digest: u64,
    /// For `restore`.
    pub bytes: Bytes,
    /// Once the watermark has come to here, it is not needed any more.
    pub keep_until: i64,
}

/// See the module.
pub(super) struct Detector {
    pub(super) plan: Arc<DetectorPlan>,
    state: State,
    observing: Observing,
    pub(super) alerts: Vec<Alert>,
    /// Rows that were not remembered, because memory is full.
    pub(super) unremembered: u64,
    key: Vec<u8>,
}

/// A closed set, as what is watched is.
enum State {
    Values(Column, Judge, Memory),
    Silences(Silences),
}

impl Detector {
    pub(super) fn new(plan: Arc<DetectorPlan>, values_max: usize) -> Self {
        let state = match &plan.watch {
            Watch::Value(column, judge) => {
                let memory = Memory::new(plan.over(), verdict::is_ordered(judge.method), values_max);
                State::Values(column.clone(), *judge, memory)
            }
            Watch::Silence => State::Silences(Silences::new(plan.over())),
        };
        let (observing, key) = (Observing::default(), Vec::new());
        Self { plan, state, observing, alerts: Vec::new(), unremembered: 0, key }
    }

    /// Judges rows in their order.
    pub(super) fn add(&mut self, rows: &Rows<'_>) -> Result<(), ArrowError> {
        let plan = Arc::clone(&self.plan);
        let groups = plan.groups.iter().map(|(_, column)| View::of(rows.columns, &column.path));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        match &self.state {
            State::Values(column, ..) => {
                let values = View::of(rows.columns, &column.path)?;
                for row in 0..rows.times.len() {
                    if let Some(value) = values.number(row) {
                        self.value(rows, &groups, row, value);
                    }
                }
            }
            State::Silences(_) => (0..rows.times.len()).for_each(|row| self.event(rows, &groups, row)),
        }
        Ok(())
    }

    /// Judges a value, and remembers it, anomalous or not: what stays is the new normal.
    fn value(&mut self, rows: &Rows<'_>, groups: &[View<'_>], row: usize, value: f64) {
        let (time, watermark) = (rows.times[row], rows.watermarks[row]);
        write_key(&mut self.key, groups, row);
        let State::Values(_, judge, memory) = &mut self.state else { return };
        let Some(history) = memory.recall(&self.key, time, watermark) else { return };
        let verdict = verdict::judge(judge, history, value);
        if verdict::remembers(judge.method) {
            if memory.remember(&self.key, time, value, watermark) {
                self.observing.push(&self.key, || scalars(groups, row), time, value);
            } else {
                self.unremembered += 1;
            }
        }
        if let Some(Verdict { expected, distance }) = verdict {
            let alert = Alert {
                time: rfc3339(time),
                value,
                expected,
                distance,
                origin: (rows.origin)(row),
                ..self.alert(AlertState::Raised, &scalars(groups, row))
            };
            self.alerts.push(alert);
        }
    }

    /// Notes that a group has an event.
    fn event(&mut self, rows: &Rows<'_>, groups: &[View<'_>], row: usize) {
        let (time, watermark) = (rows.times[row], rows.watermarks[row]);
        write_key(&mut self.key, groups, row);
        let State::Silences(silences) = &mut self.state else { return };
        let mut told = Vec::new();
        if !silences.hear(&self.key, || scalars(groups, row), time, watermark, &mut told) {
            self.unremembered += 1;
        }
        for silence in told {
            let alert = self.silence(&silence, Some((time, (rows.origin)(row))));
            self.alerts.push(alert);
        }
    }

    /// Ends an epoch at a watermark: what must be in the log for `restore`.
    pub(super) fn finish(&mut self, watermark: i64) -> Option<Observed> {
        let mut keep = NONE;
        if let State::Silences(silences) = &mut self.state {
            let mut told = Vec::new();
            silences.look(watermark, &mut told);
            let observing = &mut self.observing;
            keep = silences.observe(watermark, |key, group, last| {
                observing.push(key, || group.to_vec(), last, 0.0);
            });
            for silence in told {
                let alert = self.silence(&silence, None);
                self.alerts.push(alert);
            }
        }
        let (bytes, newest) = self.observing.finish()?;
        let needed = newest.saturating_add(self.plan.over()).saturating_add(self.plan.slack());
        let keep_until = needed.max(keep);
        Some(Observed {
            detector: self.plan.name().to_owned(),
            digest: self.plan.digest(),
            bytes,
            keep_until,
        })
    }

    /// Takes back what has been observed, in the order of the log; `settle` must follow.
    pub(super) fn restore(&mut self, bytes: &[u8], keep_until: i64) -> Result<(), ObservationsError> {
        let Observations { groups, rows } = Observations::decode(bytes)?;
        for (number, time, value) in rows {
            let group = &groups[number as usize];
            self.key.clear();
            group.iter().for_each(|scalar| scalar.write_key(&mut self.key));
            match &mut self.state {
                State::Values(_, _, memory) => memory.restore(&self.key, time, value),
                State::Silences(silences) => silences.restore(&self.key, group.clone(), time, keep_until),
            }
        }
        Ok(())
    }

    /// After all has been taken back, at the watermark of the last epoch.
    pub(super) fn settle(&mut self, watermark: i64) {
        match &mut self.state {
            State::Values(_, _, memory) => memory.forget(watermark.saturating_sub(self.plan.slack())),
            State::Silences(silences) => silences.settle(watermark),
        }
    }

    /// The watermark at which there will be nothing more to tell without events.
    pub(super) fn due(&self) -> i64 {
        match &self.state {
            State::Values(..) => NONE,
            State::Silences(silences) => silences.due(),
        }
    }

    /// An alert on a silence; of one that ends, with time and place of the event that ends it.
    fn silence(&self, silence: &Silence, event: Option<(i64, Origin)>) -> Alert {
        let State::Silences(silences) = &self.state else { return self.alert(AlertState::Raised, &[]) };
        let (state, group, since, time, origin) = match (silence, event) {
            (Silence::Ended { group, since }, Some((time, origin))) => {
                (AlertState::Ended, *group, *since, time, origin)
            }
            (Silence::Raised { group, since } | Silence::Ended { group, since }, _) => {
                let time = since.saturating_add(self.plan.over());
                (AlertState::Raised, *group, *since, time, Origin::default())
            }
        };
        let (value, expected) = (seconds(time.saturating_sub(since)), seconds(self.plan.over()));
        let (time, since, distance) = (rfc3339(time), Some(rfc3339(since)), value - expected);
        let alert = self.alert(state, silences.group(group));
        Alert { time, value, expected, distance, since, origin, ..alert }
    }

    /// An alert with everything that is the same for all of the detector's in a group.
    fn alert(&self, state: AlertState, group: &[Scalar]) -> Alert {
        let names = self.plan.groups.iter().map(|(name, _)| name.clone());
        let mut alert = Alert {
            detector: self.plan.name().to_owned(),
            method: "Missing".to_owned(),
            state,
            event_type: None,
            field: None,
            window: None,
            aggregate: None,
            group: names.zip(group.iter().map(Scalar::to_json)).collect::<BTreeMap<_, _>>(),
            time: String::new(),
            value: 0.0,
            expected: 0.0,
            distance: 0.0,
            since: None,
            origin: Origin::default(),
        };
        match self.plan.config().watched.clone() {
            Watched::Field { event_type, field, judge } => {
                (alert.event_type, alert.field) = (Some(event_type), Some(field.to_string()));
                judge.method.as_str().clone_into(&mut alert.method);
            }
            Watched::Silence { event_type } => alert.event_type = Some(event_type),
            Watched::Aggregate { window, aggregate, judge } => {
                (alert.window, alert.aggregate) = (Some(window), Some(aggregate));
                judge.method.as_str().clone_into(&mut alert.method);
            }
        }
        alert
    }
}

fn write_key(key: &mut Vec<u8>, groups: &[View<'_>], row: usize) {
    key.clear();
    groups.iter().for_each(|view| view.write_key(row, key));
}

fn scalars(groups: &[View<'_>], row: usize) -> Vec<Scalar> {
    groups.iter().map(|view| view.scalar(row)).collect()
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
