//! Verdicts, tried with documents: what one version takes, the other must take too where they are called compatible.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use transect_config::{Limits, SchemaFamily};
use transect_core::check::Checker;
use transect_core::compat::{Direction, Language, Mode, Version, breaks};

use crate::documents::Documents;
use crate::families::{Family, Made};
use crate::pairs::{Pair, pairs};
use crate::random::Random;

const DOCUMENTS: usize = 200;

fn checker(schema: &Value, family: &SchemaFamily) -> Option<Checker> {
    Checker::new(schema, family, &Limits::default()).ok()
}

/// The names that any `properties` in a schema has, each with its place.
fn names(value: &Value, place: &str, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (keyword, value) in map {
                let place = format!("{place}/{keyword}");
                if let ("properties", Value::Object(members)) = (keyword.as_str(), value) {
                    found.extend(members.keys().map(|name| (place.clone(), name.clone())));
                }
                names(value, &place, found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| names(item, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

/// Whether a document has a member of one of these names.
fn has(value: &Value, of: &BTreeSet<String>) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| of.contains(name) || has(value, of)),
        Value::Array(items) => items.iter().any(|item| has(item, of)),
        _ => false,
    }
}

/// A writer's schema with its family, and a reader's.
struct Trial<'t> {
    writer: (&'t Value, &'t SchemaFamily),
    reader: (&'t Value, &'t SchemaFamily),
}

impl Trial<'_> {
    /// Documents that the writer takes: how many there were, and one that the reader refuses. Left out are those with a
    /// member that only the reader names, by the one assumption that is made of data.
    fn run(&self, random: &mut Random, count: usize) -> (usize, Option<String>) {
        let (Some(writer), Some(reader)) =
            (checker(self.writer.0, self.writer.1), checker(self.reader.0, self.reader.1))
        else {
            return (0, None);
        };
        let [mut by_reader, mut by_writer] = [BTreeSet::new(), BTreeSet::new()];
        for (found, (schema, family)) in [(&mut by_reader, self.reader), (&mut by_writer, self.writer)] {
            names(schema, "", found);
            family.documents.iter().for_each(|(name, document)| names(document, name, found));
        }
        // A name may be new at one place and old at another.
        let only_reader: BTreeSet<String> =
            by_reader.difference(&by_writer).map(|(_, name)| name.clone()).collect();
        let near = [self.writer, self.reader].map(|(schema, family)| {
            let mut made = Made { schema: schema.clone(), family: Family::default() };
            made.family.documents = family.clone();
            made
        });
        let mut taken = 0;
        for at in 0..count {
            let text = Documents::new(random, &near[at % 2]).document().plain();
            let Ok(mut value) = serde_json::from_str::<Value>(&text) else { continue };
            // The generator puts a time into every object at the top.
            if let Some(map) = value.as_object_mut().filter(|_| at % 4 < 3) {
                map.remove("time");
            }
            if has(&value, &only_reader) || !writer.by_the_crate(&value).is_empty() {
                continue;
            }
            taken += 1;
            if !reader.by_the_crate(&value).is_empty() {
                return (taken, Some(value.to_string()));
            }
        }
        (taken, None)
    }
}

#[test]
fn what_the_tables_call_compatible_is_taken() {
    let mut random = Random::new(1);
    let (mut tried, mut witnessed, mut broken) = (0, 0, 0);
    for pair in pairs().iter().filter(|pair| pair.language == Language::JsonSchema) {
        let Pair { name, schemas: [old, new], families: [old_family, new_family], .. } = pair;
        let old = (old, old_family);
        let new = (new, new_family);
        for (writer, reader, breaks) in [(old, new, &pair.backward), (new, old, &pair.forward)] {
            let (taken, refused) = Trial { writer, reader }.run(&mut random, DOCUMENTS);
            if breaks.is_empty() {
                tried += taken;
                assert_eq!(refused, None, "{name} is called compatible: {} to {}", writer.0, reader.0);
            } else {
                broken += 1;
                witnessed += usize::from(refused.is_some());
            }
        }
    }
    println!("{tried} documents taken; {witnessed} of {broken} breaks shown by a document");
    assert!(tried > 2000, "only {tried} documents");
    assert!(witnessed * 2 > broken, "only {witnessed} of {broken} breaks are shown by a document");
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// A schema with one thing changed.
fn changed(schema: &Value, random: &mut Random) -> Value {
    let mut places = Vec::new();
    collect(schema, String::new(), &mut places);
    let mut schema = schema.clone();
    let Some(place) = schema.pointer_mut(&places[random.below(places.len())]) else { return schema };
    let Some(map) = place.as_object_mut() else {
        return schema;
    };
    let keys: Vec<String> = map.keys().filter(|key| *key != "$schema").cloned().collect();
    match random.below(4) {
        0 if !keys.is_empty() => drop(map.remove(&keys[random.below(keys.len())])),
        1 if !keys.is_empty() => adjust(map, &keys[random.below(keys.len())], random),
        2 => drop(map.insert("minLength".to_owned(), json!(random.below(3)))),
        _ => add(map, random),
    }
    schema
}

fn adjust(map: &mut Map<String, Value>, key: &str, random: &mut Random) {
    let value = match &map[key] {
        Value::Number(number) => match number.as_i64() {
            Some(int) => json!(int.saturating_add(random.below(3) as i64 - 1).max(0)),
            None => json!(number.as_f64().unwrap_or(0.0) * 2.0),
        },
        Value::Bool(value) => json!(!value),
        Value::String(kind) if key == "type" && kind == "integer" => json!("number"),
        Value::String(kind) if key == "type" => json!([kind, "null"]),
        Value::Array(items) if !items.is_empty() && key != "type" && items.len() > 1 => {
            let mut items = items.clone();
            items.remove(random.below(items.len()));
            json!(items)
        }
        other => other.clone(),
    };
    map.insert(key.to_owned(), value);
}

fn add(map: &mut Map<String, Value>, random: &mut Random) {
    let all = [
        ("required", json!(["a"])),
        ("maximum", json!(5)),
        ("additionalProperties", json!(false)),
        ("additionalProperties", json!({"type": "string"})),
        ("enum", json!(["red", 1, null])),
        ("type", json!("object")),
        ("maxItems", json!(1)),
        ("uniqueItems", json!(true)),
        ("not", json!({"type": "string"})),
        ("anyOf", json!([{"type": "integer"}, {"type": "object"}])),
        ("oneOf", json!([{"type": "integer"}, {"type": "number"}])),
        ("patternProperties", json!({"^a": {"type": "integer"}})),
        ("properties", json!({"b": {"type": "string"}})),
    ];
    let (keyword, value) = all[random.below(all.len())].clone();
    map.insert(keyword.to_owned(), value);
}

/// The places of all objects that may be schemas.
fn collect(value: &Value, pointer: String, found: &mut Vec<String>) {
    if let Value::Object(map) = value {
        found.push(pointer.clone());
        for (key, value) in
            map.iter().filter(|(key, _)| !["enum", "const", "default"].contains(&key.as_str()))
        {
            collect(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }
    }
}

#[test]
fn what_is_called_compatible_is_taken() {
    let pairs = setting("TRANSECT_COMPAT_PAIRS", 1500);
    let start = setting("TRANSECT_COMPAT_SEED", 1);
    let (mut compatible, mut tried, mut broken, mut witnessed) = (0, 0, 0, 0);
    for seed in start..start + pairs {
        let mut random = Random::new(seed as u64);
        let made = Made::new(&mut random);
        let (old, family) = (&made.schema, &made.family.documents);
        let new = (0..=random.below(3)).fold(old.clone(), |schema, _| changed(&schema, &mut random));
        let version = |schema| Version { name: "a version", schema, family };
        let mode = Mode { backward: true, forward: true, ..Mode::default() };
        let Ok(found) = breaks(Language::JsonSchema, &version(old), &version(&new), mode) else { continue };
        for (direction, writer, reader) in [(Direction::Backward, old, &new), (Direction::Forward, &new, old)]
        {
            let trial = Trial { writer: (writer, family), reader: (reader, family) };
            let (taken, refused) = trial.run(&mut random, 40);
            if found.iter().any(|found| found.direction == direction) {
                broken += 1;
                witnessed += usize::from(refused.is_some());
            } else {
                compatible += 1;
                tried += taken;
                let family = serde_json::to_string(family).unwrap();
                assert_eq!(refused, None, "seed {seed}: {writer}\nread by {reader}\nfamily {family}");
            }
        }
    }
    println!(
        "{compatible} compatible pairs, {tried} documents; {broken} broken, {witnessed} shown by a document"
    );
    assert!(compatible * 100 >= pairs * 30, "only {compatible} directions of {pairs} pairs are compatible");
    assert!(broken * 100 >= pairs * 15, "only {broken} directions of {pairs} pairs are broken");
}
