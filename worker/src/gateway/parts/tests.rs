use std::sync::Arc;

use transect_core::events::RejectedRow;
use transect_core::input::{EventBatch, Place};
use transect_core::reject::{Reject, RejectReason};
use transect_core::watermark;

use super::super::committer::records;
use super::*;
use crate::input::split_body;
use crate::log::Record;
use crate::process::raw::{self, Raw};

fn sender() -> Sender {
    Sender { source: "web".to_owned(), event_type: None, schema_version: None, received: 5 }
}

fn span(start: usize, len: usize) -> EventSpan {
    EventSpan { start: start as u32, len: len as u32, index: 0, oversized: u32::MAX }
}

fn checked(format: Format, bytes: &[u8], events: Vec<EventSpan>, partitions: Vec<u32>) -> Checked {
    let blocks = events.iter().map(|span| span.start).collect();
    let batch = EventBatch {
        source: "web".into(),
        event_type: None,
        schema_version: None,
        format,
        bytes: Bytes::copy_from_slice(bytes),
        events,
        oversized: Vec::new(),
        place: Place::Record { partition: 0, offset: 0 },
        received: 5,
    };
    Checked { batch, refused: Vec::new(), identities: Vec::new(), partitions, blocks, mark: watermark::NONE }
}

/// What is read of posts as records, by partition.
fn read(posts: &[Post]) -> Vec<(u32, EventBatch)> {
    let of_record = |new: crate::log::NewRecord| {
        let record = Record { offset: 0, headers: new.headers, value: new.value };
        match raw::read(&record, None).unwrap() {
            Raw::Events { batch, .. } => (new.partition.unwrap(), batch),
            _ => panic!("no events"),
        }
    };
    records(posts.iter(), None).into_iter().map(of_record).collect()
}

fn texts(batch: &EventBatch) -> Vec<String> {
    batch.events.iter().map(|span| String::from_utf8_lossy(batch.event(*span)).into_owned()).collect()
}

#[test]
fn an_event_is_one_line_and_no_more_valid_than_before() {
    let body = Bytes::from_static(b"[{\"a\":\r\n 1},{\"b\":\"x\ny\"}]");
    let events = split_body(&body, false).unwrap();
    let body = Body { bytes: body, events, format: Format::Json };
    let lines = together(&sender(), &body).lines;
    assert_eq!(lines, "{\"a\":\t\t 1}\n{\"b\":\"x\ty\"}\n");
    for (line, range) in lines.split(|&byte| byte == b'\n').zip(body.events) {
        let (before, after) = (&body.bytes[range], line);
        let is_valid = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
        assert_eq!(is_valid(before), is_valid(after));
    }
}

#[test]
fn what_is_known_of_an_oversized_event_goes_with_it() {
    let known = Oversized { length: 5_000_000, sha256: [7; 32] };
    let mut all = checked(Format::Json, b"{}{\"a\":", vec![span(0, 2), span(2, 5)], vec![3, 3]);
    all.batch.events[1].oversized = 0;
    all.batch.oversized.push(known.clone());
    let found = read(&by_partition(&sender(), &all));
    let [(3, batch)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(texts(batch), ["{}", "{\"a\":"]);
    assert_eq!((batch.events[0].oversized, batch.events[1].oversized), (u32::MAX, 0));
    assert_eq!(batch.oversized, [known]);
}

#[test]
fn rows_keep_their_head_and_their_quotes() {
    let head = csv::Head::parse(Bytes::from_static(b"id,\"the\nname\""), b',').unwrap();
    let rows = ["1,\"a\nb\"", "2,c", "3,\"never closed", "4,d", "5,e"];
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    for row in rows {
        events.push(span(bytes.len(), row.len()));
        bytes.extend_from_slice(row.as_bytes());
    }
    let all = checked(Format::Csv(Arc::new(head.clone())), &bytes, events, vec![1, 0, 1, 1, 0]);
    let mut found = read(&by_partition(&sender(), &all));
    found.sort_by_key(|(partition, _)| *partition);
    let found: Vec<_> = found
        .iter()
        .map(|(partition, batch)| {
            assert_eq!(batch.format, Format::Csv(Arc::new(head.clone())));
            (*partition, texts(batch))
        })
        .collect();
    let text = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
    let expected =
        [(0, text(&["2,c", "5,e"])), (1, text(&["1,\"a\nb\"", "3,\"never closed"])), (1, text(&["4,d"]))];
    assert_eq!(found, expected);
}

/// The head of containers of one `long`.
fn longs() -> Head {
    let mut bytes = b"Obj\x01\x02\x16avro.schema\x0c\"long\"\x00".to_vec();
    bytes.extend_from_slice(&[9; 16]);
    Head::parse(&bytes).unwrap().unwrap().0.plain().unwrap()
}

#[test]
fn data_go_each_to_its_partition_and_what_has_no_end_stays_together() {
    // Two blocks: 1, 2, 3; then 4, one that never ends, and two of which nobody knows where they begin.
    let data = [2, 4, 6, 8, 0xff, 0xff];
    let events = vec![span(0, 1), span(1, 1), span(2, 1), span(3, 1), span(4, 2), span(3, 0), span(3, 0)];
    let mut all = checked(Format::Avro(Arc::new(longs())), &data, events, vec![0, 1, 0, 1, 1, 0, 2]);
    all.blocks = vec![0, 0, 0, 40, 40, 40, 40];
    let reject = |event| {
        let (pointer, keyword, message) = Default::default();
        let reject = Reject { reason: RejectReason::Malformed, pointer, keyword, message, offset: None };
        RejectedRow::new(event, None, reject)
    };
    all.refused = vec![reject(4), reject(5), reject(6)];
    let found = read(&by_partition(&sender(), &all));
    let [(0, first), (1, second)] = &found[..] else { panic!("{found:?}") };
    let Format::Avro(head) = &first.format else { panic!("{:?}", first.format) };
    let data = |batch: &EventBatch| {
        let (mut data, mut last) = (Vec::new(), None);
        for span in batch.events.iter().filter(|span| last.replace(span.start) != Some(span.start)) {
            head.decompress(batch.event(*span), 1 << 20, &mut data).unwrap();
        }
        (batch.events.len(), data)
    };
    assert_eq!(data(first), (2, vec![2, 6]));
    assert_eq!(data(second), (5, vec![4, 8, 0xff, 0xff]));
}
