//! The documents to which a version's schema may refer: the other keys of its own ConfigMap, and all keys of those that
//! `familyFrom` names. A key that holds no schema is in nobody's way, unless a reference leads to it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use transect_config::SchemaFamily;
use transect_core::plan::{Plan, PlanError};
use transect_crds::StudySchema;
use transect_crds::study_schema::SchemaVersion;
use transect_crds::yaml::{self, Located, Problem};

use super::schema::SchemaCompiler;

/// The documents of a family and where each stands.
#[derive(Default)]
pub(super) struct Family<'a> {
    pub(super) documents: SchemaFamily,
    /// The ConfigMap that holds a document, by the document's name.
    origins: BTreeMap<String, &'a Located<ConfigMap>>,
    /// Why a key holds no document.
    unreadable: BTreeMap<String, String>,
}

impl<'a> Family<'a> {
    /// Leaves out what the plan doesn't reach, so that a worker is told no more than it needs.
    pub(super) fn of_plan(documents: SchemaFamily, plan: &Plan) -> SchemaFamily {
        let SchemaFamily { name, mut documents } = documents;
        documents.retain(|name, _| plan.documents().contains(name));
        if documents.is_empty() { SchemaFamily::default() } else { SchemaFamily { name, documents } }
    }

    /// Adds the keys of a ConfigMap; the name of the first that another one has with another text.
    fn add(&mut self, map: &'a Located<ConfigMap>) -> Option<String> {
        let mut twice = None;
        for (key, text) in map.value.data.iter().flatten().filter(|(key, _)| **key != self.documents.name) {
            if let Some(other) = self.origins.get(key) {
                let same = other.value.data.as_ref().and_then(|data| data.get(key)) == Some(text);
                twice = twice.or_else(|| (!same).then(|| key.clone()));
                continue;
            }
            self.origins.insert(key.clone(), map);
            match yaml::read_object(text) {
                Ok(document) => drop(self.documents.documents.insert(key.clone(), document)),
                Err(message) => drop(self.unreadable.insert(key.clone(), message)),
            }
        }
        twice
    }

    /// A problem that lies in a document of the family; None where it lies in the schema itself.
    pub(super) fn problem(&self, error: &PlanError) -> Option<Problem> {
        let missing = error.missing.as_deref().map(|name| name.trim_start_matches("./"));
        if let Some((key, why)) = missing.and_then(|name| self.unreadable.get_key_value(name)) {
            let message = format!("{why}, but a schema refers to it");
            return Some(self.origins.get(key)?.problem(
                &format!("data.{key}"),
                message,
                "write a JSON Schema there, as JSON or YAML",
            ));
        }
        let map = self.origins.get(&error.document)?;
        let (message, fix) = said(error);
        let message = format!("at {} of the schema: {message}", error.pointer);
        Some(map.problem(&format!("data.{}", error.document), message, fix))
    }
}

/// What is said of an error, and how to fix it where a document is missing.
pub(super) fn said(error: &PlanError) -> (&str, &'static str) {
    match error.message.split_once("; ").filter(|_| error.missing.is_some()) {
        Some((message, _)) => {
            let fix =
                "add it as a key of the schema's ConfigMap, or name a ConfigMap that has it in familyFrom";
            (message, fix)
        }
        None => (&error.message, ""),
    }
}

impl<'a> SchemaCompiler<'_, 'a> {
    /// The family of `spec.versions[at]`.
    pub(super) fn family(
        &mut self,
        schema: &Located<StudySchema>,
        at: usize,
        version: &SchemaVersion,
    ) -> Family<'a> {
        let mut family = Family::default();
        if let Some(from) = &version.schema_from {
            let reference = &from.config_map_key_ref;
            family.documents.name = reference.key.clone();
            // That it is missing is said where the schema itself is looked for.
            if let Some(map) = self.config_map(schema, &reference.name) {
                family.add(map);
            }
        }
        for (index, from) in version.family_from.iter().enumerate() {
            let name = &from.config_map_ref.name;
            let path = format!("spec.versions[{at}].familyFrom[{index}].configMapRef.name");
            let Some(map) = self.config_map(schema, name) else {
                self.missing_config_map(schema, &path, name);
                continue;
            };
            if let Some(key) = family.add(map) {
                let message = format!(
                    "names the ConfigMap `{name}`, whose key `{key}` another one of the family has too"
                );
                self.problems.push(schema.problem(&path, message, "rename one of the two"));
            }
        }
        family
    }
}
