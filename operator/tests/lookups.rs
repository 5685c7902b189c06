//! Lookups: what a manifest comes to, and what is said where there is none.

use std::path::PathBuf;

use transect_config::{LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType};
use transect_crds::yaml::{Problem, load_text};
use transect_operator::local;
use transect_operator::resolve::{Overrides, check_schema, resolve};

const MANIFESTS: &str = r#"apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: visit, namespace: studies}
spec:
  study: wellbeing
  versions:
    - version: 1
      schema:
        type: object
        required: [id, time]
        properties: {id: {type: string}, time: {type: string, format: date-time}, site: {type: string}, beds: {type: integer}}
  event: {id: [/id], time: /time, key: [/id]}
  rules:
    - {name: known-site, expression: "event.site in lookup.sites"}
    - {name: open, expression: "lookup.sites[event.site].opened <= event.time"}
---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: visits, namespace: studies}
spec:
  study: wellbeing
  schemas: [{name: visit}]
  sources: [{name: web, http: {}}]
  lookups:
    - {name: sites, key: {name: code}, columns: [{name: opened, type: Time}, {name: beds, type: Number}], configMapKeyRef: {name: lists, key: sites.csv}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: lists, namespace: studies}
data:
  sites.csv: "code,opened,beds\nnorth,2026-01-31T12:00:00Z,12\n"
"#;

const PLACE: &str = "configMapKeyRef: {name: lists, key: sites.csv}";

fn read(manifests: &str) -> Result<Vec<LookupConfig>, String> {
    let loaded = load_text("study/visits.yaml", manifests);
    let lines =
        |problems: &[Problem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if !loaded.problems.is_empty() {
        return Err(lines(&loaded.problems));
    }
    let pipeline = &loaded.pipelines[0];
    let mut problems = local::unsupported(pipeline, &Overrides::new());
    // What is said of a schema where its pipeline is not known is said of it there too.
    let alone = check_schema(&loaded.schemas[0], &loaded.config_maps, &loaded.pipelines);
    match resolve(&loaded.schemas, &loaded.config_maps, pipeline, &Overrides::new()) {
        Ok(resolved) if problems.is_empty() => {
            assert_eq!((alone, resolved.notes), (Vec::new(), Vec::new()));
            Ok(resolved.config.lookups)
        }
        Ok(_) => Err(lines(&problems)),
        Err(more) => {
            problems.extend(more);
            assert!(alone.iter().all(|problem| problems.contains(problem)), "{alone:?}");
            Err(lines(&problems))
        }
    }
}

#[test]
fn tables_are_resolved_with_all_defaults() {
    let column = |name: &str, kind| LookupColumn { name: name.into(), kind };
    let expected = |format, place| {
        let columns = vec![column("opened", LookupType::Time), column("beds", LookupType::Number)];
        let name = "sites".into();
        vec![LookupConfig { name, key: column("code", LookupType::Text), columns, format, place }]
    };
    let text = "code,opened,beds\nnorth,2026-01-31T12:00:00Z,12\n";
    assert_eq!(read(MANIFESTS).unwrap(), expected(LookupFormat::Csv, LookupPlace::Text(text.into())));
    let placed = |place: &str| read(&MANIFESTS.replace(PLACE, place)).unwrap();
    // Seen from the manifest's folder; the file is read by who runs the pipeline.
    let beside = LookupPlace::File(PathBuf::from("study/lists/sites.ndjson"));
    assert_eq!(placed("file: {path: lists/sites.ndjson}"), expected(LookupFormat::Json, beside.clone()));
    assert_eq!(placed("file: {path: lists/sites.ndjson}, format: Csv"), expected(LookupFormat::Csv, beside));
    let absolute = LookupPlace::File(PathBuf::from("/data/sites"));
    assert_eq!(placed("objectStore: {url: \"file:///data/sites\"}"), expected(LookupFormat::Csv, absolute));
}

/// Each line: what is replaced in the manifests, by what, and what is said.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str)] = &[
    // Rules that name what the pipeline doesn't have.
    ("event.site in lookup.sites", "event.site in lookup.site", "study/visits.yaml:14:38: spec.rules[0].expression: names the table `lookup.site`, which is not in spec.lookups of the pipeline; did you mean `lookup.sites`?"),
    ("[event.site].opened", "[event.site].opend", "study/visits.yaml:15:32: spec.rules[1].expression: `lookup.sites[…].opend` names no column of the table; did you mean `lookup.sites[…].opened`?"),
    ("[event.site].opened", "[event.beds].opened", "study/visits.yaml:15:32: spec.rules[1].expression: looks a number up in `lookup.sites`, whose key `code` is a text; look up a value of the same type, or say the key's type in spec.lookups of the pipeline"),
    ("opened, type: Time", "opened", "study/visits.yaml:15:32: spec.rules[1].expression: `<=` is between a text and a time; write the text as timestamp(\"2026-01-31T12:00:00Z\")"),
    // Tables that are not there, or not as they should be.
    ("name: lists, key: sites.csv", "name: list, key: sites.csv", "study/visits.yaml:25:131: spec.lookups[0].configMapKeyRef.name: names the ConfigMap `list`, which is not there; add it to the manifests, in the namespace `studies`, or correct the name"),
    ("name: lists, key: sites.csv", "name: lists, key: site.csv", "study/visits.yaml:25:143: spec.lookups[0].configMapKeyRef.key: names the key `site.csv`, which ConfigMap `lists` doesn't have; write one of sites.csv"),
    ("code,opened,beds\\n", "code,opened,bed\\n", "study/visits.yaml:31:14: data.sites.csv: as the lookup `sites`, line 1: has no column `beds`; did you mean `bed`?"),
    ("Z,12\\n", "Z,many\\n", "study/visits.yaml:31:14: data.sites.csv: as the lookup `sites`, line 2: `beds` is no number; write one, leave it empty, or say `type: Text` in the manifest"),
    // What an object's own content shows.
    ("key: {name: code}", "key: {name: code, type: Time}", "study/visits.yaml:25:21: spec.lookups[0].key: is neither a text nor a number; write Text or Number"),
    ("{name: beds, type", "{name: code, type", "study/visits.yaml:25:40: spec.lookups[0].columns: has the key again; leave it out"),
    ("{name: sites, key", "{name: my-sites, key", "study/visits.yaml:25:14: spec.lookups[0].name: `my-sites` is not a name that rules can write; write small letters, digits and underscores, such as `stations`"),
    (PLACE, "schema: visit", "study/visits.yaml:25:7: spec.lookups[0]: has not exactly one place; write one of configMapKeyRef, file and objectStore\nstudy/visits.yaml:25:7: spec.lookups[0]: says of which schema, but not of which field; write field, or leave schema out"),
    // What one process can't do yet.
    (PLACE, "objectStore: {url: \"s3://bucket/sites.csv\"}", "study/visits.yaml:25:126: spec.lookups[0].objectStore.url: lookups.objectStore beyond file: is not supported by `transect up`; write file: {path: FILE}, with a copy of the table"),
    (PLACE, "file: {path: a.csv}, field: /site", "study/visits.yaml:25:135: spec.lookups[0].field: lookups.field is not supported by `transect up`; remove it for now: rules read the table without"),
];

#[test]
fn says_what_is_wrong_with_a_lookup() {
    let mut wrong = String::new();
    for (what, with, said) in MISTAKES {
        assert_eq!(MANIFESTS.matches(what).count(), 1, "{what}");
        let found = read(&MANIFESTS.replace(what, with)).map_or_else(|said| said, |_| "nothing".to_owned());
        if found != *said {
            wrong += &format!("\n{what} -> {with}\n  expected {said}\n  found    {found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
