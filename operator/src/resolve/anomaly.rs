//! Detectors of anomalies: what they watch, and whether that is a number of its event type or window.

use transect_config::{DetectorConfig, Judge, Method, Pointer, Side, Span, Watched, WindowConfig};
use transect_core::anomaly::{DetectorError, DetectorPlan};
use transect_core::window::WindowPlan;
use transect_crds::pipeline::{Anomaly, AnomalyMethod, AnomalySide};

use super::{DAY, EventType, Resolver, join};

/// How many values one is judged against at least, and the weight of the newest, where the manifest doesn't say.
const MIN_COUNT: u32 = 10;
const ALPHA: f64 = 0.2;

impl Resolver<'_> {
    /// The detector of `spec.anomalies[at]`.
    pub(super) fn detector(
        &mut self,
        at: usize,
        event_types: &[EventType],
        windows: &[WindowConfig],
    ) -> Option<DetectorConfig> {
        let pipeline = self.pipeline;
        let anomaly = &pipeline.value.spec.anomalies[at];
        let path = format!("spec.anomalies[{at}]");
        let before = self.problems.len();
        let over = self.problems.span(pipeline, &format!("{path}.over"), anomaly.over.as_deref());
        let by = self.problems.pointers(pipeline, &format!("{path}.by"), &anomaly.by);
        if self.problems.len() > before {
            return None;
        }
        let (by, over) = (by?, over.unwrap_or(DAY));
        match &anomaly.window {
            Some(window) => self.of_window(&path, anomaly, over, window, event_types, windows),
            None => self.of_events(&path, anomaly, over, by, event_types),
        }
    }

    fn of_events(
        &mut self,
        path: &str,
        anomaly: &Anomaly,
        over: Span,
        by: Vec<Pointer>,
        event_types: &[EventType],
    ) -> Option<DetectorConfig> {
        let event_type = self.whose_events(path, anomaly.schema.as_deref(), "watches", event_types)?;
        let (name, key) = (event_type.config.name.clone(), &event_type.config.event.key);
        let watched = match &anomaly.field {
            Some(text) => {
                let field = self.problems.pointer(self.pipeline, &format!("{path}.field"), text)?;
                Watched::Field { event_type: name, field, judge: judge(anomaly)? }
            }
            None => Watched::Silence { event_type: name },
        };
        let by = if by.is_empty() { key.clone() } else { by };
        let config = DetectorConfig { name: anomaly.name.clone(), watched, by, over };
        if let Some(kept) = event_type.kept() {
            self.refused(path, DetectorPlan::of(&config, kept, key).err());
        }
        Some(config)
    }

    fn of_window(
        &mut self,
        path: &str,
        anomaly: &Anomaly,
        over: Span,
        window: &str,
        event_types: &[EventType],
        windows: &[WindowConfig],
    ) -> Option<DetectorConfig> {
        let all = &self.pipeline.value.spec.windows;
        let Some(declared) = all.iter().find(|declared| declared.name == window) else {
            let fix = match join(all.iter().map(|window| window.name.as_str())) {
                none if none.is_empty() => "add it there".to_owned(),
                names => format!("write one of {names}, or add it there"),
            };
            self.problem(
                &format!("{path}.window"),
                format!("names `{window}`, which is not in spec.windows"),
                fix,
            );
            return None;
        };
        let aggregate = anomaly.aggregate.clone().unwrap_or_default();
        if !declared.aggregates.iter().any(|own| own.name == aggregate) {
            let names = join(declared.aggregates.iter().map(|own| own.name.as_str()));
            let message = format!("names `{aggregate}`, which is no aggregate of the window `{window}`");
            self.problem(&format!("{path}.aggregate"), message, format!("write one of {names}"));
            return None;
        }
        // What is wrong with the window itself is said there.
        let own = windows.iter().find(|own| own.name == window)?;
        let watched = Watched::Aggregate { window: window.to_owned(), aggregate, judge: judge(anomaly)? };
        let config = DetectorConfig { name: anomaly.name.clone(), watched, by: own.group_by.clone(), over };
        let kept = event_types.iter().find(|event_type| event_type.config.name == own.event_type)?.kept();
        if let Some(Ok(plan)) = kept.map(|kept| WindowPlan::of(own, kept)) {
            self.refused(path, DetectorPlan::of_window(&config, &plan).err());
        }
        Some(config)
    }

    fn refused(&mut self, path: &str, errors: Option<Vec<DetectorError>>) {
        for DetectorError { place, problem, .. } in errors.into_iter().flatten() {
            let (message, fix) = problem.split_once("; ").unwrap_or((&problem, ""));
            self.problem(&format!("{path}.{place}"), message, fix);
        }
    }
}

/// How values are judged; None for a silence.
fn judge(anomaly: &Anomaly) -> Option<Judge> {
    let method = match anomaly.method {
        AnomalyMethod::Threshold => Method::Threshold,
        AnomalyMethod::ZScore => Method::ZScore,
        AnomalyMethod::RobustZScore => Method::RobustZScore,
        AnomalyMethod::Ewma => Method::Ewma { alpha: anomaly.alpha.unwrap_or(ALPHA) },
        AnomalyMethod::Iqr => Method::Iqr,
        AnomalyMethod::Missing => return None,
    };
    let side = match (anomaly.side, method) {
        (Some(AnomalySide::Above), _) | (None, Method::Threshold) => Side::Above,
        (Some(AnomalySide::Below), _) => Side::Below,
        (Some(AnomalySide::Both), _) | (None, _) => Side::Both,
    };
    // A rule of the resource requires the threshold here.
    let threshold = anomaly.threshold?;
    Some(Judge { method, threshold, side, min_count: anomaly.min_count.unwrap_or(MIN_COUNT) })
}
