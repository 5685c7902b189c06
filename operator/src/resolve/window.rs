//! Windows: their event types, and whether what they compute goes with the columns of those.

use transect_config::{AggregateConfig, Function, Pointer, Span, WindowConfig, WindowKind};
use transect_core::privacy::Kept;
use transect_core::window::{WindowError, WindowPlan};
use transect_crds::pipeline::{Aggregate, AggregateFunction, Window};

use super::{DAY, EventType, Resolver};

impl Resolver<'_> {
    /// The window of `spec.windows[at]`.
    pub(super) fn window(&mut self, at: usize, event_types: &[EventType]) -> Option<WindowConfig> {
        let pipeline = self.pipeline;
        let window = &pipeline.value.spec.windows[at];
        let path = format!("spec.windows[{at}]");
        let kind = self.kind(&path, window);
        let group_by = self.problems.pointers(pipeline, &format!("{path}.groupBy"), &window.group_by);
        let lateness = window.allowed_lateness.as_deref();
        let allowed_lateness = self.problems.span(pipeline, &format!("{path}.allowedLateness"), lateness);
        let aggregates = self.aggregates(&path, &window.aggregates);
        let event_type = self.whose_events(&path, window.schema.as_deref(), "gathers", event_types)?;
        let config = WindowConfig {
            name: window.name.clone(),
            event_type: event_type.config.name.clone(),
            kind: kind?,
            group_by: group_by?,
            allowed_lateness: allowed_lateness.unwrap_or(Span::ZERO),
            aggregates: aggregates?,
        };
        if let Some(kept) = event_type.kept() {
            self.check(&path, &config, kept);
        }
        Some(config)
    }

    /// Tries each part of a window on its own, so that every problem has its place, and then the whole.
    fn check(&mut self, path: &str, config: &WindowConfig, kept: Kept<'_>) {
        let mut whole = true;
        let mut part = |path: String, group_by: &[Pointer], aggregates: &[AggregateConfig]| {
            let part = WindowConfig {
                group_by: group_by.to_vec(),
                aggregates: aggregates.to_vec(),
                ..config.clone()
            };
            if let Err(WindowError { problem, .. }) = WindowPlan::of(&part, kept) {
                let fields = aggregates.iter().filter_map(|aggregate| aggregate.field.as_ref());
                match group_by.iter().chain(fields).find(|field| kept.table().mixed().contains(field)) {
                    Some(field) => self.without_type(&path, field),
                    None => {
                        let (message, fix) = problem.split_once("; ").unwrap_or((&problem, ""));
                        self.problem(&path, message, fix);
                    }
                }
                whole = false;
            }
        };
        part(path.to_owned(), &[], &[]);
        for (at, field) in config.group_by.iter().enumerate() {
            part(format!("{path}.groupBy[{at}]"), std::slice::from_ref(field), &[]);
        }
        for (at, aggregate) in config.aggregates.iter().enumerate() {
            part(format!("{path}.aggregates[{at}]"), &[], std::slice::from_ref(aggregate));
        }
        if whole && let Err(WindowError { place, problem, .. }) = WindowPlan::of(config, kept) {
            let (message, fix) = problem.split_once("; ").unwrap_or((&problem, ""));
            self.problem(path, format!("{place}: {message}"), fix);
        }
    }

    /// A field whose column is JSON only because of its versions.
    fn without_type(&mut self, path: &str, field: &Pointer) {
        let message = format!(
            "`{field}` has no type that all its versions have in common, so that its column is text in JSON"
        );
        let fix = "read no version before the change, by oldest: in spec.schemas; or name another field";
        self.problem(path, message, fix);
    }

    fn kind(&mut self, path: &str, window: &Window) -> Option<WindowKind> {
        let pipeline = self.pipeline;
        let mut span =
            |name: &str, text: &str| self.problems.span(pipeline, &format!("{path}.{name}"), Some(text));
        if let Some(tumbling) = &window.tumbling {
            return Some(WindowKind::Tumbling { size: span("tumbling.size", &tumbling.size)? });
        }
        if let Some(sliding) = &window.sliding {
            let (size, every) = (span("sliding.size", &sliding.size), span("sliding.every", &sliding.every));
            return Some(WindowKind::Sliding { size: size?, every: every? });
        }
        let session = window.session.as_ref()?;
        let gap = span("session.gap", &session.gap);
        let max = match &session.max {
            Some(max) => span("session.max", max),
            None => Some(DAY),
        };
        Some(WindowKind::Session { gap: gap?, max: max? })
    }

    fn aggregates(&mut self, path: &str, aggregates: &[Aggregate]) -> Option<Vec<AggregateConfig>> {
        let pipeline = self.pipeline;
        let mut resolved = Vec::with_capacity(aggregates.len());
        for (at, aggregate) in aggregates.iter().enumerate() {
            let field = match &aggregate.field {
                Some(text) => {
                    Some(self.problems.pointer(pipeline, &format!("{path}.aggregates[{at}].field"), text)?)
                }
                None => None,
            };
            resolved.push(AggregateConfig {
                name: aggregate.name.clone(),
                function: function(aggregate),
                field,
            });
        }
        Some(resolved)
    }
}

fn function(aggregate: &Aggregate) -> Function {
    match aggregate.function {
        AggregateFunction::Count => Function::Count,
        AggregateFunction::Sum => Function::Sum,
        AggregateFunction::Mean => Function::Mean,
        AggregateFunction::Min => Function::Min,
        AggregateFunction::Max => Function::Max,
        AggregateFunction::StdDev => Function::StdDev,
        // A rule of the resource requires q here; the median stands in for an object that came round that rule.
        AggregateFunction::Quantile => Function::Quantile { q: aggregate.q.unwrap_or(0.5) },
        AggregateFunction::Distinct => Function::Distinct,
        AggregateFunction::First => Function::First,
        AggregateFunction::Last => Function::Last,
    }
}
