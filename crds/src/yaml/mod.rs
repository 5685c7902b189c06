//! Reads manifests strictly: files and folders to typed objects, and every problem with its file, line, column, field
//! and fix.
//!
//! Each document is checked as the API server would check it: against the schema in the CRD, then against its CEL
//! rules. All problems of all files are collected. Other kinds of Kubernetes objects are skipped and said so.

mod check;
mod files;
mod place;
mod problem;
mod shown;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::crd::API_VERSION;
use crate::{ResearchPipeline, StudySchema};
use check::Checker;
use files::File;
use tree::Document;

pub use place::{Located, Places, Position};
pub use problem::Problem;

/// The schemas in the CRDs; `crate::crd` makes them from the types.
const STUDY_SCHEMA: &str = include_str!("study_schema.json");
const RESEARCH_PIPELINE: &str = include_str!("research_pipeline.json");

/// What was read. Where there are problems, the objects that have them are left out, so what refers to those can't be
/// judged: show the problems first.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The StudySchemas, in the order read.
    pub schemas: Vec<Located<StudySchema>>,
    /// The ResearchPipelines, in the order read.
    pub pipelines: Vec<Located<ResearchPipeline>>,
    /// The ConfigMaps, to which `schemaFrom` may refer.
    pub config_maps: Vec<Located<ConfigMap>>,
    /// What was read but isn't Transect's.
    pub skipped: Vec<Skipped>,
    /// What is wrong, in the order read.
    pub problems: Vec<Problem>,
}

/// A document that isn't Transect's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: Arc<str>,
    /// Where the document begins; 0 for the file as a whole.
    pub line: u32,
    /// What it is, such as `Namespace studies`.
    pub what: String,
}

/// Reads manifests from files and folders (`*.yaml`, `*.yml`, `*.json`, by name; hidden ones left out).
pub fn load(paths: &[PathBuf]) -> Loaded {
    let found = files::find(paths);
    let mut reader = Reader {
        loaded: Loaded { skipped: found.skipped, problems: found.problems, ..Loaded::default() },
        checkers: Checkers::default(),
        names: BTreeMap::new(),
    };
    for file in &found.files {
        reader.file(file);
    }
    reader.loaded
}

/// Reads manifests from a text, as if it were a file of that name.
pub fn load_text(name: &str, text: &str) -> Loaded {
    let mut reader =
        Reader { loaded: Loaded::default(), checkers: Checkers::default(), names: BTreeMap::new() };
    reader.file(&File { name: name.into(), text: text.to_owned(), named: true });
    reader.loaded
}

/// Reads one object that is written as JSON or YAML within another text, such as a schema in a ConfigMap. The error says
/// what is wrong, with line and column in that text.
pub fn read_object(text: &str) -> Result<Value, String> {
    let mut nodes = tree::parse(text).into_iter();
    let node = nodes.next().ok_or("is empty")?.map_err(|error| {
        let problem = shown::syntax(&"".into(), &error);
        format!("{}, at line {}, column {}", problem.message, problem.line, problem.column)
    })?;
    if nodes.next().is_some() {
        return Err("holds more than one document".to_owned());
    }
    // kubectl doesn't look into texts, so that no word is ambiguous there: the lines are not needed.
    let Document { value, problems, .. } = node.into_document(&"".into(), &[]);
    match problems.first() {
        Some(Problem { line, column, path, message, .. }) => {
            Err(format!("is wrong at line {line}, column {column}: {path} {message}"))
        }
        None if value.is_object() => Ok(value),
        None => Err("is not an object".to_owned()),
    }
}

/// Made when first needed: compiling the schemas takes longer than reading most manifests.
#[derive(Default)]
struct Checkers {
    study_schema: Option<Checker>,
    research_pipeline: Option<Checker>,
}

struct Reader {
    loaded: Loaded,
    checkers: Checkers,
    /// Kind, namespace and name of every object so far, and where it stands.
    names: BTreeMap<(String, String, String), String>,
}

impl Reader {
    fn file(&mut self, file: &File) {
        // A folder may hold data beside its manifests.
        if !file.named && !file.text.contains("apiVersion") {
            let what = "no Kubernetes object".to_owned();
            return self.loaded.skipped.push(Skipped { file: file.name.clone(), line: 0, what });
        }
        let lines: Vec<&str> = file.text.lines().collect();
        for node in tree::parse(&file.text) {
            match node {
                Ok(node) => self.document(node.into_document(&file.name, &lines), file.named),
                Err(error) => self.loaded.problems.push(shown::syntax(&file.name, &error)),
            }
        }
    }

    fn document(&mut self, document: Document, named: bool) {
        let text = |name: &str| document.value.get(name).and_then(Value::as_str);
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        match (api_version, kind) {
            (Some(API_VERSION), Some("StudySchema")) => self.study_schema(document),
            (Some(API_VERSION), Some("ResearchPipeline")) => self.research_pipeline(document),
            (Some("v1"), Some("ConfigMap")) => self.config_map(document),
            (Some(api_version), Some(kind)) => match shown::foreign(&document.places, api_version, kind) {
                Some(problem) => self.loaded.problems.push(problem),
                None => self.skip(&document, format!("{kind} {}", name_of(&document.value))),
            },
            (None, None) if !named => self.skip(&document, "no Kubernetes object".to_owned()),
            _ => {
                let missing = if api_version.is_none() { "apiVersion" } else { "kind" };
                let fix = format!(
                    "write `apiVersion: {API_VERSION}` and `kind: StudySchema` or `kind: ResearchPipeline`"
                );
                self.loaded.problems.push(document.places.problem(missing, "is missing", fix));
            }
        }
    }

    fn skip(&mut self, document: &Document, what: String) {
        let line = document.places.position("").line;
        self.loaded.skipped.push(Skipped {
            file: document.places.file.clone(),
            line,
            what: what.trim_end().to_owned(),
        });
    }

    fn study_schema(&mut self, document: Document) {
        let checker = match checker(&mut self.checkers.study_schema, STUDY_SCHEMA, &document) {
            Ok(checker) => checker,
            Err(problem) => return self.loaded.problems.push(problem),
        };
        let problems = checker.check(&document.value, &document.places);
        if let Some(object) = self.accept(document, problems) {
            self.loaded.schemas.push(object);
        }
    }

    fn research_pipeline(&mut self, document: Document) {
        let checker = match checker(&mut self.checkers.research_pipeline, RESEARCH_PIPELINE, &document) {
            Ok(checker) => checker,
            Err(problem) => return self.loaded.problems.push(problem),
        };
        let problems = checker.check(&document.value, &document.places);
        if let Some(object) = self.accept(document, problems) {
            self.loaded.pipelines.push(object);
        }
    }

    fn config_map(&mut self, document: Document) {
        let mut problems = Vec::new();
        for (key, value) in document.value.get("data").and_then(Value::as_object).into_iter().flatten() {
            if !value.is_string() {
                let fix = "write it as text, in quotes or as a block after `|`";
                problems.push(document.places.problem(&format!("data.{key}"), "is not text", fix));
            }
        }
        if let Some(object) = self.accept(document, problems) {
            self.loaded.config_maps.push(object);
        }
    }

    /// The typed object, unless something is wrong with it.
    fn accept<T: DeserializeOwned>(
        &mut self,
        document: Document,
        problems: Vec<Problem>,
    ) -> Option<Located<T>> {
        let Document { value, places, problems: written } = document;
        let mut problems: Vec<Problem> = written.into_iter().chain(problems).collect();
        problems.extend(self.second_of_its_name(&value, &places));
        if problems.is_empty() {
            match serde_json::from_value(value) {
                Ok(value) => return Some(Located { value, places }),
                Err(error) => problems.push(places.problem("", error.to_string(), "")),
            }
        }
        problems.sort_by_key(|problem| (problem.line, problem.column));
        self.loaded.problems.append(&mut problems);
        None
    }

    fn second_of_its_name(&mut self, value: &Value, places: &Places) -> Option<Problem> {
        let metadata = |name: &str| value.pointer(&format!("/metadata/{name}")).and_then(Value::as_str);
        let kind = value.get("kind").and_then(Value::as_str)?;
        let (name, namespace) = (metadata("name")?, metadata("namespace").unwrap_or("default"));
        let here = format!("{}:{}", places.file, places.position("metadata.name").line);
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        let first = self.names.insert(key, here)?;
        let message = format!("is the name of another {kind} in the same namespace, at {first}");
        Some(places.problem("metadata.name", message, "rename one of the two, or remove it"))
    }
}

fn checker<'a>(
    slot: &'a mut Option<Checker>,
    schema: &str,
    document: &Document,
) -> Result<&'a Checker, Problem> {
    let made = match slot.take() {
        Some(checker) => checker,
        None => Checker::new(schema)
            .map_err(|error| document.places.problem("", error, "report this as a mistake in Transect"))?,
    };
    Ok(slot.insert(made))
}

fn name_of(value: &Value) -> &str {
    value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
