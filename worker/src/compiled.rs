//! A pipeline's configuration, compiled: what its roles have in common, in one process and in many.

mod detectors;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use transect_config::{EventTypeConfig, PipelineConfig, WindowConfig};
use transect_core::events::EventType;
use transect_core::lookup::Lookups;
use transect_core::privacy::PrivacyPlan;
use transect_core::rules::Rules;
use transect_core::versions::Versions;
use transect_core::window::WindowPlan;

use self::detectors::Detectors;
use crate::lookup;
use crate::role::RoleError;

/// See the module.
pub(crate) struct Compiled {
    pub(crate) types: Arc<[EventType]>,
    /// Each with the position of its event type.
    pub(crate) windows: Vec<(usize, Arc<WindowPlan>)>,
    pub(crate) detectors: Detectors,
    pub(crate) lookups: Lookups,
}

impl Compiled {
    /// Compiles a configuration, and reads the tables that its rules look values up in.
    pub(crate) fn of(config: &PipelineConfig) -> Result<Self, RoleError> {
        let lookups = lookup::read_all(&config.lookups)?;
        let types = event_types(config, &lookups)?;
        let windows = windows(config, &types)?;
        let detectors = Detectors::compile(config, &types, &windows)?;
        Ok(Self { types, windows, detectors, lookups })
    }

    /// The windows alone.
    pub(crate) fn window_plans(&self) -> Vec<Arc<WindowPlan>> {
        self.windows.iter().map(|(_, plan)| Arc::clone(plan)).collect()
    }
}

fn event_types(config: &PipelineConfig, lookups: &Lookups) -> Result<Arc<[EventType]>, RoleError> {
    let compile = |event_type: &EventTypeConfig| {
        // What is wrong was said when the manifest was read; here the first of it is enough.
        let versions =
            Versions::compile(event_type, &config.limits).map_err(|mut errors| errors.swap_remove(0))?;
        let rules = Rules::compile_with(&event_type.rules, versions.schema(), Some(lookups));
        Ok(EventType {
            rules: rules.map_err(|mut errors| errors.swap_remove(0))?,
            name: event_type.name.as_str().into(),
            privacy: privacy(event_type, versions.schema())?,
            versions,
            type_field: event_type.event.event_type.clone(),
            time_field: event_type.event.time.clone(),
            delay: event_type.event.delay,
            max_ahead: event_type.event.max_ahead,
        })
    };
    config.event_types.iter().map(compile).collect()
}

/// How the personal fields of an event type are treated, if it has any.
fn privacy(event_type: &EventTypeConfig, columns: &SchemaRef) -> Result<Option<Arc<PrivacyPlan>>, RoleError> {
    if event_type.privacy.is_empty() {
        return Ok(None);
    }
    let privacy = PrivacyPlan::compile(event_type, columns);
    Ok(Some(Arc::new(privacy.map_err(|mut errors| errors.swap_remove(0))?)))
}

fn windows(config: &PipelineConfig, types: &[EventType]) -> Result<Vec<(usize, Arc<WindowPlan>)>, RoleError> {
    let resolve = |window: &WindowConfig| {
        let at = types.iter().position(|event_type| *event_type.name == *window.event_type);
        let at = at
            .ok_or_else(|| format!("window {}: there is no event type {}", window.name, window.event_type))?;
        Ok((at, WindowPlan::of(window, types[at].kept())?))
    };
    config.windows.iter().map(resolve).collect()
}
