//! Events in, columns and refusals out.

use serde_json::{Value, json};
use transect_config::{EventFields, EventTypeConfig, Limits, Pointer, TimeFormat};

use super::*;

/// An event type whose key, id and time are where most tests have them.
fn event_type(schema: Value) -> EventTypeConfig {
    let pointers =
        |fields: &[&str]| -> Vec<Pointer> { fields.iter().map(|field| field.parse().unwrap()).collect() };
    let time_format = TimeFormat::UnixSeconds;
    let (id, key) = (pointers(&["/id"]), pointers(&["/key"]));
    EventTypeConfig {
        name: "reading".to_owned(),
        schema_version: 1,
        schema,
        event: EventFields {
            event_type: None,
            id,
            time: "/time".parse().unwrap(),
            time_format,
            key,
            region: None,
            delay: Default::default(),
            max_ahead: None,
        },
    }
}

fn decoder(schema: Value) -> Decoder {
    decoder_of(&event_type(schema))
}

fn decoder_of(event_type: &EventTypeConfig) -> Decoder {
    Decoder::new(Plan::compile(event_type, &Limits::default()).unwrap(), PipelineKey::new([7; 16]))
}

/// A schema with the usual identity and these properties more.
fn schema(properties: Value) -> Value {
    let mut all = json!({"id": {"type": "string"}, "key": {"type": "string"}, "time": {"type": "number"}});
    all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    json!({"type": "object", "properties": all})
}

#[test]
fn fills_columns_and_keeps_the_rest() {
    let mut decoder = decoder(schema(json!({"n": {"type": "integer", "minimum": 0}})));
    decoder.push(br#"{"id":"a","key":"k","time":12.5,"n":3,"x":{"y":[1]}}"#).unwrap();
    let reject = decoder.push(br#"{"id":"b","key":"k","time":12.5,"n":-3}"#).unwrap_err();
    assert_eq!((reject.reason, reject.pointer.as_str()), (RejectReason::SchemaViolation, "/n"));
    assert_eq!((reject.keyword.as_str(), reject.offset), ("minimum", Some(36)));
    assert_eq!(reject.message, "expected a number of at least 0, found -3");
    let decoded = decoder.finish();
    assert_eq!(decoded.columns.num_rows(), 1);
    assert_eq!(decoded.times, [12_500_000]);
}
