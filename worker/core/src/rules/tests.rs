//! What rules say of events, in both of their forms.

mod differential;
mod examples;
mod mistakes;
mod random;

use std::sync::Arc;

use arrow_array::RecordBatch;
use serde_json::{Value as Json, json};
use transect_config::{
    EventFields, EventTypeConfig, Limits, LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType,
    Otherwise, RuleConfig, Span, TimeFormat,
};

use super::row::{Evaluator, Verdict};
use super::{Rule, Rules};
use crate::decode::Decoder;
use crate::identity::PipelineKey;
use crate::lookup::{Lookups, Table};
use crate::plan::Plan;

/// A rule by its expression.
fn rule(expression: &str) -> RuleConfig {
    RuleConfig {
        name: "r".into(),
        expression: expression.into(),
        otherwise: Otherwise::Reject,
        message: None,
    }
}

/// A table with these columns beside its key `id`, in CSV.
fn table(name: &str, key: LookupType, columns: &[(&str, LookupType)]) -> LookupConfig {
    let column = |name: &str, kind| LookupColumn { name: name.into(), kind };
    LookupConfig {
        name: name.into(),
        key: column("id", key),
        columns: columns.iter().map(|(name, kind)| column(name, *kind)).collect(),
        format: LookupFormat::Csv,
        place: LookupPlace::Text(String::new()),
    }
}

/// The plan of events with these properties, and a time.
fn plan(mut schema: Json) -> Arc<Plan> {
    schema["properties"]["at"] = json!({"type": "integer"});
    let event = EventFields {
        event_type: None,
        id: Vec::new(),
        time: "/at".parse().unwrap(),
        time_format: TimeFormat::UnixSeconds,
        key: Vec::new(),
        region: None,
        version: None,
        participant: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let config = EventTypeConfig {
        name: "e".into(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: Default::default(),
        event,
        cleanse: Vec::new(),
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
    };
    Plan::compile(&config, &Limits::default()).unwrap()
}

/// The columns of events, each of which must fit.
fn columns(plan: &Arc<Plan>, events: &[Json]) -> RecordBatch {
    let mut decoder = Decoder::new(Arc::clone(plan), PipelineKey::new([7; 16]));
    for event in events {
        let mut event = event.clone();
        event["at"] = 0.into();
        decoder.push(event.to_string().as_bytes()).unwrap_or_else(|reject| panic!("{event}: {reject:?}"));
    }
    decoder.finish().columns
}

/// Whether each event breaks the rule, if both of its forms say the same; else the first on which they don't.
fn both(rule: &Rule, events: &RecordBatch) -> Result<Vec<bool>, String> {
    let found: Vec<bool> = rule.broken(events).iter().collect();
    let mut evaluator = Evaluator::new(&rule.patterns, &rule.lookups);
    for (row, found) in found.iter().enumerate() {
        let by_row = rule.judge(&mut evaluator, events, row);
        if *found != (by_row == Verdict::Broken) {
            return Err(format!("row {row} of {events:?}: broken {found}, by row {by_row:?}"));
        }
    }
    Ok(found)
}

/// Whether each event breaks the rule; both of its forms must say the same.
#[track_caller]
fn broken(rule: &Rule, events: &RecordBatch) -> Vec<bool> {
    both(rule, events).unwrap()
}

fn compile(plan: &Plan, expression: &str) -> Rule {
    compile_with(plan, expression, &Lookups::default())
}

fn compile_with(plan: &Plan, expression: &str, lookups: &Lookups) -> Rule {
    match Rule::compile(&rule(expression), plan.arrow_schema(), Some(lookups)) {
        Ok(rule) => rule,
        Err(fault) => panic!("{expression}: {fault:?}"),
    }
}

#[test]
fn values_that_fit_no_column_are_judged_as_they_were_written() {
    let plan = plan(json!({"properties": {
        "n": {"type": "integer"},
        "t": {"type": "string", "format": "date-time"},
        "list": {"type": "array", "items": {"type": "integer"}},
    }}));
    let events = [
        json!({"n": 5, "more": 1}),
        serde_json::from_str(r#"{"n": 10000000000000000000000, "list": [1, 10000000000000000000000]}"#)
            .unwrap(),
        json!({"t": "2016-12-31T23:59:60Z"}),
        json!({"more": 1}),
    ];
    let events = columns(&plan, &events);
    let says = |expression| broken(&compile(&plan, expression), &events);
    assert_eq!(says("event.n < 1000"), [false, true, false, false]);
    assert_eq!(says("!has(event.n)"), [true, true, false, false]);
    assert_eq!(says("event.list.all(i, i < 1000)"), [false, true, false, false]);
    assert_eq!(says("event.t < timestamp('2016-12-31T23:59:59.9Z')"), [false, false, true, false]);
}

#[test]
fn the_usual_rules_are_judged_for_whole_columns() {
    let plan = plan(json!({"properties": {
        "a": {"type": "number"}, "b": {"type": "integer"},
        "s": {"type": "string"}, "e": {"enum": ["x", "y"]},
        "t": {"type": "string", "format": "date-time"},
        "list": {"type": "array", "items": {"type": "object", "properties": {
            "n": {"type": "number"}, "sub": {"type": "array", "items": {"type": "number"}},
        }}},
        "any": {},
    }}));
    for (expression, is_columnar) in [
        ("event.a >= 0 && event.a < 2000", true),
        ("event.a + event.b * 2 > 3 || !has(event.s)", true),
        ("event.s.startsWith('x') && event.e in ['x']", true),
        ("event.s.matches('^x') ? event.a > 1 : event.b > 1", true),
        ("event.t - timestamp('2020-01-01T00:00:00Z') > duration('1h')", true),
        ("event.list.all(i, i.n > 0) && size(event.list) < 3", true),
        ("event.t.getHours() < 20", true),
        ("event.list.all(i, i.sub.exists(n, n > 0))", true),
        ("event.list.all(i, i.n > event.a)", false),
        ("event.any > 3", false),
        ("event.list[0].n > 3", false),
        ("event.s + 'x' == 'xx'", false),
    ] {
        assert_eq!(compile(&plan, expression).is_columnar(), is_columnar, "{expression}");
    }
}

/// The sites that the tests' rules know.
fn sites() -> Lookups {
    let columns = [
        ("opened", LookupType::Time),
        ("beds", LookupType::Number),
        ("kind", LookupType::Text),
        ("active", LookupType::Boolean),
    ];
    let sites = table("sites", LookupType::Text, &columns);
    let text = "id,opened,beds,kind,active\nnorth,2026-03-01T00:00:00Z,12,clinic,true\nsouth,,0,,false\n";
    Lookups::new([Table::read(&sites, text.as_bytes()).unwrap()])
}

#[test]
fn a_rule_knows_what_a_table_says_of_an_event() {
    let plan = plan(json!({"properties": {
        "site": {"type": ["string", "null"]}, "other": {"enum": ["north", "south", "east"]}, "any": {},
        "t": {"type": "string", "format": "date-time"}, "n": {"type": "number"},
        "visits": {"type": "array", "items": {"type": "object", "properties": {"site": {"type": "string"}}}},
    }}));
    // Each line: the rule, the event, whether the event breaks the rule, and whether it is judged for whole columns.
    #[rustfmt::skip]
    let cases = [
        ("event.site in lookup.sites", json!({"site": "north"}), false, true),
        ("event.site in lookup.sites", json!({"site": "east"}), true, true),
        ("event.site in lookup.sites", json!({"site": null}), false, true),
        ("event.site in lookup.sites", json!({}), false, true),
        ("!(event.other in lookup.sites)", json!({"other": "south"}), true, true),
        ("event.any in lookup.sites", json!({"any": "east"}), true, false),
        ("event.any in lookup.sites", json!({"any": 7}), false, false),
        ("lookup.sites[event.site].opened <= event.t", json!({"site": "north", "t": "2026-02-01T00:00:00Z"}), true, true),
        ("lookup.sites[event.site].opened <= event.t", json!({"site": "north", "t": "2026-03-01T00:00:00Z"}), false, true),
        // No cell, no row, no key, no time: the question is not asked.
        ("lookup.sites[event.site].opened <= event.t", json!({"site": "south", "t": "2026-02-01T00:00:00Z"}), false, true),
        ("lookup.sites[event.site].opened <= event.t", json!({"site": "east", "t": "2026-02-01T00:00:00Z"}), false, true),
        ("lookup.sites[event.site].opened <= event.t", json!({"t": "2026-02-01T00:00:00Z"}), false, true),
        ("lookup.sites[event.site].beds >= event.n && event.n < 5", json!({"site": "east", "n": 9}), false, true),
        ("lookup.sites[event.site].beds >= event.n && event.n < 5", json!({"site": "north", "n": 9}), true, true),
        // Whether there is a row is what is asked.
        ("event.site in lookup.sites && lookup.sites[event.site].beds >= event.n", json!({"site": "east", "n": 9}), true, true),
        ("event.site in lookup.sites && lookup.sites[event.site].beds >= event.n", json!({"site": "south", "n": 9}), true, true),
        ("event.site in lookup.sites && lookup.sites[event.site].kind == 'clinic'", json!({"site": "south"}), false, true),
        ("has(lookup.sites[event.site].kind)", json!({"site": "south"}), true, true),
        ("has(lookup.sites[event.site].kind)", json!({"site": "east"}), true, true),
        ("has(lookup.sites[event.site].kind)", json!({}), false, true),
        ("lookup.sites[event.site].active", json!({"site": "south"}), true, true),
        ("lookup.sites[event.site]['kind'].startsWith('clin') && size(lookup.sites[event.site].kind) == 6", json!({"site": "north"}), false, true),
        ("lookup.sites['north'].beds > event.n", json!({"n": 12}), true, true),
        ("event.visits.all(v, v.site in lookup.sites)", json!({"visits": [{"site": "north"}, {"site": "east"}]}), true, true),
        ("event.visits.all(v, lookup.sites[v.site].active)", json!({"visits": [{"site": "east"}, {"site": "south"}]}), true, true),
        ("event.visits.all(v, lookup.sites[v.site].active)", json!({"visits": [{"site": "east"}, {"site": "north"}]}), false, true),
    ];
    for (expression, event, breaks, is_columnar) in cases {
        let rule = compile_with(&plan, expression, &sites());
        assert_eq!(
            broken(&rule, &columns(&plan, std::slice::from_ref(&event))),
            [breaks],
            "{expression}: {event}"
        );
        assert_eq!(rule.is_columnar(), is_columnar, "{expression}");
    }
}

#[test]
fn where_no_table_is_known_any_may_be_named() {
    let plan = plan(json!({"properties": {"site": {"type": "string"}, "n": {"type": "number"}}}));
    let said = |expression| {
        let compiled = Rules::compile_with(&[rule(expression)], plan.arrow_schema(), None);
        compiled.err().map(|errors| errors[0].message.clone()).unwrap_or_default()
    };
    for right in [
        "event.site in lookup.a",
        "lookup.a[event.n].b > event.n",
        "has(lookup.a[event.site].b)",
        "lookup.a[event.site].t - timestamp('2026-01-01T00:00:00Z') < duration('1h')",
        "lookup.a[lookup.b[event.n].c].t.getHours() + size(lookup.a['x'].s) > 3",
        "lookup.a[event.site].open",
    ] {
        assert_eq!(said(right), "", "{right}");
    }
    assert_eq!(said("event.sit in lookup.a"), "`event.sit` names no property of the schema");
}

#[test]
fn an_event_that_costs_too_much_breaks_the_rule() {
    let plan = plan(json!({"properties": {
        "a": {"type": "array", "items": {"type": "number"}}, "b": {"type": "array", "items": {"type": "number"}},
    }}));
    let many: Vec<u32> = (0..3000).collect();
    let events = columns(&plan, &[json!({"a": [1, 2], "b": [1, 2]}), json!({"a": many, "b": many})]);
    let rule = compile(&plan, "event.a.all(x, x in event.b) || event.a.all(x, x >= 0)");
    assert_eq!(broken(&rule, &events), [false, true]);
}
