//! From manifests to the configuration of a worker, and what is said where there is none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use transect_config::{Function, Otherwise, PipelineConfig, SourceKind, Span, TimeFormat, WindowKind};
use transect_crds::yaml::{Loaded, load_text};
use transect_operator::local;
use transect_operator::resolve::{Overrides, check_schema, resolve};

const MANIFESTS: &str = r#"apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: air-reading, namespace: studies}
spec:
  study: air-quality
  versions:
    - version: 1
      schema: {type: object, required: [id, time, station], properties: {time: {type: string, format: date-time}, id: {maxLength: 9, type: string}, station: {maxLength: 9, type: string}}}
    - version: 2
      schema:
        type: object
        required: [id, time, station]
        properties:
          id: {type: string}
          time: {type: string, format: date-time}
          station: {type: string}
          tags: {type: array, items: {type: string}}
          pm25: {type: [number, "null"]}
  event: {id: [/id], time: /time, key: [/station], delay: 5m, maxAhead: 1h}
---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: air, namespace: studies}
spec:
  study: air-quality
  schemas: [{name: air-reading}]
  sources:
    - {name: web, http: {}}
    - {name: history, files: {paths: [data/2025.ndjson, /data/2026.ndjson.gz]}}
  windows:
    - name: hourly
      tumbling: {size: 1h}
      groupBy: [/station]
      allowedLateness: 10m
      aggregates:
        - {name: readings, function: Count}
        - {name: pm25_p95, function: Quantile, field: /pm25, q: 0.95}
    - {name: visits, session: {gap: 30m}, aggregates: [{name: count, function: Count}]}
"#;

const CONFIG_MAP: &str = r#"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: schemas, namespace: studies}
data:
  v2.yaml: |
    type: object
    properties:
      id: {type: string}
      time: {type: string}
      station: {type: string}
      pm25: {type: number}
  broken.json: '{"type": "object", "type": "array"}'
  wrong.json: '{"type": "object", "properties": {"id": {"type": "txt"}}}'
"#;

fn read(text: &str) -> Loaded {
    let loaded = load_text("study/air.yaml", text);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    loaded
}

fn overrides(inputs: &[(&str, &str)]) -> Overrides {
    let mut overrides = BTreeMap::new();
    for (name, file) in inputs {
        overrides.entry((*name).to_owned()).or_insert_with(Vec::new).push(PathBuf::from(file));
    }
    overrides
}

fn resolved(text: &str, inputs: &[(&str, &str)]) -> Result<PipelineConfig, String> {
    let loaded = read(text);
    let outcome = resolve(&loaded.schemas, &loaded.config_maps, &loaded.pipelines[0], &overrides(inputs));
    let lines = |problems: Vec<transect_crds::yaml::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    outcome.map(|resolved| resolved.config).map_err(lines)
}

/// Puts `with` in the place of `what`, which the text has once.
fn changed(text: &str, what: &str, with: &str) -> String {
    assert_eq!(text.matches(what).count(), 1, "`{what}` must be in the manifests once");
    text.replace(what, with)
}

#[test]
fn a_pipeline_becomes_a_configuration_with_all_defaults() {
    let config = resolved(MANIFESTS, &[]).unwrap();
    assert_eq!((config.namespace.as_str(), config.name.as_str(), config.generation), ("studies", "air", 1));
    assert_eq!((config.partitions, config.dedup.window), (12, Span::from_hours(24)));
    assert_eq!((config.limits.event_bytes, config.limits.depth), (1024 * 1024, 64));
    assert!(config.cold.table && !config.cold.archive);
    let [event_type] = config.event_types.as_slice() else { panic!("{:?}", config.event_types) };
    assert_eq!(event_type.schema_version, 2);
    assert_eq!(event_type.event.time_format, TimeFormat::Rfc3339);
    assert_eq!(event_type.event.delay, "5m".parse().unwrap());
    assert_eq!(event_type.event.max_ahead, Some("1h".parse().unwrap()));
    let files = ["study/data/2025.ndjson", "/data/2026.ndjson.gz"].map(PathBuf::from).to_vec();
    assert_eq!(config.sources[0].kind, SourceKind::Http {});
    assert_eq!(config.sources[1].kind, SourceKind::Files { paths: files, format: None });
    assert_eq!(config.windows[0].kind, WindowKind::Tumbling { size: Span::from_hours(1) });
    assert_eq!(config.windows[0].aggregates[1].function, Function::Quantile { q: 0.95 });
    let session = WindowKind::Session { gap: "30m".parse().unwrap(), max: Span::from_hours(24) };
    assert_eq!((config.windows[1].kind, config.windows[1].allowed_lateness), (session, Span::ZERO));
}

#[test]
fn what_the_manifest_says_goes_before_defaults() {
    let text = MANIFESTS
        .replace(", namespace: studies", "")
        .replace("{name: air-reading}]", "{name: air-reading, version: 2}]")
        + "  broker: {partitions: 3}\n  dedup: {window: 2h}\n  limits: {eventBytes: 1000, depth: 8}\n  storage: {cold: {archive: {}}}\n";
    let config = resolved(&text, &[]).unwrap();
    assert_eq!((config.namespace.as_str(), config.partitions), ("default", 3));
    assert_eq!(
        (config.dedup.window, config.limits.event_bytes, config.limits.depth),
        (Span::from_hours(2), 1000, 8)
    );
    assert!(!config.cold.table && config.cold.archive);
}

#[test]
fn an_input_feeds_a_source_of_any_kind() {
    let text = changed(MANIFESTS, "http: {}", "kafka: {topic: readings}");
    let config = resolved(&text, &[("web", "a.ndjson"), ("web", "b.ndjson")]).unwrap();
    let paths = ["a.ndjson", "b.ndjson"].map(PathBuf::from).to_vec();
    assert_eq!(config.sources[0].kind, SourceKind::Files { paths, format: None });
}

#[test]
fn a_schema_may_be_in_a_config_map() {
    let text = from_config_map("schemas", "v2.yaml");
    assert_eq!(resolved(&text, &[]).unwrap().event_types[0].schema["properties"]["pm25"]["type"], "number");
}

fn from_config_map(name: &str, key: &str) -> String {
    let (head, rest) = MANIFESTS.split_once("      schema:\n").unwrap_or_default();
    let (_, tail) = rest.split_once("  event: {").unwrap_or_default();
    let reference = format!("      schemaFrom: {{configMapKeyRef: {{name: {name}, key: {key}}}}}\n");
    format!("{head}{reference}  event: {{{tail}{CONFIG_MAP}")
}

#[test]
fn says_what_is_wrong_with_a_config_map() {
    let mut wrong = String::new();
    for (name, key, said) in [
        (
            "other",
            "v2.yaml",
            "study/air.yaml:10:44: spec.versions[1].schemaFrom.configMapKeyRef.name: names the ConfigMap `other`, which is not there; add it to the manifests, in the namespace `studies`, or correct the name",
        ),
        (
            "schemas",
            "v3.yaml",
            "study/air.yaml:10:58: spec.versions[1].schemaFrom.configMapKeyRef.key: names the key `v3.yaml`, which ConfigMap `schemas` doesn't have; write one of broken.json, v2.yaml, wrong.json",
        ),
        (
            "schemas",
            "broken.json",
            "study/air.yaml:44:16: data.broken.json: is wrong at line 1, column 20: type is here twice, first on line 1; write a JSON Schema there, as JSON or YAML",
        ),
        (
            "schemas",
            "wrong.json",
            "study/air.yaml:10:7: spec.versions[1].schemaFrom: at /properties/id/type of the schema: this is no valid JSON Schema: \"txt\" is not valid under any of the schemas listed in the 'anyOf' keyword",
        ),
    ] {
        let problems = resolved(&from_config_map(name, key), &[]).unwrap_err();
        if problems != said {
            wrong += &format!("\n  expected {said}\n  found    {problems}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Each line: what is replaced in the manifests, by what, and what is said.
#[rustfmt::skip]
const BAD: &[(&str, &str, &str)] = &[
    ("[{name: air-reading}]", "[{name: air-redaing}]", "study/air.yaml:26:20: spec.schemas[0].name: names the StudySchema `air-redaing`, which is not there; add one with this name to the manifests, in the namespace `studies`, or correct the name"),
    ("{name: air-reading, namespace: studies}", "{name: air-reading}", "study/air.yaml:26:20: spec.schemas[0].name: names the StudySchema `air-reading`, which is not there; write the same namespace in both: it is `studies` here and `default` there"),
    ("[{name: air-reading}]", "[{name: air-reading, version: 3}]", "study/air.yaml:26:42: spec.schemas[0].version: pins a version that `air-reading` doesn't have; write one of 1, 2"),
    ("  study: air-quality\n  schemas", "  study: water\n  schemas", "study/air.yaml:26:20: spec.schemas[0].name: names a StudySchema of the study `air-quality`, but the pipeline is of `water`; write the same study in both"),
    ("time: /time", "time: /tiem", "study/air.yaml:19:28: spec.event.time: `/tiem` names no property of the schema; did you mean `time`?"),
    ("time: /time", "time: /pm25", "study/air.yaml:19:28: spec.event.time: `/pm25` is a number or null by the schema, but must be a string; name another field"),
    ("id: [/id]", "id: [/id, /tags]", "study/air.yaml:19:21: spec.event.id[1]: `/tags` is an array by the schema, but must be a string or a number or a boolean; name another field"),
    ("time: /time", "time: /pm25, timeFormat: UnixSeconds", "study/air.yaml:19:28: spec.event.time: `/pm25` in version 1 names no property of the schema; say its older name by `renamed`, or read no version before by `oldest` of spec.schemas in the pipeline"),
    ("[{name: air-reading}]", "[{name: air-reading, oldest: 3}]", "study/air.yaml:26:41: spec.schemas[0].oldest: begins with a version that `air-reading` doesn't have up to 2; write one of 1, 2"),
    ("http: {}", "version: 3, http: {}", "study/air.yaml:28:28: spec.sources[0].version: is a version of `air-reading` that the pipeline doesn't read; write one of 1, 2"),
    ("    - version: 2\n", "    - version: 2\n      renamed: [{from: /stations, to: /station}]\n", "study/air.yaml:10:24: spec.versions[1].renamed[0].from: `/stations` names no property of a version before 2; write a field as it was called before, such as `/mood`; or remove it"),
    ("    - version: 2\n", "    - version: 2\n      renamed: [{from: /station, to: /statoin}]\n", "study/air.yaml:10:38: spec.versions[1].renamed[0].to: `/statoin` names no property of version 2; write a field of this version's schema, or describe the field there"),
    ("    - version: 2\n", "    - version: 2\n      renamed: [{from: /id, to: /station}]\n", "study/air.yaml:10:24: spec.versions[1].renamed[0].from: version 1 has both fields, and both would go to the column `/station`; remove it, and leave the two apart; or give the new field a name that no version has"),
    ("    - version: 2\n", "    - version: 2\n      renamed: [{from: /id/x, to: /pm25}]\n", "study/air.yaml:10:24: spec.versions[1].renamed[0].from: `/id/x` names no property of a version before 2; write a field as it was called before, such as `/mood`; or remove it"),
    ("    - version: 1\n", "    - version: 1\n      renamed: [{from: /ids, to: /id}]\n", "study/air.yaml:8:24: spec.versions[0].renamed[0].from: there is no version before 1 that could have another name; remove it"),
    ("key: [/station]", "version: /v, key: [/station]", "study/air.yaml:19:44: spec.event.version: `/v` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("id: [/id]", "id: [/id, /serial]", "study/air.yaml:19:21: spec.event.id[1]: `/serial` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("id: {type: string}", "id: {type: txt}", "study/air.yaml:14:22: spec.versions[1].schema.properties.id.type: this is no valid JSON Schema: \"txt\" is not valid under any of the schemas listed in the 'anyOf' keyword"),
    ("http: {}", "schema: other, http: {}", "study/air.yaml:28:27: spec.sources[0].schema: names `other`, which is not in spec.schemas; write one of air-reading, or add it there"),
    ("groupBy: [/station]", "groupBy: [/staton, /tags]", "study/air.yaml:33:17: spec.windows[0].groupBy[0]: no such field with a column of its own; name a property of the schema\nstudy/air.yaml:33:26: spec.windows[0].groupBy[1]: the field is no string, number, boolean or time"),
    ("field: /pm25", "field: /pm26", "study/air.yaml:37:11: spec.windows[0].aggregates[1]: no such field with a column of its own; name a property of the schema"),
    ("function: Quantile, field: /pm25, q: 0.95", "function: Mean, field: /station", "study/air.yaml:37:11: spec.windows[0].aggregates[1]: the function needs a number or an integer; use Count, Distinct, First or Last for other fields"),
    ("name: pm25_p95", "name: station", "study/air.yaml:31:7: spec.windows[0]: column station: two columns have this name; rename the aggregate"),
    ("      tumbling", "      schema: other\n      tumbling", "study/air.yaml:32:15: spec.windows[0].schema: names `other`, which is not in spec.schemas; write one of air-reading, or add it there"),
    ("key: [/station]", "type: /kind, region: /land, key: [/station]", "study/air.yaml:19:41: spec.event.type: `/kind` names no property of the schema; correct the pointer, or describe the field in the schema\nstudy/air.yaml:19:56: spec.event.region: `/land` names no property of the schema; correct the pointer, or describe the field in the schema"),
];

#[test]
fn says_what_is_wrong() {
    let mut wrong = String::new();
    for (what, with, said) in BAD {
        let problems = match resolved(&changed(MANIFESTS, what, with), &[]) {
            Ok(_) => "nothing".to_owned(),
            Err(problems) => problems,
        };
        if problems != *said {
            wrong += &format!("\n{what} -> {with}\n  expected {said}\n  found    {problems}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn rules_are_checked_against_the_schema_where_they_stand() {
    let text = changed(
        MANIFESTS,
        "  event: {id: [/id], time: /time",
        "  rules:
    - {name: low, expression: \"event.pm52 < 9.0\"}
    - name: lower
      expression: event.time < '2026-01-01'
    - {name: slow, expression: \"event.tags[0] == event.id\", otherwise: Flag}
  event: {id: [/id], time: /time",
    );
    let said = [
        "study/air.yaml:20:31: spec.rules[0].expression: `event.pm52` names no property of the schema; did you mean \
         `event.pm25`?",
        "study/air.yaml:22:19: spec.rules[1].expression: `<` is between a time and a text; write the text as \
         timestamp(\"2026-01-31T12:00:00Z\")",
    ];
    assert_eq!(resolved(&text, &[]).unwrap_err(), said.join("\n"));
    let loaded = read(&text);
    let problems = check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines);
    assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), said);

    let right = text.replace("pm52", "pm25").replace("'2026-01-01'", "timestamp('2026-01-01T00:00:00Z')");
    let loaded = read(&right);
    let resolved =
        resolve(&loaded.schemas, &loaded.config_maps, &loaded.pipelines[0], &Overrides::new()).unwrap();
    assert_eq!(resolved.notes, ["air-reading: judged event by event, which is slower: slow"]);
    let rules = &resolved.config.event_types[0].rules;
    assert_eq!(
        rules.iter().map(|rule| rule.otherwise).collect::<Vec<_>>(),
        [Otherwise::Reject, Otherwise::Reject, Otherwise::Flag]
    );
}

#[test]
fn a_schema_is_checked_by_itself() {
    let problems = |text: &str| -> Vec<String> {
        let loaded = read(text);
        check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(problems(MANIFESTS), Vec::<String>::new());
    let (what, with, said) = BAD[4];
    assert_eq!(problems(&changed(MANIFESTS, what, with)), [said]);
}

#[test]
fn an_input_for_no_source_is_refused() {
    assert_eq!(
        resolved(MANIFESTS, &[("wbe", "a.ndjson")]).unwrap_err(),
        "study/air.yaml:27:3: spec.sources: has no source `wbe`, but --input names it; use one of web, history"
    );
}

/// Adds a second event type to the pipeline.
fn two_types() -> String {
    let (schema, _) = MANIFESTS.split_once("---").unwrap_or_default();
    let second = schema.replace("air-reading", "air-station");
    format!(
        "{second}---\n{}",
        changed(MANIFESTS, "[{name: air-reading}]", "[{name: air-reading}, {name: air-station}]")
    )
}

#[test]
fn several_types_must_be_told_apart() {
    assert_eq!(
        resolved(&two_types(), &[]).unwrap_err(),
        "study/air.yaml:49:7: spec.sources[1]: doesn't say which event type its events are of; write schema: one of \
         air-reading, air-station; or event.type in the StudySchemas\n\
         study/air.yaml:51:7: spec.windows[0]: doesn't say whose events it gathers; write schema: one of air-reading, \
         air-station\n\
         study/air.yaml:58:7: spec.windows[1]: doesn't say whose events it gathers; write schema: one of air-reading, \
         air-station"
    );
}

#[test]
fn what_one_process_can_not_run_is_refused_by_name() {
    let cold = |cold: &str| format!("{MANIFESTS}  storage: {{cold: {{{cold}}}}}\n");
    let extra = |extra: &str| format!("{MANIFESTS}  {extra}\n");
    let source = |kind: &str| changed(MANIFESTS, "http: {}", kind);
    let broker = "broker: {partitions: 3, schemaRegistry: {url: \"https://registry:8081\"}}";
    let mut wrong = String::new();
    for (text, said) in [
        (
            source("kafka: {topic: a}"),
            "study/air.yaml:28:19: spec.sources[0].kafka: sources.kafka is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("mqtt: {address: \"m:1\", topics: [a]}"),
            "study/air.yaml:28:19: spec.sources[0].mqtt: sources.mqtt is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("amqp: {address: \"m:1\", queue: a}"),
            "study/air.yaml:28:19: spec.sources[0].amqp: sources.amqp is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("nats: {address: \"m:1\", stream: a}"),
            "study/air.yaml:28:19: spec.sources[0].nats: sources.nats is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("redisStream: {address: \"m:1\", stream: a}"),
            "study/air.yaml:28:19: spec.sources[0].redisStream: sources.redisStream is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("objectStore: {url: \"s3://bucket/a.ndjson\"}"),
            "study/air.yaml:28:38: spec.sources[0].objectStore.url: sources.objectStore beyond file: is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("objectStore: {url: \"file:///data/\"}"),
            "study/air.yaml:28:38: spec.sources[0].objectStore.url: sources.objectStore of a whole folder is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            source("objectStore: {url: \"file:///data/a.parquet\", format: Parquet}"),
            "study/air.yaml:28:72: spec.sources[0].objectStore.format: sources.objectStore.format: Parquet is not supported by `transect up`; write the files as Csv, Avro or Json",
        ),
        (
            source("files: {paths: [a.parquet], format: Parquet}"),
            "study/air.yaml:28:55: spec.sources[0].files.format: sources.files.format: Parquet is not supported by `transect up`; write the files as Csv, Avro or Json",
        ),
        (
            source("objectStore: {url: \"file:///data/a.ndjson\", poll: 5m}"),
            "study/air.yaml:28:69: spec.sources[0].objectStore.poll: sources.objectStore.poll is not supported by `transect up`; feed files in its place with --input web=FILE",
        ),
        (
            extra(broker),
            "study/air.yaml:39:27: spec.broker.schemaRegistry: broker.schemaRegistry is not supported by `transect up`; remove it for now",
        ),
        (
            extra("lookups: [{name: a, key: {name: id}, field: /station, file: {path: a.csv}}]"),
            "study/air.yaml:39:47: spec.lookups[0].field: lookups.field is not supported by `transect up`; remove it for now: rules read the table without",
        ),
        (
            cold("url: \"s3://bucket/air/\", table: {}"),
            "study/air.yaml:39:25: spec.storage.cold.url: storage.cold.url beyond file: is not supported by `transect up`; remove it: output goes to --out",
        ),
        (
            cold("table: {format: Iceberg}"),
            "study/air.yaml:39:36: spec.storage.cold.table.format: storage.cold.table.format: Iceberg is not supported by `transect up`; write Parquet",
        ),
        (
            cold("table: {partitionBy: [month]}"),
            "study/air.yaml:39:28: spec.storage.cold.table.partitionBy: storage.cold.table.partitionBy other than [day] is not supported by `transect up`; write [day]",
        ),
        (
            extra("storage: {hot: [{name: live, redis: {address: \"redis:6379\"}}]}"),
            "study/air.yaml:39:13: spec.storage.hot: storage.hot is not supported by `transect up`; remove it for now",
        ),
        (
            extra("paused: true"),
            "study/air.yaml:39:11: spec.paused: paused: true is not supported by `transect up`; write paused: false, or don't start it",
        ),
    ] {
        let loaded = read(&text);
        let problems = local::unsupported(&loaded.pipelines[0], &Overrides::new());
        let problems = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        if problems != said {
            wrong += &format!("\n  expected {said}\n  found    {problems}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_one_process_can_run_is_not_refused() {
    let file = changed(MANIFESTS, "http: {}", "objectStore: {url: \"file:///data/a.ndjson\"}");
    let paths = vec![PathBuf::from("/data/a.ndjson")];
    assert_eq!(resolved(&file, &[]).unwrap().sources[0].kind, SourceKind::Files { paths, format: None });
    let kafka = changed(MANIFESTS, "http: {}", "kafka: {topic: readings}");
    for (text, inputs) in
        [(MANIFESTS, overrides(&[])), (&file, overrides(&[])), (&kafka, overrides(&[("web", "a")]))]
    {
        let loaded = read(text);
        assert_eq!(local::unsupported(&loaded.pipelines[0], &inputs), []);
    }
}

#[test]
fn what_only_a_cluster_needs_is_taken_and_said() {
    let text = format!(
        "{MANIFESTS}{}",
        r#"  broker: {partitions: 3, kafka: {bootstrapServers: "kafka:9092"}, retention: 72h}
  storage: {cold: {url: "file:///data/air/", secretRef: {name: s3}, table: {}}}
  gateway: {apiKeys: {secretRef: {name: senders}}}
  scaling: {maxReplicas: 3}
  workers: [{role: process, resources: {limits: {memory: 1Gi}}}]
  serviceAccount: {annotations: {a: b}}
  networkPolicy: {egress: [{cidr: 10.0.0.0/8}]}
  deletionPolicy: Retain
"#
    );
    let loaded = read(&text);
    assert_eq!(local::unsupported(&loaded.pipelines[0], &Overrides::new()), []);
    assert!(resolved(&text, &[]).is_ok());
    assert_eq!(
        local::without_effect(&loaded.pipelines[0].value),
        [
            "broker.kafka",
            "broker.retention",
            "storage.cold.url (output goes to --out)",
            "storage.cold's secretRef, endpoint and region",
            "gateway",
            "scaling",
            "workers",
            "serviceAccount",
            "networkPolicy",
            "deletionPolicy",
        ]
    );
}
