//! Versions of a StudySchema against what it promises of them.

use transect_crds::yaml::{Problem, load_text};
use transect_operator::resolve::{Overrides, check_schema, resolve};

const SCHEMA: &str = r#"apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: air-reading, namespace: studies}
spec:
  study: air-quality
  compatibility: Backward
  versions:
    - version: 2
      schema: {type: object, properties: {time: {type: string}, unit: {enum: [ug, mg]}}}
    - version: 1
      schema: {type: object, properties: {time: {type: string}, unit: {enum: [ug, mg, ppm]}}}
    - version: 3
      schema:
        type: object
        required: [unit]
        properties:
          time: {type: string}
          unit: {enum: [ug, mg]}
  event: {time: /time}
"#;
const PIPELINE: &str = "---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: air, namespace: studies}
spec:
  study: air-quality
  schemas: [{name: air-reading}]
  sources: [{name: web, http: {}}]
";
const NARROWED: &str = "air.yaml:9:72: spec.versions[0].schema.properties.unit.enum: breaks with version 1 at /unit (EnumNarrowed): \
     version 2 takes only \"ug\", \"mg\"; \"ppm\", which version 1 allows, are refused; leave all values in; or annotate the \
     StudySchema with transect.dev/allow-breaking: \"true\"";
const REQUIRED: &str = "air.yaml:15:9: spec.versions[2].schema.required: breaks with version 2 at /unit (RequiredAdded): \
     version 3 requires `unit`, version 2 doesn't; events without it are refused; leave it optional; or annotate the \
     StudySchema with transect.dev/allow-breaking: \"true\"";

/// What is said of a schema by itself, which must be what a pipeline is told; and the pipeline's notes.
fn found(schema: &str) -> (Vec<String>, Vec<String>) {
    let loaded = load_text("air.yaml", &format!("{schema}{PIPELINE}"));
    let lines = |problems: &[Problem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(lines(&loaded.problems), Vec::<String>::new());
    let checked = lines(&check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines));
    let resolved = resolve(&loaded.schemas, &loaded.config_maps, &loaded.pipelines[0], &Overrides::new());
    let (problems, notes) = match resolved {
        Ok(resolved) => (Vec::new(), resolved.notes),
        Err(problems) => (lines(&problems), Vec::new()),
    };
    assert_eq!(checked, problems);
    (checked, notes)
}

fn problems(schema: &str) -> Vec<String> {
    found(schema).0
}

#[test]
fn each_version_is_held_against_the_one_before() {
    assert_eq!(problems(SCHEMA), [NARROWED, REQUIRED]);
    assert_eq!(problems(&SCHEMA.replace("compatibility: Backward\n", "compatibility: None\n")), [""; 0]);
    // It is the default.
    assert_eq!(problems(&SCHEMA.replace("  compatibility: Backward\n", "")).len(), 2);
}

#[test]
fn a_promise_may_be_towards_all_versions() {
    let rules = |mode: &str| {
        let all = problems(&SCHEMA.replace("compatibility: Backward\n", &format!("compatibility: {mode}\n")));
        let rule = |line: &String| {
            let (_, rest) = line.split_once("breaks with version ").unwrap();
            format!("{} {}", &rest[..1], &rest[rest.find('(').unwrap()..=rest.find(')').unwrap()])
        };
        all.iter().map(rule).collect::<Vec<_>>()
    };
    assert_eq!(
        rules("BackwardTransitive"),
        ["1 (EnumNarrowed)", "1 (RequiredAdded)", "1 (EnumNarrowed)", "2 (RequiredAdded)"]
    );
    assert_eq!(rules("Forward"), [""; 0]);
    assert_eq!(rules("Full").len(), 2);
}

#[test]
fn breaks_may_be_let_pass_and_are_noted() {
    let annotated = |value: &str| {
        let metadata = format!("namespace: studies, annotations: {{transect.dev/allow-breaking: {value}}}");
        SCHEMA.replace("namespace: studies", &metadata)
    };
    let (problems, notes) = found(&annotated("\"true\""));
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        notes,
        [
            "air-reading: version 2 breaks with version 1, which transect.dev/allow-breaking allows: EnumNarrowed at /unit",
            "air-reading: version 3 breaks with version 2, which transect.dev/allow-breaking allows: RequiredAdded at /unit",
        ]
    );
    assert_eq!(found(&annotated("\"false\"")).0.len(), 2);
    let (problems, _) = found(&annotated("perhaps"));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("is `perhaps`, which says neither yes nor no; write \"true\" or \"false\""));
}

#[test]
fn a_version_that_can_not_be_read_is_named() {
    let wrong = SCHEMA.replace("unit: {enum: [ug, mg, ppm]}", "unit: {type: txt}");
    let all = problems(&wrong);
    assert!(all[0].starts_with("air.yaml:11:"), "{all:?}");
    assert!(all[0].contains("spec.versions[1].schema.properties.unit.type: this is no valid"), "{all:?}");
    let missing = SCHEMA.replace(
        "schema: {type: object, properties: {time: {type: string}, unit: {enum: [ug, mg, ppm]}}}",
        "schemaFrom: {configMapKeyRef: {name: air-schemas, key: v1.json}}",
    );
    let all = problems(&missing);
    assert!(all[0].contains("names the ConfigMap `air-schemas`, which is not there"), "{all:?}");
    assert_eq!(all[1..], [REQUIRED]);
}

#[test]
fn avro_is_compared_by_its_own_rules() {
    let avro = |fields: &str| format!("schema: {{type: record, name: Reading, fields: [{fields}]}}");
    let schema = SCHEMA.replace("  compatibility: Backward\n", "  format: Avro\n  compatibility: Full\n");
    let (start, _) = schema.split_once("    - version: 2").unwrap();
    let schema = format!(
        "{start}    - version: 1\n      {}\n    - version: 2\n      {}\n  event: {{time: /time}}\n",
        avro("{name: time, type: long}"),
        avro("{name: time, type: long}, {name: unit, type: string}")
    );
    let loaded = load_text("air.yaml", &schema);
    let found = check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines);
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "air.yaml:12:7: spec.versions[1].schema: breaks with version 1 at /unit (FieldAddedWithoutDefault): version 2 has \
          the field `unit` without a default, version 1 doesn't write it; give the field a default; or annotate the \
          StudySchema with transect.dev/allow-breaking: \"true\""
        ]
    );
}
