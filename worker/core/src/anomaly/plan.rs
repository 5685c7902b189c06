//! A detector resolved against the columns of what it watches.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use transect_config::{DetectorConfig, Judge, Pointer, Watched};

use crate::privacy::Kept;
use crate::window::WindowPlan;
use crate::window::columns::Kind;
use crate::window::definition::{Column, digest, kind_of};

/// Why a detector can't be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("detector {detector}: {place}: {problem}")]
pub struct DetectorError {
    /// Name of the detector.
    pub detector: String,
    /// The field of the manifest, such as `by[0]`.
    pub place: String,
    /// What is wrong and, after a semicolon, how to fix it.
    pub problem: String,
}

/// A detector, ready to run.
#[derive(Debug)]
pub struct DetectorPlan {
    config: DetectorConfig,
    digest: u64,
    /// Names and columns of the values that make a group.
    pub(super) groups: Vec<(String, Column)>,
    pub(super) watch: Watch,
    slack: i64,
}

/// What a detector looks at in a row.
#[derive(Clone, Debug)]
pub(super) enum Watch {
    /// A number.
    Value(Column, Judge),
    /// That it is there.
    Silence,
}

impl DetectorPlan {
    /// Resolves a detector of events against the columns that are kept of its event type, whose key is given.
    pub fn of(
        config: &DetectorConfig,
        kept: Kept<'_>,
        key: &[Pointer],
    ) -> Result<Arc<Self>, Vec<DetectorError>> {
        let mut errors = Errors::of(config);
        for (place, field) in fields(config) {
            if let Some(problem) = kept.unusable(field) {
                errors.push::<()>(place, problem.to_owned());
            }
        }
        errors.or(Some(()), |()| ())?;
        let mut plan = Self::resolve(config, kept.schema(), &|field| kept.column(field), key)?;
        let treatments: Vec<_> = fields(config).into_iter().map(|(_, field)| kept.treatment(field)).collect();
        if treatments.iter().any(Option::is_some) {
            // Values and groups of another treatment are others, and must not be compared with these.
            plan.digest = digest(&(config, treatments));
        }
        Ok(Arc::new(plan))
    }

    /// Resolves a detector of events against columns; the resolver gives the path of child indexes, through structs, of the
    /// column that holds a field.
    pub fn compile(
        config: &DetectorConfig,
        schema: &SchemaRef,
        resolve: &dyn Fn(&Pointer) -> Option<Vec<usize>>,
        key: &[Pointer],
    ) -> Result<Arc<Self>, Vec<DetectorError>> {
        Self::resolve(config, schema, resolve, key).map(Arc::new)
    }

    fn resolve(
        config: &DetectorConfig,
        schema: &SchemaRef,
        resolve: &dyn Fn(&Pointer) -> Option<Vec<usize>>,
        key: &[Pointer],
    ) -> Result<Self, Vec<DetectorError>> {
        let mut errors = Errors::of(config);
        let mut column = |place: String, field: &Pointer| -> Option<Column> {
            let Some(path) = resolve(field) else {
                let problem = format!("`{field}` has no column of its own; name a property of the schema");
                return errors.push(place, problem);
            };
            let Some(kind) = kind_of(schema, &path) else {
                let problem = format!("`{field}` is no string, number, boolean or time; name one that is");
                return errors.push(place, problem);
            };
            Some(Column { path, kind })
        };
        let mut groups = Vec::with_capacity(config.by.len());
        for (at, field) in config.by.iter().enumerate() {
            groups.extend(column(format!("by[{at}]"), field).map(|column| (field.to_string(), column)));
        }
        let watch = match &config.watched {
            Watched::Field { field, judge, .. } => match column("field".into(), field) {
                Some(column) => number(column, *judge).or_else(|| {
                    let problem = format!("`{field}` is no number; name a field of type number or integer");
                    errors.push("field".into(), problem)
                }),
                None => None,
            },
            Watched::Silence { .. } => Some(Watch::Silence),
            Watched::Aggregate { .. } => None,
        };
        if let Some(missing) = key.iter().find(|field| !config.by.contains(field)) {
            let problem = "of the event type's key; a detector sees events in order only by key: add it";
            errors.push::<()>("by".into(), format!("leaves out `{missing}` {problem}"));
        }
        let (config, digest) = (config.clone(), digest(config));
        errors.or(watch, |watch| Self { config, digest, groups, watch, slack: 0 })
    }

    /// Resolves a detector of an aggregate against its window.
    pub fn of_window(config: &DetectorConfig, window: &WindowPlan) -> Result<Arc<Self>, Vec<DetectorError>> {
        let mut errors = Errors::of(config);
        let schema = window.output_schema();
        let column = |at: usize| Some(Column { path: vec![at], kind: kind_of(schema, &[at])? });
        // After the beginning and the end, in the order of the definition.
        let groups = config.by.iter().enumerate();
        let groups = groups.filter_map(|(at, field)| Some((field.to_string(), column(at + 2)?))).collect();
        let watch = match &config.watched {
            Watched::Aggregate { aggregate, judge, .. } => {
                let at = schema.index_of(aggregate).ok().and_then(column);
                let problem =
                    || format!("`{aggregate}` of the window is no number; name an aggregate that is");
                at.and_then(|column| number(column, *judge))
                    .or_else(|| errors.push("aggregate".into(), problem()))
            }
            _ => None,
        };
        // Values of another window are others.
        let (slack, digest) = (window.trails(), digest(&(config, window.digest())));
        let config = config.clone();
        errors.or(watch, |watch| Arc::new(Self { config, digest, groups, watch, slack }))
    }

    /// The detector's name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The same for the same definition in every build, and for no other.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The definition.
    pub fn config(&self) -> &DetectorConfig {
        &self.config
    }

    /// The look-back in microseconds.
    pub(super) fn over(&self) -> i64 {
        self.config.over.micros()
    }

    /// How far behind the watermark there may still be something to judge, in microseconds.
    pub(super) fn slack(&self) -> i64 {
        self.slack
    }
}

/// The fields of events that a detector reads, with their places in the manifest.
fn fields(config: &DetectorConfig) -> Vec<(String, &Pointer)> {
    let by = config.by.iter().enumerate().map(|(at, field)| (format!("by[{at}]"), field));
    let own = match &config.watched {
        Watched::Field { field, .. } => Some(("field".to_owned(), field)),
        Watched::Silence { .. } | Watched::Aggregate { .. } => None,
    };
    own.into_iter().chain(by).collect()
}

fn number(column: Column, judge: Judge) -> Option<Watch> {
    matches!(column.kind, Kind::Int | Kind::Float).then_some(Watch::Value(column, judge))
}

/// All that is wrong with one detector.
struct Errors<'a> {
    detector: &'a str,
    found: Vec<DetectorError>,
}

impl<'a> Errors<'a> {
    fn of(config: &'a DetectorConfig) -> Self {
        Self { detector: &config.name, found: Vec::new() }
    }

    /// Notes an error; None, for the value that there is not.
    fn push<T>(&mut self, place: String, problem: String) -> Option<T> {
        self.found.push(DetectorError { detector: self.detector.to_owned(), place, problem });
        None
    }

    /// What is made of a value that was found without errors.
    fn or<T, U>(self, value: Option<T>, make: impl FnOnce(T) -> U) -> Result<U, Vec<DetectorError>> {
        match value {
            Some(value) if self.found.is_empty() => Ok(make(value)),
            _ => Err(self.found),
        }
    }
}
