//! Schemas that refer to other keys of their ConfigMap, and to other ConfigMaps.

use transect_config::{EventTypeConfig, SchemaFamily};
use transect_crds::yaml::{Problem, load_text};
use transect_operator::resolve::{Overrides, check_schema, resolve};

const PIPELINE: &str = r#"
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: air, namespace: studies}
spec:
  study: air-quality
  schemas: [{name: air-reading}]
  sources: [{name: web, http: {}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: air-schemas, namespace: studies}
data:
  v1.json: '{"properties": {"time": {"type": "string"}, "t": {"$ref": "unit.yaml#/$defs/celsius"}}}'
  v2.json: '{"properties": {"time": {"type": "string"}, "t": {"$ref": "./README"}}}'
  v3.json: '{"properties": {"time": {"type": "string"}, "t": {"$ref": "broken.json"}}}'
  v4.json: '{"properties": {"time": {"type": "string"}, "t": {"$ref": "shared.json#/$defs/place"}}}'
  unit.yaml: |
    $id: https://example.org/unit
    $defs: {celsius: {type: number, minimum: -273.15}}
  broken.json: '{"properties": {"x": {"$ref": "unit.yaml#/$defs/kelvin"}}}'
  README: These are the schemas of air.
---
apiVersion: v1
kind: ConfigMap
metadata: {name: common-schemas, namespace: studies}
data:
  shared.json: '{"$defs": {"place": {"type": "object"}}, "$ref": "https://example.org/unit#/$defs/celsius"}'
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other-schemas, namespace: studies}
data:
  unit.yaml: 'type: string'
"#;

/// The event type of a schema with one version, or the problems, one a line.
fn resolved(version: &str) -> Result<EventTypeConfig, String> {
    let schema = format!(
        "apiVersion: transect.dev/v1alpha1\nkind: StudySchema\nmetadata: {{name: air-reading, namespace: studies}}\n\
         spec:\n  study: air-quality\n  versions: [{{version: 1, {version}}}]\n  event: {{time: /time}}\n---{PIPELINE}"
    );
    let loaded = load_text("air.yaml", &schema);
    let lines =
        |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(loaded.problems.clone()), "");
    let outcome = resolve(&loaded.schemas, &loaded.config_maps, &loaded.pipelines[0], &Overrides::new());
    let checked = lines(check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines));
    match outcome {
        Ok(mut resolved) => {
            assert_eq!((checked.as_str(), resolved.notes.as_slice()), ("", &[][..]));
            Ok(resolved.config.event_types.remove(0))
        }
        Err(problems) => {
            assert_eq!(lines(problems.clone()), checked);
            Err(checked)
        }
    }
}

fn names(family: &SchemaFamily) -> Vec<&str> {
    family.documents.keys().map(String::as_str).collect()
}

#[test]
fn a_worker_is_told_the_documents_that_a_schema_reaches() {
    for (version, name, documents) in [
        ("schemaFrom: {configMapKeyRef: {name: air-schemas, key: v1.json}}", "v1.json", vec!["unit.yaml"]),
        (
            "schemaFrom: {configMapKeyRef: {name: air-schemas, key: v4.json}}, familyFrom: [{configMapRef: {name: common-schemas}}]",
            "v4.json",
            vec!["shared.json", "unit.yaml"],
        ),
        (
            "schema: {properties: {time: {type: string}, t: {$ref: \"https://example.org/unit#/$defs/celsius\"}}}, \
             familyFrom: [{configMapRef: {name: air-schemas}}]",
            "",
            vec!["unit.yaml"],
        ),
        (
            "schema: {properties: {time: {type: string}}}, familyFrom: [{configMapRef: {name: air-schemas}}]",
            "",
            vec![],
        ),
    ] {
        let event_type = resolved(version).unwrap();
        assert_eq!(
            (event_type.family.name.as_str(), names(&event_type.family)),
            (name, documents),
            "{version}"
        );
        let written = serde_json::to_string(&event_type).unwrap();
        assert_eq!(serde_json::from_str::<EventTypeConfig>(&written).unwrap(), event_type, "{written}");
    }
}

#[test]
fn says_what_is_wrong_in_a_family() {
    let from = |key: &str| format!("schemaFrom: {{configMapKeyRef: {{name: air-schemas, key: {key}}}}}");
    let mut wrong = String::new();
    for (version, said) in [
        (
            from("v2.json"),
            "air.yaml:29:11: data.README: is not an object, but a schema refers to it; write a JSON Schema there, as JSON or YAML",
        ),
        (
            from("v3.json"),
            "air.yaml:28:16: data.broken.json: at /properties/x/$ref of the schema: `$ref` leads to `unit.yaml#/$defs/kelvin`, but `unit.yaml` has no such place (Pointer '/$defs/kelvin' does not exist); correct one of the two",
        ),
        (
            from("v4.json"),
            "air.yaml:6:27: spec.versions[0].schemaFrom: at /properties/t/$ref of the schema: `$ref` leads to `shared.json#/$defs/place`, but no document of that name or `$id` is given; add it as a key of the schema's ConfigMap, or name a ConfigMap that has it in familyFrom",
        ),
        (
            "schema: {properties: {time: {$ref: unit.yaml}}}".to_owned(),
            "air.yaml:6:62: spec.versions[0].schema.properties.time.$ref: `$ref` leads to `unit.yaml`, but no document of that name or `$id` is given; add it as a key of the schema's ConfigMap, or name a ConfigMap that has it in familyFrom",
        ),
        (
            format!("{}, familyFrom: [{{configMapRef: {{name: commn-schemas}}}}]", from("v1.json")),
            "air.yaml:6:128: spec.versions[0].familyFrom[0].configMapRef.name: names the ConfigMap `commn-schemas`, which is not there; add it to the manifests, in the namespace `studies`, or correct the name",
        ),
        (
            format!("{}, familyFrom: [{{configMapRef: {{name: other-schemas}}}}]", from("v1.json")),
            "air.yaml:6:128: spec.versions[0].familyFrom[0].configMapRef.name: names the ConfigMap `other-schemas`, whose key `unit.yaml` another one of the family has too; rename one of the two",
        ),
    ] {
        let problems = resolved(&version).expect_err("a problem");
        if problems != said {
            wrong += &format!("\n{version}\n  expected {said}\n  found    {problems}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
