//! One pipeline with everything that it refers to, resolved and checked.
//!
//! What an object's own content can show is checked when it is read; here is what needs other objects: references,
//! studies, fields of schemas, the types of fields. Defaults are filled in here and nowhere else.

mod anomaly;
mod cleanse;
mod compatibility;
mod event_type;
mod family;
mod lookup;
mod privacy;
mod problems;
mod rules;
mod schema;
pub(crate) mod source;
mod versions;
mod window;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use transect_config::{ColdConfig, DedupConfig, EventTypeConfig, Limits, PipelineConfig, Span};
use transect_core::lookup::Lookups;
use transect_core::privacy::{Kept, PrivacyPlan};
use transect_core::versions::Versions;
use transect_crds::pipeline::PARTITIONS_DEFAULT;
use transect_crds::yaml::{Located, Problem};
use transect_crds::{ResearchPipeline, StudySchema};

use self::problems::Problems;
use self::schema::SchemaCompiler;

/// How long an identity is remembered, and how long a session may get, where the manifest doesn't say.
const DAY: Span = Span::from_hours(24);

/// Files to feed to sources in place of what their manifests say, by the sources' names.
pub type Overrides = BTreeMap<String, Vec<PathBuf>>;

/// A pipeline that can run, and what its user may want to know.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What a worker reads.
    pub config: PipelineConfig,
    /// Schemas that are not checked in one pass alone, with the reasons.
    pub notes: Vec<String>,
}

/// Resolves a pipeline. All problems are collected.
///
/// Sources of a kind that no worker reads yet are left out of the configuration; [`crate::local::unsupported`] refuses
/// them by name.
pub fn resolve(
    schemas: &[Located<StudySchema>],
    config_maps: &[Located<ConfigMap>],
    pipeline: &Located<ResearchPipeline>,
    overrides: &Overrides,
) -> Result<Resolved, Vec<Problem>> {
    let problems = Problems::default();
    let mut resolver = Resolver { schemas, config_maps, pipeline, problems, notes: Vec::new() };
    let config = resolver.pipeline(overrides);
    let problems = resolver.problems.into_inner();
    if problems.is_empty() { Ok(Resolved { config, notes: resolver.notes }) } else { Err(problems) }
}

/// What is wrong with a StudySchema by itself: in each of its versions that a pipeline may read, and between them. Versions
/// that none of the pipelines that name it reads any more are left out.
pub fn check_schema(
    schema: &Located<StudySchema>,
    config_maps: &[Located<ConfigMap>],
    pipelines: &[Located<ResearchPipeline>],
) -> Vec<Problem> {
    let (mut problems, mut notes) = (Problems::default(), Vec::new());
    let limits = Limits::default();
    // Which tables there are is said by pipelines.
    let mut compiler = SchemaCompiler {
        config_maps,
        limits: &limits,
        lookups: None,
        problems: &mut problems,
        notes: &mut notes,
    };
    let spec = &schema.value.spec;
    let newest = spec.versions.iter().enumerate().max_by_key(|(_, version)| version.version);
    if let Some((newest, _)) = newest {
        compiler.compile(schema, oldest_read(schema, pipelines), newest);
    }
    compiler.compatibility(schema);
    problems.into_inner()
}

/// The least version that the pipelines which name a schema read; None for the least of all.
fn oldest_read(schema: &Located<StudySchema>, pipelines: &[Located<ResearchPipeline>]) -> Option<u32> {
    let metadata = &schema.value.metadata;
    let own = namespace(metadata.namespace.as_deref());
    let pipelines = pipelines.iter().map(|pipeline| &pipeline.value);
    let here = pipelines.filter(|pipeline| namespace(pipeline.metadata.namespace.as_deref()) == own);
    let named = here
        .flat_map(|pipeline| &pipeline.spec.schemas)
        .filter(|named| Some(&named.name) == metadata.name.as_ref());
    // None is less than any number.
    named.map(|named| named.oldest).min().flatten()
}

/// The namespace that an object is in.
pub(crate) fn namespace(namespace: Option<&str>) -> &str {
    namespace.unwrap_or("default")
}

/// What is known of an event type: its configuration and, if its schema is right in all versions, those compiled.
struct EventType {
    config: EventTypeConfig,
    versions: Option<Arc<Versions>>,
    privacy: Option<Arc<PrivacyPlan>>,
}

impl EventType {
    /// The columns that are kept of its events, if its schema is right.
    fn kept(&self) -> Option<Kept<'_>> {
        Some(Kept::new(self.versions.as_ref()?.table(), self.privacy.as_deref()))
    }
}

struct Resolver<'a> {
    schemas: &'a [Located<StudySchema>],
    config_maps: &'a [Located<ConfigMap>],
    pipeline: &'a Located<ResearchPipeline>,
    problems: Problems,
    notes: Vec<String>,
}

impl<'a> Resolver<'a> {
    fn pipeline(&mut self, overrides: &Overrides) -> PipelineConfig {
        let pipeline = self.pipeline;
        let spec = &pipeline.value.spec;
        let limits = self.limits();
        let lookups = self.lookups();
        let declared = Lookups::declared(&lookups);
        let event_types: Vec<EventType> =
            (0..spec.schemas.len()).filter_map(|at| self.event_type(at, limits, &declared)).collect();
        let sources = self.sources(&event_types, overrides);
        let windows: Vec<_> =
            (0..spec.windows.len()).filter_map(|at| self.window(at, &event_types)).collect();
        let detectors = 0..spec.anomalies.len();
        let anomalies = detectors.filter_map(|at| self.detector(at, &event_types, &windows)).collect();
        self.note_archive(&event_types);
        let dedup = spec.dedup.as_ref().and_then(|dedup| dedup.window.as_deref());
        let cold = spec.storage.as_ref().and_then(|storage| storage.cold.as_ref());
        PipelineConfig {
            namespace: self.namespace().to_owned(),
            name: pipeline.value.metadata.name.clone().unwrap_or_default(),
            generation: pipeline.value.metadata.generation.map_or(1, i64::unsigned_abs),
            study: spec.study.clone(),
            partitions: spec.broker.as_ref().map_or(PARTITIONS_DEFAULT, |broker| broker.partitions),
            event_types: event_types.into_iter().map(|event_type| event_type.config).collect(),
            sources,
            dedup: DedupConfig {
                window: self.problems.span(pipeline, "spec.dedup.window", dedup).unwrap_or(DAY),
            },
            lookups,
            windows,
            anomalies,
            cold: match cold {
                Some(cold) => ColdConfig { table: cold.table.is_some(), archive: cold.archive.is_some() },
                None => ColdConfig { table: true, archive: false },
            },
            limits,
        }
    }

    /// An archive that can't be told apart by participant is out of reach of an erasure.
    fn note_archive(&mut self, event_types: &[EventType]) {
        let cold = self.pipeline.value.spec.storage.as_ref().and_then(|storage| storage.cold.as_ref());
        if cold.is_none_or(|cold| cold.archive.is_none()) {
            return;
        }
        for EventType { config, .. } in event_types {
            if !config.privacy.is_empty() && config.event.participant.is_none() {
                self.notes.push(format!(
                    "{}: its archive is sealed with the pipeline's key, and not by participant, which an erasure doesn't \
                     reach; write event.participant",
                    config.name
                ));
            }
        }
    }

    fn limits(&self) -> Limits {
        let given = self.pipeline.value.spec.limits.unwrap_or_default();
        let default = Limits::default();
        Limits {
            event_bytes: given.event_bytes.unwrap_or(default.event_bytes),
            depth: given.depth.unwrap_or(default.depth),
        }
    }

    fn namespace(&self) -> &'a str {
        namespace(self.pipeline.value.metadata.namespace.as_deref())
    }

    /// Whether the pipeline lists an event type; says so at `path` if not.
    fn lists(&mut self, path: &str, name: &str) -> bool {
        let schemas = &self.pipeline.value.spec.schemas;
        let listed = schemas.iter().any(|schema| schema.name == name);
        if !listed {
            let names = join(schemas.iter().map(|schema| schema.name.as_str()));
            let message = format!("names `{name}`, which is not in spec.schemas");
            self.problem(path, message, format!("write one of {names}, or add it there"));
        }
        listed
    }

    /// The event type that is named, or the only one; says at `path` if neither, of who `does` something with its events.
    fn whose_events<'e>(
        &mut self,
        path: &str,
        schema: Option<&str>,
        does: &str,
        event_types: &'e [EventType],
    ) -> Option<&'e EventType> {
        let schemas = &self.pipeline.value.spec.schemas;
        let name = match (schema, schemas.as_slice()) {
            (Some(name), _) if self.lists(&format!("{path}.schema"), name) => name,
            (Some(_), _) => return None,
            (None, [only]) => &only.name,
            (None, several) => {
                let names = join(several.iter().map(|schema| schema.name.as_str()));
                let message = format!("doesn't say whose events it {does}");
                self.problem(path, message, format!("write schema: one of {names}"));
                return None;
            }
        };
        event_types.iter().find(|event_type| event_type.config.name == name)
    }

    /// Notes a problem of the pipeline.
    fn problem(&mut self, path: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(self.pipeline.problem(path, message, fix));
    }
}

fn join<'t>(names: impl Iterator<Item = &'t str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
