use apache_avro::types::{Record, Value as Avro};
use apache_avro::{Codec as Written, DeflateSettings, Schema, Writer};
use serde_json::{Value, json};

use super::shape::Shapes;
use super::*;
use crate::avro::Parsed;
use crate::format::testing::event_type;
use crate::input::{EventSpan, Place};
use crate::reject::RejectReason;

/// A container of records, in blocks of at most so many.
fn container(schema: &Value, codec: Written, records: &[Vec<(&str, Avro)>], by: usize) -> Vec<u8> {
    let schema = Schema::parse_str(&schema.to_string()).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for block in records.chunks(by) {
        for fields in block {
            let mut record = Record::new(&schema).unwrap();
            for (name, value) in fields {
                record.put(name, value.clone());
            }
            writer.append_value(record).unwrap();
        }
        writer.flush().unwrap();
    }
    writer.into_inner().unwrap()
}

fn shapes_of(schema: &Value) -> Shapes {
    Shapes::of(&Parsed::of_text(&schema.to_string()).unwrap()).unwrap()
}

/// A file's blocks as a batch.
fn batch(file: &[u8]) -> (Head, EventBatch) {
    let (head, start) = Head::parse(file).unwrap().unwrap();
    let (mut at, mut events) = (start, Vec::new());
    while let Some(block) = head.block(&file[at..]).unwrap() {
        for _ in 0..block.count {
            let span = EventSpan {
                start: (at - start) as u32,
                len: block.length as u32,
                index: 0,
                oversized: u32::MAX,
            };
            events.push(span);
        }
        at += block.length;
    }
    assert_eq!(at, file.len());
    let batch = EventBatch {
        source: "s".into(),
        event_type: None,
        schema_version: None,
        format: Default::default(),
        bytes: Bytes::copy_from_slice(&file[start..]),
        events,
        oversized: Vec::new(),
        place: Place::Record { partition: 0, offset: 0 },
        received: 0,
    };
    (head, batch)
}

/// Each event as JSON or what is wrong with it, and its own bytes.
fn read(file: &[u8], event_type: Option<&EventType>) -> Vec<(Result<String, String>, Vec<u8>)> {
    let (head, mut batch) = batch(file);
    let (mut converter, head) = (Converter::default(), Arc::new(head));
    let types = event_type.map(std::slice::from_ref).unwrap_or_default();
    let context = Context { types, event_type: None, version: None };
    converter.open(&head, &mut batch);
    let mut events = Vec::new();
    for event in 0..batch.events.len() {
        let mut text = Vec::new();
        let outcome = converter.convert(&head, &mut batch, event, &context, &mut text);
        let outcome = outcome.map(|_| String::from_utf8(text).unwrap()).map_err(|reject| {
            assert_eq!(reject.reason, RejectReason::Malformed);
            format!("{}: {}", reject.pointer, reject.message)
        });
        events.push((outcome, batch.event(batch.events[event]).to_vec()));
    }
    events
}

fn texts(file: &[u8]) -> Vec<Result<String, String>> {
    read(file, None).into_iter().map(|(outcome, _)| outcome).collect()
}

fn record(fields: Value) -> Value {
    json!({"type": "record", "name": "r", "fields": fields})
}

#[track_caller]
fn check(schema: Value, bytes: &[u8], expected: &str) {
    let shapes = shapes_of(&schema);
    let (mut reader, mut text) = (Reader::new(bytes), Vec::new());
    shapes.write(&mut reader, None, &mut text).unwrap();
    assert_eq!((String::from_utf8(text).unwrap().as_str(), reader.at()), (expected, bytes.len()));
}

#[test]
fn every_type_has_its_json() {
    check(json!("null"), b"", "null");
    check(json!("boolean"), b"\x01", "true");
    check(json!("int"), b"\x01", "-1");
    check(json!("long"), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "-9223372036854775808");
    check(json!("float"), &0.1_f32.to_le_bytes(), "0.1");
    check(json!("double"), &1e300_f64.to_le_bytes(), "1e+300");
    check(json!("double"), &f64::NAN.to_le_bytes(), "\"NaN\"");
    check(json!("float"), &f32::NEG_INFINITY.to_le_bytes(), "\"-inf\"");
    check(json!("bytes"), b"\x04\x00\xff", "\"AP8=\"");
    check(json!("string"), "\x06a\u{e9}".as_bytes(), "\"a\u{e9}\"");
    check(json!({"type": "fixed", "name": "f", "size": 2}), b"\x00\xff", "\"AP8=\"");
    check(json!({"type": "enum", "name": "e", "symbols": ["a", "b"]}), b"\x02", "\"b\"");
    check(json!({"type": "array", "items": "int"}), b"\x03\x04\x02\x04\x02\x06\x00", "[1,2,3]");
    check(json!({"type": "map", "values": "int"}), b"\x02\x02a\x02\x00", "{\"a\":1}");
    check(json!(["null", "string"]), b"\x02\x02a", "\"a\"");
    check(json!(["null", "string"]), b"\x00", "null");
}

#[test]
fn logical_types_are_written_as_json_schema_knows_them() {
    let of = |kind: &str, logical: &str| json!({"type": kind, "logicalType": logical});
    check(of("int", "date"), b"\x88\xc0\x02", "\"2026-01-31\"");
    check(of("int", "date"), b"\x01", "\"1969-12-31\"");
    check(of("int", "date"), b"\xfe\xff\xff\xff\x0f", "\"2147483647\"");
    check(of("int", "time-millis"), b"\x82\x9a\xe6\x20", "\"09:33:11.681\"");
    check(of("long", "timestamp-millis"), b"\x01", "\"1969-12-31T23:59:59.999Z\"");
    check(of("long", "timestamp-micros"), b"\x02", "\"1970-01-01T00:00:00.000001Z\"");
    check(of("long", "local-timestamp-millis"), b"\xd0\x0f", "\"1970-01-01T00:00:01\"");
    check(of("string", "uuid"), b"\x02x", "\"x\"");
    let decimal =
        |scale: u32| json!({"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": scale});
    check(decimal(2), b"\x04\x04\xe2", "12.50");
    check(decimal(0), b"\x04\x04\xe2", "1250");
    check(decimal(3), b"\x02\xff", "-0.001");
    check(decimal(2), b"\x00", "0.00");
    let large = [&b"\x18"[..], &[0x7f], &[0xff; 11]].concat();
    check(decimal(5), &large, "396140812571321687967719.75167");
}

#[test]
fn what_is_none_of_its_schema_says_where() {
    let inner = json!({"type": "record", "name": "i", "fields": [{"name": "a_b", "type": {"type": "array", "items": "boolean"}}]});
    let schema = record(json!([{"name": "x", "type": inner}]));
    let shapes = shapes_of(&schema);
    let read = |bytes: &[u8]| {
        let reject = shapes.write(&mut Reader::new(bytes), None, &mut Vec::new()).unwrap_err().into_reject();
        format!("{}: {}", reject.pointer, reject.message)
    };
    assert_eq!(read(b"\x04\x01\x02"), "/x/a_b/1: expected a boolean, 0 or 1; found the byte 2");
    assert_eq!(read(b"\x04\x01"), "/x/a_b/1: the datum goes on beyond the end of its block");
    assert_eq!(read(b""), "/x/a_b: the datum goes on beyond the end of its block");
    for (schema, bytes, message) in [
        (json!("string"), &b"\x02\xff"[..], ": expected a string in UTF-8; found other bytes"),
        (json!("string"), b"\x01", ": expected a length; found -1"),
        (json!("int"), b"\xff\xff\xff\xff\x7f", ": expected an int of 32 bits; found -17179869184"),
        (json!("long"), &[0xff; 11], ": expected an integer of at most 10 bytes"),
        (json!(["null"]), b"\x02", ": expected one of the 1 branches of a union; found number 1"),
        (
            json!({"type": "enum", "name": "e", "symbols": ["a"]}),
            b"\x02",
            ": expected one of the 1 symbols of an enum; found number 1",
        ),
    ] {
        let shapes = shapes_of(&schema);
        let reject = shapes.write(&mut Reader::new(bytes), None, &mut Vec::new()).unwrap_err().into_reject();
        assert_eq!(format!("{}: {}", reject.pointer, reject.message), message);
    }
}

#[test]
fn a_datum_can_not_nest_or_grow_without_bounds() {
    let list = record(json!([{"name": "next", "type": ["null", "r"]}]));
    let shapes = shapes_of(&list);
    let deep = [2_u8; 1_000_000];
    let fault = shapes.write(&mut Reader::new(&deep), None, &mut Vec::new()).unwrap_err();
    assert!(fault.into_reject().message.contains("nests deeper than 128"));
    let nulls = shapes_of(&json!({"type": "array", "items": "null"}));
    let many = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00";
    let fault = nulls.write(&mut Reader::new(many), None, &mut Vec::new()).unwrap_err();
    assert!(fault.into_reject().message.contains("bytes as JSON"));
}

#[test]
fn blocks_come_apart_into_events_whatever_their_codec() {
    let schema = record(json!([
        {"name": "t", "type": "string"},
        {"name": "v", "type": ["null", "long"]},
        {"name": "self", "type": ["null", "r"]}
    ]));
    let null = || Avro::Union(0, Box::new(Avro::Null));
    let one = |number: i64| {
        let v = if number % 2 == 0 { null() } else { Avro::Union(1, Box::new(Avro::Long(number))) };
        vec![("t", Avro::String(number.to_string())), ("v", v), ("self", null())]
    };
    let records: Vec<_> = (0..10).map(one).collect();
    let expected: Vec<_> =
        (0..10)
            .map(|n| {
                if n % 2 == 0 { format!("{{\"t\":\"{n}\"}}") } else { format!("{{\"t\":\"{n}\",\"v\":{n}}}") }
            })
            .map(Ok)
            .collect();
    for codec in [Written::Null, Written::Deflate(DeflateSettings::default())] {
        assert_eq!(texts(&container(&schema, codec, &records, 3)), expected);
    }
    let file = container(&schema, Written::Null, &records, 4);
    assert_eq!(read(&file, None)[1].1, b"\x021\x02\x02\x00", "an event keeps its own bytes");
    // The event's schema wants the member there, and lets it be null.
    let wants = json!({"required": ["v"], "properties": {"t": {}, "v": {"type": ["integer", "null"]}}});
    let wants = event_type("e", wants, None);
    assert_eq!(read(&file, Some(&wants))[0].0, Ok("{\"t\":\"0\",\"v\":null}".to_owned()));
}

/// A container by hand: its head, and blocks of (count, bytes).
fn by_hand(codec: &str, blocks: &[(u8, &[u8])]) -> Vec<u8> {
    let text = |text: &str| [&[(text.len() * 2) as u8], text.as_bytes()].concat();
    let sync = [7; 16];
    let mut file = [
        &b"Obj\x01\x04"[..],
        &text("avro.schema"),
        &text("\"string\""),
        &text("avro.codec"),
        &text(codec),
        b"\0",
        &sync,
    ]
    .concat();
    for (count, bytes) in blocks {
        file.extend_from_slice(&[2 * count, (2 * bytes.len()) as u8]);
        file.extend_from_slice(bytes);
        file.extend_from_slice(&sync);
    }
    file
}

#[test]
fn snappy_and_zstandard_are_read_and_other_codecs_named() {
    let data = b"\x02a\x02b";
    let zstd = zstd::encode_all(&data[..], 1).unwrap();
    let mut snappy = snap::raw::Encoder::new().compress_vec(data).unwrap();
    snappy.extend_from_slice(&crc32fast::hash(data).to_be_bytes());
    for (codec, bytes) in [("zstandard", zstd), ("snappy", snappy.clone())] {
        assert_eq!(texts(&by_hand(codec, &[(2, &bytes)])), [Ok("\"a\"".to_owned()), Ok("\"b\"".to_owned())]);
    }
    *snappy.last_mut().unwrap() ^= 1;
    let wrong = "its block can't be decompressed: its checksum is wrong; copy the file again";
    assert_eq!(texts(&by_hand("snappy", &[(2, &snappy)])), vec![Err(format!(": {wrong}")); 2]);
    let error = Head::parse(&by_hand("bzip2", &[])).unwrap_err();
    assert_eq!(
        error,
        "its blocks are compressed by `bzip2`; write it with null, deflate, snappy or zstandard"
    );
}

#[test]
fn a_block_whose_data_are_broken_costs_no_event_of_another() {
    let file = by_hand("null", &[(3, b"\x02a\x09b\x02c"), (1, b"\x02d"), (1, b"\x02e\x02f")]);
    let found = read(&file, None);
    let outcomes: Vec<_> =
        found.iter().map(|(outcome, _)| outcome.as_deref().map_err(|error| error.as_str())).collect();
    assert_eq!(
        outcomes,
        [
            Ok("\"a\""),
            Err(": expected a length; found -5"),
            Err(
                ": a datum before it in its block can't be read, so that it isn't known where this one begins"
            ),
            Ok("\"d\""),
            Err(": 2 bytes are left over after the last datum of its block"),
        ]
    );
    // All bytes of the broken part are kept, once.
    assert_eq!([&found[1].1[..], &found[2].1[..]], [&b"\x09b\x02c"[..], b""]);
    assert_eq!(found[4].1, b"\x02e\x02f");
}

#[test]
fn a_head_that_is_none_says_what_is_wrong() {
    let good = by_hand("null", &[]);
    for cut in 0..good.len() {
        assert!(Head::parse(&good[..cut]).unwrap().is_none(), "cut at {cut}");
    }
    for (bytes, problem) in [
        (&b"PAR1"[..], "it does not begin as an Avro container does, with `Obj` and the byte 1"),
        (b"Obj\x01\0aaaaaaaaaaaaaaaa", "it names no schema (`avro.schema`)"),
        (b"Obj\x01\x02\x01", "expected a length; found -1"),
    ] {
        assert_eq!(Head::parse(bytes).unwrap_err(), problem);
    }
    let no_schema = String::from_utf8_lossy(&good).replace("\"string\"", "\"strong\"").into_bytes();
    assert!(Head::parse(&no_schema).unwrap_err().starts_with("its schema can't be read: "));
    let (head, start) = Head::parse(&by_hand("null", &[(1, b"\x02a")])).unwrap().unwrap();
    let mut file = by_hand("null", &[(1, b"\x02a")]);
    *file.last_mut().unwrap() = 0;
    assert_eq!(
        head.block(&file[start..]),
        Err("a block does not end with the file's sync marker".to_owned())
    );
    assert!(
        head.block(b"\xfe\xff\xff\xff\x0f\x02")
            .unwrap_err()
            .starts_with("a block says that it has 2147483647 data")
    );
}

proptest::proptest! {
    /// Bytes at random are refused or read, and nothing else.
    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let everything = record(json!([
            {"name": "a", "type": {"type": "array", "items": ["null", "r", "string", "double"]}},
            {"name": "m", "type": {"type": "map", "values": "boolean"}},
            {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}},
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
            {"name": "c", "type": {"type": "long", "logicalType": "time-micros"}}
        ]));
        let shapes = shapes_of(&everything);
        let mut text = Vec::new();
        if shapes.write(&mut Reader::new(&bytes), None, &mut text).is_ok() {
            serde_json::from_slice::<serde::de::IgnoredAny>(&text).unwrap();
        }
        let _ = Head::parse(&[b"Obj\x01", &bytes[..]].concat());
    }
}
