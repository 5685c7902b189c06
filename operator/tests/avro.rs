//! StudySchemas in Avro: what they become, and what is said where they are wrong.

use transect_config::{EventTypeConfig, SchemaFormat};
use transect_crds::yaml::{Problem, load_text};
use transect_operator::resolve::{Overrides, check_schema, resolve};

const FIELDS: &str =
    "{name: time, type: {type: long, logicalType: timestamp-millis}}, {name: station, type: string}";
const REST: &str = r#"
  event: {time: /time, key: [/station]}
---
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
  v1.avsc: '{"type": "record", "name": "Reading", "namespace": "air", "fields": [
    {"name": "time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "station", "type": "Station"}]}'
  v2.avsc: '{"type": "record", "name": "Reading", "namespace": "air", "fields": [{"name": "time", "type": "lonng"}]}'
  v3.avsc: 'not a schema'
  station.avsc: '{"type": "enum", "name": "Station", "namespace": "air", "symbols": ["NORTH", "SOUTH"]}'
  other.avsc: '{"type": "fixed", "name": "Other", "size": 4}'
"#;

/// The event type of a schema whose only version begins on line 8, or the problems, one a line.
fn resolved(version: &str) -> Result<EventTypeConfig, String> {
    let schema = format!(
        "apiVersion: transect.dev/v1alpha1\nkind: StudySchema\nmetadata: {{name: air-reading, namespace: studies}}\n\
         spec:\n  study: air-quality\n  format: Avro\n  versions:\n    - {{version: 1, {version}}}{REST}"
    );
    let loaded = load_text("air.yaml", &schema);
    let lines =
        |problems: &[Problem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&loaded.problems), "");
    let outcome = resolve(&loaded.schemas, &loaded.config_maps, &loaded.pipelines[0], &Overrides::new());
    let checked = lines(&check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines));
    match outcome {
        Ok(mut resolved) => Ok(resolved.config.event_types.remove(0)),
        Err(problems) => {
            assert_eq!(lines(&problems), checked);
            Err(checked)
        }
    }
}

fn record(fields: &str) -> String {
    format!("schema: {{type: record, name: Reading, fields: [{fields}]}}")
}

#[test]
fn a_worker_is_told_the_schema_as_it_is_and_the_types_that_it_names() {
    let inline = resolved(&record(FIELDS)).unwrap();
    assert_eq!(inline.format, SchemaFormat::Avro);
    assert_eq!(inline.schema["name"], "Reading");
    let mapped = resolved("schemaFrom: {configMapKeyRef: {name: air-schemas, key: v1.avsc}}").unwrap();
    let documents: Vec<_> = mapped.family.documents.keys().collect();
    assert_eq!(documents, ["station.avsc"]);
}

#[test]
fn a_wrong_schema_is_said_with_its_place_and_how_to_fix_it() {
    let more = |field: &str| record(&format!("{FIELDS}, {field}"));
    let mut wrong = String::new();
    for (version, said) in [
        (
            "schema: {type: array, items: int}".to_owned(),
            "air.yaml:8:35: spec.versions[0].schema.type: an event is a record, with fields for its time and key; write one around it",
        ),
        (
            "schema: {type: record, name: Reading}".to_owned(),
            "a record needs `fields`, a list of objects with `name` and `type`; add it",
        ),
        (more("{name: a}"), "spec.versions[0].schema.fields[2]: the field has no `type`; add it"),
        (
            more("{name: a-b, type: int}"),
            "spec.versions[0].schema.fields[2].name: \"a-b\" is no name; begin with a letter or `_`, and go on with letters, digits and `_`",
        ),
        (more("{name: time, type: int}"), "fields[2]: the field `time` is there twice; rename one"),
        (
            more("{name: a, type: [int, [string]]}"),
            "fields[2].type[1]: a union can't be a branch of a union; write its branches into the outer one",
        ),
        (
            more("{name: a, type: [int, string, int]}"),
            "fields[2].type[2]: the union has `int` twice, of which it couldn't be said which one a datum is; leave one out",
        ),
        (
            more("{name: a, type: {type: enum, name: E, symbols: [A, B, A]}}"),
            "fields[2].type.symbols[2]: the symbol `A` is there twice; leave one out",
        ),
        (
            more("{name: a, type: {type: enum, name: E, symbols: [A], default: B}}"),
            "fields[2].type.default: the default \"B\" is none of the symbols; write one of them",
        ),
        (
            more("{name: a, type: {type: fixed, name: F}}"),
            "fields[2].type: a fixed needs its `size`, a number of bytes; add it",
        ),
        (
            more("{name: a, type: {type: map}}"),
            "fields[2].type: a type `map` needs `values`, the type of what is in it; add it",
        ),
        (
            more("{name: a, type: Station}"),
            "fields[2].type: names the type `Station`, which is defined nowhere; add it as a key of the schema's ConfigMap, or name a ConfigMap that has it in familyFrom",
        ),
        (
            more("{name: a, type: int, default: x}"),
            "fields[2].default: the default of the field `a` of `Reading` is no value of the field's type; correct one of the two",
        ),
        (
            more("{name: _late, type: boolean}"),
            "fields[2].name: the field `_late` has the name of a provenance column; rename it",
        ),
        (
            record("{name: time, type: string}"),
            "spec.event.key[0]: `/station` names no property of the schema",
        ),
        (record("{name: time, type: boolean}, {name: station, type: string}"), "spec.event.time: `/time`"),
        (
            "schemaFrom: {configMapKeyRef: {name: air-schemas, key: v2.avsc}}".to_owned(),
            "spec.versions[0].schemaFrom: at /fields/0/type of the schema: names the type `air.lonng`, which is defined nowhere",
        ),
        ("schemaFrom: {configMapKeyRef: {name: air-schemas, key: v3.avsc}}".to_owned(), "data.v3.avsc: "),
    ] {
        let found = resolved(&version).expect_err(&version);
        if !found.contains(said) || found.lines().count() != 1 {
            wrong.push_str(&format!("{version}\n  expected {said}\n  found    {found}\n"));
        }
    }
    assert_eq!(wrong, "");
}
