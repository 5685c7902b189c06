//! Data of one schema read as another's.

use serde_json::{Value, json};

use super::*;
use crate::avro::Parsed;

/// What becomes of a datum of one schema that is read as another's: its JSON, or what is wrong where.
#[track_caller]
fn resolved(writer: Value, reader: Value, datum: &[u8], expected: &str) {
    let [writer, reader] = [writer, reader].map(|schema| Parsed::of_text(&schema.to_string()).unwrap());
    let (mut bytes, mut text) = (Reader::new(datum), Vec::new());
    let read = resolve::resolve(&writer, &reader).write(&mut bytes, None, &mut text);
    let found = match read.map_err(Fault::into_reject) {
        Ok(()) => {
            assert_eq!(bytes.at(), datum.len());
            String::from_utf8(text).unwrap()
        }
        Err(reject) => format!("{} {}: {}", reject.keyword, reject.pointer, reject.message),
    };
    assert_eq!(found, expected);
}

#[test]
fn numbers_are_promoted_to_what_they_are_read_as() {
    let (float, long) = (0.1_f32.to_le_bytes(), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    resolved(json!("int"), json!("long"), &[3], "-2");
    resolved(json!("int"), json!("float"), &[3], "-2.0");
    resolved(
        json!("long"),
        json!("double"),
        &long,
        "9.223372036854775807e18"
            .parse::<f64>()
            .map(|n| serde_json::to_string(&n).unwrap())
            .unwrap()
            .as_str(),
    );
    resolved(json!("float"), json!("double"), &float, "0.10000000149011612");
    resolved(json!("string"), json!("bytes"), &[4, b'h', b'i'], "\"aGk=\"");
    resolved(json!("bytes"), json!("string"), &[4, b'h', b'i'], "\"hi\"");
    resolved(json!("bytes"), json!("string"), &[2, 0xff], " : expected a string in UTF-8; found other bytes");
    resolved(
        json!("int"),
        json!({"type": "long", "logicalType": "timestamp-millis"}),
        &[2],
        "\"1970-01-01T00:00:00.001Z\"",
    );
    let message = "resolution : expected int; the data were written as long, which can't be read as that";
    resolved(json!("long"), json!("int"), &[2], message);
}

#[test]
fn fields_are_found_by_name_or_alias_and_filled_by_defaults() {
    let writer = of_fields(
        json!([{"name": "a", "type": "int"}, {"name": "x", "type": {"type": "array", "items": "string"}},
        {"name": "b", "type": "int"}]),
    );
    let datum = [2, 2, 2, b'z', 0, 4];
    let defaults = json!([
        {"name": "b", "type": "int"}, {"name": "c", "type": "long", "aliases": ["a"]},
        {"name": "d", "type": "bytes", "default": "\u{ff}"}, {"name": "e", "type": ["null", "int"], "default": null},
        {"name": "f", "type": {"type": "record", "name": "F", "fields": [{"name": "g", "type": "int", "default": 7}]}, "default": {}}
    ]);
    resolved(writer.clone(), of_fields(defaults), &datum, r#"{"c":1,"b":2,"d":"/w==","f":{"g":7}}"#);
    // A name comes before an alias, and an alias is no second reading.
    let both =
        json!([{"name": "c", "type": "int", "aliases": ["a"], "default": 9}, {"name": "a", "type": "int"}]);
    resolved(writer.clone(), of_fields(both), &datum, r#"{"a":1,"c":9}"#);
    let lacking = json!([{"name": "a", "type": "int"}, {"name": "new", "type": "int"}]);
    let message =
        "resolution /new: expected a value; the data were written without this field, and it has no default";
    resolved(writer, of_fields(lacking), &datum, message);
}

#[test]
fn symbols_and_branches_are_resolved_where_a_datum_has_them() {
    let color = |symbols: Value, more: Value| {
        let mut color = json!({"type": "enum", "name": "Color", "symbols": symbols});
        color.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        color
    };
    let written = color(json!(["RED", "BLUE"]), json!({}));
    resolved(written.clone(), color(json!(["BLUE"]), json!({})), &[2], "\"BLUE\"");
    resolved(written.clone(), color(json!(["BLUE", "NONE"]), json!({"default": "NONE"})), &[0], "\"NONE\"");
    let message = "resolution : the symbol `RED` was written, which the schema's enum has neither as a symbol nor a default for";
    resolved(written.clone(), color(json!(["BLUE"]), json!({})), &[0], message);
    resolved(json!(["null", "string"]), json!("string"), &[2, 2, b'a'], "\"a\"");
    let message = "resolution : expected string; the data were written as null, which can't be read as that";
    resolved(json!(["null", "string"]), json!("string"), &[0], message);
    // A branch of the same type comes before one that takes it by promotion.
    resolved(json!(["string", "bytes"]), json!(["string", "bytes"]), &[2, 2, 0xff], "\"/w==\"");
    resolved(json!("int"), json!(["double", "int"]), &[2], "1");
    resolved(json!("int"), json!(["string", "double"]), &[2], "1.0");
}

#[test]
fn what_would_mean_something_else_is_not_read() {
    let decimal =
        |scale: u32| json!({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": scale});
    resolved(decimal(2), decimal(2), &[4, 1, 0], "2.56");
    let message = "resolution : expected decimal of precision 4 and scale 1; the data were written as decimal of precision 4 and scale 2, which can't be read as that";
    resolved(decimal(2), decimal(1), &[4, 1, 0], message);
    let time = |logical: &str| json!({"type": "long", "logicalType": logical});
    let message = "resolution : expected timestamp-millis; the data were written as timestamp-micros, which can't be read as that";
    resolved(time("timestamp-micros"), time("timestamp-millis"), &[2], message);
    resolved(time("timestamp-micros"), json!("long"), &[2], "1");
}

#[test]
fn names_count_without_their_namespaces_and_records_may_be_in_themselves() {
    let list = |name: &str, more: Value| json!({"type": "record", "name": name, "aliases": more, "fields": [{"name": "v", "type": "int"}, {"name": "n", "type": ["null", name]}]});
    let datum = [2, 2, 4, 0];
    resolved(list("a.L", json!([])), list("b.L", json!([])), &datum, r#"{"v":1,"n":{"v":2}}"#);
    resolved(list("L", json!([])), list("M", json!(["L"])), &datum, r#"{"v":1,"n":{"v":2}}"#);
    let message =
        "resolution : expected record `M`; the data were written as record `L`, which can't be read as that";
    resolved(list("L", json!([])), list("M", json!([])), &datum, message);
}

fn of_fields(fields: Value) -> Value {
    json!({"type": "record", "name": "R", "fields": fields})
}
