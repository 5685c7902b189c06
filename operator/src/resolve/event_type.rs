//! Event types: the StudySchemas that a pipeline names, in the versions that it wants.

use transect_config::Limits;
use transect_core::lookup::Lookups;
use transect_crds::StudySchema;
use transect_crds::study_schema::SchemaVersion;
use transect_crds::yaml::Located;

use super::schema::SchemaCompiler;
use super::{EventType, Resolver, namespace};

impl<'a> Resolver<'a> {
    /// The event type of `spec.schemas[at]`.
    pub(super) fn event_type(&mut self, at: usize, limits: Limits, lookups: &Lookups) -> Option<EventType> {
        let pipeline = self.pipeline;
        let reference = &pipeline.value.spec.schemas[at];
        let schema = self.study_schema(at)?;
        let versions = &schema.value.spec.versions;
        let wanted =
            |version: &SchemaVersion| reference.version.is_none_or(|wanted| wanted == version.version);
        let newest = |(_, version): &(usize, &SchemaVersion)| version.version;
        let chosen = versions.iter().enumerate().filter(|(_, version)| wanted(version)).max_by_key(newest);
        let Some((version_at, _)) = chosen else {
            let have: Vec<String> = versions.iter().map(|version| version.version.to_string()).collect();
            let message = format!("pins a version that `{}` doesn't have", reference.name);
            let fix = format!("write one of {}", have.join(", "));
            self.problem(&format!("spec.schemas[{at}].version"), message, fix);
            return None;
        };
        let newest = versions[version_at].version;
        if let Some(oldest) = reference.oldest
            && (oldest > newest || !versions.iter().any(|version| version.version == oldest))
        {
            let up_to = versions.iter().map(|version| version.version).filter(|version| *version <= newest);
            let have: Vec<String> = up_to.map(|version| version.to_string()).collect();
            let message =
                format!("begins with a version that `{}` doesn't have up to {newest}", reference.name);
            let fix = format!("write one of {}", have.join(", "));
            self.problem(&format!("spec.schemas[{at}].oldest"), message, fix);
            return None;
        }
        let Self { config_maps, problems, notes, .. } = self;
        let mut compiler =
            SchemaCompiler { config_maps, limits: &limits, lookups: Some(lookups), problems, notes };
        let event_type = compiler.compile(schema, reference.oldest, version_at);
        compiler.compatibility(schema);
        event_type
    }

    /// The StudySchema that `spec.schemas[at]` names.
    fn study_schema(&mut self, at: usize) -> Option<&'a Located<StudySchema>> {
        let spec = &self.pipeline.value.spec;
        let name = &spec.schemas[at].name;
        let path = format!("spec.schemas[{at}].name");
        let own = self.namespace();
        let named = self.schemas.iter().filter(|schema| schema.value.metadata.name.as_ref() == Some(name));
        let mut elsewhere = None;
        for schema in named {
            let namespace = namespace(schema.value.metadata.namespace.as_deref());
            if namespace != own {
                elsewhere = Some(namespace);
                continue;
            }
            let study = &schema.value.spec.study;
            if *study == spec.study {
                return Some(schema);
            }
            let message = format!(
                "names a StudySchema of the study `{study}`, but the pipeline is of `{}`",
                spec.study
            );
            self.problem(&path, message, "write the same study in both");
            return None;
        }
        let message = format!("names the StudySchema `{name}`, which is not there");
        let fix = match elsewhere {
            Some(namespace) => {
                format!("write the same namespace in both: it is `{own}` here and `{namespace}` there")
            }
            None => format!(
                "add one with this name to the manifests, in the namespace `{own}`, or correct the name"
            ),
        };
        self.problem(&path, message, fix);
        None
    }
}
