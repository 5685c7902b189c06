//! What the reader takes, and what it says of what it doesn't take.

use std::fs;
use std::path::{Path, PathBuf};

use transect_crds::yaml::{Loaded, load, load_text};

const SCHEMA: &str = include_str!("air/schema.yaml");
const PIPELINE: &str = include_str!("air/pipeline.yaml");

fn problems(loaded: &Loaded) -> Vec<String> {
    loaded.problems.iter().map(ToString::to_string).collect()
}

/// Puts `with` in the place of `what` in the text, and reads it.
fn changed(text: &str, what: &str, with: &str) -> Loaded {
    assert_eq!(text.matches(what).count(), 1, "`{what}` must be in the manifest once");
    load_text("air.yaml", &text.replace(what, with))
}

/// Checks what is said of each change; shows all differences at once.
fn check(text: &str, cases: &[(&str, &str, &str)]) {
    let mut wrong = String::new();
    for (what, with, said) in cases {
        let loaded = changed(text, what, with);
        assert!(loaded.pipelines.is_empty() && loaded.schemas.is_empty(), "{what} -> {with} was taken");
        let problems = problems(&loaded);
        if problems.join("\n") != *said {
            wrong += &format!("\n{what} -> {with}\n  expected {said}\n  found    {}\n", problems.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn reads_a_complete_pair_of_manifests() {
    let loaded = load(&[Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("tests/air")]);
    assert_eq!(problems(&loaded), Vec::<String>::new());
    let (schema, pipeline) = (&loaded.schemas[0].value, &loaded.pipelines[0].value);
    assert_eq!(schema.spec.versions.len(), 2);
    assert_eq!(pipeline.spec.sources.len(), 5);
    assert_eq!(pipeline.spec.windows[0].aggregates[2].q, Some(0.95));
    assert_eq!(loaded.pipelines[0].places.position("spec.windows[0].tumbling.size").line, 29);
}

#[test]
fn what_was_read_is_written_the_same() {
    let loaded = load_text("air.yaml", PIPELINE);
    let once = serde_json::to_string(&loaded.pipelines[0].value).unwrap();
    let again = load_text("air.json", &once);
    assert_eq!(problems(&again), Vec::<String>::new());
    assert_eq!(again.pipelines[0].value, loaded.pipelines[0].value);
}

/// Each line: what is replaced in the manifest, by what, and what is said.
#[rustfmt::skip]
const BAD_PIPELINES: &[(&str, &str, &str)] = &[
    ("version: 1}]", "version: 1, oldest: 2}]", "air.yaml:6:53: spec.schemas[0].oldest: is greater than version, so that no version is left; write one that is at most version"),
    // Fields that aren't known.
    ("tumbling: {size: 1h}", "tumbling: {siez: 1h}", "air.yaml:29:24: spec.windows[0].tumbling.siez: is not a field that is known here; did you mean `size`?"),
    ("  dedup: {window: 24h}", "  deduplicate: {}", "air.yaml:24:3: spec.deduplicate: is not a field that is known here; did you mean `dedup`?"),
    ("http: {}", "http: {port: 80}", "air.yaml:8:53: spec.sources[0].http.port: is not a field that is known here; leave it out; nothing is written here"),
    ("{name: air, namespace: studies}", "{name: air, namesapce: studies}", "air.yaml:3:34: metadata.namesapce: is not a field that is known here; did you mean `namespace`?"),
    // Fields that are missing.
    ("topic: sensors.v1", "start: Latest", "air.yaml:9:22: spec.sources[1].kafka.topic: is missing; write it, such as `topic: sensors.v1`"),
    ("  study: air-quality\n", "", "air.yaml:4:1: spec.study: is missing; write it, such as `study: air-quality`"),
    ("{name: air, namespace: studies}", "{namespace: studies}", "air.yaml:3:1: metadata.name: is missing; write it, such as `name: air-quality`"),
    // Wrong types.
    ("partitions: 12", "partitions: many", "air.yaml:21:17: spec.broker.partitions: `many` is text, but must be a whole number; write it such as `12`"),
    ("partitions: 12", "partitions: 12.0", "air.yaml:21:17: spec.broker.partitions: 12.0 has a decimal point, but must be a whole number; write it without the point"),
    ("paused: false", "paused: yes", "air.yaml:71:11: spec.paused: `yes` is text here, but kubectl takes it for true or false; write it in quotes, or as `true` or `false`\nair.yaml:71:11: spec.paused: `yes` is text, but must be true or false"),
    ("disk: ssd", "disk: no, y: \"yes\"", "air.yaml:63:28: spec.workers[1].nodeSelector.disk: `no` is text here, but kubectl takes it for true or false; write it in quotes, or as `true` or `false`\nair.yaml:63:32: spec.workers[1].nodeSelector.y: `y` is text here, but kubectl takes it for true or false; write it in quotes, or as `true` or `false`"),
    ("http: {}", "http:", "air.yaml:8:44: spec.sources[0].http: has no value, but must be a map; write it such as `{}`"),
    ("groupBy: [/station]", "groupBy: /station", "air.yaml:30:16: spec.windows[0].groupBy: `/station` is text, but must be a list; write it such as `[/station]`"),
    // Values that aren't written right.
    ("function: Mean,", "function: Average,", "air.yaml:34:39: spec.windows[0].aggregates[1].function: `Average` is not a value of this field; write one of Count, Sum, Mean, Min, Max, StdDev, Quantile, Distinct, First, Last"),
    ("function: Mean,", "function: mean,", "air.yaml:34:39: spec.windows[0].aggregates[1].function: `mean` is not a value of this field; did you mean `Mean`?"),
    ("groupBy: [/station]", "groupBy: [station]", "air.yaml:30:17: spec.windows[0].groupBy[0]: `station` is not a JSON Pointer; write the path to a field with a slash before each step, such as `/station/id`"),
    ("dedup: {window: 24h}", "dedup: {window: 1d}", "air.yaml:24:19: spec.dedup.window: `1d` is not a duration; write a number and a unit, such as `30s`, `5m` or `168h`"),
    ("s3://bucket/in/", "s3://key:secret@bucket/in/", "air.yaml:11:42: spec.sources[3].objectStore.url: `s3://key:secret@bucket/in/` is not a URL for this field; write s3://, gs://, az:// or file:/// without credentials, which belong into a Secret, such as `s3://bucket/air/`"),
    ("{name: air, namespace: studies}", "{name: Air, namespace: studies}", "air.yaml:3:18: metadata.name: `Air` is not a name; write small letters, digits and dashes, of which the first is a letter, such as `air-quality`"),
    ("partitions: 12", "partitions: 0", "air.yaml:21:17: spec.broker.partitions: `0` is too small; write at least 1"),
    ("q: 0.95", "q: 1.5", "air.yaml:35:65: spec.windows[0].aggregates[2].q: `1.5` is too large; write at most 1"),
    ("memory: 1Gi", "memory: lots", "air.yaml:62:82: spec.workers[1].resources.limits.memory: `lots` is not an amount; write a number with or without a unit, such as `500m` or `512Mi`"),
    ("schemas: [{name: air-reading, version: 1}]", "schemas: []", "air.yaml:6:3: spec.schemas: has too few items; write at least 1"),
    // What is there twice.
    ("  dedup: {window: 24h}", "  study: again\n  dedup: {}", "air.yaml:24:3: spec.study: is here twice, first on line 5; keep one of the two"),
    ("{name: moving,", "{name: hourly,", "air.yaml:36:14: spec.windows[1].name: `hourly` is here twice, first as spec.windows[0].name; choose another, or remove one of the two"),
    // Rules.
    ("tumbling: {size: 1h}", "tumbling: {size: 1h}\n      session: {gap: 1m}", "air.yaml:28:7: spec.windows[0]: has not exactly one kind of window; write one of tumbling, sliding and session"),
    ("http: {}", "files: {paths: [a]}, http: {}", "air.yaml:8:7: spec.sources[0]: has not exactly one kind; write one of http, kafka, mqtt, amqp, nats, redisStream, objectStore and files"),
    ("every: 10m", "every: 2h", "air.yaml:36:49: spec.windows[1].sliding.every: is longer than size, so that events would fall between windows; write at most size"),
    ("session: {gap: 30m, max: 12h}", "session: {gap: 25h}", "air.yaml:37:37: spec.windows[2].session.gap: is longer than max (24h, if not given); write at most max"),
    ("tumbling: {size: 1h}", "tumbling: {size: 0s}", "air.yaml:29:24: spec.windows[0].tumbling.size: is no length of time; write more than zero, such as 1h"),
    ("function: Mean, field: /pm25", "function: Mean", "air.yaml:34:11: spec.windows[0].aggregates[1].field: is missing; write the JSON Pointer of the field to compute, such as /pm25 (only Count goes without)"),
    (", q: 0.95", "", "air.yaml:35:11: spec.windows[0].aggregates[2].q: doesn't go with the function; write q, such as 0.95, with function Quantile, and only there"),
    ("name: readings", "name: final", "air.yaml:33:18: spec.windows[0].aggregates[0].name: is the name of a column that every window has; choose another"),
    ("minReplicas: 1,", "minReplicas: 13,", "air.yaml:56:43: spec.scaling.minReplicas: is greater than maxReplicas; write at most maxReplicas"),
    ("{role: gateway, maxReplicas: 4}", "{role: gateway, minReplicas: 0}", "air.yaml:56:116: spec.scaling.roles[0].minReplicas: is 0 for the gateway, which then could not wake up; write at least 1"),
    ("threshold: 6}", "side: Both}", "air.yaml:39:7: spec.anomalies[0].threshold: doesn't go with the method; write threshold with every method but Missing"),
    ("{scram: {secretRef: {name: kafka-user, keys: {password: kafka-password}}}}", "{}", "air.yaml:16:7: spec.broker.kafka.authentication: has not exactly one way to log in; write one of scram, oauthBearer and mtls"),
    ("table: {format: Iceberg, partitionBy: [day, region]}, archive: {}", "region: eu", "air.yaml:43:5: spec.storage.cold: keeps nothing; write table: {}, archive: {}, or both"),
    ("{name: wide, cassandra: {addresses: \"cassandra:9042\", keyspace: air}}", "{name: wide}", "air.yaml:47:9: spec.storage.hot[2]: has not exactly one kind; write one of redis, cassandra, influxdb and postgres"),
    ("{cidr: 10.0.0.0/8, ports: [443]}", "{ports: [443]}", "air.yaml:68:9: spec.networkPolicy.egress[0]: is not one kind of target; write either cidr, or namespaceLabels and podLabels"),
    // What isn't Transect's but means to be.
    ("transect.dev/v1alpha1", "transect.dev/v1", "air.yaml:1:13: apiVersion: `v1` is not a version that this build knows; write `transect.dev/v1alpha1`"),
    ("transect.dev/v1alpha1", "transect.io/v1alpha1", "air.yaml:1:13: apiVersion: ResearchPipeline is Transect's, but `transect.io/v1alpha1` is not its API version; write `transect.dev/v1alpha1`"),
    ("kind: ResearchPipeline", "kind: ResearchPipelin", "air.yaml:2:7: kind: `ResearchPipelin` is not a kind of transect.dev/v1alpha1; did you mean `ResearchPipeline`?"),
    ("kind: ResearchPipeline\n", "", "air.yaml:1:1: kind: is missing; write `apiVersion: transect.dev/v1alpha1` and `kind: StudySchema` or `kind: ResearchPipeline`"),
    // What isn't YAML.
    ("[{name: air-reading, version: 1}]", "[{name: air-reading", "air.yaml:8:5: is not valid YAML: \"-\" is only valid inside a block; correct the text there"),
];

#[test]
fn says_what_is_wrong_with_a_pipeline() {
    check(PIPELINE, BAD_PIPELINES);
}

#[rustfmt::skip]
const BAD_SCHEMAS: &[(&str, &str, &str)] = &[
    ("- version: 2\n      schemaFrom: {configMapKeyRef: {name: air-schemas, key: v2.json}}", "- {version: 2}", "air.yaml:22:7: spec.versions[1]: has not exactly one schema; write one of schema (inline) and schemaFrom (in a ConfigMap)"),
    ("- version: 2\n", "- version: 2\n      renamed: [{from: /a, to: /b}, {from: /c, to: /b}]\n", "air.yaml:23:7: spec.versions[1].renamed: two fields get the same name; leave one of the two"),
    ("- version: 2\n", "- version: 2\n      renamed: [{from: /a, to: /a}]\n", "air.yaml:23:17: spec.versions[1].renamed[0]: is the name that the field has already; write another name, or remove it"),
    ("- version: 2\n", "- version: 2\n      renamed: [{from: a, to: /b}]\n", "air.yaml:23:24: spec.versions[1].renamed[0].from: `a` is not a JSON Pointer; write the path to a field with a slash before each step, such as `/station/id`"),
    ("version: 2", "version: 1", "air.yaml:22:16: spec.versions[1].version: `1` is here twice, first as spec.versions[0].version; choose another, or remove one of the two"),
    ("time: /time, ", "", "air.yaml:24:3: spec.event.time: is missing; write it, such as `time: /time`"),
    ("compatibility: Backward", "compatibility: Backwards", "air.yaml:7:18: spec.compatibility: `Backwards` is not a value of this field; did you mean `Backward`?"),
    ("{field: /station, trim: {}}", "{field: /station}", "air.yaml:27:7: spec.cleanse[1]: has 1 field, not 2; write `field` and exactly one of the others"),
    ("{field: /station, trim: {}}", "{field: /station, trim: {}, rename: station_id}", "air.yaml:27:7: spec.cleanse[1]: has 3 fields, not 2; write `field` and exactly one of the others"),
    ("treatment: Generalise, generalise: {timeUnit: Year}", "treatment: Generalise", "air.yaml:34:7: spec.privacy[1].generalise: doesn't go with the treatment; write generalise with treatment Generalise, and only there"),
    ("{timeUnit: Year}", "{timeUnit: Year, step: 1}", "air.yaml:34:46: spec.privacy[1].generalise: has not exactly one way; write one of step (numbers), timeUnit (times) and keepFirst (texts)"),
    ("treatment: Mask,", "treatment: Drop,", "air.yaml:35:50: spec.privacy[2].keepLast: doesn't go with the treatment; write keepLast only with treatment Mask"),
    ("          pm25: {type", "          y: {type: number}\n          pm25: {type", "air.yaml:18:11: spec.versions[0].schema.properties.y: `y` is text here, but kubectl takes it for true or false; write it in quotes, or as `true` or `false`"),
];

#[test]
fn says_what_is_wrong_with_a_schema() {
    check(SCHEMA, BAD_SCHEMAS);
}

#[test]
fn collects_the_problems_of_all_documents_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("b.yml", &PIPELINE.replace("size: 1h}", "size: 1}"));
    file(
        "a.yaml",
        &format!(
            "---\n---\n{}\n---\n{SCHEMA}---\nkind: Namespace\napiVersion: v1\nmetadata: {{name: studies}}\n",
            SCHEMA.replace("version: 2", "version: 1")
        ),
    );
    file("c.json", "{\"type\": \"FeatureCollection\"}");
    file("d.json", "{\"a\": 1}\n{\"a\": 2}\n");
    file(".hidden.yaml", "nonsense: [");
    file("notes.md", "nonsense");
    fs::create_dir(folder.path().join("more")).unwrap();
    file(
        "more/e.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: air-schemas}\ndata: {v2.json: '{}', count: 1}\n",
    );
    let loaded = load(&[folder.path().to_owned()]);
    let at = folder.path().display();
    assert_eq!(
        problems(&loaded),
        [
            format!(
                "{at}/a.yaml:24:16: spec.versions[1].version: `1` is here twice, first as spec.versions[0].version; choose another, or remove one of the two"
            ),
            format!(
                "{at}/a.yaml:42:18: metadata.name: is the name of another StudySchema in the same namespace, at {at}/a.yaml:5; rename one of the two, or remove it"
            ),
            format!(
                "{at}/b.yml:29:24: spec.windows[0].tumbling.size: `1` is a number, but must be text; write it such as `1h`"
            ),
            format!(
                "{at}/more/e.yaml:4:30: data.count: is not text; write it as text, in quotes or as a block after `|`"
            ),
        ]
    );
    let skipped: Vec<_> = loaded
        .skipped
        .iter()
        .map(|skipped| format!("{}:{} {}", skipped.file, skipped.line, skipped.what))
        .collect();
    assert_eq!(
        skipped,
        [
            format!("{at}/a.yaml:76 Namespace studies"),
            format!("{at}/c.json:0 no Kubernetes object"),
            format!("{at}/d.json:0 no Kubernetes object"),
        ]
    );
}

#[test]
fn says_which_paths_are_of_no_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("latin1.yaml"), b"# caf\xe9\n").unwrap();
    let paths: Vec<PathBuf> = ["missing.yaml", "empty", "latin1.yaml"].map(path).into();
    let at = folder.path().display();
    assert_eq!(
        problems(&load(&paths)),
        [
            format!(
                "{at}/missing.yaml: can't be read: No such file or directory (os error 2); check the path"
            ),
            format!(
                "{at}/empty: is a folder without manifests; write manifests as *.yaml, *.yml or *.json there, or name another folder"
            ),
            format!("{at}/latin1.yaml:1:6: is not UTF-8 text (byte 0xE9); save the file as UTF-8"),
        ]
    );
}

#[test]
fn hostile_texts_end_in_a_problem() {
    let head = "apiVersion: transect.dev/v1alpha1\nkind: StudySchema\nmetadata: {name: a}\nspec: ";
    let laughs: String = (1..30).map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}, *a{0}]\n", at - 1)).collect();
    for text in [
        format!("{head}{}", "[".repeat(10_000)),
        format!("{head}{}{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("a0: &a0 [lol]\n{laughs}"),
        "&a [*a]".to_owned(),
        "{".repeat(100_000),
        "\u{0}\u{1}".to_owned(),
        format!("{head}1e999"),
        format!("{head}!!binary \"=\""),
        "- ".repeat(50_000),
    ] {
        let loaded = load_text("bad.yaml", &text);
        assert!(!loaded.problems.is_empty(), "{}", &text[..text.len().min(60)]);
        let longest = loaded.problems.iter().map(|problem| problem.to_string().len()).max();
        assert!(longest.is_some_and(|longest| longest < 1000), "{:?}", loaded.problems);
    }
}
