//! What is said of privacy rules that can't be followed.

use transect_crds::yaml::load_text;
use transect_operator::resolve::{Overrides, check_schema, resolve};

const SCHEMA: &str = r#"apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: visit}
spec:
  study: clinic
  versions:
    - version: 1
      schema:
        type: object
        properties:
          id: {type: string}
          time: {type: string, format: date-time}
          who: {type: string}
          age: {type: integer}
          home: {type: object, properties: {zip: {type: string}}}
          calls: {type: array, items: {type: object, properties: {to: {type: string}}}}
          free: {}
  event: {id: [/id], time: /time PARTICIPANT}
  privacy:
    - RULE
"#;

const PIPELINE: &str = r#"---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: visits}
spec:
  study: clinic
  schemas: [{name: visit}]
  sources: [{name: web, http: {}}]
  windows:
    - {name: w, tumbling: {size: 1h}, groupBy: [GROUP], aggregates: [{name: count, function: Count}]}
  storage: {cold: {table: {}, archive: {}}}
"#;

fn problems(rule: &str, participant: &str) -> String {
    let text = SCHEMA.replace("RULE", rule).replace(" PARTICIPANT", participant);
    let loaded = load_text("visit.yaml", &text);
    let of_schema =
        loaded.schemas.iter().flat_map(|schema| check_schema(schema, &loaded.config_maps, &loaded.pipelines));
    let problems: Vec<String> =
        loaded.problems.iter().cloned().chain(of_schema).map(|p| p.to_string()).collect();
    problems.join("\n")
}

/// Each line: a rule, what follows event.time, and what is said.
#[rustfmt::skip]
const BAD: &[(&str, &str, &str)] = &[
    ("{field: /who}", "", "visit.yaml:20:7: spec.privacy[0].treatment: is missing; write it"),
    ("{field: who, treatment: Drop}", "", "visit.yaml:20:15: spec.privacy[0].field: `who` is not a JSON Pointer; write the path to a field with a slash before each step, such as `/station/id`"),
    ("{field: /who, treatment: Hash}", "", "visit.yaml:20:32: spec.privacy[0].treatment: `Hash` is not a value of this field; write one of Drop, Mask, Generalise, Pseudonymise, Encrypt"),
    ("{field: /who, treatment: Generalise}", "", "visit.yaml:20:7: spec.privacy[0].generalise: doesn't go with the treatment; write generalise with treatment Generalise, and only there"),
    ("{field: /who, treatment: Drop, keepLast: 2}", "", "visit.yaml:20:48: spec.privacy[0].keepLast: doesn't go with the treatment; write keepLast only with treatment Mask"),
    ("{field: /who, treatment: Generalise, generalise: {}}", "", "visit.yaml:20:44: spec.privacy[0].generalise: has not exactly one way; write one of step (numbers), timeUnit (times) and keepFirst (texts)"),
    ("{field: /who, treatment: Encrypt}", "", "visit.yaml:18:3: spec.event: doesn't say whose key seals what is encrypted; write event.participant, such as `/participant`"),
    ("{field: /who, treatment: Encrypt}", ", participant: /whom", "visit.yaml:18:48: spec.event.participant: `/whom` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("{field: /time, treatment: Drop}", "", "visit.yaml:20:15: spec.privacy[0].field: `/time` is the event time, which each row keeps in _time; leave it; for a coarser time add a field of its own and generalise that"),
    ("{field: /whom, treatment: Drop}", "", "visit.yaml:20:15: spec.privacy[0].field: `/whom` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("{field: /extra, treatment: Drop}", "", "visit.yaml:20:15: spec.privacy[0].field: `/extra` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("{field: /calls/0/to, treatment: Drop}", "", "visit.yaml:20:15: spec.privacy[0].field: `/calls/0/to` leads into an array; write `*` for every item of it, such as `/contacts/*/phone`"),
    ("{field: /free/x, treatment: Drop}", "", "visit.yaml:20:15: spec.privacy[0].field: `/free/x` is a part of `free`, which is kept as JSON; treat all of it, or describe its members in the schema"),
    ("{field: /home, treatment: Pseudonymise}", "", "visit.yaml:20:33: spec.privacy[0].treatment: Pseudonymise needs one value, but `/home` has parts; name each part, with `*` for every item of an array, or write Drop"),
    ("{field: /age, treatment: Generalise, generalise: {step: 2.5}}", "", "visit.yaml:20:44: spec.privacy[0].generalise: step 2.5 is no whole number, but `/age` is an integer; write a whole number, such as 10"),
    ("{field: /home, treatment: Drop}\n    - {field: /home/zip, treatment: Drop}", "", "visit.yaml:21:15: spec.privacy[1].field: `/home/zip` lies within or around the field of another rule; leave one of the two"),
];

#[test]
fn says_what_is_wrong_with_a_rule() {
    let mut wrong = String::new();
    for (rule, participant, said) in BAD {
        let found = problems(rule, participant);
        if found != *said {
            wrong += &format!("\n{rule}{participant}\n  expected {said}\n  found    {found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What is said of a pipeline that groups by a field, and its notes.
fn resolved(rule: &str, participant: &str, group: &str) -> Result<Vec<String>, String> {
    let schema = SCHEMA.replace("RULE", rule).replace(" PARTICIPANT", participant);
    let loaded = load_text("visit.yaml", &(schema + &PIPELINE.replace("GROUP", group)));
    assert_eq!(loaded.problems, []);
    let resolved = resolve(&loaded.schemas, &[], &loaded.pipelines[0], &Overrides::new());
    resolved
        .map(|resolved| resolved.notes)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn windows_gather_what_is_kept() {
    let who = ", participant: /who";
    assert_eq!(resolved("{field: /who, treatment: Pseudonymise}", who, "/who"), Ok(vec![]));
    assert_eq!(resolved("{field: /home/zip, treatment: Drop}", who, "/age"), Ok(vec![]));
    let dropped = resolved("{field: /who, treatment: Drop}", who, "/who").unwrap_err();
    assert!(
        dropped.ends_with("the field is dropped by privacy; leave it out, or generalise it instead"),
        "{dropped}"
    );
    let encrypted = resolved("{field: /who, treatment: Encrypt}", who, "/who").unwrap_err();
    assert!(encrypted.ends_with("pseudonymise it instead"), "{encrypted}");
    let notes = resolved("{field: /who, treatment: Drop}", "", "/age").unwrap();
    assert!(notes[0].contains("an erasure doesn't reach; write event.participant"), "{notes:?}");
}
