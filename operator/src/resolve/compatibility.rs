//! Whether the versions of a StudySchema go with one another as its `compatibility` promises.

use std::collections::BTreeMap;

use serde_json::Value;
use transect_config::{Pointer, SchemaFamily};
use transect_core::compat::{Break, CompatError, Language, Mode, Version, breaks};
use transect_crds::StudySchema;
use transect_crds::study_schema::{Compatibility, SchemaFormat};
use transect_crds::yaml::Located;

use super::problems::Problems;
use super::schema::SchemaCompiler;

/// The annotation that lets breaks pass.
const ALLOW_BREAKING: &str = "transect.dev/allow-breaking";

/// A version as far as it can be read.
#[derive(Clone)]
struct Given {
    /// Position in `spec.versions`.
    at: usize,
    number: u32,
    name: String,
    schema: Value,
    family: SchemaFamily,
}

impl Given {
    fn version(&self) -> Version<'_> {
        Version { name: &self.name, schema: &self.schema, family: &self.family }
    }
}

impl SchemaCompiler<'_, '_> {
    /// Compares each version with the one before it, or with all before it. What can't be read is a problem too: nothing
    /// can be promised of it.
    pub(super) fn compatibility(&mut self, schema: &Located<StudySchema>) {
        let spec = &schema.value.spec;
        let mode = mode(spec.compatibility.unwrap_or_default());
        let nothing_to_compare = spec.versions.len() < 2 || mode.directions().next().is_none();
        // Fields whose names are wrong would be breaks, too.
        if nothing_to_compare || self.problems.are_in(|path| path.contains("].renamed[")) {
            return;
        }
        let Some(is_allowed) = self.allows_breaking(schema) else { return };
        let given = self.versions(schema);
        for (position, new) in given.iter().enumerate() {
            let first = if mode.transitive { 0 } else { position.saturating_sub(1) };
            for old in &given[first..position] {
                self.compare(schema, old, new, mode, is_allowed);
            }
        }
    }

    /// Whether breaks may pass; None if the annotation says something else than yes or no.
    fn allows_breaking(&mut self, schema: &Located<StudySchema>) -> Option<bool> {
        let annotations = schema.value.metadata.annotations.as_ref();
        match annotations.and_then(|annotations| annotations.get(ALLOW_BREAKING)).map(String::as_str) {
            None | Some("false") => Some(false),
            Some("true") => Some(true),
            Some(other) => {
                let path = format!("metadata.annotations.{ALLOW_BREAKING}");
                let message = format!("is `{other}`, which says neither yes nor no");
                self.problems.push_new(schema.problem(&path, message, "write \"true\" or \"false\""));
                None
            }
        }
    }

    /// The versions that can be read, the oldest first.
    fn versions(&mut self, schema: &Located<StudySchema>) -> Vec<Given> {
        let mut numbered: BTreeMap<u32, Given> = BTreeMap::new();
        for (at, version) in schema.value.spec.versions.iter().enumerate() {
            let mut problems = Problems::default();
            let mut reader = SchemaCompiler {
                config_maps: self.config_maps,
                limits: self.limits,
                lookups: self.lookups,
                problems: &mut problems,
                notes: &mut Vec::new(),
            };
            let document = reader.document(schema, at, version);
            let family = reader.family(schema, at, version).documents;
            // The newest version's are said already.
            problems.into_inner().into_iter().for_each(|problem| self.problems.push_new(problem));
            let (number, name) = (version.version, format!("version {}", version.version));
            if let Some(schema) = document {
                numbered.insert(number, Given { at, number, name, schema, family });
            }
        }
        numbered.into_values().collect()
    }

    fn compare(
        &mut self,
        schema: &Located<StudySchema>,
        old: &Given,
        new: &Given,
        mode: Mode,
        is_allowed: bool,
    ) {
        let language = match schema.value.spec.format.unwrap_or_default() {
            SchemaFormat::JsonSchema => Language::JsonSchema,
            SchemaFormat::Avro => Language::Avro,
        };
        let renamed = Given { schema: renamed(schema, old, new.number), ..old.clone() };
        match breaks(language, &renamed.version(), &new.version(), mode) {
            Ok(found) if is_allowed => self.let_pass(schema, old, new, &found),
            Ok(found) => {
                for found in found {
                    let path = path(schema, new.at, found.place.as_deref());
                    let message = format!(
                        "breaks with version {} at {} ({}): {}",
                        old.number,
                        found.field(),
                        found.rule,
                        found.message
                    );
                    let fix =
                        format!("{}; or annotate the StudySchema with {ALLOW_BREAKING}: \"true\"", found.fix);
                    self.problems.push_new(schema.problem(&path, message, fix));
                }
            }
            // The newest version's own errors are said where it is compiled.
            Err(CompatError { is_new, error }) => {
                let given = if is_new { new } else { old };
                let is_newest =
                    schema.value.spec.versions.iter().all(|version| version.version <= given.number);
                let path =
                    path(schema, given.at, error.document.is_empty().then_some(error.pointer.as_str()));
                if !is_newest && !self.problems.are_in(|other| other == path) {
                    let place = match error.document.as_str() {
                        "" => String::new(),
                        document => format!("at {} of `{document}`, ", error.pointer),
                    };
                    let message = format!("can't be compared with other versions: {place}{}", error.message);
                    self.problems.push_new(schema.problem(
                        &path,
                        message,
                        "correct it, or promise nothing by compatibility: None",
                    ));
                }
            }
        }
    }

    fn let_pass(&mut self, schema: &Located<StudySchema>, old: &Given, new: &Given, found: &[Break]) {
        if !found.is_empty() {
            let name = schema.value.metadata.name.as_deref().unwrap_or_default();
            let rules: Vec<String> =
                found.iter().map(|found| format!("{} at {}", found.rule, found.field())).collect();
            let note = format!(
                "{name}: {} breaks with {}, which {ALLOW_BREAKING} allows: {}",
                new.name,
                old.name,
                rules.join(", ")
            );
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

/// An older version's schema by the names of a newer one: what was renamed in between is another name for the same.
fn renamed(schema: &Located<StudySchema>, old: &Given, newer: u32) -> Value {
    let mut document = old.schema.clone();
    let mut versions: Vec<_> = schema.value.spec.versions.iter().collect();
    versions.sort_by_key(|version| version.version);
    for version in versions.iter().filter(|version| version.version > old.number && version.version <= newer)
    {
        let pointers = |text: &str| text.parse::<Pointer>().ok();
        let mut renamed: Vec<_> = version
            .renamed
            .iter()
            .filter_map(|field| pointers(&field.from).zip(pointers(&field.to)))
            .collect();
        // What an object holds before the object itself.
        renamed.sort_by_key(|(from, _)| std::cmp::Reverse(from.steps().len()));
        for (from, to) in renamed {
            rename(&mut document, from.steps(), to.steps());
        }
    }
    document
}

/// Renames a property that is reached by `properties` alone; any other stays, and is a break if it is one.
fn rename(schema: &mut Value, from: &[String], to: &[String]) {
    let (Some((old, objects)), Some(new)) = (from.split_last(), to.last()) else { return };
    let object = objects.iter().try_fold(schema, |schema, step| schema.get_mut("properties")?.get_mut(step));
    let Some(object) = object else { return };
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    let Some(properties) = properties else { return };
    if !properties.contains_key(new)
        && let Some(property) = properties.remove(old)
    {
        properties.insert(new.clone(), property);
        let required = object.get_mut("required").and_then(Value::as_array_mut);
        for name in required.into_iter().flatten().filter(|name| **name == **old) {
            *name = Value::from(new.as_str());
        }
    }
}

/// The place of a part of a version's schema, or of the version's schema as a whole.
fn path(schema: &Located<StudySchema>, at: usize, pointer: Option<&str>) -> String {
    match (&schema.value.spec.versions[at].schema, pointer) {
        (Some(_), Some(pointer)) => schema.places.below(&format!("spec.versions[{at}].schema"), pointer),
        (Some(_), None) => format!("spec.versions[{at}].schema"),
        (None, _) => format!("spec.versions[{at}].schemaFrom"),
    }
}

fn mode(compatibility: Compatibility) -> Mode {
    let (backward, forward, transitive) = match compatibility {
        Compatibility::None => (false, false, false),
        Compatibility::Backward => (true, false, false),
        Compatibility::BackwardTransitive => (true, false, true),
        Compatibility::Forward => (false, true, false),
        Compatibility::ForwardTransitive => (false, true, true),
        Compatibility::Full => (true, true, false),
        Compatibility::FullTransitive => (true, true, true),
    };
    Mode { backward, forward, transitive }
}
