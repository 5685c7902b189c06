//! One pipeline with everything that it refers to, resolved and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;
use transect_config::{
    AggregateConfig, ColdConfig, DedupConfig, EventFields, EventTypeConfig, Function, Limits, PipelineConfig,
    Pointer, SourceConfig, SourceKind, Span, TimeFormat, WindowConfig, WindowKind,
};
use transect_core::plan::{Coverage, Plan};
use transect_core::window::WindowPlan;
use transect_crds::pipeline::{Aggregate, AggregateFunction, PARTITIONS_DEFAULT, Source, Window};
use transect_crds::study_schema::{self, SchemaVersion};
use transect_crds::yaml::{Located, Problem};
use transect_crds::{ResearchPipeline, StudySchema};

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
pub fn resolve(
    schemas: &[Located<StudySchema>],
    config_maps: &[Located<ConfigMap>],
    pipeline: &Located<ResearchPipeline>,
    overrides: &Overrides,
) -> Result<Resolved, Vec<Problem>> {
    let mut resolver = Resolver { schemas, config_maps, pipeline, problems: Vec::new(), notes: Vec::new() };
    let config = resolver.pipeline(overrides);
    if resolver.problems.is_empty() {
        Ok(Resolved { config, notes: resolver.notes })
    } else {
        Err(resolver.problems)
    }
}

struct Resolver<'a> {
    schemas: &'a [Located<StudySchema>],
    config_maps: &'a [Located<ConfigMap>],
    pipeline: &'a Located<ResearchPipeline>,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

impl Resolver<'_> {
    fn problem(&mut self, path: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(self.pipeline.problem(path, message, fix));
    }

    fn namespace(&self) -> String {
        namespace(self.pipeline.value.metadata.namespace.as_deref())
    }

    fn pipeline(&mut self, overrides: &Overrides) -> PipelineConfig {
        let spec = &self.pipeline.value.spec;
        let limits = spec.limits.unwrap_or_default();
        let limits = Limits {
            event_bytes: limits.event_bytes.unwrap_or(Limits::default().event_bytes),
            depth: limits.depth.unwrap_or(Limits::default().depth),
        };
        let event_types: Vec<EventTypeConfig> =
            (0..spec.schemas.len()).filter_map(|at| self.event_type(at)).collect();
        let plans = self.plans(&event_types, limits);
        let sources = (0..spec.sources.len()).filter_map(|at| self.source(at, overrides)).collect();
        for name in overrides.keys().filter(|name| !spec.sources.iter().any(|source| source.name == **name)) {
            let names: Vec<&str> = spec.sources.iter().map(|source| source.name.as_str()).collect();
            let message = format!("has no source `{name}`, but --input names it");
            self.problem("spec.sources", message, format!("use one of: {}", names.join(", ")));
        }
        let mut windows = Vec::with_capacity(spec.windows.len());
        for (at, window) in spec.windows.iter().enumerate() {
            windows.extend(self.window(at, window, &event_types, &plans));
        }
        let dedup = spec.dedup.as_ref().and_then(|dedup| dedup.window.as_deref());
        let cold = spec.storage.as_ref().and_then(|storage| storage.cold.as_ref());
        PipelineConfig {
            namespace: self.namespace(),
            name: self.pipeline.value.metadata.name.clone().unwrap_or_default(),
            generation: self.pipeline.value.metadata.generation.map_or(1, i64::unsigned_abs),
            study: spec.study.clone(),
            partitions: spec.broker.as_ref().map_or(PARTITIONS_DEFAULT, |broker| broker.partitions),
            event_types,
            sources,
            dedup: DedupConfig { window: self.span("spec.dedup.window", dedup, Span::from_hours(24)) },
            windows,
            cold: match cold {
                Some(cold) => ColdConfig { table: cold.table.is_some(), archive: cold.archive.is_some() },
                None => ColdConfig { table: true, archive: false },
            },
            limits,
        }
    }

    fn event_type(&mut self, at: usize) -> Option<EventTypeConfig> {
        let reference = &self.pipeline.value.spec.schemas[at];
        let path = format!("spec.schemas[{at}]");
        let ours = |schema: &&Located<StudySchema>| {
            schema.value.metadata.name.as_deref() == Some(&reference.name)
                && namespace(schema.value.metadata.namespace.as_deref()) == self.namespace()
        };
        let Some(schema) = self.schemas.iter().find(ours) else {
            let message = format!("names the StudySchema `{}`, which is not there", reference.name);
            let fix =
                format!("add one with this name and namespace {}, or correct the name", self.namespace());
            self.problem(&format!("{path}.name"), message, fix);
            return None;
        };
        let study = &schema.value.spec.study;
        if *study != self.pipeline.value.spec.study {
            let message = format!("names a StudySchema of the study `{study}`");
            self.problem(
                &format!("{path}.name"),
                message,
                format!("write spec.study: {study}, or use another schema"),
            );
            return None;
        }
        let wanted =
            |version: &&SchemaVersion| reference.version.is_none_or(|wanted| wanted == version.version);
        let version = schema.value.spec.versions.iter().filter(wanted).max_by_key(|version| version.version);
        let Some(version) = version else {
            let have: Vec<String> =
                schema.value.spec.versions.iter().map(|v| v.version.to_string()).collect();
            let message = format!("pins a version that `{}` doesn't have", reference.name);
            self.problem(&format!("{path}.version"), message, format!("write one of: {}", have.join(", ")));
            return None;
        };
        let document = self.document(schema, version)?;
        let event = self.event_fields(schema)?;
        Some(EventTypeConfig {
            name: reference.name.clone(),
            schema_version: version.version,
            schema: document,
            event,
        })
    }

    /// The schema document of a version: inline, or in a ConfigMap.
    fn document(&mut self, schema: &Located<StudySchema>, version: &SchemaVersion) -> Option<Value> {
        if let Some(document) = &version.schema {
            return Some(document.clone());
        }
        let reference = &version.schema_from.as_ref()?.config_map_key_ref;
        let at = schema.value.spec.versions.iter().position(|v| v.version == version.version).unwrap_or(0);
        let path = format!("spec.versions[{at}].schemaFrom.configMapKeyRef");
        let own = namespace(schema.value.metadata.namespace.as_deref());
        let named = |map: &&Located<ConfigMap>| {
            map.value.metadata.name.as_deref() == Some(&reference.name)
                && namespace(map.value.metadata.namespace.as_deref()) == own
        };
        let found = self.config_maps.iter().find(named);
        let text = found.and_then(|map| map.value.data.as_ref()?.get(&reference.key));
        let Some(text) = text else {
            let what = if found.is_none() { "names a ConfigMap" } else { "names a key" };
            let message = format!("{what} that is not there: {}, {}", reference.name, reference.key);
            self.problems.push(schema.problem(
                &path,
                message,
                "add it to the manifests, or correct the name",
            ));
            return None;
        };
        match serde_json::from_str(text) {
            Ok(document) => Some(document),
            Err(error) => {
                let message = format!("refers to text that is no JSON: {error}");
                self.problems.push(schema.problem(
                    &path,
                    message,
                    "correct the JSON Schema in the ConfigMap",
                ));
                None
            }
        }
    }

    fn event_fields(&mut self, schema: &Located<StudySchema>) -> Option<EventFields> {
        let before = self.problems.len();
        let event = &schema.value.spec.event;
        let mut pointer = |path: &str, text: &str| match text.parse::<Pointer>() {
            Ok(pointer) => pointer,
            Err(error) => {
                self.problems.push(schema.problem(path, error.to_string(), ""));
                Pointer::default()
            }
        };
        let list = |name: &str, all: &[String], pointer: &mut dyn FnMut(&str, &str) -> Pointer| {
            all.iter()
                .enumerate()
                .map(|(at, text)| pointer(&format!("spec.event.{name}[{at}]"), text))
                .collect()
        };
        let id = list("id", &event.id, &mut pointer);
        let key = list("key", &event.key, &mut pointer);
        let time = pointer("spec.event.time", &event.time);
        let event_type = event.event_type.as_deref().map(|text| pointer("spec.event.type", text));
        let region = event.region.as_deref().map(|text| pointer("spec.event.region", text));
        let mut span = |path: &str, text: &Option<String>| -> Option<Span> {
            let parsed = text.as_deref()?.parse();
            parsed
                .map_err(|error: transect_config::SpanError| {
                    self.problems.push(schema.problem(path, error.to_string(), ""));
                })
                .ok()
        };
        let delay = span("spec.event.delay", &event.delay).unwrap_or(Span::ZERO);
        let max_ahead = span("spec.event.maxAhead", &event.max_ahead);
        let time_format = match event.time_format.unwrap_or_default() {
            study_schema::TimeFormat::Rfc3339 => TimeFormat::Rfc3339,
            study_schema::TimeFormat::UnixSeconds => TimeFormat::UnixSeconds,
            study_schema::TimeFormat::UnixMillis => TimeFormat::UnixMillis,
            study_schema::TimeFormat::UnixMicros => TimeFormat::UnixMicros,
        };
        let fields = EventFields { event_type, id, time, time_format, key, region, delay, max_ahead };
        (self.problems.len() == before).then_some(fields)
    }

    /// Compiles every schema: this is where its own mistakes and those of `event` show.
    fn plans(
        &mut self,
        event_types: &[EventTypeConfig],
        limits: Limits,
    ) -> BTreeMap<String, std::sync::Arc<Plan>> {
        let mut plans = BTreeMap::new();
        for event_type in event_types {
            match Plan::compile(event_type, &limits) {
                Ok(plan) => {
                    if let Coverage::Fallback(reasons) = plan.coverage() {
                        self.notes.push(format!(
                            "{}: checked a second time by a general validator, which is slower, because of: {}",
                            event_type.name,
                            reasons.join("; ")
                        ));
                    }
                    plans.insert(event_type.name.clone(), plan);
                }
                Err(error) => {
                    let name = |s: &&Located<StudySchema>| {
                        s.value.metadata.name.as_deref() == Some(&event_type.name)
                    };
                    let Some(schema) = self.schemas.iter().find(name) else { continue };
                    let versions = &schema.value.spec.versions;
                    let at =
                        versions.iter().position(|v| v.version == event_type.schema_version).unwrap_or(0);
                    let path = schema.places.below(&format!("spec.versions[{at}].schema"), &error.pointer);
                    self.problems.push(schema.problem(&path, error.message, ""));
                }
            }
        }
        plans
    }

    fn source(&mut self, at: usize, overrides: &Overrides) -> Option<SourceConfig> {
        let source: &Source = &self.pipeline.value.spec.sources[at];
        let path = format!("spec.sources[{at}]");
        if let Some(name) = &source.schema
            && !self.pipeline.value.spec.schemas.iter().any(|schema| schema.name == *name)
        {
            self.problem(
                &format!("{path}.schema"),
                format!("names `{name}`, which is not in spec.schemas"),
                "add it there",
            );
        }
        let kind = match (overrides.get(&source.name), &source.files) {
            (Some(paths), _) => SourceKind::Files { paths: paths.clone() },
            (None, Some(files)) => {
                // Paths are seen from where the manifest lies.
                let folder = PathBuf::from(self.pipeline.file());
                let folder = folder.parent().map(PathBuf::from).unwrap_or_default();
                SourceKind::Files { paths: files.paths.iter().map(|path| folder.join(path)).collect() }
            }
            (None, None) if source.http.is_some() => SourceKind::Http {},
            // Refused by name in `local`; on a cluster, other roles read these.
            (None, None) => return None,
        };
        Some(SourceConfig { name: source.name.clone(), event_type: source.schema.clone(), kind })
    }

    fn window(
        &mut self,
        at: usize,
        window: &Window,
        event_types: &[EventTypeConfig],
        plans: &BTreeMap<String, std::sync::Arc<Plan>>,
    ) -> Option<WindowConfig> {
        let path = format!("spec.windows[{at}]");
        let event_type = match (&window.schema, event_types) {
            (Some(name), _) => name.clone(),
            (None, [only]) => only.name.clone(),
            (None, []) => return None,
            (None, _) => {
                let names: Vec<&str> =
                    event_types.iter().map(|event_type| event_type.name.as_str()).collect();
                self.problem(
                    &path,
                    "doesn't say whose events it gathers",
                    format!("write schema: one of {}", names.join(", ")),
                );
                return None;
            }
        };
        let Some(plan) = plans.get(&event_type) else {
            if !self.pipeline.value.spec.schemas.iter().any(|schema| schema.name == event_type) {
                let message = format!("names `{event_type}`, which is not in spec.schemas");
                self.problem(&format!("{path}.schema"), message, "add it there, or correct the name");
            }
            return None;
        };
        let config = WindowConfig {
            name: window.name.clone(),
            event_type,
            kind: self.kind(&path, window)?,
            group_by: self.pointers(&format!("{path}.groupBy"), &window.group_by)?,
            allowed_lateness: self.span(
                &format!("{path}.allowedLateness"),
                window.allowed_lateness.as_deref(),
                Span::ZERO,
            ),
            aggregates: self.aggregates(&path, &window.aggregates)?,
        };
        if let Err(error) = WindowPlan::of(&config, plan) {
            self.problem(&path, format!("{}: {}", error.place, error.problem), "");
        }
        Some(config)
    }

    fn kind(&mut self, path: &str, window: &Window) -> Option<WindowKind> {
        let day = Span::from_hours(24);
        if let Some(tumbling) = &window.tumbling {
            let size = self.span(&format!("{path}.tumbling.size"), Some(&tumbling.size), day);
            return Some(WindowKind::Tumbling { size });
        }
        if let Some(sliding) = &window.sliding {
            let size = self.span(&format!("{path}.sliding.size"), Some(&sliding.size), day);
            let every = self.span(&format!("{path}.sliding.every"), Some(&sliding.every), size);
            return Some(WindowKind::Sliding { size, every });
        }
        let session = window.session.as_ref()?;
        let gap = self.span(&format!("{path}.session.gap"), Some(&session.gap), day);
        let max = self.span(&format!("{path}.session.max"), session.max.as_deref(), day);
        Some(WindowKind::Session { gap, max })
    }

    fn aggregates(&mut self, path: &str, aggregates: &[Aggregate]) -> Option<Vec<AggregateConfig>> {
        let mut resolved = Vec::with_capacity(aggregates.len());
        for (at, aggregate) in aggregates.iter().enumerate() {
            let path = format!("{path}.aggregates[{at}].field");
            let field = match &aggregate.field {
                Some(text) => Some(self.pointer(&path, text)?),
                None => None,
            };
            let function = function(aggregate);
            resolved.push(AggregateConfig { name: aggregate.name.clone(), function, field });
        }
        Some(resolved)
    }

    fn pointers(&mut self, path: &str, texts: &[String]) -> Option<Vec<Pointer>> {
        texts.iter().enumerate().map(|(at, text)| self.pointer(&format!("{path}[{at}]"), text)).collect()
    }

    fn pointer(&mut self, path: &str, text: &str) -> Option<Pointer> {
        text.parse()
            .map_err(|error: transect_config::PointerError| self.problem(path, error.to_string(), ""))
            .ok()
    }

    fn span(&mut self, path: &str, text: Option<&str>, default: Span) -> Span {
        let Some(text) = text else { return default };
        text.parse().unwrap_or_else(|error: transect_config::SpanError| {
            self.problem(path, error.to_string(), "");
            default
        })
    }
}

fn namespace(namespace: Option<&str>) -> String {
    namespace.unwrap_or("default").to_owned()
}

fn function(aggregate: &Aggregate) -> Function {
    match aggregate.function {
        AggregateFunction::Count => Function::Count,
        AggregateFunction::Sum => Function::Sum,
        AggregateFunction::Mean => Function::Mean,
        AggregateFunction::Min => Function::Min,
        AggregateFunction::Max => Function::Max,
        AggregateFunction::StdDev => Function::StdDev,
        AggregateFunction::Quantile => Function::Quantile { q: aggregate.q.unwrap_or(0.5) },
        AggregateFunction::Distinct => Function::Distinct,
        AggregateFunction::First => Function::First,
        AggregateFunction::Last => Function::Last,
    }
}
