//! What is wrong with a schema by itself, with its place. The `apache-avro` crate finds most of it too, and doesn't say where.
//! Names that lead nowhere and defaults are looked at once all types are known.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// JSON Pointer into the schema, and what is wrong and how to fix it.
pub(super) type Mistake = (String, String);

/// The first mistake of a schema that nests no deeper than the parser takes.
pub(super) fn find(schema: &Value) -> Result<(), Mistake> {
    any(schema, String::new())
}

fn mistake<T>(pointer: impl Into<String>, message: impl Into<String>) -> Result<T, Mistake> {
    Err((pointer.into(), message.into()))
}

fn any(schema: &Value, at: String) -> Result<(), Mistake> {
    match schema {
        Value::String(_) => Ok(()),
        Value::Array(branches) => union(branches, &at),
        Value::Object(map) => object(map, &at),
        _ => mistake(
            at,
            "expected a type; write the name of one, an object with `type`, or a list for a union",
        ),
    }
}

fn union(branches: &[Value], at: &str) -> Result<(), Mistake> {
    if branches.is_empty() {
        return mistake(at, "a union without branches has no values; name the types that it takes");
    }
    let mut unnamed = BTreeSet::new();
    for (number, branch) in branches.iter().enumerate() {
        let place = format!("{at}/{number}");
        if branch.is_array() {
            return mistake(
                place,
                "a union can't be a branch of a union; write its branches into the outer one",
            );
        }
        let kind = branch.as_str().or_else(|| branch.get("type")?.as_str());
        if let Some(kind) = kind.filter(|kind| !matches!(*kind, "record" | "error" | "enum" | "fixed"))
            && !unnamed.insert(kind)
        {
            return mistake(
                place,
                format!(
                    "the union has `{kind}` twice, of which it couldn't be said which one a datum is; leave one out"
                ),
            );
        }
        any(branch, place)?;
    }
    Ok(())
}

fn object(map: &Map<String, Value>, at: &str) -> Result<(), Mistake> {
    let kind = match map.get("type") {
        None => {
            return mistake(
                at,
                "`type` is missing; say what this is: record, enum, array, map, fixed, or a primitive type",
            );
        }
        Some(Value::String(kind)) => kind.as_str(),
        Some(inner) => return any(inner, format!("{at}/type")),
    };
    match kind {
        "record" | "error" => {
            named(map, at, kind)?;
            fields(map, at)
        }
        "enum" => {
            named(map, at, kind)?;
            symbols(map, at)
        }
        "fixed" => {
            named(map, at, kind)?;
            match map.get("size").and_then(Value::as_u64) {
                Some(_) => Ok(()),
                None => mistake(at, "a fixed needs its `size`, a number of bytes; add it"),
            }
        }
        "array" => inner(map, at, kind, "items"),
        "map" => inner(map, at, kind, "values"),
        _ => Ok(()),
    }
}

fn inner(map: &Map<String, Value>, at: &str, kind: &str, of: &str) -> Result<(), Mistake> {
    match map.get(of) {
        Some(inner) => any(inner, format!("{at}/{of}")),
        None => mistake(at, format!("a type `{kind}` needs `{of}`, the type of what is in it; add it")),
    }
}

fn named(map: &Map<String, Value>, at: &str, kind: &str) -> Result<(), Mistake> {
    match map.get("name").map(Value::as_str) {
        None => mistake(at, format!("a type `{kind}` needs a `name`; add one")),
        Some(Some(name)) if name.split('.').all(is_name) => Ok(()),
        Some(_) => mistake(format!("{at}/name"), bad_name(&map["name"])),
    }
}

fn fields(map: &Map<String, Value>, at: &str) -> Result<(), Mistake> {
    let Some(Value::Array(fields)) = map.get("fields") else {
        return mistake(at, "a record needs `fields`, a list of objects with `name` and `type`; add it");
    };
    let mut names = BTreeSet::new();
    for (number, field) in fields.iter().enumerate() {
        let place = format!("{at}/fields/{number}");
        match field.get("name").map(Value::as_str) {
            None => return mistake(place, "the field has no `name`; add one"),
            Some(Some(name)) if is_name(name) => {
                if !names.insert(name) {
                    return mistake(place, format!("the field `{name}` is there twice; rename one"));
                }
            }
            Some(_) => return mistake(format!("{place}/name"), bad_name(&field["name"])),
        }
        match field.get("type") {
            None => return mistake(place, "the field has no `type`; add it"),
            Some(inner) => any(inner, format!("{place}/type"))?,
        }
    }
    Ok(())
}

fn symbols(map: &Map<String, Value>, at: &str) -> Result<(), Mistake> {
    let Some(Value::Array(symbols)) = map.get("symbols") else {
        return mistake(at, "an enum needs `symbols`, a list of names; add it");
    };
    let mut met = BTreeSet::new();
    for (number, symbol) in symbols.iter().enumerate() {
        let place = format!("{at}/symbols/{number}");
        match symbol.as_str().filter(|symbol| is_name(symbol)) {
            None => return mistake(place, bad_name(symbol)),
            Some(symbol) if !met.insert(symbol) => {
                return mistake(place, format!("the symbol `{symbol}` is there twice; leave one out"));
            }
            Some(_) => {}
        }
    }
    match map.get("default") {
        Some(default) if !symbols.contains(default) => mistake(
            format!("{at}/default"),
            format!("the default {default} is none of the symbols; write one of them"),
        ),
        _ => Ok(()),
    }
}

fn bad_name(found: &Value) -> String {
    format!("{found} is no name; begin with a letter or `_`, and go on with letters, digits and `_`")
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
