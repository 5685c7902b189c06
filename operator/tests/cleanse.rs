//! What is said of steps of cleansing that can't work, and that the ones in the documentation do what it says.

// All of this is test code, also what is not in a test function.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;

use transect_core::cleanse::{CleansePlan, Cleanser};
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
        required: [id, time]
        additionalProperties: false
        properties:
          id: {type: string, maxLength: 8}
          time: {type: string, format: date-time}
          kind: {type: string}
          temperature: {type: number, maximum: 45}
          sex: {enum: [female, male, unknown]}
          visits: {type: integer}
          consent: {type: boolean}
          site: {type: object, properties: {name: {type: string}}, additionalProperties: false}
          wounds: {type: array, items: {type: object, properties: {size: {type: [number, "null"]}}, additionalProperties: false}}
  event: {type: /kind, id: [/id], time: /time}
  cleanse:
    - STEPS
"#;

/// The problems of a schema with these steps, one to a line; the steps begin in line 24, column 7.
fn problems(steps: &str) -> String {
    let loaded = load_text("visit.yaml", &SCHEMA.replace("STEPS", steps));
    let of_schema =
        loaded.schemas.iter().flat_map(|schema| check_schema(schema, &loaded.config_maps, &loaded.pipelines));
    let problems: Vec<String> =
        loaded.problems.iter().cloned().chain(of_schema).map(|p| p.to_string()).collect();
    problems.join("\n")
}

/// Each line: steps, and what is said of them.
#[rustfmt::skip]
const BAD: &[(&str, &str)] = &[
    // What the step itself says.
    ("{field: /temperature}", "visit.yaml:24:7: spec.cleanse[0]: has 1 field, not 2; write `field` and exactly one of the others"),
    ("{field: /temperature, cast: Float}", "visit.yaml:24:35: spec.cleanse[0].cast: `Float` is not a value of this field; write one of String, Integer, Number, Boolean"),
    ("{field: temperature, trim: {}}", "visit.yaml:24:15: spec.cleanse[0].field: `temperature` is not a JSON Pointer; write the path to a field with a slash before each step, such as `/station/id`"),
    ("{field: /temperature, convert: {from: degF, to: Cel}}", "visit.yaml:24:45: spec.cleanse[0].convert.from: `degF` is no UCUM unit; did you mean `[degF]`?"),
    ("{field: /temperature, convert: {from: \"[degF]\", to: Celsius}}", "visit.yaml:24:59: spec.cleanse[0].convert.to: `Celsius` is no UCUM unit; did you mean `Cel`?"),
    ("{field: /temperature, convert: {from: furlongs, to: m}}", "visit.yaml:24:45: spec.cleanse[0].convert.from: `furlongs` is no UCUM unit; write a case-sensitive UCUM code, such as `kg`, `ug/m3` or `[degF]`"),
    ("{field: /temperature, convert: {from: kg, to: m}}", "visit.yaml:24:29: spec.cleanse[0].convert: `kg` and `m` don't measure the same; write two units of one quantity, such as `[lb_av]` and `kg`"),
    ("{field: /temperature, convert: {from: \"[pH]\", to: \"mol/L\"}}", "visit.yaml:24:45: spec.cleanse[0].convert.from: `[pH]` is a unit without a linear scale, which is not converted; convert such numbers before they are sent"),
    ("{field: /temperature, convert: {to: Cel}}", "visit.yaml:24:29: spec.cleanse[0].convert: has not exactly one unit to convert from; write one of from (the unit) and fromField (the field that holds it)"),
    ("{field: /temperature, convert: {fromField: /unit, from: K, to: Cel}}", "visit.yaml:24:29: spec.cleanse[0].convert: has not exactly one unit to convert from; write one of from (the unit) and fromField (the field that holds it)"),
    ("{field: /wounds/*/size, convert: {fromField: /site/*/unit, to: cm}}", "visit.yaml:24:52: spec.cleanse[0].convert.fromField: `/site/*/unit` leads to several units for one number; write `*` only where `field` has it too"),
    ("{field: /temperature, convert: {fromField: /unit, to: Cel}}", "visit.yaml:24:50: spec.cleanse[0].convert.fromField: `/unit` names no property of the schema; correct the pointer, or describe the field in the schema"),
    ("{field: /time, parseTime: {formats: [\"%Y-%m-%d\", \"%H:%M\"]}}", "visit.yaml:24:56: spec.cleanse[0].parseTime.formats[1]: `%H:%M` says no full date; write a date and, where there is one, a time of day, such as `%Y-%m-%d %H:%M:%S` or `%d/%m/%Y %I:%M %p`"),
    ("{field: /time, parseTime: {formats: [\"%Y-%j-%K\"]}}", "visit.yaml:24:44: spec.cleanse[0].parseTime.formats[0]: `%Y-%j-%K` is no format of times: strftime formatting failed: found unrecognized specifier directive `K`; write a date and, where there is one, a time of day, such as `%Y-%m-%d %H:%M:%S` or `%d/%m/%Y %I:%M %p`"),
    ("{field: /time, parseTime: {formats: [\"%d/%m/%Y %I:%M\"]}}", "visit.yaml:24:44: spec.cleanse[0].parseTime.formats[0]: `%d/%m/%Y %I:%M` doesn't say whether it is before or after noon; write a date and, where there is one, a time of day, such as `%Y-%m-%d %H:%M:%S` or `%d/%m/%Y %I:%M %p`"),
    ("{field: /time, parseTime: {formats: [\"%c\"]}}", "visit.yaml:24:44: spec.cleanse[0].parseTime.formats[0]: `%c` can't be used to read times: strptime parsing failed: parsing locale date and time is not allowed; write a date and, where there is one, a time of day, such as `%Y-%m-%d %H:%M:%S` or `%d/%m/%Y %I:%M %p`"),
    ("{field: /time, parseTime: {formats: [\"%Y-%m-%d %Q\"]}}", "visit.yaml:24:44: spec.cleanse[0].parseTime.formats[0]: `%Y-%m-%d %Q` has a zone by name, which is not read; write a date and, where there is one, a time of day, such as `%Y-%m-%d %H:%M:%S` or `%d/%m/%Y %I:%M %p`"),
    ("{field: /time, parseTime: {formats: []}}", "visit.yaml:24:34: spec.cleanse[0].parseTime.formats: has too few items; write at least 1"),
    ("{field: /time, parseTime: {formats: [\"%F\"], timeZone: Europe/Belrin}}", "visit.yaml:24:61: spec.cleanse[0].parseTime.timeZone: `Europe/Belrin` is no time zone of the IANA database; write a name such as `Europe/Berlin` or `UTC`"),
    ("{field: /time, parseTime: {formats: [\"%F\"], timeZone: CEST}}", "visit.yaml:24:61: spec.cleanse[0].parseTime.timeZone: `CEST` is no time zone of the IANA database; write a name such as `Europe/Berlin` or `UTC`"),
    ("{field: /time, parseTime: {formats: [\"%F\"], ambiguous: First}}", "visit.yaml:24:62: spec.cleanse[0].parseTime.ambiguous: `First` is not a value of this field; write one of Earlier, Later, Reject"),
    ("{field: /temperature, nullIf: [[-99]]}", "visit.yaml:24:38: spec.cleanse[0].nullIf[0]: [-99] is no text, number or boolean; write one of those"),
    ("{field: /sex, map: {values: [{from: 1, to: {a: 1}}]}}", "visit.yaml:24:46: spec.cleanse[0].map.values[0].to: {\"a\":1} is no text, number or boolean; write one of those"),
    ("{field: /site, default: {name: x}}", "visit.yaml:24:22: spec.cleanse[0].default: {\"name\":\"x\"} is no text, number or boolean; write one of those"),
    // Against the schema.
    ("{field: /temprature, trim: {}}", "visit.yaml:24:15: spec.cleanse[0].field: `/temprature` names no property of the schema; did you mean `temperature`?"),
    ("{field: /site/nmae, trim: {}}", "visit.yaml:24:15: spec.cleanse[0].field: `/site/nmae` names no property of the schema; did you mean `name`?"),
    ("{field: /site/name/first, trim: {}}", "visit.yaml:24:15: spec.cleanse[0].field: `/site/name/first` is a member of `/site/name`, which is a string by the schema; correct the pointer, or describe the field in the schema"),
    ("{field: /wounds/size, cast: Number}", "visit.yaml:24:15: spec.cleanse[0].field: `/wounds/size` is a member of `/wounds`, which is an array; write `*` for every item of it"),
    ("{field: /temp_f, rename: temprature}", "visit.yaml:24:32: spec.cleanse[0].rename: `/temp_f`, after all steps `/temprature`, names no property of the schema; did you mean `temperature`?"),
    ("{field: /temperature, cast: String}", "visit.yaml:24:35: spec.cleanse[0].cast: makes a string of `/temperature`, but the schema has a number there; allow a string there, or make something else of it in a later step"),
    ("{field: /visits, convert: {from: g, to: kg}}", "visit.yaml:24:24: spec.cleanse[0].convert: makes a number of `/visits`, but the schema has an integer there; allow a number there, or make something else of it in a later step"),
    ("{field: /visits, parseTime: {formats: [\"%s\"]}}", "visit.yaml:24:24: spec.cleanse[0].parseTime: makes a string of `/visits`, but the schema has an integer there; allow a string there, or make something else of it in a later step"),
    ("{field: /temperature, nullIf: [-99]}", "visit.yaml:24:29: spec.cleanse[0].nullIf: makes null of `/temperature`, but the schema has a number there; allow null there, or add a default in a later step"),
    ("{field: /sex, map: {values: [{from: 1, to: female}, {from: 2, to: man}]}}", "visit.yaml:24:73: spec.cleanse[0].map.values[1].to: \"man\" breaks the schema at `/sex`: \"man\" is not one of \"female\", \"male\" or \"unknown\"; write a value that the schema takes"),
    ("{field: /sex, map: {values: [{from: 1, to: female}], otherwise: MakeNull}}", "visit.yaml:24:21: spec.cleanse[0].map: makes null of `/sex`, but the schema has a string there; allow null there, or add a default in a later step"),
    ("{field: /sex, default: none}", "visit.yaml:24:30: spec.cleanse[0].default: \"none\" breaks the schema at `/sex`: \"none\" is not one of \"female\", \"male\" or \"unknown\"; write a value that the schema takes"),
    ("{field: /temperature, default: 50}", "visit.yaml:24:38: spec.cleanse[0].default: 50 breaks the schema at `/temperature`: 50 is greater than the maximum of 45; write a value that the schema takes"),
    ("{field: /kind, trim: {}}", "visit.yaml:24:15: spec.cleanse[0].field: `/kind` is event.type, which says which steps apply, and so is read before them; leave it as it comes"),
    // Against other steps.
    ("{field: /temp_f, rename: temperature}\n    - {field: /temp_f, cast: Number}", "visit.yaml:25:15: spec.cleanse[1].field: `/temp_f` is not there any more: cleanse[0] renames it; write `/temperature`, or put this step before that one"),
    ("{field: /temp_f, rename: temperature}\n    - {field: /temp_c, rename: temperature}", "visit.yaml:25:32: spec.cleanse[1].rename: renames to `temperature`, as cleanse[0] does; an event can't have both; choose another name for one of them"),
    ("{field: /id, rename: id}", "visit.yaml:24:28: spec.cleanse[0].rename: renames `/id` to the name that it has; write another name, or remove the step"),
    ("{field: /id, rename: kind}", "visit.yaml:24:28: spec.cleanse[0].rename: takes `/id` away, which the schema requires; describe `/kind` in the schema instead"),
    ("{field: /wounds/*, rename: wound}", "visit.yaml:24:15: spec.cleanse[0].field: `/wounds/*` are the items of an array, which have no names; name a member, such as `/readings/*/value`"),
    ("{field: /temperature, cast: String}\n    - {field: /temperature, convert: {from: K, to: Cel}}", "visit.yaml:25:29: spec.cleanse[1].convert: needs a number, but cleanse[0] makes a string of `/temperature`; put a cast between the two, or remove one of them"),
    ("{field: /sex, default: none}\n    - {field: /sex, map: {values: [{from: m, to: male}], otherwise: Reject}}", "visit.yaml:24:30: spec.cleanse[0].default: \"none\" can't go through the steps that follow: cleanse[1].map: expected a value that map.values lists, found the string \"none\"; write a value that they take"),
];

#[test]
fn says_what_is_wrong_with_a_step() {
    let mut wrong = String::new();
    for (steps, said) in BAD {
        let found = problems(steps);
        if found != *said {
            wrong += &format!("\n{steps}\n  expected {said}\n  found    {found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_can_work_is_let_pass() {
    for steps in [
        "{field: /temp_f, rename: temperature}\n    - {field: /temperature, convert: {from: \"[degF]\", to: Cel}}",
        "{field: /temperature, nullIf: [-99]}\n    - {field: /temperature, default: 37}",
        "{field: /temperature, case: Lower}\n    - {field: /temperature, cast: Number}",
        "{field: /sex, map: {values: [{from: m, to: M}]}}\n    - {field: /sex, map: {values: [{from: M, to: male}]}}",
        "{field: /sexe, rename: sex}\n    - {field: /sex, default: unknown}",
        "{field: /site/name, trim: {}}\n    - {field: /wounds/*/size, nullIf: [0]}\n    - {field: /wounds/0/size, cast: Number}",
        "{field: /day, rename: time}\n    - {field: /time, parseTime: {formats: [\"%d.%m.%Y\", \"%s\"], skipped: Later}}",
        "{field: /visits, convert: {from: g, to: kg}}\n    - {field: /visits, cast: Integer}",
    ] {
        assert_eq!(problems(steps), "", "{steps}");
    }
}

/// A cleanser of one step, as a manifest has it.
fn cleanser(step: &str) -> Cleanser {
    let manifests = format!(
        "apiVersion: transect.dev/v1alpha1\nkind: StudySchema\nmetadata: {{name: a}}\nspec:\n  study: a\n  versions: [{{version: 1, \
         schema: {{}}}}]\n  event: {{time: /time}}\n  cleanse: [{step}]\n---\napiVersion: transect.dev/v1alpha1\nkind: \
         ResearchPipeline\nmetadata: {{name: a}}\nspec: {{study: a, schemas: [{{name: a}}], sources: [{{name: web, http: {{}}}}]}}\n"
    );
    let loaded = load_text("a.yaml", &manifests);
    assert_eq!(loaded.problems, [], "{step}");
    let resolved = resolve(&loaded.schemas, &[], &loaded.pipelines[0], &Overrides::new());
    let config = resolved.unwrap_or_else(|problems| panic!("{step}: {problems:?}")).config;
    // What a worker reads says the same.
    let json = serde_json::to_string(&config.event_types[0].cleanse).unwrap();
    let steps: Vec<_> = serde_json::from_str(&json).unwrap();
    Cleanser::new(Arc::new(CleansePlan::compile(&steps).unwrap()))
}

#[test]
fn each_example_of_the_documentation_is_true() {
    let page = format!("{}/../docs/cleansing.md", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `{field:"));
    let mut count = 0;
    for row in rows {
        let (step, rest) = row.split_once("` | `").unwrap();
        let (before, after) = rest.split_once("` | ").unwrap();
        let after = after.strip_suffix(" |").unwrap();
        let found = cleanser(&format!("{{field:{step}")).preview(before);
        match after.strip_prefix('`').and_then(|after| after.strip_suffix('`')) {
            Some(after) => assert_eq!(found.as_deref(), Ok(after), "{step}"),
            None => {
                let message = found.unwrap_err().message;
                assert_eq!(message.split_once(": ").unwrap().1, after, "{step}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 28, "rows of the table");
}
