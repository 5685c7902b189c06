//! Events in, columns and refusals out.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use serde_json::{Value, json};
use transect_config::{EventFields, EventTypeConfig, Limits, Pointer, Span, TimeFormat};

use super::*;

/// An event type whose key, id and time are where most tests have them.
fn event_type(schema: Value) -> EventTypeConfig {
    let pointers =
        |fields: &[&str]| -> Vec<Pointer> { fields.iter().map(|field| field.parse().unwrap()).collect() };
    EventTypeConfig {
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
        name: "reading".to_owned(),
        schema_version: 1,
        format: Default::default(),
        schema,
        family: Default::default(),
        event: EventFields {
            event_type: None,
            id: pointers(&["/id"]),
            time: "/time".parse().unwrap(),
            time_format: TimeFormat::UnixSeconds,
            key: pointers(&["/key"]),
            region: None,
            version: None,
            participant: None,
            delay: Span::ZERO,
            max_ahead: None,
        },
        cleanse: Vec::new(),
    }
}

fn decoder_of(event_type: &EventTypeConfig) -> Decoder {
    Decoder::new(Plan::compile(event_type, &Limits::default()).unwrap(), PipelineKey::new([7; 16]))
}

/// A decoder of objects with the usual identity and these properties more.
fn decoder(properties: Value) -> Decoder {
    let mut all = json!({"id": {"type": "string"}, "key": {"type": "string"}, "time": {"type": "number"}});
    all.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    decoder_of(&event_type(json!({"type": "object", "properties": all})))
}

/// An event with the usual identity, and these members more.
fn event(members: &str) -> String {
    format!(r#"{{"id":"a","key":"k","time":12.5{members}}}"#)
}

/// The one row of one event; its columns by name as JSON.
fn row(decoder: &mut Decoder, members: &str) -> (RecordBatch, Option<String>) {
    decoder.push(event(members).as_bytes()).unwrap();
    let batch = decoder.finish().columns;
    let extra = batch.column(batch.num_columns() - 1).as_string::<i32>();
    let extra = extra.is_valid(0).then(|| extra.value(0).to_owned());
    (batch, extra)
}

#[test]
fn fills_columns_and_keeps_the_rest() {
    let mut decoder = decoder(json!({"n": {"type": "integer", "minimum": 0}}));
    decoder.push(br#"{"id":"a","key":"k","time":12.5,"n":3,"x":{"y":[1]}}"#).unwrap();
    let reject = decoder.push(br#"{"id":"b","key":"k","time":12.5,"n":-3}"#).unwrap_err();
    assert_eq!((reject.reason, reject.pointer.as_str()), (RejectReason::SchemaViolation, "/n"));
    assert_eq!((reject.keyword.as_str(), reject.offset), ("minimum", Some(36)));
    assert_eq!(reject.message, "expected a number of at least 0, found -3");
    let decoded = decoder.finish();
    assert_eq!(decoded.columns.num_rows(), 1);
    assert_eq!(decoded.times, [12_500_000]);
    assert_eq!(decoded.columns.column(3).as_primitive::<Int64Type>().values(), &[3]);
    assert_eq!(decoded.columns.column(4).as_string::<i32>().value(0), r#"{"x":{"y":[1]}}"#);
    assert!(decoder.is_empty() && decoder.finish().columns.num_rows() == 0);
}

#[test]
fn extra_mirrors_where_values_stood() {
    let inner = json!({"type": "object", "properties": {"known": {"type": "integer"}}});
    let properties = json!({"a": inner, "b~": {"type": "object", "properties": {"deep": inner}},
        "list": {"type": "array", "items": inner}, "ints": {"type": "array", "items": {"type": "integer"}},
        "n": {"type": "number"}, "t": {"type": "string", "format": "date-time"}});
    let mut decoder = decoder(properties);
    for (members, extra) in [
        ("", None),
        (r#","a":{"known":1},"list":[],"ints":[1,2]"#, None),
        (r#","a":{"x": 1 ,"known":1,"y":null},"z":"\u0041""#, Some(r#"{"a":{"x":1,"y":null},"z":"\u0041"}"#)),
        (r#","b~":{"deep":{"x":1},"y":2},"a":{"w":3}"#, Some(r#"{"b~":{"deep":{"x":1},"y":2},"a":{"w":3}}"#)),
        (
            r#","list":[{"x":1},{},{"x":2,"y":3}],"q":0"#,
            Some(r#"{"list":{"0":{"x":1},"2":{"x":2,"y":3}},"q":0}"#),
        ),
        (
            r#","ints":[9223372036854775807,9223372036854775808,1e2]"#,
            Some(r#"{"ints":{"1":9223372036854775808}}"#),
        ),
        (r#","a":{"known":1e30}"#, Some(r#"{"a":{"known":1e30}}"#)),
        (r#","n":9007199254740993"#, Some(r#"{"n":9007199254740993}"#)),
        (r#","n":9007199254740994"#, None),
        (r#","t":"2016-12-31T23:59:60Z""#, Some(r#"{"t":"2016-12-31T23:59:60Z"}"#)),
        (r#","t":"2016-12-31T23:59:59.1234567Z""#, Some(r#"{"t":"2016-12-31T23:59:59.1234567Z"}"#)),
        (r#","t":"0000-12-31T23:59:59Z""#, Some(r#"{"t":"0000-12-31T23:59:59Z"}"#)),
        (r#","\u0078":1,"q\"":{"a":1}"#, Some(r#"{"\u0078":1,"q\"":{"a":1}}"#)),
    ] {
        assert_eq!(row(&mut decoder, members).1.as_deref(), extra, "{members}");
    }
}

#[test]
fn columns_hold_what_they_can() {
    let properties = json!({"i": {"type": "integer"}, "n": {"type": "number"}, "j": {}});
    let mut decoder = decoder(properties);
    let (batch, _) = row(&mut decoder, r#","j":{"a" : [1]},"i":1.20e1,"n":5"#);
    assert_eq!(batch.column(3).as_primitive::<Int64Type>().value(0), 12);
    assert_eq!(batch.column(4).as_primitive::<Float64Type>().value(0), 5.0);
    assert_eq!(batch.column(5).as_string::<i32>().value(0), r#"{"a" : [1]}"#);
    let (batch, extra) = row(&mut decoder, r#","j":null,"i":1.00000000000000000000001"#);
    assert!(batch.column(3).is_null(0) && batch.column(4).is_null(0) && batch.column(5).is_null(0));
    assert_eq!(extra.as_deref(), Some(r#"{"i":1.00000000000000000000001}"#));
}

#[test]
fn a_refusal_leaves_the_columns_as_they_were() {
    let item = json!({"type": "object", "properties": {"s": {"type": "string"}, "e": {"enum": ["x", "y"]}}});
    let properties =
        json!({"list": {"type": "array", "items": item}, "b": {"type": "boolean"}, "last": {"const": 1}});
    let good = r#","list":[{"s":"one","e":"x"},{},{"s":"é"}],"b":true,"last":1,"more":"kept""#;
    let mut undisturbed = decoder(properties.clone());
    let mut disturbed = decoder(properties);
    for _ in 0..3 {
        undisturbed.push(event(good).as_bytes()).unwrap();
        for bad in [
            r#","list":[{"s":"two","e":"y"},{"s":"three"}],"b":false,"last":2"#,
            r#","list":[{"s":"four","e":"z"}],"b":false,"last":1"#,
            r#","list":[{"s":"five"},{"s":5}]"#,
            r#","list":[{"s":"six"}],"b":true,"more":{"x":[1,2}"#,
            r#","list":[{"s":"seven"}],"id":"twice""#,
        ] {
            disturbed.push(event(bad).as_bytes()).unwrap_err();
        }
        disturbed.push(br#"{"list":[{"s":"eight"}],"key":"k","time":1}"#).unwrap_err();
        disturbed.push(event(good).as_bytes()).unwrap();
        assert_eq!(disturbed.len(), undisturbed.len());
    }
    let (disturbed, undisturbed) = (disturbed.finish(), undisturbed.finish());
    assert_eq!(disturbed.columns, undisturbed.columns);
    assert_eq!(disturbed.identities, undisturbed.identities);
    assert_eq!(disturbed.contents, undisturbed.contents);
}

#[test]
fn what_is_not_json_is_malformed() {
    let mut decoder = decoder(json!({"o": {"type": "object", "properties": {"p": {}}}}));
    for (text, offset, message) in [
        ("", 0, "expected a value, found the end"),
        (" ", 1, "expected a value"),
        ("\u{feff}{}", 0, "expected a value"),
        ("nul", 0, "expected `null`"),
        ("{} {}", 3, "expected nothing after the event"),
        ("{\"a\":1,}", 7, "expected the name of a member"),
        ("{\"a\" 1}", 5, "expected a colon"),
        ("{\"a\":1 \"b\":2}", 7, "expected a comma or `}`"),
        ("{'a':1}", 1, "expected the name of a member"),
        ("{\"a\":[1 2]}", 8, "expected a comma or `]`"),
        ("{\"a\":[1,]}", 8, "expected a value"),
        ("{\"a\":01}", 5, "can't begin with 0"),
        ("{\"a\":1.}", 7, "a digit must follow the decimal point"),
        ("{\"a\":-}", 6, "a digit must follow the minus sign"),
        ("{\"a\":NaN}", 5, "expected a value"),
        ("{\"a\":1e309}", 5, "within the range of a double"),
        ("{\"time\":-1e309}", 8, "within the range of a double"),
        ("{\"a\":\"\t\"}", 6, "control character"),
        ("{\"a\":\"\\ud800\"}", 6, "surrogate"),
        ("{\"id\":\"\\udc00\"}", 7, "surrogate"),
        ("{\"a\":\"", 6, "a string does not end"),
        ("{\"a\":1,\"a\":1}", 7, "found `a` twice"),
        ("{\"a\":1,\"b\":2,\"\\u0061\":1}", 13, "twice"),
        ("{\"id\":\"1\",\"id\":\"1\"}", 10, "found `id` twice"),
        ("{\"o\":{\"p\":1,\"q\":{\"r\":1,\"r\":2}}}", 23, "found `r` twice"),
        ("{\"x\":[{\"a\":1},{\"a\":1,\"b\":{},\"a\":2}]}", 28, "found `a` twice"),
    ] {
        let reject = decoder.push(text.as_bytes()).unwrap_err();
        assert_eq!(reject.reason, RejectReason::Malformed, "{text}: {reject:?}");
        assert!(reject.message.contains(message), "{text}: {reject:?}");
        assert_eq!(reject.offset, Some(offset), "{text}: {reject:?}");
    }
    let reject = decoder.push(b"{\"a\":\"\xc3\x28\"}").unwrap_err();
    assert_eq!((reject.reason, reject.offset), (RejectReason::Malformed, Some(6)));
}

#[test]
fn an_event_has_its_limits() {
    let limits = Limits { event_bytes: 60_000, depth: 3 };
    let a = json!({"properties": {"b": {"type": "array"}}});
    let mut event_type = event_type(json!({"properties": {"a": a, "time": {"type": "number"}}}));
    event_type.event.id.clear();
    event_type.event.key.clear();
    let mut decoder = Decoder::new(Plan::compile(&event_type, &limits).unwrap(), PipelineKey::new([7; 16]));
    decoder.push(br#"{"time":1,"a":{"b":[1]},"c":{"d":{}}}"#).unwrap();
    for (text, pointer) in [
        (r#"{"time":1,"a":{"b":[{}]}}"#.to_owned(), "/a/b/0"),
        (r#"{"time":1,"c":{"d~":{"e":[]}}}"#.to_owned(), "/c/d~0/e"),
        (format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "/0/0/0"),
        ("{\"a\":".repeat(10_000), "/a/a/a"),
    ] {
        let reject = decoder.push(text.as_bytes()).unwrap_err();
        assert_eq!((reject.reason, reject.pointer.as_str()), (RejectReason::TooDeep, pointer));
    }
    let large = format!("{}{{\"time\":1}}", " ".repeat(60_000));
    let reject = decoder.push(large.as_bytes()).unwrap_err();
    assert_eq!((reject.reason, reject.offset), (RejectReason::TooLarge, None));
    decoder.push(&large.as_bytes()[10..]).unwrap();
}

#[test]
fn a_syntax_error_counts_more_than_a_violation_and_the_first_violation_most() {
    let mut decoder = decoder(json!({"n": {"type": "integer"}, "s": {"minLength": 2}}));
    let mut refuse = |members: &str| decoder.push(event(members).as_bytes()).unwrap_err();
    assert_eq!(refuse(r#","n":"no","x":[1"#).reason, RejectReason::Malformed);
    let reject = refuse(r#","s":"a","n":"no""#);
    assert_eq!((reject.pointer.as_str(), reject.keyword.as_str()), ("/s", "minLength"));
    assert_eq!(reject.message, "expected a string of at least 2 characters, found \"a\"");
    let reject = refuse(&format!(r#","n":"{}""#, "é".repeat(100)));
    assert_eq!(reject.message, format!("expected an integer, found \"{}…", "é".repeat(79)));
}

#[test]
fn identity_is_of_type_key_and_id() {
    let properties = json!({"id": {}, "key": {}, "more": {}});
    let decode = |events: &[&str]| {
        let mut decoder = decoder(properties.clone());
        events.iter().for_each(|event| decoder.push(event.as_bytes()).unwrap());
        decoder.finish()
    };
    let same = decode(&[
        r#"{"id":"a","key":1,"time":1}"#,
        r#"{"time":2,"more":[],"key":1.0,"id":"\u0061"}"#,
        r#"{"key":10e-1,"id":"a","time":1}"#,
    ]);
    assert!(same.identities.iter().all(|identity| *identity == same.identities[0]));
    assert!(same.keys.iter().all(|key| *key == same.keys[0]));
    let different = decode(&[
        r#"{"id":"a","key":"1","time":1}"#,
        r#"{"id":"a","key":1,"time":1}"#,
        r#"{"id":1,"key":"a","time":1}"#,
        r#"{"id":"1","key":"a","time":1}"#,
        r#"{"id":"","key":"a1","time":1}"#,
        r#"{"id":true,"key":"a","time":1}"#,
        r#"{"id":-1,"key":"a","time":1}"#,
        r#"{"id":100000000000000000001,"key":"a","time":1}"#,
        r#"{"id":100000000000000000002,"key":"a","time":1}"#,
        r#"{"id":0.1,"key":"a","time":1}"#,
    ]);
    let unique: std::collections::HashSet<u128> = different.identities.iter().copied().collect();
    assert_eq!(unique.len(), different.identities.len());
    assert_eq!(different.keys[2], different.keys[3]);
    let mut other = event_type(json!({}));
    other.name = "other".to_owned();
    let mut decoder = decoder_of(&other);
    decoder.push(br#"{"id":"a","key":1,"time":1}"#).unwrap();
    let other = decoder.finish();
    assert!(other.identities[0] != same.identities[0] && other.keys[0] == same.keys[0]);
}

#[test]
fn content_is_of_values_and_their_places() {
    let mut event_type =
        event_type(json!({"properties": {"time": {}, "a": {}, "b": {"properties": {"c": {}}}}}));
    event_type.event.id.clear();
    event_type.event.key.clear();
    let decode = |events: &[&str]| {
        let mut decoder = decoder_of(&event_type);
        events.iter().for_each(|event| decoder.push(event.as_bytes()).unwrap());
        decoder.finish()
    };
    let same = decode(&[
        r#"{"time":1,"a":[1,{"x":"y","z":20000000000000000}],"b":{"c":null,"d":2.5}}"#,
        " { \"b\":{\"d\":25e-1,\"c\":null},\n\"a\":[1.0,{\"z\":2e16,\"\\u0078\":\"\\u0079\"}],\"\\u0074ime\":1e0}",
    ]);
    assert!(same.contents[0] == same.contents[1] && same.identities[0] == same.identities[1]);
    assert_eq!(same.keys[0], same.keys[1]);
    let different = decode(&[
        r#"{"time":1}"#,
        r#"{"time":2}"#,
        r#"{"time":1,"a":null}"#,
        r#"{"time":1,"a":[]}"#,
        r#"{"time":1,"a":{}}"#,
        r#"{"time":1,"a":""}"#,
        r#"{"time":1,"a":0}"#,
        r#"{"time":1,"a":false}"#,
        r#"{"time":1,"a":"1"}"#,
        r#"{"time":1,"a":1}"#,
        r#"{"time":1,"b":1}"#,
        r#"{"time":1,"a":-1}"#,
        r#"{"time":1,"a":1.5}"#,
        r#"{"time":1,"a":0.15}"#,
        r#"{"time":1,"a":[1,2]}"#,
        r#"{"time":1,"a":[2,1]}"#,
        r#"{"time":1,"a":[[1],2]}"#,
        r#"{"time":1,"a":{"0":1,"1":2}}"#,
        r#"{"time":1,"a":9007199254740993}"#,
        r#"{"time":1,"a":9007199254740992}"#,
        r#"{"time":1,"a":100000000000000000001}"#,
        r#"{"time":1,"a":100000000000000000002}"#,
        r#"{"time":1,"a":0.1}"#,
        r#"{"time":1,"a":0.10000000000000000001}"#,
        r#"{"time":1,"b":{"c":1}}"#,
        r#"{"time":1,"b":{"d":1}}"#,
    ]);
    let unique: std::collections::HashSet<u64> = different.contents.iter().copied().collect();
    assert_eq!(unique.len(), different.contents.len());
    let unique: std::collections::HashSet<u128> = different.identities.iter().copied().collect();
    assert_eq!(unique.len(), different.identities.len());
}

#[test]
fn an_event_needs_its_identity_and_time() {
    let mut decoder = decoder(json!({"id": {}, "key": {}, "time": {}, "n": {"type": "integer"}}));
    for (text, reason, pointer, message) in [
        (r#"{"key":"k","time":1}"#, RejectReason::MissingIdentity, "/id", "found nothing"),
        (r#"{"id":null,"key":"k","time":1}"#, RejectReason::MissingIdentity, "/id", "found null"),
        (r#"{"id":"a","key":["k"],"time":1}"#, RejectReason::MissingIdentity, "/key", "found [\"k\"]"),
        (r#"{"id":"a","key":"k"}"#, RejectReason::InvalidTime, "/time", "found nothing"),
        (
            r#"{"id":"a","key":"k","time":"1"}"#,
            RejectReason::InvalidTime,
            "/time",
            "a number of seconds since 1970",
        ),
        (r#"{"id":"a","key":"k","time":1e300}"#, RejectReason::InvalidTime, "/time", "found 1e300"),
        (r#"{"id":"a","key":"k","time":1e12}"#, RejectReason::InvalidTime, "/time", "in the years 1 to 9999"),
        (r#"{"n":"no"}"#, RejectReason::SchemaViolation, "/n", "expected an integer"),
        ("[]", RejectReason::SchemaViolation, "", "expected an object, found an array"),
    ] {
        let reject = decoder.push(text.as_bytes()).unwrap_err();
        assert_eq!((reject.reason, reject.pointer.as_str()), (reason, pointer), "{text}: {reject:?}");
        assert!(reject.message.contains(message), "{text}: {reject:?}");
    }
}

#[test]
fn times_are_read_as_the_manifest_says() {
    for (format, time, micros) in [
        (TimeFormat::UnixSeconds, "1357016400.25", 1_357_016_400_250_000),
        (TimeFormat::UnixMillis, "1357016400250", 1_357_016_400_250_000),
        (TimeFormat::UnixMicros, "-1", -1),
        (TimeFormat::Rfc3339, r#""2013-01-01T05:00:00.25Z""#, 1_357_016_400_250_000),
        (TimeFormat::Rfc3339, r#""2013-01-01T00:00:00.25\u002d05:00""#, 1_357_016_400_250_000),
    ] {
        for schema in [json!({}), json!({"format": "date-time", "type": ["string", "number"]})] {
            let mut event_type = event_type(json!({"properties": {"time": schema, "id": {}, "key": {}}}));
            event_type.event.time_format = format;
            let mut decoder = decoder_of(&event_type);
            decoder.push(format!(r#"{{"id":1,"key":1,"time":{time}}}"#).as_bytes()).unwrap();
            assert_eq!(decoder.finish().times, [micros], "{time}");
        }
    }
}

#[test]
fn fields_may_lie_where_no_column_is() {
    let mut event_type = event_type(json!({"properties": {
        "time": {"type": "number"}, "tags": {"type": "object"}, "list": {"type": "array", "items": {"type": "integer"}}}}));
    event_type.event.id = vec!["/tags/a~1b/1".parse().unwrap()];
    event_type.event.key = vec!["/list/0".parse().unwrap()];
    let mut decoder = decoder_of(&event_type);
    decoder.push(br#"{"time":1,"list":[5],"tags":{"x":[[]],"a\/b":[0,"id"]}}"#).unwrap();
    decoder.push(br#"{"tags":{"a/b":[1,"\u0069d"]},"list":[5.0,6],"time":1}"#).unwrap();
    let reject = decoder.push(br#"{"time":1,"list":[],"tags":{"a/b":[0,"id"]}}"#).unwrap_err();
    assert_eq!((reject.reason, reject.pointer.as_str()), (RejectReason::MissingIdentity, "/list/0"));
    let decoded = decoder.finish();
    assert_eq!(decoded.identities[0], decoded.identities[1]);
}

#[test]
fn what_the_plan_cannot_check_the_crate_does() {
    let mut decoder = decoder(json!({"s": {"type": "string", "not": {"const": "no"}, "maxLength": 5}}));
    decoder.push(event(r#","s":"yes""#).as_bytes()).unwrap();
    let reject = decoder.push(event(r#","s":"no""#).as_bytes()).unwrap_err();
    assert_eq!((reject.pointer.as_str(), reject.keyword.as_str()), ("/s", "not"));
    let reject = decoder.push(event(r#","s":"too long""#).as_bytes()).unwrap_err();
    assert_eq!((reject.pointer.as_str(), reject.keyword.as_str()), ("/s", "maxLength"));
    assert_eq!(decoder.len(), 1);
}

#[test]
fn many_properties_and_members_are_found() {
    let properties: serde_json::Map<String, Value> =
        (0..200).map(|at| (format!("p{at}"), json!({"type": "integer"}))).collect();
    let mut decoder = decoder(properties.into());
    let members: String = (0..200).rev().map(|at| format!(r#","p{at}":{at}"#)).collect();
    let (batch, extra) = row(&mut decoder, &members);
    assert!((0..200).all(|at| batch.column(3 + at).as_primitive::<Int64Type>().value(0) == at as i64));
    assert_eq!(extra, None);
    let reject = decoder.push(event(&format!(r#"{members},"p199":1"#)).as_bytes()).unwrap_err();
    assert_eq!(reject.reason, RejectReason::Malformed);
    let many: String = (0..20_000).map(|at| format!(r#","x{at}":1"#)).collect();
    decoder.push(event(&many).as_bytes()).unwrap();
    let reject = decoder.push(event(&format!(r#"{many},"x7":1"#)).as_bytes()).unwrap_err();
    assert!(reject.message.contains("`x7` twice"), "{reject:?}");
}

/// Everything that is kept of an event, or why it is refused.
fn kept(decoder: &mut Decoder, event: &str) -> String {
    decoder
        .push(event.as_bytes())
        .map_or_else(|reject| format!("{reject:?}"), |()| format!("{:?}", decoder.finish()))
}

#[test]
fn an_event_is_read_alike_by_its_shape_and_in_full() {
    let inner = json!({"type": "object", "additionalProperties": false, "required": ["x"], "properties": {
        "x": {"type": ["integer", "null"], "minimum": 0}, "y": {"type": "string", "enum": ["p", "q"]},
        "z": {"type": "boolean"}}});
    let counted =
        json!({"type": "object", "minProperties": 2, "properties": {"a": {"type": "number"}, "b": {}}});
    let properties = json!({"n": {"type": "number"}, "t": {"type": "string", "format": "date-time"},
        "in": inner, "list": {"type": "array", "items": inner}, "any": {}, "counted": counted,
        "one": {"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]}});
    let full = r#","n":1.5,"t":"2020-01-01T00:00:00Z","in":{"x":1,"y":"p","z":true},"list":[{"x":1}],"any":{"k":[1]},"counted":{"a":1,"b":2},"one":1"#;
    let mut shaped = decoder(properties.clone());
    for (from, to) in [
        ("", ""),
        ("1.5", "-7"),
        ("1.5", "\"text\""),
        ("1.5", "12345678901234567890"),
        ("1.5", "1e"),
        ("1.5", "01"),
        ("1.5", "1.5 "),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.1234567Z"),
        ("2020-01-01T00:00:00Z", "2020-13-01T00:00:00Z"),
        ("2020", "2\\u00320"),
        (",\"y\":\"p\",\"z\":true", ""),
        (",\"y\":\"p\"", ""),
        (",\"z\":true", ""),
        ("\"x\":1,\"y\"", "\"y\""),
        ("\"x\":1,\"y\"", "\"x\":null,\"y\""),
        ("\"x\":1,\"y\"", "\"x\":-1,\"y\""),
        ("\"p\"", "\"r\""),
        ("true", "truth"),
        ("[{\"x\":1}]", "[{\"x\":1},{\"x\":2,\"z\":false}]"),
        ("[{\"x\":1}]", "[{\"x\":1,\"w\":2}]"),
        ("[{\"x\":1}]", "null"),
        ("{\"k\":[1]}", "{\"k\":1,\"k\":2}"),
        ("{\"k\":[1]}", "{\"k\" : 1}"),
        (",\"b\":2", ""),
        ("\"one\":1", "\"one\":\"abc\""),
        ("\"one\":1", "\"one\":\"ab\""),
        ("\"one\":1", "\"one\":1,\"one\":1"),
        ("\"one\":1", "\"other\":1"),
        (",\"one\":1", ""),
        (",\"one\":1", "}"),
        ("\"n\":1.5", "\"n\": 1.5"),
        ("12.5", "12.5e300"),
    ] {
        for event in [event(full), event(full).replace(from, to)] {
            let found = kept(&mut shaped, &event);
            assert_eq!(found, kept(&mut decoder(properties.clone()), &event), "{event}");
        }
    }
    assert!(shaped.expected.hits >= 30, "only {} events had a shape that was known", shaped.expected.hits);
}

#[test]
fn a_shape_is_learnt_anew_once_events_change() {
    let mut decoder = decoder(json!({"a": {"type": "integer"}, "b": {"type": "integer"}}));
    let mut by_shape = |members: fn(i32) -> String| {
        let before = decoder.expected.hits;
        (0..100).for_each(|n| decoder.push(event(&members(n)).as_bytes()).unwrap());
        decoder.expected.hits - before
    };
    assert_eq!(by_shape(|n| format!(r#","a":{n},"b":1"#)), 99);
    assert!(by_shape(|n| format!(r#","b":{n},"a":1"#)) > 90);
    assert_eq!(by_shape(|n| format!(r#","b":{n}"#)), 100, "what is optional may be left out");
    // No two have the same: little is tried, and nothing is lost.
    assert!(by_shape(|n| format!(r#","{n}":1"#)) < 20);
    assert_eq!(decoder.len(), 400);
}

#[test]
fn members_without_a_column_are_kept_whatever_the_shape() {
    let others = json!({"type": "object", "properties": {"b": true}});
    let properties = json!({"id": {"type": "string"}, "key": {"type": "string"}, "time": {"type": "number"}});
    let schema = json!({"type": "object", "required": ["bare"], "properties": properties,
        "additionalProperties": others});
    let mut decoder = decoder_of(&event_type(schema));
    for _ in 0..3 {
        let (_, extra) = row(&mut decoder, r#","bare":{}"#);
        assert_eq!(extra.as_deref(), Some(r#"{"bare":{}}"#));
    }
}
