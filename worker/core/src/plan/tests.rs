//! Schemas in, columns, coverage and errors out.

use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::{Value, json};
use transect_config::{EventFields, EventTypeConfig, SchemaFamily, Span, TimeFormat};

use super::*;

fn event_type(schema: Value, time: &str, id: &[&str]) -> EventTypeConfig {
    EventTypeConfig {
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
        name: "reading".to_owned(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: SchemaFamily::default(),
        event: EventFields {
            event_type: None,
            id: id.iter().map(|id| id.parse().unwrap()).collect(),
            time: time.parse().unwrap(),
            time_format: TimeFormat::Rfc3339,
            key: Vec::new(),
            region: None,
            version: None,
            participant: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
        cleanse: Vec::new(),
    }
}

fn compile(schema: Value) -> Result<Arc<Plan>, PlanError> {
    Plan::compile(&event_type(schema, "/time", &[]), &Limits::default())
}

/// The plan of an object with a time and one more property.
fn plan_of(property: Value) -> Arc<Plan> {
    let properties = json!({"time": {"type": "string", "format": "date-time"}, "x": property});
    let defs = json!({"word": {"type": "string"}, "thing": {"type": "object"}, "tree": {"type": "object", "properties": {
        "left": {"$ref": "#/$defs/tree"}, "value": {"type": "integer"}}}});
    compile(json!({"type": "object", "properties": properties, "$defs": defs})).unwrap()
}

#[test]
fn every_schema_has_a_column() {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
    let strukt = |name: &str, item| DataType::Struct([Field::new(name, item, true)].into_iter().collect());
    for (schema, data_type) in [
        (json!({"type": "boolean"}), DataType::Boolean),
        (json!({"type": "integer"}), DataType::Int64),
        (json!({"type": "number"}), DataType::Float64),
        (json!({"type": ["integer", "number", "null"]}), DataType::Float64),
        (json!({"type": ["string", "null"]}), DataType::Utf8),
        (json!({"type": "string", "format": "date"}), DataType::Utf8),
        (json!({"type": "string", "format": "date-time"}), time.clone()),
        (json!({"anyOf": [{"type": "null"}, {"type": "string", "format": "date-time"}]}), time),
        (json!({"oneOf": [{"$ref": "#/$defs/word"}, {"type": "null"}]}), DataType::Utf8),
        (json!({"type": "string", "enum": ["a", "b"]}), dictionary.clone()),
        (json!({"enum": ["a", null]}), dictionary.clone()),
        (json!({"const": "a"}), dictionary),
        (json!({"enum": [1, 2, null]}), DataType::Int64),
        (json!({"enum": [1, 2.5]}), DataType::Float64),
        (json!({"const": true}), DataType::Boolean),
        (json!({"type": "array", "items": {"type": "integer"}}), list(DataType::Int64)),
        (
            json!({"type": "array", "items": {"type": "array", "items": {"const": 1}}}),
            list(list(DataType::Int64)),
        ),
        (json!({"type": "object", "properties": {"y": {"type": "boolean"}}}), strukt("y", DataType::Boolean)),
        (json!({"allOf": [{"$ref": "#/$defs/word"}, {"minLength": 1}]}), DataType::Utf8),
    ] {
        let plan = plan_of(schema.clone());
        let field = plan.arrow_schema().field_with_name("x").unwrap().clone();
        assert_eq!((field.data_type(), field.is_nullable()), (&data_type, true), "{schema}");
        assert!(field.metadata().is_empty(), "{schema}");
        assert_eq!(plan.coverage(), &Coverage::Compiled, "{schema}");
    }
}

#[test]
fn what_has_no_column_type_is_json() {
    for schema in [
        json!({}),
        json!(true),
        json!({"minLength": 3}),
        json!({"type": "null"}),
        json!({"type": ["string", "integer"]}),
        json!({"enum": ["a", 1]}),
        json!({"const": {"a": 1}}),
        json!({"type": "object"}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        json!({"type": "object", "patternProperties": {"^x-": {"type": "integer"}}}),
        json!({"type": "array"}),
        json!({"type": "array", "items": {"type": "object"}}),
        json!({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}}),
    ] {
        let plan = plan_of(schema.clone());
        let field = plan.arrow_schema().field_with_name("x").unwrap().clone();
        assert_eq!(field.data_type(), &DataType::Utf8, "{schema}");
        assert_eq!(field.metadata().get(JSON_COLUMN).map(String::as_str), Some("true"), "{schema}");
        assert_eq!(plan.coverage(), &Coverage::Compiled, "{schema}");
    }
}

#[test]
fn a_definition_that_holds_for_an_object_and_its_member_is_no_recursion() {
    let plan = plan_of(
        json!({"allOf": [{"$ref": "#/$defs/thing"}], "properties": {"y": {"$ref": "#/$defs/thing"}}}),
    );
    assert_eq!(plan.coverage(), &Coverage::Compiled);
    assert_eq!(plan.column(&"/x/y".parse().unwrap()), Some(vec![1, 0]));
}

#[test]
fn columns_stand_in_the_order_of_the_schema() {
    let time = json!({"type": "string"});
    let plan = compile(json!({"properties": {"z": {}, "time": time, "a": {}, "extra": {"type": "string"}}}))
        .unwrap();
    let names: Vec<String> = plan.arrow_schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["z", "time", "a", "extra", "_extra"]);
}

#[test]
fn a_field_is_found_by_its_pointer() {
    let plan = plan_of(json!({"type": "object", "properties": {
        "a/b": {"type": "object", "properties": {"c": {"type": "string"}}}, "list": {"type": "array", "items": {
            "type": "object", "properties": {"d": {"type": "string"}}}}, "free": {"type": "object"}}}));
    for (pointer, path) in [
        ("/time", Some(vec![0])),
        ("/x", Some(vec![1])),
        ("/x/a~1b/c", Some(vec![1, 0, 0])),
        ("/x/list", Some(vec![1, 1])),
        ("/x/free", Some(vec![1, 2])),
        ("/x/list/d", None),
        ("/x/list/0/d", None),
        ("/x/free/e", None),
        ("/nothing", None),
        ("", None),
    ] {
        assert_eq!(plan.column(&pointer.parse().unwrap()), path, "{pointer}");
    }
}

#[test]
fn what_is_left_to_the_crate_is_named() {
    for (property, reason) in [
        (json!({"type": "string", "not": {"const": "a"}}), "not at #/properties/x"),
        (json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}), "oneOf at #/properties/x"),
        (json!({"type": "array", "contains": {"const": 1}}), "contains at #/properties/x"),
        (json!({"$ref": "#/$defs/tree"}), "recursion at #/$defs/tree"),
        (json!({"type": "object", "properties": {"y": {"if": true}}}), "if at #/properties/x/properties/y"),
        (json!({"$dynamicRef": "#/$defs/word"}), "$dynamicRef at #/properties/x"),
        (json!({"patternProperties": {"a": true, "b": true}}), "patternProperties at #/properties/x"),
    ] {
        let plan = plan_of(property.clone());
        assert_eq!(plan.coverage(), &Coverage::Fallback(vec![reason.to_owned()]), "{property}");
    }
    let plan = plan_of(json!({"$ref": "#/$defs/tree"}));
    let DataType::Struct(fields) = plan.arrow_schema().field_with_name("x").unwrap().data_type().clone()
    else {
        panic!("the outermost turn of a recursion is a struct")
    };
    assert!(fields[0].metadata().contains_key(JSON_COLUMN) && fields[1].data_type() == &DataType::Int64);
}

#[test]
fn schemas_that_cannot_be_are_refused() {
    let refused = |schema| compile(schema).unwrap_err();
    let time = json!({"type": "string"});
    for (schema, pointer, message) in [
        (json!({"properties": {"time": {"type": "strin"}}}), "/properties/time/type", "no valid JSON Schema"),
        (
            json!({"properties": {"time": time, "x": {"pattern": "("}}}),
            "/properties/x/pattern",
            "no valid JSON Schema",
        ),
        (
            json!({"properties": {"time": {"$ref": "https://example.org/x.json#/y"}}}),
            "/properties/time/$ref",
            "https://example.org/x.json",
        ),
        (json!({"properties": {"time": {"$ref": "#/$defs/none"}}}), "/properties/time/$ref", "/$defs/none"),
        (json!({"$schema": "https://example.org/draft"}), "/$schema", "https://example.org/draft"),
        (json!({"properties": {"time": time, "_file": {}}}), "/properties/_file", "provenance"),
    ] {
        let error = refused(schema.clone());
        assert!(error.message.contains(message) && error.pointer == pointer, "{schema}: {error}");
    }
}

/// The outcome of a schema named `main.json` with a family.
fn in_family(schema: Value, documents: &[(&str, Value)]) -> Result<Arc<Plan>, PlanError> {
    let documents = documents.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let family = SchemaFamily { name: "main.json".to_owned(), documents };
    let event_type = EventTypeConfig { family, ..event_type(schema, "/time", &[]) };
    Plan::compile(&event_type, &Limits::default())
}

/// A schema with a time, and a property that refers.
fn referring(reference: &str) -> Value {
    json!({"properties": {"time": {"type": "string"}, "x": {"$ref": reference}}})
}

#[test]
fn a_family_is_no_reason_to_fall_back() {
    let unit =
        json!({"$defs": {"celsius": {"type": "number"}, "all": {"$ref": "../main.json#/properties/time"}}});
    let id = json!({"$id": "https://example.org/named", "type": "integer"});
    let unread = json!({"$ref": "nowhere.json"});
    let family = [("common/unit.json", unit), ("named.json", id), ("unread.json", unread)];
    for (reference, data_type, reached) in [
        ("common/unit.json#/$defs/celsius", DataType::Float64, "common/unit.json"),
        ("common/unit.json#/$defs/all", DataType::Utf8, "common/unit.json"),
        ("https://example.org/named", DataType::Int64, "named.json"),
        ("named.json", DataType::Int64, "named.json"),
    ] {
        let plan = in_family(referring(reference), &family).unwrap();
        assert_eq!(plan.coverage(), &Coverage::Compiled, "{reference}");
        assert_eq!(plan.arrow_schema().field(1).data_type(), &data_type, "{reference}");
        assert_eq!(plan.documents(), [reached], "{reference}");
    }
}

#[test]
fn what_a_family_leaves_to_the_crate_is_named() {
    for (document, reference, reason) in [
        (json!({"not": {}}), "a.json", "not at a.json#"),
        (json!({"$anchor": "b"}), "a.json#b", "$ref at #/properties/x"),
        (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "a.json", "$ref at #/properties/x"),
        (json!({"$defs": {"b": {"$id": "c", "type": "null"}}}), "c", "$ref at #/properties/x"),
        (json!({"items": {"$ref": "#"}}), "a.json", "recursion at a.json#"),
    ] {
        let plan = in_family(referring(reference), &[("a.json", document)]).unwrap();
        assert_eq!(plan.coverage(), &Coverage::Fallback(vec![reason.to_owned()]), "{reference}");
    }
    let meta =
        json!({"$id": "https://example.org/meta", "$schema": "https://json-schema.org/draft/2020-12/schema"});
    let mut schema = referring("#");
    schema["$schema"] = "https://example.org/meta".into();
    let plan = in_family(schema, &[("meta.json", meta)]).unwrap();
    assert_eq!(plan.coverage(), &Coverage::Fallback(vec!["$schema at #".to_owned()]));
    assert_eq!(plan.arrow_schema().fields().len(), 1);
}

#[test]
fn a_reference_that_leads_nowhere_is_named() {
    let same = |kind: &str| json!({"$id": "https://example.org/same", "type": kind});
    let family = [
        ("unit.json", json!({"$defs": {"celsius": {"type": "number"}}})),
        ("lost.json", json!({"allOf": [{"$ref": "deep/lost.json"}]})),
        ("wrong.json", json!({"properties": {"a": {"type": "txt"}}})),
        ("draft.json", json!({"$schema": "https://example.org/draft"})),
        ("one.json", same("string")),
        ("other.json", same("null")),
        ("both.json", json!({"anyOf": [{"$ref": "one.json"}, {"$ref": "other.json"}]})),
    ];
    for (reference, document, pointer, missing, message) in [
        (
            "none.json#/x",
            "",
            "/properties/x/$ref",
            Some("none.json"),
            "`$ref` leads to `none.json#/x`, but no document",
        ),
        ("https://example.org/x", "", "/properties/x/$ref", Some("https://example.org/x"), "but no document"),
        ("unit.json#/$defs/kelvin", "", "/properties/x/$ref", None, "but `unit.json` has no such place"),
        ("unit.json#kelvin", "", "/properties/x/$ref", None, "but `unit.json` has no such place"),
        ("#/$defs/celsius", "", "/properties/x/$ref", None, "but the schema itself has no such place"),
        ("lost.json", "lost.json", "/allOf/0/$ref", Some("deep/lost.json"), "give it along"),
        ("wrong.json", "wrong.json", "/properties/a/type", None, "no valid JSON Schema"),
        ("draft.json", "draft.json", "/$schema", None, "https://example.org/draft"),
        (
            "https://example.org/same",
            "",
            "/properties/x/$ref",
            None,
            "which both `one.json` and `other.json` call themselves",
        ),
        (
            "both.json",
            "other.json",
            "",
            None,
            "calls itself `https://example.org/same`, and so does `one.json`",
        ),
    ] {
        let error = in_family(referring(reference), &family).unwrap_err();
        assert_eq!(
            (error.document.as_str(), error.pointer.as_str()),
            (document, pointer),
            "{reference}: {error}"
        );
        assert_eq!(error.missing.as_deref(), missing, "{reference}: {error}");
        assert!(error.message.contains(message), "{reference}: {error}");
    }
}

#[test]
fn fields_of_the_event_must_be_there() {
    let closed = json!({"type": "object", "additionalProperties": false, "properties": {
        "time": {"type": "string"}, "count": {"type": "integer"}, "station": {"type": "object", "properties": {
            "id": {"type": "string"}, "tags": {"type": "object"}}}}});
    for (time, id, message) in [
        ("/tiem", "/count", "did you mean `time`?"),
        ("/time", "/Count", "did you mean `count`?"),
        ("/time", "/station/key", "names no property of the schema"),
        ("/time", "/completely/other", "describe the field in the schema"),
        ("/time", "/station", "event.id `/station` is an object by the schema, but must be"),
        ("/time", "/count/x", "names a member of `/count`, which is an integer by the schema"),
        ("/count", "/count", "event.time `/count` is an integer by the schema, but must be a string"),
        ("", "/count", "names the event as a whole"),
    ] {
        let event_type = event_type(closed.clone(), time, &[id]);
        let error = Plan::compile(&event_type, &Limits::default()).unwrap_err();
        assert!(error.message.contains(message), "{time} {id}: {error}");
    }
    for (time, id) in
        [("/time", "/station/id"), ("/time", "/station/tags/any/where"), ("/station/tags/t", "/time")]
    {
        Plan::compile(&event_type(closed.clone(), time, &[id]), &Limits::default()).unwrap();
    }
    Plan::compile(&event_type(json!({}), "/when", &["/a/0/b"]), &Limits::default()).unwrap();
}

#[test]
fn depth_is_bounded_by_what_the_fallback_reads() {
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH as usize), "]".repeat(MAX_DEPTH as usize));
    assert!(serde_json::from_str::<Value>(&deepest).is_ok());
    assert!(serde_json::from_str::<Value>(&format!("[{deepest}]")).is_err());
    let limits = Limits { depth: MAX_DEPTH + 1, ..Limits::default() };
    let error = Plan::compile(&event_type(json!({}), "/time", &[]), &limits).unwrap_err();
    assert!(error.message.contains("at most 127"), "{error}");
}
