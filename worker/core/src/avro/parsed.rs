//! Avro schemas from JSON, with the named types of their family.
//!
//! The `apache-avro` crate reads them. What is wrong is said with its place where that can be found.

use std::collections::HashMap;

use apache_avro::error::Details;
use apache_avro::schema::{Name, Schema};
use serde_json::Value;
use transect_config::SchemaFamily;

use super::mistakes;
use super::shape::Shape;
use crate::format::avro::default_text;
use crate::plan::PlanError;

/// Schemas nest no deeper than this.
const DEPTH_MAX: usize = 96;

/// A schema and all types that it names.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) root: Schema,
    types: HashMap<Name, Schema>,
    /// The documents of the family that it needs.
    pub(crate) documents: Vec<String>,
}

impl Parsed {
    /// Reads a schema; of its family those documents count that define a type which it names, directly or through others.
    pub(crate) fn read(schema: &Value, family: &SchemaFamily) -> Result<Self, PlanError> {
        check("", schema)?;
        let (mut others, mut documents) = (Vec::new(), Vec::new());
        for (name, document) in reached(schema, family) {
            check(name, document)?;
            others.push(document.to_string());
            documents.push(name.to_owned());
        }
        let parsed = Schema::parse_str_with_list(&schema.to_string(), &others);
        let (root, others) = parsed.map_err(|error| wrong(schema, &error))?;
        let mut types = HashMap::new();
        for schema in others.iter().chain([&root]) {
            collect(schema, &mut types);
        }
        Ok(Self { root, types, documents })
    }

    /// Reads a schema that stands by itself, as that of a container does.
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        let root = Schema::parse_str(text).map_err(|error| format!("its schema can't be read: {error}"))?;
        let mut types = HashMap::new();
        collect(&root, &mut types);
        Ok(Self { root, types, documents: Vec::new() })
    }

    /// Whether each default is a value of its field, so that it can be filled in.
    pub(super) fn check_defaults(&self, document: &Value) -> Result<(), PlanError> {
        let mut types: Vec<_> = self.types.values().collect();
        types.sort_by_key(|schema| Shape::of(schema).name().map(|name| name.fullname(None)));
        for schema in types {
            let Shape::Record(record) = Shape::of(schema) else { continue };
            for field in &record.fields {
                let Some(default) = &field.default else { continue };
                if let Err(message) = default_text(self, &field.schema, default) {
                    let is_field = |value: &Value| {
                        value.get("name").and_then(Value::as_str) == Some(field.name.as_str())
                            && value.get("default") == Some(default)
                    };
                    let pointer = find(document, is_field).map(|place| format!("{place}/default"));
                    let message = format!("the field `{}`: {message}; correct one of the two", field.name);
                    let (document, pointer) = (String::new(), pointer.unwrap_or_default());
                    return Err(PlanError { document, pointer, message, missing: None });
                }
            }
        }
        Ok(())
    }

    /// The type of a full name.
    pub(crate) fn named(&self, full: &str) -> Option<&Schema> {
        self.types.iter().find(|(name, _)| name.fullname(None) == full).map(|(_, schema)| schema)
    }

    /// The type that a name stands for.
    pub(crate) fn resolve<'s>(&'s self, schema: &'s Schema) -> &'s Schema {
        match schema {
            Schema::Ref { name } => self.types.get(name).unwrap_or(schema),
            schema => schema,
        }
    }
}

/// The documents that define what a schema names. What only looks like a name may add one too many, which is no harm.
fn reached<'s>(schema: &'s Value, family: &'s SchemaFamily) -> Vec<(&'s str, &'s Value)> {
    let own = fullname(schema);
    let mut others: Vec<(&str, &Value, String)> = Vec::new();
    for (name, document) in &family.documents {
        others.extend(
            fullname(document)
                .filter(|name| own.as_ref() != Some(name))
                .map(|full| (name.as_str(), document, full)),
        );
    }
    let mut found = Vec::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                let is_named = |full: &str| full == text || full.rsplit('.').next() == Some(text.as_str());
                let (named, rest): (Vec<_>, Vec<_>) =
                    others.into_iter().partition(|(_, _, full)| is_named(full));
                others = rest;
                for (name, document, _) in named {
                    found.push((name, document));
                    open.push(document);
                }
            }
            Value::Object(map) => open.extend(map.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// The full name of the type that a document defines.
fn fullname(document: &Value) -> Option<String> {
    document.get("type")?;
    let name = document.get("name")?.as_str()?;
    match document
        .get("namespace")
        .and_then(Value::as_str)
        .filter(|space| !space.is_empty() && !name.contains('.'))
    {
        Some(namespace) => Some(format!("{namespace}.{name}")),
        None => Some(name.to_owned()),
    }
}

/// The place of the first part of a document of which something is true.
fn find(document: &Value, is: impl Fn(&Value) -> bool) -> Option<String> {
    let mut open = vec![(String::new(), document)];
    while let Some((pointer, value)) = open.pop() {
        if is(value) {
            return Some(pointer);
        }
        match value {
            // The first is looked at first.
            Value::Object(map) => open.extend(map.iter().rev().map(|(key, value)| {
                (format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), value)
            })),
            Value::Array(items) => {
                open.extend(
                    items.iter().enumerate().rev().map(|(at, item)| (format!("{pointer}/{at}"), item)),
                );
            }
            _ => {}
        }
    }
    None
}

/// What the parser says; of a type that is not there, how to fix it.
fn wrong(schema: &Value, error: &apache_avro::Error) -> PlanError {
    let (message, missing, pointer) = match error.details() {
        Details::ParsePrimitive(name) => {
            let message = format!(
                "names the type `{name}`, which is defined nowhere; define it, or give its document along"
            );
            // A name within a namespace may stand there without it.
            let is = |value: Option<&Value>| {
                let found = value.and_then(Value::as_str);
                found.is_some_and(|found| found == name || name.rsplit('.').next() == Some(found))
            };
            let place = find(schema, |value| is(value.get("type"))).map(|place| format!("{place}/type"));
            let place = place.or_else(|| find(schema, |value| is(Some(value))));
            (message, Some(name.clone()), place)
        }
        Details::GetDefaultRecordField(name, record, ..) => {
            let has = |value: &Value| {
                value.get("name").and_then(Value::as_str) == Some(name) && value.get("default").is_some()
            };
            let message = format!(
                "the default of the field `{name}` of `{record}` is no value of the field's type; correct one of the two"
            );
            (message, None, find(schema, has).map(|place| format!("{place}/default")))
        }
        _ => (format!("this is no valid Avro schema: {error}"), None, None),
    };
    PlanError { document: String::new(), pointer: pointer.unwrap_or_default(), message, missing }
}

/// What the parser doesn't say or would not survive.
fn check(document: &str, schema: &Value) -> Result<(), PlanError> {
    let refuse = |pointer: &str, message: &str| {
        let (document, pointer, message) = (document.to_owned(), pointer.to_owned(), message.to_owned());
        Err(PlanError { document, pointer, message, missing: None })
    };
    let mut open = vec![(String::new(), schema, 0)];
    while let Some((pointer, value, depth)) = open.pop() {
        if depth > DEPTH_MAX {
            return refuse(&pointer, "the schema nests too deeply; name the types within it");
        }
        match value {
            Value::Object(map) => {
                open.extend(map.iter().map(|(key, value)| (format!("{pointer}/{key}"), value, depth + 1)));
            }
            Value::Array(items) => {
                open.extend(
                    items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item, depth + 1)),
                );
            }
            _ => {}
        }
    }
    mistakes::find(schema).or_else(|(pointer, message)| refuse(&pointer, &message))
}

fn collect(schema: &Schema, types: &mut HashMap<Name, Schema>) {
    let shape = Shape::of(schema);
    if let Some(name) = shape.name() {
        types.insert(name.clone(), schema.clone());
    }
    match shape {
        Shape::Record(record) => record.fields.iter().for_each(|field| collect(&field.schema, types)),
        Shape::Array(inner) | Shape::Map(inner) => collect(inner, types),
        Shape::Union(branches) => branches.iter().for_each(|branch| collect(branch, types)),
        _ => {}
    }
}
