//! Whole columns and single rows never disagree: generated rules over generated events.

use serde_json::{Map, Value as Json, json};
use transect_config::{LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType};

use super::random::Random;
use super::{both, columns, plan};
use crate::lookup::{Lookups, Table};
use crate::rules::Rule;

const RULES: u64 = 3000;
const EVENTS: usize = 40;

/// Writes a rule: parts of each kind, of the given depth at most. `item` is the name of an object in scope.
struct Writer<'r> {
    random: &'r mut Random,
    item: Vec<&'static str>,
}

impl Writer<'_> {
    fn flag(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.random.below(4) {
                0 => self.field(&["event.good", "event.site.open"], "good"),
                1 => format!(
                    "has({})",
                    self.random.pick(&["event.a", "event.n", "event.site", "event.site.name"])
                ),
                2 => format!(
                    "has({})",
                    self.random.pick(&["event.t", "event.list", "event.any.x", "event.kind"])
                ),
                _ => self.random.pick(&["true", "false"]).to_owned(),
            };
        }
        let below = depth - 1;
        match self.random.below(15) {
            0 => format!("({} && {})", self.flag(below), self.flag(below)),
            1 => format!("({} || {})", self.flag(below), self.flag(below)),
            2 => format!("!({})", self.flag(below)),
            3 => format!("({} ? {} : {})", self.flag(below), self.flag(below), self.flag(below)),
            4 | 5 => format!("({} {} {})", self.number(below), self.order(), self.number(below)),
            6 => format!("({} {} {})", self.text(below), self.order(), self.text(below)),
            7 => format!("({} {} {})", self.time(below), self.order(), self.time(below)),
            8 => format!("({} {} {})", self.span(below), self.order(), self.span(below)),
            9 => {
                let method = self.random.pick(&["contains", "startsWith", "endsWith"]);
                format!("{}.{method}({})", self.text(below), self.text(below))
            }
            10 => {
                let (left, list) = match self.random.below(3) {
                    0 => (self.number(below), "[1, 2.5, -3]"),
                    1 => (self.text(below), "['a', 'xy', '']"),
                    _ => (self.text(below), "event.tags"),
                };
                format!("({left} in {list})")
            }
            11 => {
                let pattern = self.random.pick(&["'^a'", "'x+'", "'é|y$'"]);
                format!("{}.matches({pattern})", self.text(below))
            }
            12 => format!("{} in lookup.{}", self.key(below), self.random.pick(&["words", "words", "mixed"])),
            13 => {
                let part = self.cell(below, "good");
                if self.random.below(2) == 0 { format!("has({part})") } else { part }
            }
            _ => self.each(below),
        }
    }

    /// A text that is looked up.
    fn key(&mut self, depth: usize) -> String {
        match self.random.below(4) {
            0 => self.random.pick(&["event.any", "'xy'"]).to_owned(),
            _ => self.text(depth),
        }
    }

    /// A cell of a table by a text or a number.
    fn cell(&mut self, depth: usize, column: &str) -> String {
        match self.random.below(3) {
            0 => format!("lookup.numbers[{}].{column}", self.number(depth)),
            1 => format!("lookup.words[lookup.words[{}].s].{column}", self.key(depth)),
            _ => format!("lookup.words[{}].{column}", self.key(depth)),
        }
    }

    fn each(&mut self, depth: usize) -> String {
        let quantifier = self.random.pick(&["all", "exists", "exists_one"]);
        if self.random.below(3) == 0 {
            let test =
                self.random.pick(&["t == 'a'", "t != ''", "size(t) > 1", "t.contains('x')", "t < event.s"]);
            return format!("event.tags.{quantifier}(t, {test})");
        }
        if let Some(item) = self.item.last()
            && self.random.below(2) == 0
        {
            let test = self.random.pick(&["n > 0", "n == -3 || n > 2", "n in [1, 2]", "n > event.a"]);
            return format!("{item}.sub.{quantifier}(n, {test})");
        }
        let item = if self.item.is_empty() { "i" } else { "j" };
        self.item.push(item);
        let condition = self.flag(depth);
        self.item.pop();
        format!("event.list.{quantifier}({item}, {condition})")
    }

    /// A field of the event or of the item in scope.
    fn field(&mut self, event: &[&str], of_item: &str) -> String {
        match self.item.last() {
            Some(item) if self.random.below(4) > 0 => format!("{item}.{of_item}"),
            _ => self.random.pick(event).to_owned(),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.below(3) == 0 {
            return match self.random.below(4) {
                0 => self.random.pick(&["0", "1", "2.5", "-3", "1e300", "7u"]).to_owned(),
                _ => self.field(&["event.a", "event.n", "event.site.floor", "event.any"], "n"),
            };
        }
        let below = depth - 1;
        match self.random.below(9) {
            8 => self.cell(below, "n"),
            0 => format!("size({})", self.text(below)),
            1 => self.random.pick(&["size(event.list)", "size(event.tags)", "event.list[1].n"]).to_owned(),
            2 => format!("int({})", self.number(below)),
            3 => {
                let part =
                    self.random.pick(&["getFullYear", "getMonth", "getDayOfWeek", "getHours", "getSeconds"]);
                format!("{}.{part}()", self.time(below))
            }
            4 => format!("{}.{}()", self.span(below), self.random.pick(&["getHours", "getMilliseconds"])),
            5 => format!("({} ? {} : {})", self.flag(below), self.number(below), self.number(below)),
            _ => {
                let sign = self.random.pick(&["+", "-", "*", "/", "%"]);
                format!("({} {sign} {})", self.number(below), self.number(below))
            }
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 4 } else { 6 }) {
            0 => self.random.pick(&["''", "'a'", "'xy'", "'é'"]).to_owned(),
            5 => self.cell(depth - 1, "s"),
            4 => format!("({} + {})", self.text(depth - 1), self.text(depth - 1)),
            _ => self.field(&["event.s", "event.kind", "event.site.name"], "s"),
        }
    }

    fn time(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 3 } else { 5 }) {
            4 => self.cell(depth - 1, "t"),
            0 => "timestamp('2026-03-01T10:00:00.5Z')".to_owned(),
            3 => {
                format!(
                    "({} {} {})",
                    self.time(depth - 1),
                    self.random.pick(&["+", "-"]),
                    self.span(depth - 1)
                )
            }
            _ => self.field(&["event.t", "event.u"], "t"),
        }
    }

    fn span(&mut self, depth: usize) -> String {
        match self.random.below(if depth == 0 { 1 } else { 3 }) {
            0 => self.random.pick(&["duration('90s')", "duration('-1h30m')", "duration('72h')"]).to_owned(),
            1 => format!("({} - {})", self.time(depth - 1), self.time(depth - 1)),
            _ => format!("({} + {})", self.span(depth - 1), self.span(depth - 1)),
        }
    }

    fn order(&mut self) -> &'static str {
        self.random.pick(&["==", "!=", "<", "<=", ">", ">="])
    }
}

/// An event, most of whose fields may be absent or null.
fn event(random: &mut Random) -> Json {
    let mut event = Map::new();
    let mut put = |random: &mut Random, name: &str, values: &[Json]| match random.below(5) {
        0 => {}
        1 => _ = event.insert(name.into(), Json::Null),
        _ => _ = event.insert(name.into(), values[random.below(values.len())].clone()),
    };
    let numbers = [json!(0), json!(1), json!(-3), json!(2.5), json!(1e300), json!(7)];
    let huge: Json = serde_json::from_str("123456789012345678901234567890").unwrap();
    let wholes = [json!(0), json!(1), json!(-3), json!(7), json!(9007199254740993i64), huge];
    let texts = ["", "a", "xy", "é", "axx"].map(Json::from);
    let times = [
        "2026-03-01T10:00:00.5Z",
        "2026-03-01T10:00:00+05:00",
        "0001-01-01T00:00:00Z",
        "2016-12-31T23:59:60Z",
    ];
    let times = times.map(Json::from);
    put(random, "a", &numbers);
    put(random, "n", &wholes);
    put(random, "s", &texts);
    put(random, "kind", &["a", "xy"].map(Json::from));
    put(random, "good", &[json!(true), json!(false)]);
    put(random, "t", &times);
    put(random, "u", &times);
    put(random, "any", &[json!(1), json!("a"), json!({"x": 1}), json!({"x": null}), json!([1, null])]);
    let site = [
        json!({"name": "a", "floor": 3, "open": true}),
        json!({"name": null, "floor": -1}),
        json!({}),
        json!({"name": "xy", "open": false, "more": 1}),
    ];
    put(random, "site", &site);
    put(random, "tags", &[json!([]), json!(["a"]), json!(["a", null, "xy"]), json!(["", "é"])]);
    let mut items = Vec::new();
    for _ in 0..random.below(4) {
        let mut item = Map::new();
        for (name, values) in
            [("n", &wholes[..]), ("s", &texts), ("t", &times), ("good", &[json!(true), json!(false)])]
        {
            match random.below(4) {
                0 => {}
                1 => _ = item.insert(name.into(), Json::Null),
                _ => _ = item.insert(name.into(), values[random.below(values.len())].clone()),
            }
        }
        let subs = [json!([]), json!([1, null]), json!([1, 2.5]), json!([-3, 0]), Json::Null];
        item.insert("sub".into(), subs[random.below(subs.len())].clone());
        items.push(if random.below(8) == 0 { Json::Null } else { item.into() });
    }
    put(random, "list", &[items.into()]);
    event.into()
}

/// A table by texts, one by numbers, and one of which the rules read nothing but its keys.
fn lookups() -> Lookups {
    let column = |name: &str, kind| LookupColumn { name: name.into(), kind };
    let table = |name: &str, key, columns: &[(&str, LookupType)], text: &str| {
        let config = LookupConfig {
            name: name.into(),
            key: column("key", key),
            columns: columns.iter().map(|(name, kind)| column(name, *kind)).collect(),
            format: LookupFormat::Csv,
            place: LookupPlace::Text(String::new()),
        };
        Table::read(&config, text.as_bytes()).unwrap()
    };
    let all = [
        ("s", LookupType::Text),
        ("n", LookupType::Number),
        ("good", LookupType::Boolean),
        ("t", LookupType::Time),
    ];
    Lookups::new([
        table(
            "words",
            LookupType::Text,
            &all,
            "key,s,n,good,t\na,xy,1,true,2026-03-01T10:00:00.5Z\nxy,,-3,false,\né,a,,,0001-01-01T00:00:00Z\n",
        ),
        table(
            "numbers",
            LookupType::Number,
            &all,
            "key,s,n,good,t\n1,a,7,,2026-03-01T05:00:00Z\n-3,é,,true,\n2.5,,0,false,\n7,axx,1e300,true,\n",
        ),
        table("mixed", LookupType::Text, &[], "more,key\n1,axx\n2,a\n"),
    ])
}

#[test]
fn whole_columns_and_single_rows_never_disagree() {
    let time = json!({"type": ["string", "null"], "format": "date-time"});
    let plan = plan(json!({"properties": {
        "a": {"type": ["number", "null"]},
        "n": {"type": ["integer", "null"]},
        "s": {"type": ["string", "null"]},
        "kind": {"enum": ["a", "xy", null]},
        "good": {"type": ["boolean", "null"]},
        "t": time, "u": time,
        "any": {},
        "site": {"type": ["object", "null"], "properties": {
            "name": {"type": ["string", "null"]}, "floor": {"type": "number"}, "open": {"type": "boolean"},
        }},
        "tags": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
        "list": {"type": ["array", "null"], "items": {"type": ["object", "null"], "properties": {
            "n": {"type": ["integer", "null"]}, "s": {"type": ["string", "null"]}, "t": time,
            "good": {"type": ["boolean", "null"]},
            "sub": {"type": ["array", "null"], "items": {"type": ["number", "null"]}},
        }}},
    }}));
    let lookups = lookups();
    let (mut judged, mut columnar, mut breaking) = (0, 0, 0);
    for seed in 0..RULES {
        let mut random = Random(seed);
        let events: Vec<Json> = (0..EVENTS).map(|_| event(&mut random)).collect();
        let events = columns(&plan, &events);
        let depth = 1 + random.below(4);
        let expression = Writer { random: &mut random, item: Vec::new() }.flag(depth);
        let rule = match Rule::compile(&super::rule(&expression), plan.arrow_schema(), Some(&lookups)) {
            Ok(rule) => rule,
            Err(fault) if fault.message.starts_with("reads no field") => continue,
            Err(fault) => panic!("{expression}: {fault:?}"),
        };
        judged += 1;
        columnar += usize::from(rule.is_columnar());
        let found = both(&rule, &events).unwrap_or_else(|wrong| panic!("seed {seed}: {expression}: {wrong}"));
        breaking += usize::from(found.contains(&true));
    }
    // That both forms and both verdicts are common is what makes the comparison worth something.
    assert!(columnar > judged / 3 && breaking > judged / 4, "{judged} rules: {columnar} {breaking}");
}
