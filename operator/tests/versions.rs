//! Versions that are read at once: what a worker is told, and what is said where they don't go together.

use std::collections::BTreeMap;

use transect_config::PipelineConfig;
use transect_crds::yaml::load_text;
use transect_operator::resolve::{Overrides, resolve};

const MANIFESTS: &str = r#"apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: answer}
spec:
  study: survey
  compatibility: None
  versions:
    - version: 1
      schema: {type: object, properties: {v: {type: integer}, id: {type: string}, time: {type: string, format: date-time}, mood: {type: integer}, who: {type: object, properties: {label: {type: string}}}}}
    - version: 2
      renamed: [{from: /mood, to: /wellbeing}]
      schema: {type: object, properties: {v: {type: integer}, id: {type: string}, time: {type: string, format: date-time}, wellbeing: {type: number}, who: {type: object, properties: {label: {type: string}}}}}
    - version: 4
      renamed: [{from: /who/label, to: /who/name}]
      schema: {type: object, properties: {v: {type: integer}, id: {type: string}, time: {type: string, format: date-time}, wellbeing: {type: number}, who: {type: object, properties: {name: {type: string}}}}}
  event: {version: /v, id: [/id], time: /time, key: [/who/name]}
  rules: [{name: good, expression: event.wellbeing > 0.0}]
---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: survey}
spec:
  study: survey
  schemas: [{name: answer}]
  sources: [{name: web, http: {}}]
  windows: [{name: daily, tumbling: {size: 24h}, groupBy: [/who/name], aggregates: [{name: mean, function: Mean, field: /wellbeing}]}]
"#;

/// The configuration and the notes, or what is wrong.
fn resolved(text: &str) -> Result<(PipelineConfig, Vec<String>), String> {
    let loaded = load_text("survey.yaml", text);
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    if !said.is_empty() {
        return Err(said.join("\n"));
    }
    let overrides: Overrides = BTreeMap::new();
    resolve(&loaded.schemas, &loaded.config_maps, &loaded.pipelines[0], &overrides)
        .map(|resolved| (resolved.config, resolved.notes))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn changed(what: &str, with: &str) -> String {
    assert_eq!(MANIFESTS.matches(what).count(), 1, "`{what}` must be in the manifests once");
    MANIFESTS.replace(what, with)
}

/// The versions and renames that a worker is told of.
fn told(config: &PipelineConfig) -> (Vec<u32>, Vec<String>) {
    let event_type = &config.event_types[0];
    let older = event_type.older.iter().map(|older| older.version);
    let renamed = event_type.renamed.iter();
    (
        older.chain([event_type.schema_version]).collect(),
        renamed.map(|rename| format!("{}: {} {}", rename.version, rename.from, rename.to)).collect(),
    )
}

#[test]
fn a_worker_is_told_all_versions_up_to_the_pinned_one() {
    let (config, notes) = resolved(MANIFESTS).unwrap();
    let (mood, name) = ("2: /mood /wellbeing".to_owned(), "4: /who/label /who/name".to_owned());
    assert_eq!(told(&config), (vec![1, 2, 4], vec![mood.clone(), name.clone()]));
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(
        serde_json::from_str::<PipelineConfig>(&serde_json::to_string(&config).unwrap()).unwrap(),
        config
    );

    let pinned =
        changed("[{name: answer}]", "[{name: answer, version: 2}]").replace("/who/name]", "/who/label]");
    assert_eq!(told(&resolved(&pinned).unwrap().0), (vec![1, 2], vec![mood]));

    let later = changed("[{name: answer}]", "[{name: answer, oldest: 2}]");
    assert_eq!(told(&resolved(&later).unwrap().0), (vec![2, 4], vec![name]));
    // One version only is read as if there had never been another.
    let newest = changed("[{name: answer}]", "[{name: answer, oldest: 4}]");
    assert_eq!(told(&resolved(&newest).unwrap().0), (vec![4], vec![]));
}

#[test]
fn columns_without_a_common_type_are_noted() {
    let text = changed("mood: {type: integer}", "mood: {type: boolean}")
        .replace(", field: /wellbeing", ", field: /v")
        .replace("event.wellbeing > 0.0", "event.v > 0");
    let (_, notes) = resolved(&text).unwrap();
    assert_eq!(
        notes,
        [
            "answer: the column of /wellbeing is text in JSON, because its versions have no type in common there"
        ]
    );
}

/// Each line: what is replaced in the manifests, by what, and what is said.
#[rustfmt::skip]
const BAD: &[(&str, &str, &str)] = &[
    ("{from: /who/label, to: /who/name}", "{from: /who/label, to: /id}", "survey.yaml:14:40: spec.versions[2].renamed[0].to: moves `/who/label` to another object; a field keeps its object: change the last step only"),
    ("{from: /mood, to: /wellbeing}", "{from: /v, to: /wellbeing}", "survey.yaml:11:24: spec.versions[1].renamed[0].from: renames event.version, which is read before the version is known; keep its name in all versions"),
    ("{from: /who/label, to: /who/name}", "{from: /mood, to: /wellbeing}", "survey.yaml:16:54: spec.event.key[0]: `/who/name` in version 2 names no property of the schema; say its older name by `renamed`, or read no version before by `oldest` of spec.schemas in the pipeline\nsurvey.yaml:16:54: spec.event.key[0]: `/who/name` in version 1 names no property of the schema; say its older name by `renamed`, or read no version before by `oldest` of spec.schemas in the pipeline"),
    ("renamed: [{from: /who/label, to: /who/name}]\n      ", "", "survey.yaml:15:54: spec.event.key[0]: `/who/name` in version 2 names no property of the schema; say its older name by `renamed`, or read no version before by `oldest` of spec.schemas in the pipeline\nsurvey.yaml:15:54: spec.event.key[0]: `/who/name` in version 1 names no property of the schema; say its older name by `renamed`, or read no version before by `oldest` of spec.schemas in the pipeline"),
    ("mood: {type: integer}", "mood: {type: string}", "survey.yaml:26:85: spec.windows[0].aggregates[0]: `/wellbeing` has no type that all its versions have in common, so that its column is text in JSON; read no version before the change, by oldest: in spec.schemas; or name another field"),
    ("mood: {type: integer}", "mood: {type: integers}", "survey.yaml:9:137: spec.versions[0].schema.properties.mood.type: this is no valid JSON Schema: \"integers\" is not valid under any of the schemas listed in the 'anyOf' keyword"),
    ("time: /time", "time: /wellbeing, timeFormat: UnixSeconds, region: /mood", "survey.yaml:16:86: spec.event.region: `/mood` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("http: {}", "version: 3, http: {}", "survey.yaml:25:34: spec.sources[0].version: is a version of `answer` that the pipeline doesn't read; write one of 1, 2, 4"),
    ("[{name: answer}]", "[{name: answer, version: 3}]", "survey.yaml:24:37: spec.schemas[0].version: pins a version that `answer` doesn't have; write one of 1, 2, 4"),
    ("[{name: answer}]", "[{name: answer, version: 2, oldest: 1}]", "survey.yaml:16:54: spec.event.key[0]: `/who/name` names no property of the schema; correct the pointer, or describe the field in the schema"),
];

#[test]
fn says_what_is_wrong() {
    let mut wrong = String::new();
    for (what, with, said) in BAD {
        let problems =
            resolved(&changed(what, with)).map_or_else(|problems| problems, |_| "nothing".to_owned());
        if problems != *said {
            wrong += &format!("\n{what} -> {with}\n  expected {said}\n  found    {problems}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
