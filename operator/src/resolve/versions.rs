//! The versions of a StudySchema beside its newest: their documents, the names that fields had in them, and what is said
//! where they don't go together.

use transect_config::{EventTypeConfig, OlderVersion, Rename};
use transect_core::plan::Coverage;
use transect_core::versions::{RenameError, Versions, VersionsError, event_in};
use transect_crds::StudySchema;
use transect_crds::yaml::Located;

use super::family::Family;
use super::schema::SchemaCompiler;

impl<'a> SchemaCompiler<'_, 'a> {
    /// The versions from one up to another, without it, the oldest first, with the families of their schemas. None if one can't be read.
    pub(super) fn older(
        &mut self,
        schema: &Located<StudySchema>,
        oldest: Option<u32>,
        newest: u32,
    ) -> Option<Vec<(OlderVersion, Family<'a>)>> {
        let versions = schema.value.spec.versions.iter().enumerate();
        let mut older: Vec<_> = versions
            .filter(|(_, version)| {
                version.version < newest && oldest.is_none_or(|oldest| version.version >= oldest)
            })
            .collect();
        older.sort_by_key(|(_, version)| version.version);
        let read = older.into_iter().map(|(at, version)| {
            let document = self.document(schema, at, version);
            let family = self.family(schema, at, version);
            let (version, documents) = (version.version, family.documents.clone());
            document.map(|schema| (OlderVersion { version, schema, family: documents }, family))
        });
        // All of them, so that every problem is said.
        read.collect::<Vec<_>>().into_iter().collect()
    }

    /// The names that changed after the oldest version up to the newest, the oldest first. None if one can't be read.
    pub(super) fn renamed(
        &mut self,
        schema: &Located<StudySchema>,
        oldest: Option<u32>,
        newest: u32,
    ) -> Option<Vec<Rename>> {
        let mut renamed = Vec::new();
        for (at, version) in schema.value.spec.versions.iter().enumerate() {
            if version.version > newest || oldest.is_some_and(|oldest| version.version <= oldest) {
                continue;
            }
            for (index, field) in version.renamed.iter().enumerate() {
                let path = format!("spec.versions[{at}].renamed[{index}]");
                let from = self.problems.pointer(schema, &format!("{path}.from"), &field.from);
                let to = self.problems.pointer(schema, &format!("{path}.to"), &field.to);
                let version = version.version;
                renamed.push(from.zip(to).map(|(from, to)| Rename { version, from, to }));
            }
        }
        let mut renamed: Vec<Rename> = renamed.into_iter().collect::<Option<_>>()?;
        renamed.sort_by_key(|rename| rename.version);
        Some(renamed)
    }

    /// Notes what is slow, and what became of fields in which the versions have no type in common.
    pub(super) fn note_versions(&mut self, config: &EventTypeConfig, versions: &Versions) {
        for version in versions.all() {
            if let Coverage::Fallback(reasons) = version.plan.coverage() {
                let of = if versions.all().len() > 1 {
                    format!(", version {}", version.number)
                } else {
                    String::new()
                };
                self.notes.push(format!(
                    "{}{of}: checked a second time by a general validator, which is slower, because of: {}",
                    config.name,
                    reasons.join("; ")
                ));
            }
        }
        for field in versions.table().mixed() {
            self.notes.push(format!(
                "{}: the column of {field} is text in JSON, because its versions have no type in common there",
                config.name
            ));
        }
    }

    /// Says what is wrong with the versions of an event type; the newest's family is the last.
    pub(super) fn bad_versions(
        &mut self,
        schema: &Located<StudySchema>,
        config: &EventTypeConfig,
        families: &[Family<'a>],
        errors: Vec<VersionsError>,
    ) {
        let at = |number: u32| {
            let versions = &schema.value.spec.versions;
            versions.iter().position(|version| version.version == number).unwrap_or_default()
        };
        let newest = config.schema_version;
        let is_wrong = |error: &VersionsError| matches!(error, VersionsError::Plan { version, .. } if *version == newest);
        let newest_is_wrong = errors.iter().any(is_wrong);
        for error in errors {
            match error {
                // Of a field that the newest version hasn't either it is said once.
                VersionsError::Plan { version, error }
                    if version != newest && newest_is_wrong && error.message.starts_with("event.") => {}
                VersionsError::Plan { version, error } => {
                    let older = config.older.iter().position(|older| older.version == version);
                    let family = older.map_or(families.last(), |older| families.get(older));
                    match family.and_then(|family| family.problem(&error)) {
                        Some(problem) => self.problems.push_new(problem),
                        None => {
                            let (at, event) = ((at(version), older.is_some()), event_in(config, version));
                            self.bad_plan(schema, at, &event, &error);
                        }
                    }
                }
                VersionsError::Rename(RenameError { version, at: index, part, message, fix }) => {
                    let path = format!("spec.versions[{}].renamed[{index}].{part}", at(version));
                    self.problems.push(schema.problem(&path, message, fix));
                }
                // Said where the steps are held against the schema.
                VersionsError::Cleanse(_) => {}
            }
        }
    }
}

/// Leaves the documents out that no schema reaches, so that a worker is told no more than it needs.
pub(super) fn leave_out_unreached(config: &mut EventTypeConfig, versions: &Versions) {
    for version in versions.all() {
        let older = config.older.iter_mut().find(|older| older.version == version.number);
        let family = older.map_or(&mut config.family, |older| &mut older.family);
        *family = Family::of_plan(std::mem::take(family), &version.plan);
    }
}
