//! The shapes of single values in the resources: how each kind of text is written and how long it may be.
//!
//! Every text has a greatest length and every rule a message of the form `what is wrong; how to fix it`, which the
//! API server shows as it is and the YAML reader splits.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

pub(crate) const NAME: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
const OBJECT_NAME: &str = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
const TABLE: &str = "^[a-z][a-z0-9_]*$";
const COLUMN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
const DURATION: &str = r"^([0-9]{1,10}(\.[0-9]{1,6})?(us|ms|s|m|h))+$";
const POINTER: &str = "^(/([^~/]|~[01])*)+$";
const ADDRESSES: &str = r"^[^\s@/,:]+:[0-9]{1,5}(,[^\s@/,:]+:[0-9]{1,5})*$";
const HTTP_URL: &str = r"^https?://[^\s@/]+(/[^\s]*)?$";
const QUANTITY: &str = r"^[0-9]+(\.[0-9]+)?([eE][0-9]+|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$";
const STORE_URL: &str = r"^((s3|gs|az)://[^\s@/]+(/[^\s]*)?|file:///[^\s]*)$";

/// What a text of some pattern is called, and how to write one; None for patterns that their field explains.
pub(crate) fn told(pattern: &str) -> Option<(&'static str, &'static str)> {
    Some(match pattern {
        NAME => (
            "a name",
            "write small letters, digits and dashes, of which the first is a letter, such as `air-quality`",
        ),
        OBJECT_NAME => {
            ("the name of an object", "write small letters, digits, dashes and dots, such as `kafka-user`")
        }
        TABLE => {
            ("a name that rules can write", "write small letters, digits and underscores, such as `stations`")
        }
        COLUMN => ("the name of a column", "write letters, digits and underscores, such as `pm25_mean`"),
        DURATION => ("a duration", "write a number and a unit, such as `30s`, `5m` or `168h`"),
        POINTER => (
            "a JSON Pointer",
            "write the path to a field with a slash before each step, such as `/station/id`",
        ),
        QUANTITY => ("an amount", "write a number with or without a unit, such as `500m` or `512Mi`"),
        ADDRESSES => {
            ("an address", "write host:port, or several with commas between, such as `kafka-0:9092`")
        }
        HTTP_URL => (
            "a URL for this field",
            "write http:// or https:// without user or password, which belong into a Secret, such as \
             `https://registry:8081`",
        ),
        STORE_URL => (
            "a URL for this field",
            "write s3://, gs://, az:// or file:/// without credentials, which belong into a Secret, such as \
             `s3://bucket/air/`",
        ),
        _ => return None,
    })
}

/// CEL rules as the API server takes them: the field that each is about (relative, empty for the value itself), the
/// expression, and the message.
pub(crate) fn rules(list: &[(&str, &str, &str)]) -> Value {
    list.iter()
        .map(|(field, rule, message)| match *field {
            "" => json!({"rule": rule, "message": message}),
            field => json!({"rule": rule, "message": message, "fieldPath": field}),
        })
        .collect()
}

/// The rule of a field that never changes.
pub(crate) fn immutable(message: &str) -> Value {
    rules(&[("", "self == oldSelf", message)])
}

fn text(length_max: u32, pattern: &str) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": length_max, "pattern": pattern})
}

/// A name of ours: a DNS label of at most 40 characters.
pub(crate) fn name(_: &mut SchemaGenerator) -> Schema {
    text(40, NAME)
}

/// The name of another Kubernetes object: a DNS subdomain.
pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    text(253, OBJECT_NAME)
}

/// A namespace: a DNS label.
pub(crate) fn namespace(_: &mut SchemaGenerator) -> Schema {
    text(63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
}

/// A name that stands in CEL as it is, where a dash would be a minus.
pub(crate) fn table(_: &mut SchemaGenerator) -> Schema {
    text(40, TABLE)
}

/// The name of a column.
pub(crate) fn column(_: &mut SchemaGenerator) -> Schema {
    text(63, COLUMN)
}

/// Any text of at most 256 characters, such as a topic or a database.
pub(crate) fn word(_: &mut SchemaGenerator) -> Schema {
    text(256, r"^\S+$")
}

/// Any short texts.
pub(crate) fn words(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 32, "items": text(256, r"^\S+$"), "x-kubernetes-list-type": "atomic"
    })
}

/// A sentence of at most 1024 characters.
pub(crate) fn sentence(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 1024})
}

/// A length of time as Go writes it.
pub(crate) fn duration(_: &mut SchemaGenerator) -> Schema {
    text(32, DURATION)
}

/// A length of time that is not zero.
pub(crate) fn positive_duration(_: &mut SchemaGenerator) -> Schema {
    let mut schema = text(32, DURATION);
    let rule =
        ("", "duration(self) > duration('0s')", "is no length of time; write more than zero, such as 1h");
    schema.insert("x-kubernetes-validations".into(), rules(&[rule]));
    schema
}

/// A JSON Pointer to a field of an event.
pub(crate) fn pointer(_: &mut SchemaGenerator) -> Schema {
    text(256, POINTER)
}

/// JSON Pointers, in order.
pub(crate) fn pointers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 8, "items": text(256, POINTER), "x-kubernetes-list-type": "atomic"
    })
}

/// `host:port`, or several of them with commas between.
pub(crate) fn addresses(_: &mut SchemaGenerator) -> Schema {
    text(1024, ADDRESSES)
}

/// An `http` or `https` URL without credentials.
pub(crate) fn http_url(_: &mut SchemaGenerator) -> Schema {
    text(1024, HTTP_URL)
}

/// The URL of a folder in an object store or a file system, without credentials.
pub(crate) fn store_url(_: &mut SchemaGenerator) -> Schema {
    text(1024, STORE_URL)
}

/// The path of a file.
pub(crate) fn path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 4096})
}

/// Paths of files.
pub(crate) fn paths(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1, "maxItems": 256, "x-kubernetes-list-type": "atomic",
        "items": {"type": "string", "minLength": 1, "maxLength": 4096}
    })
}

/// A TCP or UDP port.
pub(crate) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535})
}

/// Labels, annotations and the like: text by text.
pub(crate) fn text_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 64, "additionalProperties": {"type": "string", "maxLength": 4096}
    })
}

/// Amounts of resources by name, as in a Pod: `{cpu: 500m, memory: 512Mi}`.
pub(crate) fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 16,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}], "maxLength": 32,
            "pattern": QUANTITY
        }
    })
}

/// Any JSON object; its content is checked by whom it belongs to.
pub(crate) fn free_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// A list of any JSON objects.
pub(crate) fn free_objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 16, "x-kubernetes-list-type": "atomic",
        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
    })
}

/// A list of any JSON scalars.
pub(crate) fn free_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1, "maxItems": 64, "x-kubernetes-list-type": "atomic",
        "items": {"x-kubernetes-preserve-unknown-fields": true}
    })
}

/// Any JSON scalar.
pub(crate) fn free_value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"x-kubernetes-preserve-unknown-fields": true})
}

/// Formats of times, in the order in which they are tried.
pub(crate) fn time_formats(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1, "maxItems": 8, "x-kubernetes-list-type": "atomic",
        "items": {"type": "string", "minLength": 1, "maxLength": 256}
    })
}
