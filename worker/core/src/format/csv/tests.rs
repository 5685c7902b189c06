use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::format::testing::event_type;

fn convert(types: &[EventType], header: &str, record: &[u8]) -> Result<(Option<usize>, String), String> {
    let head = Arc::new(Head::parse(Bytes::copy_from_slice(header.as_bytes()), b',').unwrap());
    let mut text = Vec::new();
    let event_type = Converter::default()
        .convert(&head, record, types, (None, None), &mut text)
        .map_err(|reject| format!("{} {}", reject.reason, reject.message))?;
    Ok((event_type, String::from_utf8(text).unwrap()))
}

fn schema() -> Value {
    json!({
        "required": ["t", "w"],
        "properties": {
            "t": {"type": "string"},
            "i": {"type": "integer"},
            "n": {"type": ["number", "null"]},
            "b": {"type": "boolean"},
            "w": {"type": ["number", "null"]},
            "u": {"type": ["string", "number"]},
            "e": {"enum": [1, 2]},
            "any": {},
            "a": {"type": "array"},
            "Sepal.Length": {"type": "number"},
            "s": {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "integer"}}}
        },
        "additionalProperties": {"type": "integer"}
    })
}

#[track_caller]
fn check(header: &str, record: &str, expected: &str) {
    let types = [event_type("e", schema(), None)];
    assert_eq!(convert(&types, header, record.as_bytes()), Ok((Some(0), expected.to_owned())));
}

#[test]
fn a_cell_is_of_the_type_that_the_schema_names_at_its_place() {
    check("t,i,n,b", "5,5,5,TRUE", r#"{"t":"5","i":5,"n":5,"b":true}"#);
    check("t,i", "007,007", r#"{"t":"007","i":7}"#);
    check("n,i", "-.50,+1.", r#"{"n":-0.50,"i":1}"#);
    check("n,i", "1.5E-3,1e2", r#"{"n":1.5E-3,"i":1e2}"#);
    check(
        "n",
        "123456789012345678901234567890.123456789",
        r#"{"n":123456789012345678901234567890.123456789}"#,
    );
    check("u,e", "1.5,2", r#"{"u":1.5,"e":2}"#);
    check("u", "007", r#"{"u":"007"}"#);
    check("any,more", "5,5", r#"{"any":"5","more":5}"#);
    check("a,t", "\"[1, \"\"x\"\"]\",\"[\"\"]\"", r#"{"a":[1, "x"],"t":"[\"]"}"#);
}

#[test]
fn a_cell_that_is_not_of_its_type_stays_a_string() {
    for number in ["x", "NaN", "inf", "1,5", " 5", "0x5", "1e", "1e+", "--1", ".", "-", "1_000", "5 "] {
        let quoted = Value::from(number).to_string();
        check("n", &format!("\"{number}\""), &format!(r#"{{"n":{quoted}}}"#));
    }
    check("b,a", "1,[1", r#"{"b":"1","a":"[1"}"#);
}

#[test]
fn an_empty_cell_is_absent_or_null_where_the_member_must_be_there() {
    check("t,n,i", "x,,", r#"{"t":"x"}"#);
    check("t,w", "\"\",\"\"", r#"{"w":null}"#);
    check("s.x,s.y", ",", "{}");
}

#[test]
fn a_columns_name_says_where_its_cells_go() {
    check("s.x,t,/s/y", "a,b,1", r#"{"s":{"x":"a","y":1},"t":"b"}"#);
    check("Sepal.Length", "5.1", r#"{"Sepal.Length":5.1}"#);
    check("q.x,/t", "5,b", r#"{"q.x":5,"t":"b"}"#);
    check("/q~1x,/q~0/z", "5,7", r#"{"q/x":5,"q~":{"z":"7"}}"#);
}

#[test]
fn quotes_line_ends_and_letters_come_through() {
    check("t,u", "\"a,\"\"b\"\"\r\nc\",\"é\t\"", r#"{"t":"a,\"b\"\r\nc","u":"é\t"}"#);
    check("t", "5\" pipe", r#"{"t":"5\" pipe"}"#);
}

#[test]
fn a_record_that_does_not_fit_the_header_is_refused_with_what_and_where() {
    let types = [event_type("e", schema(), None)];
    let refused = |header, record: &[u8]| convert(&types, header, record).unwrap_err();
    let cases: [(&str, &[u8], &str); 6] = [
        ("t,i", b"a", "Malformed expected a cell for each of the 2 columns of the header line; found 1"),
        (
            "t,i",
            b"a,1,2",
            "Malformed expected a cell for each of the 2 columns of the header line; found more than 2",
        ),
        ("t,i", b"a,\"1", "Malformed a quote is opened and never closed; close it, or double it within"),
        ("t,u", b"a,\xe9", "Malformed the cell of column 2, `u`, is not UTF-8; save the file as UTF-8"),
        (
            "t,/t",
            b"a,b",
            "Malformed column 2 of the header line, `/t`, has the place of another column; rename one",
        ),
        (
            "s,s.x",
            b"a,b",
            "Malformed column 2 of the header line, `s.x`, has the place of another column; rename one",
        ),
    ];
    for (header, record, expected) in cases {
        assert_eq!(refused(header, record), expected);
    }
}

#[test]
fn a_header_that_is_none_is_refused_with_its_column() {
    let cases: [(&[u8], &str); 4] = [
        (b"a,b,a", "column 3: `a` is the name of column 1 too; rename one of them"),
        (b"a,,b", "column 2: it has no name; the first line names the columns"),
        (b"a,b\xff", "column 2: its name is not UTF-8; save the file as UTF-8"),
        (b"\"\"", "column 1: it has no name; the first line names the columns"),
    ];
    for (line, expected) in cases {
        assert_eq!(Head::parse(Bytes::from_static(line), b',').unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_column_may_name_the_event_type() {
    let of = |name, kind: &str| {
        event_type(name, json!({"properties": {"t": {}, "v": {"type": kind}}}), Some("/kind"))
    };
    let types = [of("counts", "integer"), of("labels", "string")];
    assert_eq!(convert(&types, "kind,v", b"labels,5"), Ok((Some(1), r#"{"kind":"labels","v":"5"}"#.into())));
    assert_eq!(convert(&types, "v,kind", b"5,counts"), Ok((Some(0), r#"{"v":5,"kind":"counts"}"#.into())));
    assert_eq!(convert(&types, "v,kind", b"5,others").unwrap().0, None);
}

proptest! {
    /// Against the writer of the `csv` crate: what it writes is taken apart into what was written.
    #[test]
    fn records_come_apart_as_the_csv_crate_wrote_them(
        table in (1..4_usize).prop_flat_map(|columns| {
            prop::collection::vec(prop::collection::vec("[a\",\r\né 1]{0,5}", columns), 1..6)
        }),
    ) {
        let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
        for record in &table {
            writer.write_record(record).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let (mut rest, mut scan, mut cells) = (&bytes[..], Scan::new(b','), Cells::default());
        for record in &table {
            let end = scan.end(rest).unwrap();
            prop_assert!(!Scan::new(b',').is_open_after(&rest[..end]));
            prop_assert!(!cells.read(&rest[..end], b',', record.len()));
            let found: Vec<&[u8]> = (0..cells.len()).map(|column| cells.get(column)).collect();
            prop_assert_eq!(found, record.iter().map(String::as_bytes).collect::<Vec<_>>());
            rest = &rest[end + 1..];
        }
        prop_assert!(rest.is_empty());
    }

    /// Whatever the bytes: records end where the `csv-core` crate ends them, however they are cut into pieces.
    #[test]
    fn records_end_where_csv_core_ends_them(text in "[a\",\n]{0,40}", cut in 0..40_usize) {
        let bytes = text.as_bytes();
        let mut ends = Vec::new();
        let mut reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        let (mut at, mut cells, mut bounds) = (0, [0; 64], [0; 64]);
        while at < bytes.len() {
            // A blank line is passed over by the crate, and is a record of its own here.
            if bytes[at] == b'\n' {
                ends.push(at);
                at += 1;
                continue;
            }
            let (outcome, read, ..) = reader.read_record(&bytes[at..], &mut cells, &mut bounds);
            at += read;
            if outcome != ReadRecordResult::Record {
                break;
            }
            ends.push(at - 1);
        }
        let cut = cut.min(bytes.len());
        let (mut found, mut scan, mut base) = (Vec::new(), Scan::new(b','), 0);
        for piece in [&bytes[..cut], &bytes[cut..]] {
            let mut from = 0;
            while let Some(end) = scan.end(&piece[from..]) {
                found.push(base + from + end);
                from += end + 1;
            }
            base += piece.len();
        }
        prop_assert_eq!(found, ends);
    }
}
