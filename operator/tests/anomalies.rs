//! Detectors of anomalies: what a manifest comes to, and what is said where there is none.

use std::collections::BTreeMap;

use transect_config::{DetectorConfig, Judge, Method, Side, Span, Watched};
use transect_crds::yaml::load_text;
use transect_operator::local;
use transect_operator::resolve::{Overrides, resolve};

const MANIFESTS: &str = r#"apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: air-reading, namespace: studies}
spec:
  study: air-quality
  versions:
    - version: 1
      schema:
        type: object
        required: [id, time, station]
        properties:
          id: {type: string}
          time: {type: string, format: date-time}
          station: {type: string}
          sensor: {type: [string, "null"]}
          pm25: {type: [number, "null"]}
          count: {type: integer}
          tags: {type: array, items: {type: string}}
  event: {id: [/id], time: /time, key: [/station]}
---
apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: visit, namespace: studies}
spec:
  study: air-quality
  versions:
    - version: 1
      schema: {type: object, properties: {id: {type: string}, at: {type: string, format: date-time}}, required: [id, at]}
  event: {id: [/id], time: /at, key: [/id]}
---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: air, namespace: studies}
spec:
  study: air-quality
  schemas: [{name: air-reading}, {name: visit}]
  sources: [{name: web, http: {}}]
  windows:
    - name: hourly
      schema: air-reading
      tumbling: {size: 1h}
      groupBy: [/station, /sensor]
      aggregates:
        - {name: readings, function: Count}
        - {name: pm25_mean, function: Mean, field: /pm25}
        - {name: last_sensor, function: Last, field: /sensor}
  anomalies:
    - DETECTOR
"#;

fn detector(text: &str) -> Result<DetectorConfig, String> {
    read(&MANIFESTS.replace("DETECTOR", text))
}

fn read(manifests: &str) -> Result<DetectorConfig, String> {
    let loaded = load_text("air.yaml", manifests);
    let lines = |problems: &[transect_crds::yaml::Problem]| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    if !loaded.problems.is_empty() {
        return Err(lines(&loaded.problems));
    }
    let pipeline = &loaded.pipelines[0];
    assert_eq!(local::unsupported(pipeline, &Overrides::new()), []);
    let resolved = resolve(&loaded.schemas, &loaded.config_maps, pipeline, &BTreeMap::new());
    resolved.map(|resolved| resolved.config.anomalies[0].clone()).map_err(|problems| lines(&problems))
}

#[test]
fn detectors_are_resolved_with_all_defaults() {
    let by = |fields: &[&str]| fields.iter().map(|field| field.parse().unwrap()).collect::<Vec<_>>();
    let judge = |method, threshold, side, min_count| Judge { method, threshold, side, min_count };
    let field = |field: &str, judge| Watched::Field {
        event_type: "air-reading".into(),
        field: field.parse().unwrap(),
        judge,
    };
    let aggregate = |aggregate: &str, judge| Watched::Aggregate {
        window: "hourly".into(),
        aggregate: aggregate.into(),
        judge,
    };
    for (text, watched, groups, over) in [
        (
            "{name: a, schema: air-reading, field: /pm25, method: RobustZScore, threshold: 6}",
            field("/pm25", judge(Method::RobustZScore, 6.0, Side::Both, 10)),
            by(&["/station"]),
            24,
        ),
        (
            "{name: a, schema: air-reading, field: /count, method: Ewma, threshold: 4.5, by: [/sensor, /station], over: 6h, \
             alpha: 0.1, minCount: 30, side: Below}",
            field("/count", judge(Method::Ewma { alpha: 0.1 }, 4.5, Side::Below, 30)),
            by(&["/sensor", "/station"]),
            6,
        ),
        (
            "{name: a, schema: air-reading, field: /pm25, method: Threshold, threshold: -3}",
            field("/pm25", judge(Method::Threshold, -3.0, Side::Above, 10)),
            by(&["/station"]),
            24,
        ),
        (
            "{name: a, schema: visit, method: Missing, over: 2h}",
            Watched::Silence { event_type: "visit".into() },
            by(&["/id"]),
            2,
        ),
        (
            "{name: a, window: hourly, aggregate: pm25_mean, method: ZScore, threshold: 3, over: 168h}",
            aggregate("pm25_mean", judge(Method::ZScore, 3.0, Side::Both, 10)),
            by(&["/station", "/sensor"]),
            168,
        ),
    ] {
        let expected = DetectorConfig { name: "a".into(), watched, by: groups, over: Span::from_hours(over) };
        assert_eq!(detector(text).as_ref(), Ok(&expected), "{text}");
    }
}

#[test]
#[rustfmt::skip]
fn what_is_wrong_with_a_detector_is_said_with_its_place_and_fix() {
    let mut wrong = String::new();
    for (text, said) in [
        ("{name: a, field: /pm25, method: ZScore, threshold: 3}", "air.yaml:48:7: spec.anomalies[0]: doesn't say whose events it watches; write schema: one of air-reading, visit"),
        ("{name: a, schema: visits, field: /pm25, method: ZScore, threshold: 3}", "air.yaml:48:25: spec.anomalies[0].schema: names `visits`, which is not in spec.schemas; write one of air-reading, visit, or add it there"),
        ("{name: a, schema: air-reading, field: /pm, method: ZScore, threshold: 3}", "air.yaml:48:45: spec.anomalies[0].field: `/pm` has no column of its own; name a property of the schema"),
        ("{name: a, schema: air-reading, field: /sensor, method: ZScore, threshold: 3}", "air.yaml:48:45: spec.anomalies[0].field: `/sensor` is no number; name a field of type number or integer"),
        ("{name: a, schema: air-reading, field: /time, method: Iqr, threshold: 3}", "air.yaml:48:45: spec.anomalies[0].field: `/time` is no number; name a field of type number or integer"),
        ("{name: a, schema: air-reading, field: /tags, method: Iqr, threshold: 3}", "air.yaml:48:45: spec.anomalies[0].field: `/tags` is no string, number, boolean or time; name one that is"),
        ("{name: a, schema: air-reading, field: /pm25, method: Iqr, threshold: 3, by: [/sensor]}", "air.yaml:48:79: spec.anomalies[0].by: leaves out `/station` of the event type's key; a detector sees events in order only by key: add it"),
        ("{name: a, schema: air-reading, method: Missing, by: [/station, /tags]}", "air.yaml:48:70: spec.anomalies[0].by[1]: `/tags` is no string, number, boolean or time; name one that is"),
        ("{name: a, window: daily, aggregate: readings, method: ZScore, threshold: 3}", "air.yaml:48:25: spec.anomalies[0].window: names `daily`, which is not in spec.windows; write one of hourly, or add it there"),
        ("{name: a, window: hourly, aggregate: mean, method: ZScore, threshold: 3}", "air.yaml:48:44: spec.anomalies[0].aggregate: names `mean`, which is no aggregate of the window `hourly`; write one of readings, pm25_mean, last_sensor"),
        ("{name: a, window: hourly, aggregate: last_sensor, method: ZScore, threshold: 3}", "air.yaml:48:44: spec.anomalies[0].aggregate: `last_sensor` of the window is no number; name an aggregate that is"),
        // What the object alone shows.
        ("{name: a, window: hourly, aggregate: readings, method: ZScore, threshold: 3, by: [/station]}", "air.yaml:48:84: spec.anomalies[0].by: doesn't go with a window, whose values are told apart by its groupBy; leave it out"),
        ("{name: a, window: hourly, aggregate: readings, method: ZScore, threshold: 3, schema: visit}", "air.yaml:48:92: spec.anomalies[0].schema: doesn't go with a window, which has a schema of its own; leave it out"),
        ("{name: a, schema: visit, field: /id, method: Missing}", "air.yaml:48:7: spec.anomalies[0]: doesn't watch exactly one thing; write one of field and aggregate, or neither with method Missing"),
        ("{name: a, schema: air-reading, field: /pm25, method: ZScore}", "air.yaml:48:7: spec.anomalies[0].threshold: doesn't go with the method; write threshold with every method but Missing"),
        ("{name: a, schema: air-reading, field: /pm25, method: ZScore, threshold: 0}", "air.yaml:48:79: spec.anomalies[0].threshold: must be more than 0 here; only method Threshold with side Above or Below takes any number"),
        ("{name: a, schema: air-reading, field: /pm25, method: Threshold, threshold: -1, side: Both}", "air.yaml:48:82: spec.anomalies[0].threshold: must be more than 0 here; only method Threshold with side Above or Below takes any number"),
        ("{name: a, schema: visit, method: Missing, side: Above}", "air.yaml:48:55: spec.anomalies[0].side: doesn't go with method Missing; leave it out"),
        ("{name: a, schema: air-reading, field: /pm25, method: Threshold, threshold: 1, minCount: 5}", "air.yaml:48:95: spec.anomalies[0].minCount: doesn't go with the method; write minCount only with ZScore, RobustZScore, Ewma and Iqr"),
        ("{name: a, schema: air-reading, field: /pm25, method: Iqr, threshold: 1, alpha: 0.5}", "air.yaml:48:86: spec.anomalies[0].alpha: doesn't go with the method; write alpha only with Ewma"),
        ("{name: a, schema: air-reading, field: /pm25, method: Ewma, threshold: 1, alpha: 1}", "air.yaml:48:87: spec.anomalies[0].alpha: `1` is too large; write at most 0.99"),
    ] {
        let found = match detector(text) {
            Ok(config) => format!("taken: {config:?}"),
            Err(said) => said,
        };
        if found != said {
            wrong += &format!("\n{text}\n  expected {said}\n  found    {found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn detectors_see_what_privacy_keeps() {
    let treated = |rule: &str, detector: &str| {
        let event = "key: [/station]}\n";
        let privacy = format!("key: [/station], participant: /sensor}}\n  privacy: [{rule}]\n");
        read(&MANIFESTS.replace("DETECTOR", detector).replacen(event, &privacy, 1))
    };
    let spike = "{name: a, schema: air-reading, field: /pm25, method: ZScore, threshold: 3}";
    let by_sensor = "{name: a, schema: air-reading, method: Missing, by: [/station, /sensor]}";
    for (rule, detector, said) in [
        ("{field: /pm25, treatment: Generalise, generalise: {step: 5}}", spike, ""),
        ("{field: /sensor, treatment: Pseudonymise}", by_sensor, ""),
        (
            "{field: /pm25, treatment: Drop}",
            spike,
            "air.yaml:49:45: spec.anomalies[0].field: the field is dropped by privacy; leave it out, or generalise it instead",
        ),
        (
            "{field: /sensor, treatment: Encrypt}",
            by_sensor,
            "air.yaml:49:70: spec.anomalies[0].by[1]: the field is encrypted by privacy, which makes every value another; \
             pseudonymise it instead",
        ),
    ] {
        let found = treated(rule, detector).err().unwrap_or_default();
        // The window beside it has a problem of its own with what is dropped or encrypted.
        let own = found.lines().filter(|line| line.contains("spec.anomalies")).collect::<Vec<_>>().join("\n");
        assert_eq!(own, said, "{rule} {detector}: {found}");
    }
}
