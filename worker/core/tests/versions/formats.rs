//! Events in other formats are made JSON as their own version wants it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use bytes::Bytes;
use serde_json::{Value, json};
use transect_core::events::DecodedBatch;
use transect_core::format::Format;
use transect_core::format::csv::Head;

use super::made::Version;
use super::{compiled, decode_as};

fn versions() -> Vec<Version> {
    let of_all = json!({"v": {"type": "integer"}, "t": {"type": "integer"}, "k": {"type": "string"}});
    let version = |number: u32, more: Value| {
        let mut schema = json!({"type": "object", "additionalProperties": false, "properties": of_all});
        for (name, value) in more.as_object().unwrap() {
            schema["properties"][name] = value.clone();
        }
        Version { number, schema, renamed: Vec::new() }
    };
    vec![
        version(1, json!({"code": {"type": "integer"}})),
        version(
            2,
            json!({"code": {"type": "string"}, "cloudevent": {"type": "object", "properties": {"id": {"type": "string"}}}}),
        ),
    ]
}

/// What the rows have in a column of text, and the reasons of the rejects.
fn texts(decoded: &DecodedBatch, column: &str) -> (Vec<Option<String>>, Vec<&'static str>) {
    let rows = decoded.rows.iter().flat_map(|rows| {
        let column = rows.decoded.columns.column_by_name(column).unwrap();
        let texts = column.as_string::<i32>().iter().map(|text| text.map(str::to_owned));
        texts.collect::<Vec<_>>()
    });
    (rows.collect(), decoded.rejects.iter().map(|reject| reject.reject.reason.as_str()).collect())
}

#[test]
fn a_cell_is_of_the_type_that_its_version_says() {
    let head = Head::parse(Bytes::from_static(b"v,t,k,code"), b',').unwrap();
    let csv = Format::Csv(Arc::new(head));
    let records = ["1,0,a,7", "2,0,a,7", "3,0,a,7", ",0,a,8", "x,0,a,9"].map(str::to_owned);
    let decode = |stated| decode_as(compiled(&versions()), &records, csv.clone(), stated);
    let text = |text: &str| Some(text.to_owned());
    let unknown = "UnknownSchemaVersion";
    assert_eq!(
        texts(&decode(None), "code"),
        (vec![text("7"), text("\"7\""), text("\"8\"")], vec![unknown; 2])
    );
    assert_eq!(
        texts(&decode(Some(1)), "code"),
        (vec![text("7"), text("\"7\""), text("8")], vec![unknown; 2])
    );
}

#[test]
fn an_envelope_goes_only_to_versions_that_name_it() {
    let envelope = |data: Value| {
        json!({"specversion": "1.0", "id": "i", "source": "/s", "type": "e", "data": data}).to_string()
    };
    let events = [
        envelope(json!({"v": 1, "t": 0, "k": "a", "code": 1})),
        envelope(json!({"v": 2, "t": 0, "k": "a", "code": "one"})),
    ];
    let decoded = decode_as(compiled(&versions()), &events, Format::CloudEvents, None);
    assert_eq!(texts(&decoded, "code"), (vec![Some("1".to_owned()), Some("\"one\"".to_owned())], vec![]));
    let columns = &decoded.rows[0].decoded.columns;
    let envelope = columns.column_by_name("cloudevent").unwrap();
    assert_eq!((envelope.is_null(0), envelope.is_null(1)), (true, false));
}
