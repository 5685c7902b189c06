//! The gateway, as its clients see it.

use anyhow::ensure;
use serde_json::{Value, json};
use transect_e2e::command::{Up, manifests};
use transect_e2e::outcome::Outcome;
use transect_e2e::serving::{Reply, Serving};

const EVENTS: &str = "/v1/studies/faults/events";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

fn event(number: u64) -> String {
    let (id, minute) = (format!("e{number:08}"), number % 60);
    format!(
        r#"{{"id":"{id}","station":{{"name":"s01","kind":"fixed"}},"time":"2026-01-05T10:{minute:02}:00Z","value":1.5,"count":1}}"#
    )
}

/// Posts events; the content type may be none.
fn post(serving: &Serving, content_type: &str, body: &str) -> anyhow::Result<Reply> {
    let header = [("content-type", content_type)];
    let headers = if content_type.is_empty() { &header[..0] } else { &header[..] };
    serving.request("POST", EVENTS, headers, body.as_bytes())
}

#[test]
fn each_event_of_each_form_of_a_body_gets_its_verdict_and_is_counted() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("fault"), folder.path());
    let serving = Serving::start(&up)?;
    let pretty = |number| -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(&serde_json::from_str::<Value>(&event(number))?)?)
    };
    let broken_name = event(90).replace("s01", "s\n1");
    let bodies = [
        (JSON, event(1), vec![""]),
        ("application/json; charset=utf-8", format!(" {}\r\n", pretty(2)?), vec![""]),
        ("application/vnd.study+json", format!("[{},\n{}]", event(3), pretty(4)?), vec!["", ""]),
        (NDJSON, format!("{}\n\n{}\r\n{{\n", event(5), event(6)), vec!["", "", "Malformed"]),
        ("", format!("{}\n{}", event(7), event(8).replace("1.5", "-1")), vec!["", "SchemaViolation"]),
        // A line end within a text makes an event invalid, however it is kept.
        (JSON, format!("[{},{broken_name}]", event(9)), vec!["", "Malformed"]),
        (JSON, "17".to_owned(), vec!["SchemaViolation"]),
    ];
    let (mut accepted, mut rejected) = (0, 0);
    for (content_type, body, expected) in bodies {
        let reply = post(&serving, content_type, &body)?;
        ensure!(reply.status == 200, "{body}: {reply:?}");
        let answer = reply.json()?;
        let reasons: Vec<&str> = answer["events"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|event| event["reason"].as_str().unwrap_or_default())
            .collect();
        ensure!(reasons == expected, "{body}: {answer}");
        let refused = expected.iter().filter(|reason| !reason.is_empty()).count();
        ensure!(answer["rejected"] == refused && answer["accepted"] == expected.len() - refused, "{answer}");
        rejected += refused as u64;
        accepted += (expected.len() - refused) as u64;
    }
    serving.stop()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.rows() == accepted && outcome.total("accepted") == accepted, "{}", outcome.ledger);
    ensure!(outcome.rejected.len() as u64 == rejected && outcome.total("rejected") == rejected);
    ensure!(outcome.ledger["addsUp"] == true);
    Ok(())
}

#[test]
fn what_can_not_be_served_is_refused_with_its_reason_and_leaves_nothing() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("fault"), folder.path());
    let serving = Serving::start(&up)?;
    let event = event(1);
    let large = format!("[{event},\"{}\"]", "x".repeat(8 << 20));
    let form = "application/x-www-form-urlencoded";
    let type_of = |query: &str| format!("{EVENTS}?{query}");
    let requests = [
        ("POST", EVENTS, vec![("content-type", form)], event.as_str(), 415, "application/json"),
        ("POST", EVENTS, vec![("content-type", "text/plain; charset=utf-8")], &event, 415, "x-ndjson"),
        ("POST", EVENTS, vec![("content-type", "application/json; charset=utf-16")], &event, 415, "UTF-8"),
        ("POST", EVENTS, vec![("content-encoding", "br")], &event, 415, "gzip"),
        ("POST", EVENTS, vec![("content-encoding", "gzip")], &event, 400, "gzip"),
        ("POST", EVENTS, vec![("content-encoding", "zstd")], &event, 400, "zstd"),
        ("POST", EVENTS, vec![("content-encoding", "gzip, zstd")], &event, 415, "gzip"),
        ("POST", EVENTS, vec![("ce-specversion", "1.0"), ("content-type", "text/csv")], &event, 415, "JSON"),
        ("POST", EVENTS, vec![], "", 400, "no event"),
        ("POST", EVENTS, vec![], " [ ] ", 400, "no event"),
        ("POST", EVENTS, vec![], "[{} {}]", 400, "`,` or `]`"),
        ("POST", EVENTS, vec![], &large, 413, "larger than"),
        ("POST", "/v1/studies/other/events", vec![], &event, 404, "faults"),
        ("POST", "/v1/studies/%ff/events", vec![], &event, 400, "UTF-8"),
        ("POST", "/v1/studies/faults", vec![], &event, 404, "/v1/studies/{study}/events"),
        ("POST", &type_of("source=other"), vec![], &event, 400, "web"),
        ("POST", &type_of("type=other"), vec![], &event, 400, "reading"),
        ("POST", &type_of("typ=reading"), vec![], &event, 400, "unknown field `typ`"),
        ("POST", &type_of("type=reading&type=reading"), vec![], &event, 400, "duplicate field `type`"),
        ("PUT", EVENTS, vec![], &event, 405, "PUT"),
    ];
    for (method, path, headers, body, status, part) in requests {
        let reply = serving.request(method, path, &headers, body.as_bytes())?;
        let what = format!("{method} {path} {headers:?}: {reply:?}");
        ensure!(reply.status == status && reply.content_type == "application/problem+json", "{what}");
        let problem = reply.json()?;
        ensure!(problem["status"] == status && problem["title"].is_string(), "{what}");
        ensure!(problem["detail"].as_str().is_some_and(|detail| detail.contains(part)), "{what}");
        ensure!(!reply.text.contains("e00000001"), "an event's content came back: {what}");
        ensure!((reply.allow == "POST") == (status == 405), "{what}");
    }
    serving.stop()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.total("read") == 0 && outcome.rows() == 0, "{}", outcome.ledger);
    Ok(())
}

#[test]
fn an_event_is_acknowledged_as_often_as_it_is_sent_and_stored_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("fault"), folder.path());
    for start in 0..2 {
        let serving = Serving::start(&up)?;
        for status in ["accepted", "duplicate", "duplicate"] {
            let answer = post(&serving, JSON, &event(1))?.json()?;
            let expected = json!([{"index": 0, "status": status}]);
            ensure!(answer[status] == 1 && answer["events"] == expected, "{answer}");
        }
        ensure!(serving.request("GET", "/healthz", &[], b"")?.status == 200, "start {start}");
        let metrics = serving.request("GET", "/metrics", &[], b"")?;
        ensure!(metrics.content_type.starts_with("application/openmetrics-text"), "{metrics:?}");
        ensure!(metrics.text.ends_with("# EOF\n"), "{metrics:?}");
        serving.stop()?;
    }
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.rows() == 1 && outcome.total("read") == 6, "{}", outcome.ledger);
    ensure!(outcome.total("duplicate") == 5, "{}", outcome.ledger);
    Ok(())
}
