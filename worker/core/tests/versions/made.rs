//! Random versions of a schema, with fields that come, go, change their type and their name; and events of them.

use serde_json::{Map, Value, json};
use transect_config::{Pointer, Rename};

use super::random::Random;

/// One version.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) schema: Value,
    pub(crate) renamed: Vec<Rename>,
}

/// Versions of one schema, the oldest first.
pub(crate) struct Made {
    pub(crate) versions: Vec<Version>,
}

impl Made {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut versions: Vec<Version> = Vec::new();
        let (mut number, mut fresh) = (0, 0);
        for _ in 0..1 + random.below(4) {
            number += 1 + random.below(3) as u32;
            let mut properties = object(random, 0);
            let mut renamed = Vec::new();
            if let Some(before) = versions.last() {
                rename(random, before, number, &mut properties, &mut renamed, &mut fresh);
            }
            properties.insert("v".into(), json!({"type": "integer"}));
            properties.insert("t".into(), json!({"type": "integer"}));
            let mut schema = json!({"type": "object", "properties": properties});
            if random.percent(30) {
                schema["additionalProperties"] = false.into();
            }
            versions.push(Version { number, schema, renamed });
        }
        let mut made = Self { versions };
        made.add_key();
        made
    }

    /// The key is called `/k` in the newest version, and otherwise in each one before.
    fn add_key(&mut self) {
        let names: Vec<String> = (0..self.versions.len()).map(|at| key_name(&self.versions, at)).collect();
        for (at, version) in self.versions.iter_mut().enumerate() {
            version.schema["properties"][&names[at]] = json!({"type": "string"});
            if at > 0 {
                let (from, to) = (pointer(&[&names[at - 1]]), pointer(&[&names[at]]));
                version.renamed.push(Rename { version: version.number, from, to });
            }
        }
    }

    /// A random event of a version; most fit it.
    pub(crate) fn event(&self, random: &mut Random, at: usize) -> Value {
        let version = &self.versions[at];
        let mut event = members(random, version.schema["properties"].as_object().unwrap());
        if random.percent(20) && version.schema["additionalProperties"] != json!(false) {
            event["unnamed"] = json!({"x": [1, "two"]});
        }
        event["v"] = version.number.into();
        event["t"] = random.below(1_000_000).into();
        event[key_name(&self.versions, at)] = format!("k{}", random.below(5)).into();
        event
    }

    /// The event as the newest version would name its fields, but for what is kept as JSON.
    pub(crate) fn by_newest_names(&self, event: &Value, at: usize, json: &[Pointer]) -> Value {
        renamed(event, &[], at, &self.versions, json)
    }
}

fn renamed(value: &Value, place: &[String], at: usize, versions: &[Version], json: &[Pointer]) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let described = described(&versions[at].schema, place);
    let member = |(name, value): (&String, &Value)| {
        let own = [place, std::slice::from_ref(name)].concat();
        let mut steps = own.clone();
        if described.is_some_and(|properties| properties.contains_key(name)) {
            for version in &versions[at + 1..] {
                let longest = version.renamed.iter().filter(|rename| steps.starts_with(rename.from.steps()));
                if let Some(rename) = longest.max_by_key(|rename| rename.from.steps().len()) {
                    let rest = steps.split_off(rename.from.steps().len());
                    steps = [rename.to.steps(), &rest].concat();
                }
            }
        }
        let is_json = json.iter().any(|field| field.steps() == steps);
        let value = if is_json { value.clone() } else { renamed(value, &own, at, versions, json) };
        (steps.pop().unwrap(), value)
    };
    Value::Object(members.iter().map(member).collect())
}

/// The properties of the object at a place, if `properties` alone lead there.
fn described<'s>(schema: &'s Value, place: &[String]) -> Option<&'s Map<String, Value>> {
    let object = place.iter().try_fold(schema, |schema, step| schema.get("properties")?.get(step))?;
    object.get("properties")?.as_object()
}

/// What a version calls the key.
pub(crate) fn key_of(all: &[Version], version: &Version) -> Pointer {
    let at = all.iter().position(|other| other.number == version.number).unwrap();
    pointer(&[&key_name(all, at)])
}

fn key_name(all: &[Version], at: usize) -> String {
    if at + 1 == all.len() { "k".to_owned() } else { format!("k{at}") }
}

fn pointer(steps: &[&str]) -> Pointer {
    Pointer::from_steps(steps.iter().map(|step| (*step).to_owned()).collect())
}

/// Gives some fields of the version before a new name, with any type; fields within objects too.
fn rename(
    random: &mut Random,
    before: &Version,
    number: u32,
    properties: &mut Map<String, Value>,
    renames: &mut Vec<Rename>,
    fresh: &mut usize,
) {
    let old = before.schema["properties"].as_object().unwrap();
    for (name, schema) in old {
        if ["v", "t"].contains(&name.as_str()) || !random.percent(25) {
            continue;
        }
        *fresh += 1;
        let to = format!("n{fresh}");
        // What it is called in the new version can't be there under the old name as well.
        let described = properties.remove(name).unwrap_or_else(|| kind(random, 0));
        properties.insert(to.clone(), described);
        renames.push(Rename { version: number, from: pointer(&[name]), to: pointer(&[&to]) });
        let inner = schema.get("properties").and_then(Value::as_object);
        let here = properties[&to].get("properties").and_then(Value::as_object).cloned();
        if let (Some(inner), Some(mut here)) = (inner, here)
            && let Some(member) = inner.keys().next()
            && random.percent(60)
        {
            *fresh += 1;
            let renamed = format!("n{fresh}");
            here.remove(member);
            here.insert(renamed.clone(), kind(random, 1));
            properties[&to]["properties"] = here.into();
            renames.push(Rename {
                version: number,
                from: pointer(&[name, member]),
                to: pointer(&[&to, &renamed]),
            });
        }
    }
}

fn object(random: &mut Random, depth: usize) -> Map<String, Value> {
    let mut properties = Map::new();
    for name in ["a", "b", "c", "d", "e"] {
        if random.percent(60) {
            properties.insert(name.into(), kind(random, depth));
        }
    }
    properties
}

fn kind(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth < 2 { 11 } else { 8 }) {
        0 => json!({"type": "integer"}),
        1 => json!({"type": "number"}),
        2 => json!({"type": ["number", "null"]}),
        3 => json!({"type": "string"}),
        4 => json!({"enum": ["x", "y"]}),
        5 => json!({"type": "string", "enum": ["y", "z", "w"]}),
        6 => json!({"type": "string", "format": "date-time"}),
        7 if random.percent(50) => json!({"type": "boolean"}),
        7 if random.percent(50) => json!({}),
        7 => json!({"anyOf": [{"type": "null"}, {"type": "integer"}]}),
        8 => json!({"type": "array", "items": kind(random, depth + 1)}),
        _ => json!({"type": "object", "properties": object(random, depth + 1)}),
    }
}

fn members(random: &mut Random, properties: &Map<String, Value>) -> Value {
    let mut members = Map::new();
    for (name, schema) in properties {
        if random.percent(80) {
            members.insert(name.clone(), fitting(random, schema));
        }
    }
    members.into()
}

/// A value near a schema: most satisfy it.
fn fitting(random: &mut Random, schema: &Value) -> Value {
    if random.percent(1) {
        return random.choose(&[json!("1.5"), json!(7), json!(null), json!({"a": 1}), json!([1])]).clone();
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        return members(random, properties);
    }
    if let Some(items) = schema.get("items") {
        return (0..random.below(4)).map(|_| fitting(random, items)).collect();
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return random.choose(values).clone();
    }
    let integers = [json!(0), json!(-7), json!(9_007_199_254_740_993_i64), json!(1e22), json!(i64::MAX)];
    match schema.get("type").map(Value::to_string).unwrap_or_default().as_str() {
        r#""integer""# => random.choose(&integers).clone(),
        r#""number""# => random.choose(&[json!(0.5), json!(3), json!(9_007_199_254_740_993_i64)]).clone(),
        r#"["number","null"]"# => random.choose(&[json!(-0.25), json!(null)]).clone(),
        r#""boolean""# => random.percent(50).into(),
        r#""string""# if schema.get("format").is_some() => random
            .choose(&[
                json!("2026-01-31T12:00:00Z"),
                json!("2026-01-31T12:00:00.1234567+02:00"),
                json!("2016-12-31T23:59:60Z"),
                json!("yesterday"),
            ])
            .clone(),
        r#""string""# => {
            random.choose(&[json!(""), json!("t\u{e9}xt"), json!("x"), json!("2026-01-31T12:00:00Z")]).clone()
        }
        _ => random.choose(&[json!(null), json!(1), json!(4)]).clone(),
    }
}
