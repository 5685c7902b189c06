//! Who may send, how much, and what comes of requests that are repeated: the gateway as senders with keys see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use transect_e2e::authority::Authority;
use transect_e2e::command::{Up, binary, manifests};
use transect_e2e::serving::{Reply, Serving};

const EVENTS: &str = "/v1/studies/faults/events";
const JSON: &str = "application/json";
const PATIENCE: Duration = Duration::from_secs(60);

fn event(number: u64) -> String {
    let (id, minute) = (format!("e{number:08}"), number % 60);
    format!(
        r#"{{"id":"{id}","station":{{"name":"s01","kind":"fixed"}},"time":"2026-01-05T10:{minute:02}:00Z","value":1.5,"count":1}}"#
    )
}

fn invalid(number: u64) -> String {
    event(number).replace("1.5", "-1")
}

fn array(events: &[String]) -> String {
    format!("[{}]", events.join(","))
}

/// A gateway, and a folder for the senders' files.
struct Door {
    serving: Serving,
    keys: PathBuf,
    folder: tempfile::TempDir,
}

/// Makes a key as a user would.
fn make_key(folder: &Path, name: &str, options: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(binary()?);
    let made = command.args(["api-key", name, "--to"]).arg(folder).args(options).output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

impl Door {
    fn open(senders: &[(&str, &[&str])]) -> anyhow::Result<(Self, Vec<String>)> {
        let folder = tempfile::tempdir()?;
        let keys = folder.path().join("senders");
        let made = senders.iter().map(|(name, options)| make_key(&keys, name, options));
        let made = made.collect::<anyhow::Result<Vec<_>>>()?;
        let mut up = Up::new(&manifests("fault"), &folder.path().join("run"));
        if !made.is_empty() {
            up = up.arg("--api-keys").arg(keys.to_str().context("a path in UTF-8")?);
        }
        Ok((Self { serving: Serving::start(&up)?, keys, folder }, made))
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> anyhow::Result<Reply> {
        let mut all = vec![("content-type", JSON)];
        all.extend_from_slice(headers);
        self.serving.request("POST", path, &all, body.as_bytes())
    }

    /// Ends it; how many events were accepted, duplicates and rejected.
    fn close(self) -> anyhow::Result<[Value; 3]> {
        self.serving.stop()?;
        let ledger: Value =
            serde_json::from_slice(&fs::read(self.folder.path().join("run/out/ledger.json"))?)?;
        Ok(["accepted", "duplicate", "rejected"].map(|field| ledger["total"][field].clone()))
    }
}

#[test]
fn only_those_with_a_key_get_in_and_only_where_it_is_for() -> anyhow::Result<()> {
    let (door, keys) = Door::open(&[
        ("all", &[]),
        ("elsewhere", &["--study", "another"]),
        ("as-another", &["--source", "another"]),
    ])?;
    let bearer: Vec<String> = keys.iter().map(|key| format!("Bearer {key}")).collect();
    for (headers, path, expected) in [
        (vec![], EVENTS, 401),
        (vec![("authorization", "Bearer transect_nobody")], EVENTS, 401),
        (vec![("authorization", "Basic dXNlcjpwYXNz")], EVENTS, 401),
        (vec![], "/v1/openapi.json", 401),
        (vec![("authorization", &*bearer[1])], EVENTS, 403),
        (vec![("x-api-key", &*keys[2])], EVENTS, 403),
        (vec![("authorization", &*bearer[0])], "/v1/studies/nothing/events", 404),
        (vec![("authorization", &*bearer[0])], EVENTS, 200),
        (vec![("x-api-key", &*keys[0])], EVENTS, 200),
    ] {
        let reply = match path {
            EVENTS | "/v1/studies/nothing/events" => door.post(path, &headers, &event(1))?,
            _ => door.serving.request("GET", path, &headers, b"")?,
        };
        ensure!(reply.status == expected, "{headers:?} {path}: {reply:?}");
        ensure!(expected < 400 || reply.content_type == "application/problem+json", "{reply:?}");
        ensure!(expected != 401 || reply.header("www-authenticate") == "Bearer", "{reply:?}");
        ensure!(!keys.iter().any(|key| reply.text.contains(key)), "{reply:?}");
    }
    // A key that is taken back is refused soon, and a new one let in, without a restart.
    fs::remove_file(door.keys.join("all"))?;
    let new = make_key(&door.keys, "new", &[])?;
    let deadline = Instant::now() + PATIENCE;
    while door.post(EVENTS, &[("x-api-key", &new)], &event(2))?.status != 200 {
        ensure!(Instant::now() < deadline, "the new key is not let in");
        thread::park_timeout(Duration::from_millis(50));
    }
    ensure!(door.post(EVENTS, &[("x-api-key", &keys[0])], &event(3))?.status == 401);
    let totals = door.close()?;
    ensure!(totals == [2, 1, 0], "{totals:?}");
    Ok(())
}

#[test]
fn a_sender_sends_no_more_than_its_rate() -> anyhow::Result<()> {
    let (door, keys) = Door::open(&[("slow", &["--events-per-second", "2"]), ("fast", &[])])?;
    let post = |key: &str, events: &[String]| door.post(EVENTS, &[("x-api-key", key)], &array(events));
    let events: Vec<String> = (0..15).map(event).collect();
    let reply = post(&keys[0], &events)?;
    ensure!(reply.status == 200 && reply.header("ratelimit-policy") == "\"events\";q=20;w=10", "{reply:?}");
    ensure!(reply.header("ratelimit").starts_with("\"events\";r=5"), "{reply:?}");
    let reply = post(&keys[0], &events)?;
    ensure!(reply.status == 429 && reply.header("ratelimit").contains("r=0"), "{reply:?}");
    let wait: u64 = reply.header("retry-after").parse().context("no Retry-After")?;
    ensure!((1..=5).contains(&wait), "{wait}");
    ensure!(post(&keys[1], &events)?.status == 200, "another sender waits with it");
    let many: Vec<String> = (0..21).map(event).collect();
    ensure!(post(&keys[0], &many)?.status == 413);
    thread::sleep(Duration::from_secs(wait));
    ensure!(post(&keys[0], &events)?.status == 200, "after the time that it was told");
    Ok(())
}

#[test]
fn an_atomic_request_is_stored_whole_or_not_at_all() -> anyhow::Result<()> {
    let (door, _) = Door::open(&[])?;
    let atomic = format!("{EVENTS}?atomic=true");
    let mixed = array(&[event(1), invalid(2), event(3)]);
    let reply = door.post(&atomic, &[], &mixed)?;
    ensure!(reply.status == 422 && reply.content_type == "application/problem+json", "{reply:?}");
    let problem = reply.json()?;
    let of =
        |verdict: &Value| (verdict["index"].clone(), verdict["reason"].clone(), verdict["pointer"].clone());
    let events = problem["events"].as_array().context("no events")?;
    ensure!(
        events.len() == 1 && of(&events[0]) == (json!(1), json!("SchemaViolation"), json!("/value")),
        "{problem}"
    );
    ensure!(door.post(&atomic, &[], &array(&[event(1), event(3)]))?.status == 200);
    ensure!(door.post(EVENTS, &[], &mixed)?.json()?["rejected"] == 1);
    ensure!(door.post(&format!("{EVENTS}?atomic=yes"), &[], &mixed)?.status == 400);
    let totals = door.close()?;
    ensure!(totals == [2, 2, 1], "{totals:?}");
    Ok(())
}

#[test]
fn repeats_are_told_apart_and_a_request_with_a_key_is_stored_once() -> anyhow::Result<()> {
    let (door, _) = Door::open(&[])?;
    let statuses = |reply: &Reply| -> anyhow::Result<Vec<String>> {
        let answer = reply.json()?;
        let events = answer["events"].as_array().context("no events")?;
        Ok(events.iter().filter_map(|event| Some(event["status"].as_str()?.to_owned())).collect())
    };
    let reply = door.post(EVENTS, &[], &array(&[event(1), event(1), event(2), invalid(3)]))?;
    ensure!(statuses(&reply)? == ["accepted", "duplicate", "accepted", "rejected"], "{reply:?}");
    ensure!(statuses(&door.post(EVENTS, &[], &event(2))?)? == ["duplicate"]);
    // Five events by now, and seven under one key, stored once.
    let body = array(&(0..7).map(|n| event(10 + n)).collect::<Vec<_>>());
    let keyed = [("idempotency-key", "k1")];
    let first = door.post(EVENTS, &keyed, &body)?;
    for _ in 0..3 {
        let again = door.post(EVENTS, &keyed, &body)?;
        ensure!((again.status, &again.text) == (200, &first.text), "{again:?}");
    }
    ensure!(statuses(&first)?.iter().all(|status| status == "accepted"), "{first:?}");
    ensure!(door.post(EVENTS, &keyed, &event(30))?.status == 422, "another request under its key");
    ensure!(door.post(EVENTS, &[("idempotency-key", "k2")], "{")?.status == 200);
    let totals = door.close()?;
    ensure!(totals == [9, 2, 2], "{totals:?}");
    Ok(())
}

/// Posts by curl, with a client certificate if any; what is written of the reply, or of why there is none.
fn curl(port: u16, authority: &Path, client: Option<&Path>, version: &str) -> anyhow::Result<String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "60", version, "--json", &event(1)]);
    command
        .args(["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}", "--cacert"])
        .arg(authority);
    if let Some(client) = client {
        command.arg("--cert").arg(client.join("tls.crt")).arg("--key").arg(client.join("tls.key"));
    }
    let output = command.arg(format!("https://localhost:{port}{EVENTS}")).output().context("run curl")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn under_tls_it_speaks_both_versions_and_knows_whom_to_let_in() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (own, clients) = (folder.path().join("own"), folder.path().join("clients"));
    let authority = Authority::new()?;
    authority.write(&own)?;
    authority.write(&clients)?;
    let ca = folder.path().join("ca.pem");
    fs::copy(own.join("ca.crt"), &ca)?;
    let up = Up::new(&manifests("fault"), &folder.path().join("run"));
    let serving = Serving::start_tls(&up.arg("--tls").arg(own.to_str().context("a path in UTF-8")?))?;
    let port = serving.address().port();
    ensure!(curl(port, &ca, Some(&clients), "--http2")? == "2 200");
    ensure!(curl(port, &ca, Some(&clients), "--http1.1")? == "1.1 200");
    let refused = curl(port, &ca, None, "--http2")?;
    ensure!(refused.starts_with("0 000"), "{refused}");
    // Under a new authority, without a restart.
    let next = Authority::new()?;
    next.write(&own)?;
    next.write(&clients)?;
    fs::copy(own.join("ca.crt"), &ca)?;
    let deadline = Instant::now() + PATIENCE;
    while curl(port, &ca, Some(&clients), "--http2")? != "2 200" {
        ensure!(Instant::now() < deadline, "the new certificate is not served");
        thread::park_timeout(Duration::from_millis(200));
    }
    serving.stop()
}
