//! Sources: what feeds a pipeline, by the manifest or in its place.

use std::path::{Path, PathBuf};

use transect_config::{InputFormat, KafkaSecurity, SourceConfig, SourceKind, StartAt};
use transect_crds::pipeline::{self, FileFormat, KafkaSource, MessageEncoding, Source};

use super::{EventType, Overrides, Resolver, join};

impl Resolver<'_> {
    /// All sources that a worker can read.
    pub(super) fn sources(&mut self, event_types: &[EventType], overrides: &Overrides) -> Vec<SourceConfig> {
        let pipeline = self.pipeline;
        let sources = &pipeline.value.spec.sources;
        for name in overrides.keys().filter(|name| !sources.iter().any(|source| source.name == **name)) {
            let names = join(sources.iter().map(|source| source.name.as_str()));
            let message = format!("has no source `{name}`, but --input names it");
            self.problem("spec.sources", message, format!("use one of {names}"));
        }
        let mut resolved = Vec::with_capacity(sources.len());
        for (at, source) in sources.iter().enumerate() {
            let path = format!("spec.sources[{at}]");
            if let Some(name) = &source.schema {
                self.lists(&format!("{path}.schema"), name);
            }
            self.knows_version(&path, source, event_types);
            let Some(kind) = kind(source, overrides, pipeline.file()) else { continue };
            if source.schema.is_none() && matches!(kind, SourceKind::Files { .. }) {
                self.tells_types_apart(&path, event_types);
            }
            resolved.push(SourceConfig {
                name: source.name.clone(),
                event_type: source.schema.clone(),
                schema_version: source.version,
                kind,
            });
        }
        resolved
    }

    /// That the version which a source says is one of its event type's.
    fn knows_version(&mut self, path: &str, source: &Source, event_types: &[EventType]) {
        let Some(version) = source.version else { return };
        let schemas = &self.pipeline.value.spec.schemas;
        let name = match (&source.schema, schemas.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => &only.name,
            (None, several) => {
                let names = join(several.iter().map(|schema| schema.name.as_str()));
                let message = "says a version, but not of which schema";
                return self.problem(
                    &format!("{path}.version"),
                    message,
                    format!("write schema: one of {names}"),
                );
            }
        };
        let Some(event_type) = event_types.iter().find(|known| known.config.name == *name) else { return };
        let config = &event_type.config;
        let known: Vec<u32> =
            config.older.iter().map(|older| older.version).chain([config.schema_version]).collect();
        if !known.contains(&version) {
            let message = format!("is a version of `{name}` that the pipeline doesn't read");
            let numbers: Vec<String> = known.iter().map(u32::to_string).collect();
            let fix = format!("write one of {}", numbers.join(", "));
            self.problem(&format!("{path}.version"), message, fix);
        }
    }

    /// Files carry nothing beside their events, so that among several types an event must say its own.
    fn tells_types_apart(&mut self, path: &str, event_types: &[EventType]) {
        let says = event_types.iter().any(|event_type| event_type.config.event.event_type.is_some());
        if self.pipeline.value.spec.schemas.len() > 1 && event_types.len() > 1 && !says {
            let names = join(event_types.iter().map(|event_type| event_type.config.name.as_str()));
            let fix = format!("write schema: one of {names}; or event.type in the StudySchemas");
            self.problem(path, "doesn't say which event type its events are of", fix);
        }
    }
}

/// What to read; None for kinds that no worker reads yet.
fn kind(source: &Source, overrides: &Overrides, manifest: &str) -> Option<SourceKind> {
    let format = declared(source).and_then(input_format);
    if let Some(paths) = overrides.get(&source.name) {
        return Some(SourceKind::Files { paths: paths.clone(), format });
    }
    if source.http.is_some() {
        return Some(SourceKind::Http {});
    }
    if let Some(kafka) = &source.kafka {
        return kafka_kind(kafka);
    }
    if let Some(files) = &source.files {
        // Paths are seen from where the manifest lies.
        let folder = Path::new(manifest).parent().unwrap_or(Path::new(""));
        let paths = files.paths.iter().map(|path| folder.join(path)).collect();
        return Some(SourceKind::Files { paths, format });
    }
    let url = &source.object_store.as_ref()?.url;
    url.strip_prefix("file://").map(|path| SourceKind::Files { paths: vec![PathBuf::from(path)], format })
}

/// A topic; None if it needs what no worker has yet: a login, TLS, or a registry.
fn kafka_kind(kafka: &KafkaSource) -> Option<SourceKind> {
    let needs_more = kafka.authentication.is_some() || kafka.tls.is_some() || kafka.schema_registry.is_some();
    if needs_more || kafka.encoding.unwrap_or_default() != MessageEncoding::Json {
        return None;
    }
    let start = match kafka.start.unwrap_or_default() {
        pipeline::StartAt::Earliest => StartAt::Earliest,
        pipeline::StartAt::Latest => StartAt::Latest,
    };
    let bootstrap_servers = kafka.bootstrap_servers.clone();
    Some(SourceKind::Kafka {
        topic: kafka.topic.clone(),
        bootstrap_servers,
        security: KafkaSecurity::default(),
        start,
    })
}

/// What the manifest says of how a source's files are written.
pub(crate) fn declared(source: &Source) -> Option<FileFormat> {
    let store = source.object_store.as_ref().and_then(|store| store.format);
    store.or_else(|| source.files.as_ref()?.format)
}

/// The same for a worker; None for formats that no worker reads yet.
pub(crate) fn input_format(format: FileFormat) -> Option<InputFormat> {
    match format {
        FileFormat::Json => Some(InputFormat::Json),
        FileFormat::Csv => Some(InputFormat::Csv),
        FileFormat::CloudEvents => Some(InputFormat::CloudEvents),
        FileFormat::Avro => Some(InputFormat::Avro),
        FileFormat::Parquet => None,
    }
}
