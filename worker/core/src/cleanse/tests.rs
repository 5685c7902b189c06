//! What stays byte for byte, what is refused first, and what a refusal says of the event as it came.

use serde_json::{Value, json};
use transect_config::{
    CastType, CleanseAction, EventFields, EventTypeConfig, FromUnit, Limits, Span, TimeFormat, Unlisted,
};

use super::*;
use crate::identity::PipelineKey;
use crate::plan::Plan;

fn step(field: &str, action: CleanseAction) -> CleanseStep {
    CleanseStep { field: field.parse().unwrap(), action }
}

fn rename(field: &str, name: &str) -> CleanseStep {
    step(field, CleanseAction::Rename(name.to_owned()))
}

fn cleanser(steps: &[CleanseStep]) -> Cleanser {
    Cleanser::new(Arc::new(CleansePlan::compile(steps).unwrap()))
}

/// A decoder of events with the time at `/t` in seconds, and these properties more.
fn decoder(mut properties: Value, limits: Limits) -> Decoder {
    properties["t"] = json!({});
    let event = EventFields {
        event_type: None,
        id: Vec::new(),
        time: "/t".parse().unwrap(),
        time_format: TimeFormat::UnixSeconds,
        key: Vec::new(),
        region: None,
        version: None,
        participant: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let schema = json!({"type": "object", "properties": properties});
    let (name, family, cleanse) = ("e".to_owned(), Default::default(), Vec::new());
    let config = EventTypeConfig {
        name,
        schema_version: 1,
        format: Default::default(),
        schema,
        family,
        older: Vec::new(),
        renamed: Vec::new(),
        event,
        cleanse,
        rules: Vec::new(),
        privacy: Vec::new(),
    };
    Decoder::new(Plan::compile(&config, &limits).unwrap(), PipelineKey::new([7; 16]))
}

#[test]
fn what_is_not_touched_keeps_its_bytes() {
    let steps = [
        step("/a", CleanseAction::Trim),
        rename("/old/x", "y"),
        rename("/old", "new"),
        step("/new/y", CleanseAction::Cast(CastType::Integer)),
        step("/new/z", CleanseAction::Default(json!("é\""))),
        step("/new/w", CleanseAction::Default(json!(1.5))),
        step(
            "/new/w",
            CleanseAction::Map { values: vec![(json!(1.5), json!(2))], otherwise: Unlisted::Keep },
        ),
        step("/empty/z", CleanseAction::Default(json!(true))),
        step("/list/*/v", CleanseAction::NullIf(vec![json!(-9)])),
        step("/list/1", CleanseAction::Default(json!(0))),
        step("/none/z", CleanseAction::Default(json!(0))),
    ];
    for (before, after) in [
        (
            " {\"n\" : 1.500e+00 ,\t\"a\":\" é \" , \"old\": { \"x\" : \"7.0\" , \"u\":[ 1 ,2 ]\n} , \"\\u006e2\":\"\\u0041\"} ",
            " {\"n\" : 1.500e+00 ,\t\"a\":\"é\" , \"new\": { \"y\" : 7 , \"u\":[ 1 ,2 ],\"z\":\"é\\\"\",\"w\":2\n} , \"\\u006e2\":\"\\u0041\"} ",
        ),
        ("{\"empty\":{ }}", "{\"empty\":{\"z\":true }}"),
        ("{\"list\":[{\"v\":-9.0},null,{\"v\":9}, 3]}", "{\"list\":[{\"v\":null},0,{\"v\":9}, 3]}"),
        // By its value a name is found, however it is spelled.
        ("{\"\\u0061\":\"x \"}", "{\"\\u0061\":\"x\"}"),
        ("{\"b\":12345678901234567890123.0}", "{\"b\":12345678901234567890123.0}"),
        ("{\"none\":3,\"old\":[],\"list\":{}}", "{\"none\":3,\"new\":[],\"list\":{\"1\":0}}"),
    ] {
        assert_eq!(cleanser(&steps).preview(before).as_deref(), Ok(after));
    }
}

#[test]
fn steps_see_what_those_before_have_left() {
    let swap = [
        rename("/a", "x"),
        rename("/b", "a"),
        rename("/x", "b"),
        step("/a", CleanseAction::Cast(CastType::String)),
    ];
    assert_eq!(cleanser(&swap).preview(r#"{"a":1,"b":2}"#).as_deref(), Ok(r#"{"b":1,"a":"2"}"#));
}

#[test]
fn a_unit_beside_a_number_is_that_of_its_own_item() {
    let convert =
        CleanseAction::Convert { from: FromUnit::Field("/l/*/m/u".parse().unwrap()), to: "m".to_owned() };
    let steps = [step("/l/*/v/*", convert)];
    let before = r#"{"l":[{"v":[1,null],"m":{"u":"cm"}},{"v":[2],"m":{"u":"km"}},{"v":[]},{}]}"#;
    let after = r#"{"l":[{"v":[0.01,null],"m":{"u":"cm"}},{"v":[2000.0],"m":{"u":"km"}},{"v":[]},{}]}"#;
    assert_eq!(cleanser(&steps).preview(before).as_deref(), Ok(after));
    let reject = cleanser(&steps).preview(r#"{"l":[{"v":[1]}]}"#).unwrap_err();
    assert_eq!((reject.pointer.as_str(), reject.offset), ("/l/0/v/0", Some(12)));
}

#[track_caller]
fn refused(
    cleanser: &mut Cleanser,
    decoder: &mut Decoder,
    event: &str,
) -> (RejectReason, String, Option<u32>) {
    let reject = cleanser.push(decoder, event.as_bytes()).unwrap_err();
    (reject.reason, reject.pointer, reject.offset)
}

#[test]
fn what_was_wrong_before_is_what_is_said() {
    let limits = Limits { event_bytes: 60, depth: 3 };
    let mut decoder = decoder(json!({"b": {"type": "number"}}), limits);
    let steps = [
        rename("/a", "b"),
        step("/b", CleanseAction::Cast(CastType::Number)),
        step("/x", CleanseAction::NullIf(vec![json!(1)])),
    ];
    let mut cleanser = cleanser(&steps);
    let malformed = RejectReason::Malformed;
    for (event, expected) in [
        // A step would hide it, or fails.
        (r#"{"t":1,"a":1,"a":2}"#, (malformed, "", Some(13))),
        (r#"{"t":1,"a":"no","c":}"#, (malformed, "", Some(20))),
        (r#"{"t":1,"x":1e999}"#, (malformed, "", Some(11))),
        (r#"{"t":1,"a":nul}"#, (malformed, "", Some(11))),
        ("{\"t\":1,\"a\":\"1\"", (malformed, "", Some(14))),
        (r#"{"t":1,"a":"no","c":[[[1]]]}"#, (RejectReason::TooDeep, "/c/0/0", Some(22))),
        (&format!(r#"{{"t":1,"a":"{:60}"}}"#, 1), (RejectReason::TooLarge, "", None)),
        (r#"{"t":1,"a":"no"}"#, (RejectReason::CleanseFailed, "/a", Some(11))),
        (r#"{"t":1,"a":true}"#, (RejectReason::CleanseFailed, "/a", Some(11))),
    ] {
        let (reason, pointer, offset) = expected;
        assert_eq!(
            refused(&mut cleanser, &mut decoder, event),
            (reason, pointer.to_owned(), offset),
            "{event}"
        );
    }
    assert!(cleanser.push(&mut decoder, b"{\"t\":1,\"a\":\"\xff\"}").is_err());
    assert!(decoder.is_empty());
    assert_eq!(cleanser.push(&mut decoder, br#"{"t":1,"a":"2"}"#), Ok(()));
    assert_eq!(decoder.len(), 1);
}

#[test]
fn refusals_mean_the_event_as_it_came() {
    let limits = Limits::default();
    let properties = json!({
        "s": {"type": "object", "properties": {"v": {"type": "number", "maximum": 9}, "d": {"type": "integer"}}},
        "z": {"type": "boolean"},
    });
    let mut decoder = decoder(properties, limits);
    let steps = [
        rename("/old", "s"),
        rename("/s/value", "v"),
        step("/s/v", CleanseAction::Cast(CastType::Number)),
        step("/s/d", CleanseAction::Default(json!("none"))),
        step("/t", CleanseAction::Cast(CastType::Number)),
    ];
    let mut cleanser = cleanser(&steps);
    for (event, pointer, offset, message) in [
        (
            r#"{"t":"1","old":{"value":"10","d":1},"z":1}"#,
            "/old/value",
            Some(24),
            "expected a number of at most 9, found 10; before cleansing, /old/value was \"10\"",
        ),
        (
            r#"{"t":"1","old":{},"z":true}"#,
            "/old/d",
            Some(16),
            "expected an integer, found \"none\"; cleansing has put /old/d there, which the event doesn't have",
        ),
        (r#"{"t":"1","old":{"value":"1","d":1},"z":3}"#, "/z", Some(39), "expected a boolean, found 3"),
        (
            r#"{"t":"1","old":{"value":"1","d":"x"}}"#,
            "/old/d",
            Some(32),
            "expected an integer, found \"x\"; before cleansing, /old was {\"value\":\"1\",\"d\":\"x\"}",
        ),
        (
            r#"{"t":null,"old":{"d":1}}"#,
            "/t",
            Some(5),
            "event.time needs a number of seconds since 1970, in the years 1 to 9999, found null",
        ),
    ] {
        let reject = cleanser.push(&mut decoder, event.as_bytes()).unwrap_err();
        assert_eq!(
            (reject.pointer.as_str(), reject.offset, reject.message.as_str()),
            (pointer, offset, message),
            "{event}"
        );
    }
}
