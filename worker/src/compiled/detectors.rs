//! The detectors of a pipeline, compiled.

use std::sync::Arc;

use transect_config::{DetectorConfig, PipelineConfig, Pointer, Watched};
use transect_core::anomaly::{DetectorError, DetectorPlan};
use transect_core::events::EventType;
use transect_core::window::WindowPlan;

use crate::role::RoleError;

/// See the module.
pub(crate) struct Detectors {
    /// Of events, each with the position of its event type.
    pub(crate) events: Vec<(usize, Arc<DetectorPlan>)>,
    /// Of windows.
    pub(crate) windows: Vec<Arc<DetectorPlan>>,
}

impl Detectors {
    pub(super) fn compile(
        config: &PipelineConfig,
        types: &[EventType],
        windows: &[(usize, Arc<WindowPlan>)],
    ) -> Result<Self, RoleError> {
        let mut all = Self { events: Vec::new(), windows: Vec::new() };
        for detector in &config.anomalies {
            match &detector.watched {
                Watched::Field { event_type, .. } | Watched::Silence { event_type } => {
                    let at = types.iter().position(|own| *own.name == **event_type);
                    let at = at.ok_or_else(|| unknown(detector, "event type", event_type))?;
                    let key: &[Pointer] = &config.event_types[at].event.key;
                    let plan = DetectorPlan::of(detector, types[at].kept(), key).map_err(first)?;
                    all.events.push((at, plan));
                }
                Watched::Aggregate { window, .. } => {
                    let own = windows.iter().find(|(_, plan)| plan.name() == window);
                    let (_, own) = own.ok_or_else(|| unknown(detector, "window", window))?;
                    all.windows.push(DetectorPlan::of_window(detector, own).map_err(first)?);
                }
            }
        }
        Ok(all)
    }
}

fn unknown(detector: &DetectorConfig, what: &str, name: &str) -> RoleError {
    format!("detector {}: there is no {what} {name}", detector.name).into()
}

/// What is wrong was said when the manifest was read; here the first of it is enough.
fn first(errors: Vec<DetectorError>) -> RoleError {
    match errors.into_iter().next() {
        Some(error) => error.into(),
        None => "a detector can't be run; this is a bug in Transect".into(),
    }
}
