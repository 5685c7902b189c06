//! Schemas in Avro: single objects and containers at the gateway come to the same as JSON, each once, whatever is killed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use transect_e2e::command::{Up, manifests, transect};
use transect_e2e::outcome::{Outcome, batches, files};
use transect_e2e::serving::Serving;

const EVENTS: &str = "/v1/studies/air-quality/events";
const AVRO: &str = "application/avro";
/// 2026-01-31T09:30:00Z, milliseconds since 1970.
const BEGIN: i64 = 1_769_851_800_000;
const SYNC: &[u8; 16] = b"sixteen bytes ok";

/// The schema of a version of the manifests.
fn schema(version: u32) -> Value {
    let time = json!({"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}});
    let mut fields = vec![json!({"name": "station", "type": "string"}), time];
    match version {
        1 => fields.push(json!({"name": "pm25", "type": "float"})),
        _ => fields.extend([
            json!({"name": "pm25", "type": "double"}),
            json!({"name": "kind", "type": "Kind", "default": "FIXED"}),
            json!({"name": "note", "type": ["null", "string"], "default": null}),
        ]),
    }
    if version > 1 {
        fields[3]["type"] = json!({"type": "enum", "name": "Kind", "symbols": ["FIXED", "MOBILE"]});
    }
    json!({"type": "record", "name": "Reading", "namespace": "air", "fields": fields})
}

fn long(value: i64) -> Vec<u8> {
    let (mut rest, mut out) = (((value << 1) ^ (value >> 63)) as u64, Vec::new());
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [long(bytes.len() as i64), bytes.to_vec()].concat()
}

/// The event of a number as a datum of version 2: a minute after the one before it.
fn datum(number: i64) -> Vec<u8> {
    let station = text(format!("s{number}").as_bytes());
    let pm25 = (number as f64 / 4.0).to_le_bytes().to_vec();
    let note = if number % 3 == 0 { long(0) } else { [long(1), text(b"n")].concat() };
    [station, long(BEGIN + number * 60_000), pm25, long(number % 2), note].concat()
}

/// The same as JSON.
fn as_json(number: i64) -> String {
    let (hour, minute) = (9 + (30 + number) / 60, (30 + number) % 60);
    let kind = if number % 2 == 0 { "FIXED" } else { "MOBILE" };
    let note = if number % 3 == 0 { "" } else { r#", "note": "n""# };
    format!(
        r#"{{"station": "s{number}", "time": "2026-01-31T{hour:02}:{minute:02}:00Z", "pm25": {}, "kind": "{kind}"{note}}}"#,
        number as f64 / 4.0
    )
}

fn single_object(version: u32, datum: &[u8]) -> Vec<u8> {
    // As fastavro 1.13.1 and Apache's avro 1.12.2 make them of these schemas.
    let fingerprint = if version == 1 { 0x29d8_3bb0_8019_77fb_u64 } else { 0x2da1_4b74_a580_f424 };
    [&[0xc3, 0x01], &fingerprint.to_le_bytes()[..], datum].concat()
}

/// A container of these data, two a block.
fn container(schema: &Value, data: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    out.extend(long(1));
    out.extend([text(b"avro.schema"), text(schema.to_string().as_bytes()), long(0)].concat());
    out.extend(SYNC);
    for block in data.chunks(2) {
        out.extend([long(block.len() as i64), text(&block.concat())].concat());
        out.extend(SYNC);
    }
    out
}

/// Posts a body; the reasons of its events, empty for the accepted.
fn post(serving: &Serving, content_type: &str, body: &[u8]) -> anyhow::Result<Vec<String>> {
    let reply = serving.request("POST", EVENTS, &[("content-type", content_type)], body)?;
    ensure!(reply.status == 200, "{reply:?}");
    let answer = reply.json()?;
    let events = answer["events"].as_array().context("no events")?;
    Ok(events.iter().map(|event| event["reason"].as_str().unwrap_or_default().to_owned()).collect())
}

fn rows(out: &Path) -> anyhow::Result<usize> {
    let files = files(&out.join("table"), "parquet")?;
    files.iter().map(|path| Ok(batches(path)?.iter().map(|batch| batch.num_rows()).sum::<usize>())).sum()
}

#[test]
fn json_single_objects_and_containers_of_an_event_are_the_same_event() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("avro"), folder.path());
    let serving = Serving::start(&up)?;
    for number in 0..20 {
        ensure!(post(&serving, "application/json", as_json(number).as_bytes())? == [""], "{number}");
        let object = single_object(2, &datum(number));
        ensure!(post(&serving, "avro/binary", &object)? == [""], "{number}");
    }
    let all: Vec<_> = (0..20).map(datum).collect();
    ensure!(post(&serving, AVRO, &container(&schema(2), &all))?.concat().is_empty(), "the container");
    serving.stop()?;
    up.clone().arg("--drain").succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.total("accepted") == 20 && outcome.total("duplicate") == 40, "{}", outcome.ledger);
    ensure!(outcome.total("conflicting") == 0, "{}", outcome.ledger);
    Ok(())
}

#[test]
fn what_was_answered_is_there_once_and_as_it_came_whatever_is_killed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("avro"), folder.path()).arg("--commit-interval=5");
    let old = [text(b"old"), long(BEGIN), 1.5_f32.to_le_bytes().to_vec()].concat();
    let unknown = [&[0xc3, 0x01][..], b"unknown!", &datum(1)].concat();
    let narrow = json!({"type": "record", "name": "Reading", "fields": [
        {"name": "station", "type": "string"}, {"name": "time", "type": "string"}, {"name": "pm25", "type": "int"}]});
    let unfit = [text(b"x"), text(b"noon"), long(7)].concat();
    let mut number = 0;
    for kill in 0..4 {
        let serving = Serving::start(&up)?;
        for _ in 0..10 {
            ensure!(post(&serving, AVRO, &single_object(2, &datum(number)))? == [""], "{number}");
            let data = [datum(number + 1), datum(number + 2), datum(number + 3)];
            ensure!(post(&serving, AVRO, &container(&schema(2), &data))?.concat().is_empty(), "{number}");
            number += 4;
        }
        if kill == 0 {
            ensure!(post(&serving, AVRO, &single_object(1, &old))? == [""], "version 1");
            ensure!(post(&serving, AVRO, &unknown)? == ["UnknownSchemaVersion"], "unknown");
            let reasons = post(&serving, AVRO, &container(&narrow, &[unfit.clone(), unfit.clone()]))?;
            ensure!(reasons == ["SchemaViolation", "SchemaViolation"], "{reasons:?}");
        }
        // Killed, as it is dropped.
    }
    up.clone().arg("--drain").succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    let accepted = number as u64 + 1;
    ensure!(outcome.total("accepted") == accepted && outcome.total("duplicate") == 0, "{}", outcome.ledger);
    ensure!(outcome.total("rejected") == 3 && rows(&up.out)? as u64 == accepted, "{}", outcome.ledger);
    let mut originals = Vec::new();
    for line in &outcome.rejected {
        let reject: Value = serde_json::from_str(line)?;
        let kept = reject["original_base64"].as_str().or(reject["original"].as_str());
        originals.push(format!("{} {}", reject["reason"], kept.unwrap_or_default()));
        let is_named = reject["pointer"] == "/time" && reject["keyword"] == "resolution";
        ensure!(reject["reason"] == "UnknownSchemaVersion" || is_named, "{line}");
        ensure!(reject["length"] == unknown.len() || reject["length"] == unfit.len(), "{line}");
    }
    ensure!(originals.len() == 3, "{originals:?}");

    // The archive is what came: fed again, it comes to the same.
    let archived = files(&up.out.join("archive"), "avro")?;
    ensure!(!archived.is_empty(), "nothing was archived");
    let mut again = Up::new(&manifests("avro"), &folder.path().join("again"));
    for path in &archived {
        again = again.input("web", path);
    }
    again.arg("--drain").succeed()?;
    let again = Outcome::read(&folder.path().join("again/out"), &[])?;
    for field in ["accepted", "rejected", "duplicate"] {
        ensure!(again.total(field) == outcome.total(field), "{field}: {}", again.ledger);
    }
    Ok(())
}

#[test]
fn nothing_personal_of_avro_is_kept_in_the_clear() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let study = folder.path().join("study");
    fs::create_dir_all(&study)?;
    let manifest = fs::read_to_string(manifests("avro").join("study.yaml"))?;
    let private = "  event: {time: /time, key: [/station], participant: /station}\n  privacy: [{field: /station, treatment: Pseudonymise}, {field: /note, treatment: Drop}]\n";
    let manifest = manifest.replace("  event: {time: /time, key: [/station]}\n", private);
    ensure!(manifest.contains("privacy"), "{manifest}");
    fs::write(study.join("study.yaml"), manifest)?;
    let up = Up::new(&study, folder.path()).arg("--keys").arg(&path(&folder.path().join("keys")));
    let canary = |number: i64| {
        let (station, note) = (text(b"CANARY-station"), [long(1), text(b"CANARY-note")].concat());
        [station, long(BEGIN + number), 1.0_f64.to_le_bytes().to_vec(), long(0), note].concat()
    };
    let serving = Serving::start(&up)?;
    ensure!(post(&serving, AVRO, &single_object(2, &canary(1)))? == [""], "single");
    let data: Vec<_> = (2..7).map(canary).collect();
    ensure!(post(&serving, AVRO, &container(&schema(2), &data))?.concat().is_empty(), "container");
    let unknown = [&[0xc3, 0x01][..], b"unknown!", &canary(9)].concat();
    ensure!(post(&serving, AVRO, &unknown)? == ["UnknownSchemaVersion"], "unknown");
    serving.stop()?;
    up.clone().arg("--drain").succeed()?;
    ensure!(rows(&up.out)? == 6, "{} rows", rows(&up.out)?);
    let mut open = vec![up.out.clone(), up.state.clone()];
    while let Some(at) = open.pop() {
        if at.is_dir() {
            for entry in fs::read_dir(&at)? {
                open.push(entry?.path());
            }
        } else {
            let bytes = fs::read(&at)?;
            ensure!(!bytes.windows(6).any(|window| window == b"CANARY"), "{} holds a canary", at.display());
        }
    }
    Ok(())
}

#[test]
fn bodies_that_are_none_are_refused_whole() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let serving = Serving::start(&Up::new(&manifests("avro"), folder.path()))?;
    let whole = container(&schema(2), &[datum(1), datum(2), datum(3)]);
    let mut damaged = whole.clone();
    let end = damaged.len() - 1;
    damaged[end] ^= 1;
    for (body, said) in [
        (&b""[..], "neither a single object of Avro"),
        (&datum(1)[..], "neither a single object of Avro"),
        (&whole[..20], "ends within its head"),
        (&whole[..end], "ends within a block"),
        (&damaged[..], "sync marker"),
        (&container(&schema(2), &[])[..], "no datum"),
        (&container(&json!({"type": "recrd"}), &[datum(1)])[..], "its schema can't be read"),
    ] {
        let reply = serving.request("POST", EVENTS, &[("content-type", AVRO)], body)?;
        ensure!(reply.status == 400 && reply.text.contains(said), "{said}: {reply:?}");
    }
    serving.stop()
}

#[test]
fn schema_check_says_what_is_wrong_with_each_datum() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, bytes: &[u8]| -> anyhow::Result<String> {
        fs::write(folder.path().join(name), bytes)?;
        Ok(path(&folder.path().join(name)))
    };
    let reader = file("v2.avsc", schema(2).to_string().as_bytes())?;
    let old = [text(b"old"), long(BEGIN), 1.5_f32.to_le_bytes().to_vec()].concat();
    let good = file("good.avro", &container(&schema(1), &[old.clone()]))?;
    let object = file("one.bin", &single_object(2, &datum(1)))?;
    let other = file("other.bin", &single_object(1, &old))?;
    let json = file("events.ndjson", format!("{}\n{{\"station\": 1}}\n", as_json(1)).as_bytes())?;
    let check = |more: &[&str]| {
        transect(&[&["schema", "check", "--format", "avro", "--schema", &reader], more].concat())
    };
    let lines = |more: &[&str], status: i32| -> anyhow::Result<Vec<Value>> {
        let output = check(more)?;
        ensure!(output.status.code() == Some(status), "{output:?}");
        let stdout = String::from_utf8(output.stdout)?;
        Ok(stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    };
    let filled = lines(&["--values", &good, &object], 0)?;
    ensure!(filled[0]["json"]["kind"] == "FIXED" && filled[0]["json"].get("note").is_none(), "{filled:?}");
    ensure!(filled[1]["json"]["note"] == "n", "{filled:?}");
    let found = lines(&[&other, &json], 1)?;
    ensure!(found[0]["errors"][0]["keyword"] == "fingerprint", "{found:?}");
    ensure!(
        found[1]["valid"] == true && found[2]["errors"].as_array().is_some_and(|all| all.len() == 4),
        "{found:?}"
    );
    lines(&["none.avro"], 2)?;
    let wrong =
        file("wrong.avsc", br#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Kind"}]}"#)?;
    let output = transect(&["schema", "check", "--format", "avro", "--schema", &wrong, &good])?;
    ensure!(output.status.code() == Some(2), "{output:?}");
    let kind = file("kind.avsc", br#"{"type": "enum", "name": "Kind", "symbols": ["A"]}"#)?;
    let output =
        transect(&["schema", "check", "--format", "avro", "--schema", &wrong, "--with", &kind, &good])?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    Ok(())
}

fn path(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}
