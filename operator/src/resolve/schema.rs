//! A StudySchema up to one of its versions: the documents, the fields with a meaning, and the plans that they make.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, SchemaFormat, Span, TimeFormat};
use transect_core::lookup::Lookups;
use transect_core::plan::{Plan, PlanError};
use transect_core::versions::Versions;
use transect_crds::StudySchema;
use transect_crds::study_schema::{self, SchemaVersion};
use transect_crds::yaml::{self, Located};

use super::family::said;
use super::problems::Problems;
use super::{EventType, join, namespace, rules, versions};

/// Compiles StudySchemas.
pub(super) struct SchemaCompiler<'r, 'a> {
    pub(super) config_maps: &'a [Located<ConfigMap>],
    pub(super) limits: &'r Limits,
    /// The tables of the pipeline; None where it is not known which pipeline it is.
    pub(super) lookups: Option<&'r Lookups>,
    pub(super) problems: &'r mut Problems,
    pub(super) notes: &'r mut Vec<String>,
}

impl<'a> SchemaCompiler<'_, 'a> {
    /// The event type whose newest version is `spec.versions[at]`, as far as it can be made; its oldest is the least, unless
    /// another is given.
    pub(super) fn compile(
        &mut self,
        schema: &Located<StudySchema>,
        oldest: Option<u32>,
        at: usize,
    ) -> Option<EventType> {
        let version = &schema.value.spec.versions[at];
        let document = self.document(schema, at, version);
        let family = self.family(schema, at, version);
        let older = self.older(schema, oldest, version.version);
        let renamed = self.renamed(schema, oldest, version.version);
        let event = self.event_fields(schema);
        let cleanse = self.cleanse(schema);
        let privacy = self.privacy(schema);
        let (older, mut families): (Vec<_>, Vec<_>) = older?.into_iter().unzip();
        let mut config = EventTypeConfig {
            name: schema.value.metadata.name.clone().unwrap_or_default(),
            schema_version: version.version,
            format: match schema.value.spec.format.unwrap_or_default() {
                study_schema::SchemaFormat::JsonSchema => SchemaFormat::JsonSchema,
                study_schema::SchemaFormat::Avro => SchemaFormat::Avro,
            },
            schema: document?,
            family: family.documents.clone(),
            older,
            renamed: renamed?,
            event: event?,
            cleanse: cleanse?,
            rules: schema.value.spec.rules.iter().map(rules::config).collect(),
            privacy: privacy?,
        };
        families.push(family);
        self.cleansed(schema, &config);
        let mut private = None;
        let versions = match Versions::compile(&config, self.limits) {
            Ok(versions) => {
                self.note_versions(&config, &versions);
                self.described(schema, &config.event, &versions.newest().plan);
                self.rules(schema, &config, &versions);
                private = self.private(schema, &config, &versions);
                versions::leave_out_unreached(&mut config, &versions);
                Some(versions)
            }
            Err(errors) => {
                self.bad_versions(schema, &config, &families, errors);
                None
            }
        };
        Some(EventType { config, versions, privacy: private })
    }

    /// The schema document of a version: inline, or in a ConfigMap.
    pub(super) fn document(
        &mut self,
        schema: &Located<StudySchema>,
        at: usize,
        version: &SchemaVersion,
    ) -> Option<Value> {
        if let Some(document) = &version.schema {
            return Some(document.clone());
        }
        let reference = &version.schema_from.as_ref()?.config_map_key_ref;
        let path = format!("spec.versions[{at}].schemaFrom.configMapKeyRef");
        let Some(map) = self.config_map(schema, &reference.name) else {
            self.missing_config_map(schema, &format!("{path}.name"), &reference.name);
            return None;
        };
        let data = map.value.data.iter().flatten();
        let Some((_, text)) = data.clone().find(|(key, _)| **key == reference.key) else {
            let message = format!(
                "names the key `{}`, which ConfigMap `{}` doesn't have",
                reference.key, reference.name
            );
            let fix = match join(data.map(|(key, _)| key.as_str())) {
                none if none.is_empty() => "add it to the ConfigMap's data".to_owned(),
                keys => format!("write one of {keys}"),
            };
            self.problems.push(schema.problem(&format!("{path}.key"), message, fix));
            return None;
        };
        match yaml::read_object(text) {
            Ok(document) => Some(document),
            Err(message) => {
                let path = format!("data.{}", reference.key);
                let fix = match schema.value.spec.format.unwrap_or_default() {
                    study_schema::SchemaFormat::JsonSchema => "write a JSON Schema there, as JSON or YAML",
                    study_schema::SchemaFormat::Avro => "write a schema in Avro there, as JSON or YAML",
                };
                self.problems.push(map.problem(&path, message, fix));
                None
            }
        }
    }

    /// The ConfigMap of a name in a schema's namespace.
    pub(super) fn config_map(
        &self,
        schema: &Located<StudySchema>,
        name: &str,
    ) -> Option<&'a Located<ConfigMap>> {
        let own = namespace(schema.value.metadata.namespace.as_deref());
        self.config_maps.iter().find(|map| {
            map.value.metadata.name.as_deref() == Some(name)
                && namespace(map.value.metadata.namespace.as_deref()) == own
        })
    }

    pub(super) fn missing_config_map(&mut self, schema: &Located<StudySchema>, path: &str, name: &str) {
        let own = namespace(schema.value.metadata.namespace.as_deref());
        let message = format!("names the ConfigMap `{name}`, which is not there");
        let fix = format!("add it to the manifests, in the namespace `{own}`, or correct the name");
        self.problems.push(schema.problem(path, message, fix));
    }

    fn event_fields(&mut self, schema: &Located<StudySchema>) -> Option<EventFields> {
        let event = &schema.value.spec.event;
        let before = self.problems.len();
        let mut optional = |name: &str, text: &Option<String>| {
            text.as_deref()
                .and_then(|text| self.problems.pointer(schema, &format!("spec.event.{name}"), text))
        };
        let event_type = optional("type", &event.event_type);
        let region = optional("region", &event.region);
        let version = optional("version", &event.version);
        let participant = optional("participant", &event.participant);
        let id = self.problems.pointers(schema, "spec.event.id", &event.id);
        let key = self.problems.pointers(schema, "spec.event.key", &event.key);
        let time = self.problems.pointer(schema, "spec.event.time", &event.time);
        let delay =
            self.problems.span(schema, "spec.event.delay", event.delay.as_deref()).unwrap_or(Span::ZERO);
        let max_ahead = self.problems.span(schema, "spec.event.maxAhead", event.max_ahead.as_deref());
        if self.problems.len() > before {
            return None;
        }
        let time_format = match event.time_format.unwrap_or_default() {
            study_schema::TimeFormat::Rfc3339 => TimeFormat::Rfc3339,
            study_schema::TimeFormat::UnixSeconds => TimeFormat::UnixSeconds,
            study_schema::TimeFormat::UnixMillis => TimeFormat::UnixMillis,
            study_schema::TimeFormat::UnixMicros => TimeFormat::UnixMicros,
        };
        Some(EventFields {
            event_type,
            version,
            id: id?,
            time: time?,
            time_format,
            key: key?,
            region,
            participant,
            delay,
            max_ahead,
        })
    }

    /// These may be absent, so that a misspelt one would never be found.
    fn described(&mut self, schema: &Located<StudySchema>, event: &EventFields, plan: &Plan) {
        let fields = [
            ("type", &event.event_type),
            ("version", &event.version),
            ("region", &event.region),
            ("participant", &event.participant),
        ];
        for (name, pointer) in fields {
            if let Some(pointer) = pointer.as_ref().filter(|pointer| plan.column(pointer).is_none()) {
                let message = format!("`{pointer}` names no property of the schema");
                let fix = "correct the pointer, or describe the field in the schema";
                self.problems.push(schema.problem(&format!("spec.event.{name}"), message, fix));
            }
        }
    }

    /// Says what is wrong with a version's schema, or with a field of `event`, here by its names in that version, that doesn't
    /// go with it.
    pub(super) fn bad_plan(
        &mut self,
        schema: &Located<StudySchema>,
        (at, is_older): (usize, bool),
        event: &EventFields,
        error: &PlanError,
    ) {
        let versions = &schema.value.spec.versions;
        let in_version =
            if is_older { format!(" in version {}", versions[at].version) } else { String::new() };
        let fields = [("time", std::slice::from_ref(&event.time)), ("id", &event.id), ("key", &event.key)];
        for (name, pointers) in fields {
            for (index, pointer) in pointers.iter().enumerate() {
                let Some(message) = error.message.strip_prefix(&format!("event.{name} `{pointer}` ")) else {
                    continue;
                };
                let path = if name == "time" {
                    "spec.event.time".into()
                } else {
                    format!("spec.event.{name}[{index}]")
                };
                let (message, fix) = message.split_once("; ").unwrap_or((message, ""));
                let fix = match is_older {
                    true => {
                        "say its older name by `renamed`, or read no version before by `oldest` of spec.schemas in the pipeline"
                    }
                    false => fix,
                };
                let message = format!("`{pointer}`{in_version} {message}");
                return self.problems.push(schema.problem(&path, message, fix));
            }
        }
        let path = match &schema.value.spec.versions[at].schema {
            Some(_) => schema.places.below(&format!("spec.versions[{at}].schema"), &error.pointer),
            None => format!("spec.versions[{at}].schemaFrom"),
        };
        let (said, fix) = said(error);
        let message = match (&schema.value.spec.versions[at].schema, error.pointer.as_str()) {
            (None, pointer) if !pointer.is_empty() => format!("at {pointer} of the schema: {said}"),
            _ => said.to_owned(),
        };
        self.problems.push(schema.problem(&path, message, fix));
    }
}
