//! All detectors of a pipeline: those of events in the process role, those of windows in the aggregate role.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;
use transect_config::Watched;

use super::alert::{Alert, Origin};
use super::detector::{Detector, Observed, Rows};
use super::memory::VALUES_MAX;
use super::observations::ObservationsError;
use super::plan::DetectorPlan;
use crate::watermark::NONE;
use crate::window::scalar::rfc3339;

/// So many alerts, about 40 MiB, are held: a threshold that is set wrong raises one with each event.
const ALERTS_MAX: usize = 65_536;

/// What an epoch adds to the log.
#[derive(Debug, Default)]
pub struct EpochAlerts {
    /// What detectors need to be rebuilt.
    pub observed: Vec<Observed>,
    /// By detector in the order of the manifest, in the order of the log.
    pub alerts: Vec<Alert>,
    /// Rows that a detector did not remember because its memory is full, by its name; only of those that have any.
    pub unremembered: Vec<(String, u64)>,
}

/// Detectors of events.
pub struct Detectors {
    all: Vec<Detector>,
    /// The detectors of each event type, as positions in `all`.
    of: Vec<Vec<usize>>,
}

impl Detectors {
    /// Detectors that remember nothing, each with the position of its event type, of so many.
    pub fn new(types: usize, plans: Vec<(usize, Arc<DetectorPlan>)>) -> Self {
        let mut of = vec![Vec::new(); types];
        let mut all = Vec::with_capacity(plans.len());
        for (event_type, plan) in plans {
            of[event_type].push(all.len());
            all.push(Detector::new(plan, VALUES_MAX));
        }
        Self { all, of }
    }

    /// Takes accepted rows of an event type in. The rows are made only where a detector wants them.
    pub fn add<'a>(&mut self, event_type: usize, rows: impl FnOnce() -> Rows<'a>) -> Result<(), ArrowError> {
        let own = &self.of[event_type];
        if own.is_empty() {
            return Ok(());
        }
        let rows = rows();
        own.iter().try_for_each(|at| self.all[*at].add(&rows))
    }

    /// Whether the open epoch has so many alerts that it should end.
    pub fn is_full(&self) -> bool {
        self.all.iter().map(|detector| detector.alerts.len()).sum::<usize>() >= ALERTS_MAX
    }

    /// Ends the epoch at a watermark.
    pub fn end_epoch(&mut self, watermark: i64) -> EpochAlerts {
        finish(&mut self.all, watermark)
    }

    /// Takes back what has been observed; false if there is no such detector. `settle` must follow.
    pub fn restore(&mut self, observed: &Observed) -> Result<bool, ObservationsError> {
        restore(&mut self.all, observed)
    }

    /// After all has been taken back, at the watermark of the last epoch.
    pub fn settle(&mut self, watermark: i64) {
        self.all.iter_mut().for_each(|detector| detector.settle(watermark));
    }

    /// The watermark at which there will be nothing more to tell without events.
    pub fn due(&self) -> i64 {
        self.all.iter().map(Detector::due).max().unwrap_or(NONE)
    }
}

/// Detectors of windows' aggregates. Windows become final in the order of their ends, wherever epochs are cut.
pub struct WindowDetectors {
    all: Vec<Detector>,
}

impl WindowDetectors {
    /// Detectors that remember nothing.
    pub fn new(plans: Vec<Arc<DetectorPlan>>) -> Self {
        Self { all: plans.into_iter().map(|plan| Detector::new(plan, VALUES_MAX)).collect() }
    }

    /// Takes in the final windows among those that have just been issued, by end.
    pub fn add(&mut self, window: &str, issued: &RecordBatch) -> Result<(), ArrowError> {
        if !self.all.iter().any(|detector| watches(detector, window)) {
            return Ok(());
        }
        let rows = final_rows(issued)?;
        let (starts, ends) = (times(&rows, 0)?, times(&rows, 1)?);
        let origin = |row: usize| Origin {
            window_start: Some(rfc3339(starts[row])),
            window_end: Some(rfc3339(ends[row])),
            ..Origin::default()
        };
        let rows = Rows { columns: &rows, times: &ends, watermarks: &ends, origin: &origin };
        let mut own = self.all.iter_mut().filter(|detector| watches(detector, window));
        own.try_for_each(|detector| detector.add(&rows))
    }

    /// Ends a step, at the watermark by which windows have been issued.
    pub fn end_epoch(&mut self, watermark: i64) -> EpochAlerts {
        finish(&mut self.all, watermark)
    }

    /// Takes back what has been observed; false if there is no such detector. `settle` must follow.
    pub fn restore(&mut self, observed: &Observed) -> Result<bool, ObservationsError> {
        restore(&mut self.all, observed)
    }

    /// After all has been taken back, at the watermark of the last step.
    pub fn settle(&mut self, watermark: i64) {
        self.all.iter_mut().for_each(|detector| detector.settle(watermark));
    }
}

fn watches(detector: &Detector, window: &str) -> bool {
    match &detector.plan.config().watched {
        Watched::Aggregate { window: own, .. } => own == window,
        Watched::Field { .. } | Watched::Silence { .. } => false,
    }
}

fn finish(all: &mut [Detector], watermark: i64) -> EpochAlerts {
    let mut ended = EpochAlerts::default();
    for detector in all {
        ended.observed.extend(detector.finish(watermark));
        ended.alerts.append(&mut detector.alerts);
        let unremembered = std::mem::take(&mut detector.unremembered);
        if unremembered > 0 {
            ended.unremembered.push((detector.plan.name().to_owned(), unremembered));
        }
    }
    ended
}

/// False if there is no detector of this definition.
fn restore(all: &mut [Detector], observed: &Observed) -> Result<bool, ObservationsError> {
    let Observed { detector, digest, bytes, keep_until } = observed;
    let own = all.iter_mut().find(|own| own.plan.name() == detector && own.plan.digest() == *digest);
    own.map_or(Ok(false), |own| own.restore(bytes, *keep_until).map(|()| true))
}

/// Rows that can't change any more, and that no other session has replaced.
fn final_rows(issued: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = issued.schema_ref();
    let at = |name: &str| schema.fields().iter().rposition(|field| field.name() == name);
    let finals = at("final").and_then(|at| issued.column(at).as_boolean_opt());
    let finals = finals.ok_or_else(|| ArrowError::SchemaError("a window has no column `final`".into()))?;
    // No aggregate may have one of these names.
    let replaced = at("replaced_by").map(|at| issued.column(at));
    let keep = (0..issued.num_rows())
        .map(|row| Some(finals.value(row) && replaced.is_none_or(|replaced| replaced.is_null(row))));
    filter_record_batch(issued, &keep.collect::<BooleanArray>())
}

fn times(rows: &RecordBatch, column: usize) -> Result<Vec<i64>, ArrowError> {
    let times = rows.column(column).as_primitive_opt::<TimestampMicrosecondType>();
    let times = times.ok_or_else(|| ArrowError::SchemaError("a window's times are no times".into()))?;
    Ok(times.values().to_vec())
}
