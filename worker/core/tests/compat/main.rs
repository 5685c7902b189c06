//! Pairs of schemas with the verdict and the named break, by the tables beside this file; and whether verdicts hold: what
//! is called compatible is tried with documents, over the tables and over random pairs.
//!
//! `TRANSECT_COMPAT_PAIRS` sets the number of random pairs, `TRANSECT_COMPAT_SEED` another start.

// All of this is test code, also what is not in a test function; and the modules beside serve the differential test too.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used, dead_code)]

mod decoded;
#[path = "../differential/document.rs"]
mod document;
#[path = "../differential/documents.rs"]
mod documents;
#[path = "../differential/families.rs"]
mod families;
mod pairs;
#[path = "../differential/random.rs"]
mod random;
#[path = "../differential/schemas.rs"]
mod schemas;
mod tried;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use transect_config::SchemaFamily;
use transect_core::compat::{Aspect, Bound, Direction, Language, Mode, Rule, Version, breaks};

use pairs::{Pair, pairs};

const BOTH: Mode = Mode { backward: true, forward: true, transitive: false };

/// What breaks in one direction, as the tables have it.
fn found(pair: &Pair, direction: Direction) -> Vec<String> {
    let found = breaks(pair.language, &pair.older(), &pair.newer(), BOTH);
    let found = found.unwrap_or_else(|error| panic!("{}: {error}", pair.name));
    let found = found.iter().filter(|found| found.direction == direction);
    let mut found: Vec<String> = found.map(|found| format!("{} {}", found.rule, found.pointer)).collect();
    found.sort();
    found
}

#[test]
fn each_pair_breaks_as_its_table_says() {
    let mut wrong = Vec::new();
    let pairs = pairs();
    for pair in &pairs {
        for (direction, expected) in
            [(Direction::Backward, &pair.backward), (Direction::Forward, &pair.forward)]
        {
            let mut expected = expected.clone();
            expected.sort();
            let found = found(pair, direction);
            if found != expected {
                wrong.push(format!("{}, {direction:?}: expected {expected:?}, found {found:?}", pair.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), pairs.len(), wrong.join("\n"));
    assert!(pairs.len() >= 150, "{} pairs", pairs.len());
}

#[test]
fn each_rule_occurs() {
    let bounds =
        Bound::ALL.into_iter().flat_map(|bound| [Aspect::Bound(bound), Aspect::BoundPresence(bound)]);
    let json: Vec<Aspect> = Aspect::JSON_SCHEMA.into_iter().chain(bounds).collect();
    for (language, aspects) in [(Language::JsonSchema, json), (Language::Avro, Aspect::AVRO.to_vec())] {
        let mut met: BTreeSet<String> = BTreeSet::new();
        for pair in pairs().iter().filter(|pair| pair.language == language) {
            let all = pair.backward.iter().chain(&pair.forward);
            met.extend(all.filter_map(|found| Some(found.split_once(' ')?.0.to_owned())));
        }
        let directions = [Direction::Backward, Direction::Forward];
        let rules =
            aspects.iter().flat_map(|aspect| directions.map(|direction| Rule { aspect: *aspect, direction }));
        // What takes too long has no place in a table: see below.
        let known: BTreeSet<String> =
            rules.map(|rule| rule.to_string()).filter(|name| name != "TooComplex").collect();
        assert_eq!(met, known, "{language:?}");
    }
}

/// Schemas that nest so many pairs of alternatives, with something at the bottom.
fn nested(depth: usize, bottom: &Value) -> Value {
    let mut definitions = serde_json::Map::new();
    for at in 0..depth {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        let one = json!({"properties": {"x": next}, "required": ["x"]});
        let other = json!({"properties": {"x": next, "y": next}, "required": ["y"]});
        definitions.insert(format!("d{at}"), json!({"anyOf": [one, other]}));
    }
    definitions.insert(format!("d{depth}"), bottom.clone());
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
fn what_takes_too_long_is_given_up() {
    let family = SchemaFamily::default();
    for (depth, expected) in [(2, "AlternativesNarrowed"), (24, "TooComplex")] {
        let (old, new) =
            (nested(depth, &json!({"type": "number"})), nested(depth, &json!({"type": "integer"})));
        let [old, new] = [&old, &new].map(|schema| Version { name: "one version", schema, family: &family });
        let found = breaks(Language::JsonSchema, &old, &new, BOTH).unwrap();
        assert!(found.iter().any(|found| found.rule.to_string() == expected), "{found:?}");
    }
    // A long chain of references takes no stack.
    let mut definitions = serde_json::Map::new();
    for at in 0..5000 {
        definitions.insert(format!("d{at}"), json!({"$ref": format!("#/$defs/d{}", at + 1)}));
    }
    let chain = |bottom: Value| {
        let mut definitions = definitions.clone();
        definitions.insert("d5000".to_owned(), bottom);
        json!({"$ref": "#/$defs/d0", "$defs": definitions})
    };
    let (old, new) = (chain(json!({"type": "number"})), chain(json!({"type": "integer"})));
    let [old, new] = [&old, &new].map(|schema| Version { name: "one version", schema, family: &family });
    let found = breaks(Language::JsonSchema, &old, &new, BOTH).unwrap();
    assert!(!found.is_empty());
}

#[test]
fn each_message_says_what_and_how_to_fix() {
    for pair in pairs() {
        for found in breaks(pair.language, &pair.older(), &pair.newer(), BOTH).unwrap() {
            assert!(found.message.contains("old") || found.message.contains("new"), "{}: {found}", pair.name);
            assert!(!found.fix.is_empty() && found.message.len() > 20, "{}: {found}", pair.name);
        }
    }
}
