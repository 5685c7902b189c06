//! Whether two subschemas are the very same, with all that they refer to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::part::{Part, Place};

/// Chains of references are followed so far: each link takes some stack.
const PAIRS_MAX: usize = 1000;

impl Part<'_> {
    /// Whether another part says the same: the same text, and references to the same. One of unknown meaning is only the
    /// same where all documents are.
    pub(super) fn is_same(&self, other: &Part<'_>, documents_are_same: bool) -> bool {
        let mut pairs = BTreeSet::new();
        same(self, other, documents_are_same, &mut pairs)
    }
}

fn same(a: &Part<'_>, b: &Part<'_>, everywhere: bool, pairs: &mut BTreeSet<(Place, Place)>) -> bool {
    if a.at.value != b.at.value || a.draft() != b.draft() {
        return false;
    }
    let (here, there) = (a.place(), b.place());
    let is_moved = (here.1, &here.2) != (there.1, &there.2);
    if !pairs.insert((here, there)) || (everywhere && !is_moved) {
        return true;
    }
    if pairs.len() > PAIRS_MAX {
        return false;
    }
    let mut references = Vec::new();
    collect(a.at.value, &mut references);
    references.iter().all(|(keyword, text)| {
        let targets = a.target(text).zip(b.target(text)).filter(|_| *keyword == "$ref");
        targets.is_some_and(|(a, b)| same(&a, &b, everywhere, pairs))
    })
}

/// All that looks like a reference, also where it is none: then only more has to be the same.
fn collect<'v>(value: &'v Value, found: &mut Vec<(&'v str, &'v str)>) {
    match value {
        Value::Object(map) => {
            for (keyword, value) in map {
                match (keyword.as_str(), value) {
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(text)) => {
                        found.push((keyword, text))
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
