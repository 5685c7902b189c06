//! The CRDs as the cluster takes them, made from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::{ResearchPipeline, StudySchema};

/// API group and version of both resources.
pub const API_VERSION: &str = "transect.dev/v1alpha1";

/// Why a CRD can't be made; only ever a mistake in the types.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// It has no JSON form.
    #[error("the CRD has no JSON form: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no YAML form.
    #[error("the CRD has no YAML form: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// The CRD of `StudySchema`.
pub fn study_schema() -> Result<Value, CrdError> {
    finish(StudySchema::crd())
}

/// The CRD of `ResearchPipeline`.
pub fn research_pipeline() -> Result<Value, CrdError> {
    finish(ResearchPipeline::crd())
}

/// The files that are made from the types, by their path from this package: the CRDs in the chart, and their schemas
/// as the reader of manifests has them, which saves it most of its time.
pub fn files() -> Result<[(&'static str, String); 4], CrdError> {
    let (study_schema, research_pipeline) = (study_schema()?, research_pipeline()?);
    Ok([
        ("../charts/transect/crds/transect.dev_studyschemas.yaml", yaml(&study_schema)?),
        ("../charts/transect/crds/transect.dev_researchpipelines.yaml", yaml(&research_pipeline)?),
        ("src/yaml/study_schema.json", format!("{}\n", schema_of(&study_schema))),
        ("src/yaml/research_pipeline.json", format!("{}\n", schema_of(&research_pipeline))),
    ])
}

/// The schema in a CRD of one version.
fn schema_of(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

fn yaml(crd: &Value) -> Result<String, CrdError> {
    const HEAD: &str =
        "# Generated from the types in crds/; refresh with `UPDATE=1 cargo test -p transect-crds`.\n";
    Ok(format!("{HEAD}{}", serde_saphyr::to_string(crd)?))
}

fn finish(crd: CustomResourceDefinition) -> Result<Value, CrdError> {
    let mut crd = serde_json::to_value(crd)?;
    let versions = crd.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(root) = version.pointer_mut("/schema/openAPIV3Schema") {
            clean(root);
            complete(root);
        }
    }
    Ok(crd)
}

/// Takes out what the derive adds and the API server has no use for: `null` as a value (a field is there or not),
/// formats that it does not know, null defaults.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("nullable");
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if map.get("format").and_then(Value::as_str).is_some_and(|format| !known_format(format)) {
                map.remove("format");
            }
            map.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}

fn known_format(format: &str) -> bool {
    matches!(format, "int32" | "int64" | "float" | "double")
}

/// Adds what the derive can't say: what an object's own name looks like, and a status that reads as not yet observed.
fn complete(root: &mut Value) {
    let Some(map) = root.as_object_mut() else { return };
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        let name = json!({
            "type": "string", "maxLength": 40, "pattern": crate::shape::NAME,
            "description": "Topics and tables are named after it: at most 40 small letters, digits and dashes, of which \
                            the first is a letter. Example: `air-quality`."
        });
        properties.insert("metadata".into(), json!({"type": "object", "properties": {"name": name}}));
    }
    if let Some(status) =
        map.get_mut("properties").and_then(|p| p.get_mut("status")).and_then(Value::as_object_mut)
    {
        status.insert("default".into(), json!({"observedGeneration": -1}));
        default_generation(status);
    }
}

fn default_generation(status: &mut Map<String, Value>) {
    let field = status.get_mut("properties").and_then(|p| p.get_mut("observedGeneration"));
    if let Some(field) = field.and_then(Value::as_object_mut) {
        field.insert("default".into(), json!(-1));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kube::core::cel::Validator;

    use super::*;

    /// Kubernetes takes objects up to about 1 MiB, and `kubectl apply` annotations up to 256 KiB.
    const BYTES_MAX: usize = 200 * 1024;

    #[test]
    fn the_files_say_what_the_types_say() {
        // Asked for as the test runs: another checkout may have built it, in a target folder that both share.
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
        for (name, content) in files().unwrap() {
            let path = Path::new(&here).join(name);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &content).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == content,
                "{} is not what the types say; refresh it with `UPDATE=1 cargo test -p transect-crds`",
                path.display()
            );
        }
    }

    #[test]
    fn each_crd_stays_small() {
        for (name, content) in files().unwrap() {
            assert!(content.len() < BYTES_MAX, "{name} has {} bytes, more than {BYTES_MAX}", content.len());
        }
    }

    /// What the API server says of a change, by the rules that compare with the object before.
    fn change(crd: &Value, yaml: &str, what: &str, with: &str) -> Vec<String> {
        assert_eq!(yaml.matches(what).count(), 1, "`{what}` must be in the manifest once");
        let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
        let outcome =
            Validator::new().validate(schema_of(crd), &read(&yaml.replace(what, with)), Some(&read(yaml)));
        outcome.err().into_iter().flatten().map(|error| error.field_path).collect()
    }

    #[test]
    fn what_can_not_be_changed_is_refused() {
        let schema = include_str!("../tests/air/schema.yaml");
        let crd = study_schema().unwrap();
        for (what, with, said) in [
            ("study: air-quality", "study: water", "spec.study"),
            ("maxLength: 40", "maxLength: 41", "spec.versions"),
            ("- version: 2", "- version: 3", "spec.versions"),
            ("key: v2.json", "key: v3.json", "spec.versions"),
        ] {
            assert_eq!(change(&crd, schema, what, with), [said], "{what} -> {with}");
        }
        let appended = "    - {version: 3, schema: {type: object}}\n  event:";
        assert_eq!(change(&crd, schema, "  event:", appended), Vec::<String>::new());

        let pipeline = include_str!("../tests/air/pipeline.yaml");
        let crd = research_pipeline().unwrap();
        for (what, with, said) in [
            ("study: air-quality", "study: water", "spec.study"),
            ("partitions: 12", "partitions: 13", "spec.broker"),
            ("      replicationFactor: 3", "      prefix: other", "spec.broker"),
        ] {
            assert_eq!(change(&crd, pipeline, what, with), [said], "{what} -> {with}");
        }
        assert_eq!(change(&crd, pipeline, "retention: 168h", "retention: 24h"), Vec::<String>::new());
    }
}
