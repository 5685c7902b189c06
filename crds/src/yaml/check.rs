//! Checks an object as the API server would: against the schema in the CRD, then against the CEL rules in it.
//!
//! What is unknown is refused here, not pruned. Rules that compare with an older object have none here and are left out.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::thread;

use jsonschema::ValidationError;
use kube::core::cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use serde_json::{Value, json};

use super::place::{Places, join};
use super::problem::Problem;
use super::shown;

/// What one kind of object is checked against.
pub(super) struct Checker {
    schema: Value,
    structure: jsonschema::Validator,
    rules: CompiledSchema,
    cel: Validator,
}

impl Checker {
    /// Compiles the schema in a CRD and the rules in it, side by side: every command begins by waiting for this.
    pub(super) fn new(schema: &str) -> Result<Self, String> {
        let of_crd: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
        thread::scope(|scope| {
            let rules = scope.spawn(|| compile_schema(&of_crd));
            let schema = whole_object(of_crd.clone());
            let structure = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
            // A panic goes on here.
            let rules = rules.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok(Self { schema, structure, rules, cel: Validator::new() })
        })
    }

    /// Everything that is wrong with an object's content; the rules only where its structure is right.
    pub(super) fn check(&self, value: &Value, places: &Places) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            self.structure.iter_errors(value).flat_map(|error| self.structural(&error, places)).collect();
        shown::once_each(&mut problems);
        beyond_json_schema(&self.schema, value, "", places, &mut problems);
        if problems.is_empty() {
            problems = self.broken_rules(value, places);
        }
        problems
    }

    fn structural(&self, error: &ValidationError<'_>, places: &Places) -> Vec<Problem> {
        let path = places.below("", error.instance_path().as_str());
        let keyword = error.schema_path().as_str();
        let parent = keyword.rfind('/').map_or("", |end| &keyword[..end]);
        let schema = self.schema.pointer(parent).unwrap_or(&Value::Null);
        shown::structural(error, &path, schema, places)
    }

    fn broken_rules(&self, value: &Value, places: &Places) -> Vec<Problem> {
        let Err(errors) = self.cel.validate_compiled(&self.rules, value, None) else { return Vec::new() };
        errors
            .into_iter()
            .map(|error| {
                let said = match error.kind {
                    ErrorKind::ValidationFailure => error.message.clone(),
                    _ => format!("the rule `{}` can't be evaluated: {}", error.rule, error.message),
                };
                let (message, fix) = said.split_once("; ").unwrap_or((&said, ""));
                places.problem(&error.field_path, message, fix)
            })
            .collect()
    }
}

/// The schema of an object as it stands in a file, from that in a CRD.
fn whole_object(mut schema: Value) -> Value {
    strict(&mut schema);
    schema["properties"]["apiVersion"] = json!({"type": "string"});
    schema["properties"]["kind"] = json!({"type": "string"});
    schema["properties"]["metadata"] = metadata(&schema["properties"]["metadata"]);
    schema["properties"]["status"] = json!({});
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
}

/// Closes every object that lists its fields.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let free = map.contains_key("x-kubernetes-preserve-unknown-fields");
            let closed = map.get("type").is_some_and(|kind| kind == "object")
                && !map.contains_key("additionalProperties")
                && !free;
            if closed {
                map.entry("properties").or_insert_with(|| json!({}));
                map.insert("additionalProperties".into(), json!(false));
            }
            map.values_mut().for_each(strict);
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

/// What every object's metadata may hold, with what the CRD says of the name.
fn metadata(from_crd: &Value) -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let mut properties = json!({
        "name": text, "generateName": text, "namespace": {"type": "string", "maxLength": 63}, "labels": texts,
        "annotations": texts, "uid": text, "resourceVersion": text, "selfLink": text, "creationTimestamp": {},
        "deletionTimestamp": {}, "deletionGracePeriodSeconds": {}, "finalizers": {"type": "array"},
        "generation": {"type": "integer"}, "managedFields": {"type": "array"}, "ownerReferences": {"type": "array"},
    });
    if let Some(name) = from_crd.pointer("/properties/name") {
        properties["name"] = name.clone();
    }
    json!({"type": "object", "properties": properties, "required": ["name"], "additionalProperties": false})
}

/// What JSON Schema can't say: lists whose items are told apart by a key, and whole numbers written as `1.0`.
fn beyond_json_schema(
    schema: &Value,
    value: &Value,
    path: &str,
    places: &Places,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let schema = match &schema["properties"][name] {
                    Value::Null => &schema["additionalProperties"],
                    schema => schema,
                };
                beyond_json_schema(schema, value, &join(path, name), places, problems);
            }
        }
        Value::Array(items) => {
            let key = &schema["x-kubernetes-list-map-keys"][0];
            let set = schema["x-kubernetes-list-type"] == "set";
            let mut seen = BTreeMap::new();
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                beyond_json_schema(&schema["items"], item, &path, places, problems);
                let (path, told_by) = match key.as_str() {
                    Some(key) => (format!("{path}.{key}"), item.get(key)),
                    None => (path, set.then_some(item)),
                };
                let Some(told_by) = told_by else { continue };
                if let Some(first) = seen.insert(told_by.to_string(), path.clone()) {
                    let message = format!("{} is here twice, first as {first}", shown::value(told_by));
                    problems.push(places.problem(&path, message, "choose another, or remove one of the two"));
                }
            }
        }
        Value::Number(number)
            if schema["type"] == "integer" && number.is_f64() && number.as_f64().is_some_and(whole) =>
        {
            let message = format!("{number} has a decimal point, but must be a whole number");
            problems.push(places.problem(path, message, "write it without the point"));
        }
        _ => {}
    }
}

/// Whether JSON Schema takes a number as an integer; others it has refused already.
fn whole(number: f64) -> bool {
    number.fract() == 0.0
}
