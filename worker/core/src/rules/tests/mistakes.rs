//! What is said of rules that can't be.

use serde_json::json;
use transect_config::LookupType;

use super::random::Random;
use super::{plan, rule, table};
use crate::lookup::Lookups;
use crate::rules::Rules;

/// Each line: a rule, and what is said of it.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str)] = &[
    ("event.pm52 > 0", "`event.pm52` names no property of the schema; did you mean `event.pm25`?"),
    ("event.colour > 0", "`event.colour` names no property of the schema; correct the name, or describe the field in the schema"),
    ("pm25 > 0", "names `pm25`, which is not there; write `event.pm25`"),
    ("evnt.pm25 > 0", "names `evnt`, which is not there; did you mean `event`?"),
    ("event.site.nmae == 'a'", "`event.site.nmae` names no property of the schema; did you mean `event.site.name`?"),
    ("event.pm25.value > 0", "`event.pm25.value` is a member of `event.pm25`, which is a number; leave out `.value`"),
    ("event.visits.minutes > 0", "`event.visits.minutes` is a member of `event.visits`, which is a list; write `event.visits.all(item, …)` or `event.visits[0]`"),
    ("event.visits.all(v, v.minute > 0)", "`v.minute` names no property of the schema; did you mean `v.minutes`?"),
    ("event.pm25", "is a number, but must be true or false; compare it with something"),
    ("event.pm25 > '3'", "`>` is between a number and a text; write the number without quotes, or convert the text with double()"),
    ("event.start > '2026-01-01T00:00:00Z'", "`>` is between a time and a text; write the text as timestamp(\"2026-01-31T12:00:00Z\")"),
    ("event.end - event.start > 90", "`>` is between a duration and a number; write the number as a duration, such as duration(\"90s\")"),
    ("event.start + 5 > event.end", "`+` is between a time and a number; use values of the same type"),
    ("event.pm25 != null", "compares with null, but a field that is null counts as absent; write has(event.field) or !has(event.field)"),
    ("has(event.pm25) && event.pm25", "`&&` takes true or false, but there is a number; write a condition there, such as event.value > 0"),
    ("has(event)", "is no CEL expression: invalid argument to has() macro, at line 1, column 5 of it; write one, such as event.value > 0"),
    ("!event.pm25", "`!` takes true or false, but there is a number; write a condition there, such as event.value > 0"),
    ("event.site == event.site", "`==` compares an object with another; compare their parts one by one"),
    ("event.good > true", "`>` compares truth values; write == or !="),
    ("event.kind in ['a', 1]", "holds a list of values of different types; write a list for each type"),
    ("event.kind in [1, 2]", "`in` looks for a text among numbers; look for a value of the same type"),
    ("event.kind in 'abc'", "`in` looks into a text; write a list after it, such as [\"a\", \"b\"]"),
    ("event.kind in []", "holds an empty list; write its items, or leave the condition out"),
    ("event.kind.startWith('a')", "calls startWith(), which rules don't know; did you mean `startsWith`?"),
    ("frobnicate(event.kind)", "calls frobnicate(), which rules don't know; see docs/rules.md for what rules know"),
    ("event.kind.matches('(a')", "matches() can't read the pattern \"(a\": unclosed group; write a regular expression as RE2 knows it"),
    ("event.kind.matches(event.site.name)", "matches() takes a pattern that is written in the rule, but there is a text; write something else there"),
    ("event.start > timestamp('yesterday')", "timestamp() can't read \"yesterday\"; write an RFC 3339 time with an offset, such as \"2026-01-31T12:00:00Z\""),
    ("event.end - event.start > duration('1 day')", "duration() can't read \"1 day\"; write numbers and units, such as \"90s\", \"1h30m\" or \"168h\""),
    ("event.kind.getHours() > 3", "getHours() takes a time, but there is a text; give the field `format: date-time` in the schema, or write timestamp(…)"),
    ("event.start.getHours('Europe/Berlin') > 3", "getHours() is given a time zone; leave it out: rules see times in UTC"),
    ("size(event.pm25) > 3", "size() takes a text or a list, but there is a number; write something else there"),
    ("event.pm25.all(x, x > 0)", "goes through the items of a number; all, exists, exists_one, filter and map are for lists"),
    ("event.visits.all(event, event.minutes > 0)", "calls an item `event`; give the item another name"),
    ("event.visits[event.pm25].minutes > 3", "takes an item whose position is not written in the rule; write a whole number from 0 on, or ask of all items: list.all(item, …)"),
    ("1 < 2", "reads no field of the event; name one, such as event.value > 0"),
    ("!!event.good", "has `!!`, which says the same as nothing; leave it out, or write it once: `!`"),
    ("{'a': 1}.a == event.pm25", "makes an object of its own, which rules don't know; compare fields one by one"),
    ("event.kind in lookup.sites2", "names the table `lookup.sites2`, which is not in spec.lookups of the pipeline; did you mean `lookup.sites`?"),
    ("event.kind in lookup.people", "names the table `lookup.people`, which is not in spec.lookups of the pipeline; correct the name, or add the table there"),
    ("lookup.sites[event.kind].opend <= event.start", "`lookup.sites[…].opend` names no column of the table; did you mean `lookup.sites[…].opened`?"),
    ("lookup.sites[event.kind].colour == 'red'", "`lookup.sites[…].colour` names no column of the table; add it to the columns of `sites` in spec.lookups of the pipeline"),
    ("lookup.sites[event.kind].id == event.kind", "`lookup.sites[…].id` is the key itself; write what stands in the brackets"),
    ("lookup.sites[event.kind].opened > 3", "`>` is between a time and a number; use values of the same type"),
    ("lookup.sites[event.kind] == 'a'", "takes a row of `lookup.sites` for a value; write a column after it: `lookup.sites[…].column`"),
    ("lookup.sites == event.kind", "takes the table `lookup.sites` for a value; write `event.field in lookup.sites` or `lookup.sites[event.field].column`"),
    ("event.kind in lookup", "names `lookup` without a table; write `event.field in lookup.TABLE` or `lookup.TABLE[event.field].column`"),
    ("event.pm25 in lookup.sites", "looks a number up in `lookup.sites`, whose key `id` is a text; look up a value of the same type, or say the key's type in spec.lookups of the pipeline"),
    ("lookup.floors[event.kind].n > 3", "looks a text up in `lookup.floors`, whose key `id` is a number; look up a value of the same type, or say the key's type in spec.lookups of the pipeline"),
    ("lookup.sites[event.kind].opened.year > 3", "`lookup.sites[…].opened` has no members; leave out `.year`"),
    ("lookup.sites['north'].opened < lookup.sites['south'].opened", "reads no field of the event; name one, such as event.value > 0"),
    ("has(lookup.sites.north)", "asks has() of a row; write `\"north\" in lookup.sites`, or has(lookup.sites[event.field].column)"),
    ("event.visits.all(lookup, lookup.minutes > 0)", "calls an item `lookup`; give the item another name"),
    ("lookups.sites[event.kind].opened <= event.start", "names `lookups`, which is not there; did you mean `lookup`?"),
    ("event.kind == b'a'", "holds bytes, which events don't; write a text, without b"),
];

#[test]
fn says_what_is_wrong_with_a_rule() {
    let plan = plan(json!({"properties": {
        "pm25": {"type": "number"},
        "kind": {"type": "string"},
        "good": {"type": "boolean"},
        "start": {"type": "string", "format": "date-time"},
        "end": {"type": "string", "format": "date-time"},
        "site": {"type": "object", "properties": {"name": {"type": "string"}}},
        "visits": {"type": "array", "items": {"type": "object", "properties": {"minutes": {"type": "number"}}}},
    }}));
    let lookups = Lookups::declared(&[
        table("sites", LookupType::Text, &[("opened", LookupType::Time)]),
        table("floors", LookupType::Number, &[("n", LookupType::Number)]),
    ]);
    let mut wrong = String::new();
    for (expression, said) in MISTAKES {
        let found = match Rules::compile_with(&[rule(expression)], plan.arrow_schema(), Some(&lookups)) {
            Ok(_) => "nothing".to_owned(),
            Err(errors) => format!("{}; {}", errors[0].message, errors[0].fix),
        };
        if found != *said {
            wrong += &format!("\n{expression}\n  expected {said}\n  found    {found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_text_is_too_strange_to_be_told_so() {
    let plan = plan(json!({"properties": {
        "pm25": {"type": "number"}, "kind": {"type": "string"}, "visits": {"type": "array", "items": {}},
    }}));
    let parts = [
        "event",
        ".",
        "pm25",
        "kind",
        "visits",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "\\",
        "?",
        ":",
        ",",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "==",
        "<",
        "in",
        "has(",
        "all(",
        "map(",
        "exists_one(x",
        "x",
        "1",
        "0x",
        "1e999",
        "9999999999999999999",
        "u",
        "null",
        "true",
        "\n",
        "//",
        "é",
        "\u{0}",
        "r'",
        "b'",
        "\"\"\"",
        "`",
        " ",
        "\\x",
        "@result",
        "...",
        "size(",
        "duration('",
        "if",
    ];
    for seed in 0..4000 {
        let mut random = Random(seed);
        let text: String = (0..1 + random.below(14)).map(|_| random.pick(&parts)).collect();
        // Whatever it is, it must come back.
        let _ = Rules::compile(&[rule(&text)], plan.arrow_schema());
    }
    for deep in ["(", "[", "!(", "-(", "event.visits.all(x,", "true?", "event.pm25+", "x.", "1<", "a["] {
        let _ = Rules::compile(&[rule(&deep.repeat(4096 / deep.len()))], plan.arrow_schema());
    }
    let long = format!("event.pm25 > 0{}", " && event.pm25 > 0".repeat(220));
    assert!(Rules::compile(&[rule(&long)], plan.arrow_schema()).is_ok());
    let deep = format!("event.pm25 > 0{}", "+1".repeat(2000));
    let said = Rules::compile(&[rule(&deep)], plan.arrow_schema()).unwrap_err();
    assert_eq!(said[0].message, "nests more than 100 deep");
}
