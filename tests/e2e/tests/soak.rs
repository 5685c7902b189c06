//! Exactly once, proven by killing: SIGKILL at random moments, then a restart, again and again; what is left must equal
//! an undisturbed run. `TRANSECT_SOAK_RUNS` (of 200) and `TRANSECT_SOAK_EVENTS` (of 1 000 000) set the length; the
//! short form runs with every test.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use arrow_array::cast::AsArray;
use serde_json::json;
use transect_e2e::canary;
use transect_e2e::command::{Up, manifests, terminate, wait_for};
use transect_e2e::events::{Random, write_file};
use transect_e2e::outcome::{Outcome, batches, files};

/// Quantiles of values spread evenly over 0 to 1000: two sketches of a rank error of 1.65 % each, and the distance
/// between neighbours in a small group.
const TOLERANCES: [(&str, f64); 1] = [("rolling", 60.0)];

fn setting(name: &str, short: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(short)
}

fn progress(text: &str) {
    let end = if std::io::stderr().is_terminal() { "\r" } else { "\n" };
    let _ = write!(std::io::stderr(), "{text}{end}");
}

#[test]
fn a_file_is_stored_once_however_often_the_process_is_killed() -> anyhow::Result<()> {
    let (runs, events) = (setting("TRANSECT_SOAK_RUNS", 5), setting("TRANSECT_SOAK_EVENTS", 60_000));
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("events.ndjson");
    let made = write_file(&input, events, 7)?;
    // Small epochs, soon durable: so that a kill may find the run in any of many states.
    let up = |name: &str, threads: u64, epoch_bytes: u64, commit_interval: u64| {
        let arguments =
            [("threads", threads), ("epoch-bytes", epoch_bytes), ("commit-interval", commit_interval)];
        let up = Up::new(&manifests("fault"), &folder.path().join(name)).input("web", &input).arg("--drain");
        arguments.iter().fold(up, |up, (name, value)| up.arg(&format!("--{name}={value}")))
    };
    let (epoch, interval) = (events * 10, 5);

    let undisturbed = up("undisturbed", 1, epoch, interval);
    let started = Instant::now();
    undisturbed.succeed()?;
    // The shortest that a run has taken: kills come within it.
    let mut whole = started.elapsed();
    let expected = Outcome::read(&undisturbed.out, &[])?;
    for (field, count) in [
        ("read", made.read),
        ("duplicate", made.duplicate),
        ("conflicting", made.conflicting),
        ("rejected", made.rejected),
        ("accepted", made.read - made.duplicate - made.rejected),
    ] {
        ensure!(expected.total(field) == count, "{field}: {} instead of {count}", expected.total(field));
    }
    ensure!(expected.rows() == expected.total("accepted"), "the table has {} rows", expected.rows());
    ensure!(expected.total("late") > 0, "no event was late, so that nothing was tried");

    let mut random = Random::new(11);
    let mut kills = 0;
    let mut run = 0;
    while run < runs {
        // Every fourth run as users have it, the others in smaller steps.
        let (epoch, interval) = if run % 4 == 3 { (16 << 20, 5000) } else { (epoch, interval) };
        let disturbed = up("disturbed", 1 + run % 4, epoch, interval);
        for folder in [&disturbed.out, &disturbed.state] {
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        // Up to four kills, anywhere between the start and a little beyond the usual end.
        let before = kills;
        for _ in 0..1 + random.below(4) {
            let started = Instant::now();
            let mut child = disturbed.start()?;
            let moment = Duration::from_micros(random.below(whole.as_micros() as u64 * 11 / 10));
            let ended = match wait_for(&mut child, moment)? {
                Some(status) => status,
                None => {
                    child.kill()?;
                    child.wait()?
                }
            };
            if ended.signal() == Some(9) {
                kills += 1;
                continue;
            }
            ensure!(ended.success(), "run {run} ended by itself with {ended}");
            if kills == before {
                whole = whole.min(started.elapsed());
                break;
            }
        }
        if kills == before {
            // Too quick for a kill, so that nothing was tried.
            ensure!(whole > Duration::from_millis(2), "a run is too short to be killed");
            continue;
        }
        disturbed.succeed().with_context(|| format!("run {run}, after its kills"))?;
        let outcome = Outcome::read(&disturbed.out, &[]).with_context(|| format!("run {run}"))?;
        outcome.same_as(&expected, &TOLERANCES).with_context(|| format!("run {run}"))?;
        run += 1;
        progress(&format!("file soak: {run} of {runs} runs, {kills} kills"));
    }
    Ok(())
}

/// Visits in three versions, with every way out.
fn write_visits(path: &Path, count: u64) -> anyhow::Result<()> {
    let (mut lines, mut random) = (Vec::new(), Random::new(3));
    for n in 0..count {
        let mut event = canary::event(n);
        // Over thirty days; some come half a day late.
        let seconds = n * 30 * 86_400 / count;
        let seconds = if n % 41 == 0 { seconds.saturating_sub(43_200) } else { seconds };
        let (day, second) = (1 + seconds / 86_400, seconds % 86_400);
        // Some people fall silent for days.
        if n % canary::PARTICIPANTS < 5 && (10..14).contains(&day) {
            continue;
        }
        let (hour, minute) = (second / 3600, second / 60 % 60);
        event["time"] = json!(format!("2026-03-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60));
        event["pain"] = json!(random.below(11));
        event["slept"] = json!("2026-01-01T00:00:00Z");
        // Of the first version the source says it.
        let version = n / 7 % 3 + 1;
        if version > 1 {
            event["v"] = json!(version);
        }
        match n % 100 {
            7 => event["pain"] = json!("CANARY-pain"),
            11 => event["note"] = json!("LOUD"),
            13 => event["who"] = json!(format!("CANARY-stranger-{n}")),
            17 => event["site"] = json!(" NORTH "),
            19 => lines.push(format!("CANARY no event at all CANARY-who-{}", n % canary::PARTICIPANTS)),
            23 => lines.push(event.to_string()),
            29 => event["v"] = json!(9),
            31 => event["slept"] = json!("2027-01-01T00:00:00Z"),
            37 => event["pain"] = json!(-99),
            _ => {}
        }
        if let Some(members) = event.as_object_mut().filter(|_| version < 3)
            && let Some(who) = members.remove("who")
        {
            members.insert("subject".into(), who);
        }
        lines.push(event.to_string());
    }
    std::fs::write(path, lines.join("\n") + "\n").context("write the visits")
}

#[test]
fn privacy_rules_anomalies_and_versions_come_to_the_same_however_often_the_process_is_killed()
-> anyhow::Result<()> {
    let (runs, events) = (setting("TRANSECT_SOAK_RUNS", 4), setting("TRANSECT_SOAK_EVENTS", 30_000) / 10);
    let folder = tempfile::tempdir()?;
    let (input, keys) = (folder.path().join("visits.ndjson"), folder.path().join("keys"));
    write_visits(&input, events)?;
    let up = |name: &str, threads: u64| {
        let up =
            Up::new(&manifests("everything"), &folder.path().join(name)).input("web", &input).arg("--drain");
        let up = up.arg("--keys").arg(&keys.display().to_string()).arg(&format!("--threads={threads}"));
        up.arg(&format!("--epoch-bytes={}", events * 12)).arg("--commit-interval=5")
    };
    let undisturbed = up("undisturbed", 2);
    let started = Instant::now();
    let output = undisturbed.run()?;
    let mut whole = started.elapsed();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = Outcome::read(&undisturbed.out, &[])?;
    let reasons: Vec<&str> = expected.ledger["total"]["reasons"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(word, _)| word.as_str())
        .collect();
    for reason in ["Malformed", "UnknownSchemaVersion", "SchemaViolation", "Rule"] {
        ensure!(reasons.contains(&reason), "nothing was refused as {reason}: {}", expected.ledger);
    }
    ensure!(expected.ledger["addsUp"] == true && expected.total("flagged") > 0, "{}", expected.ledger);
    ensure!(
        expected.ledger["alerts"].as_object().is_some_and(|alerts| alerts.len() == 4),
        "{}",
        expected.ledger
    );
    canary::nowhere(
        &[&undisturbed.out, &undisturbed.state, &keys],
        &[output.stdout, output.stderr].concat(),
    )?;

    let mut random = Random::new(29);
    let (mut kills, mut run) = (0, 0);
    while run < runs {
        let disturbed = up("disturbed", 1 + run % 3);
        for folder in [&disturbed.out, &disturbed.state] {
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        // Identities, and so nonces, hang on this key; those of participants are in the folder of keys.
        std::fs::create_dir_all(&disturbed.state)?;
        std::fs::copy(undisturbed.state.join("key"), disturbed.state.join("key"))?;
        let before = kills;
        for _ in 0..1 + random.below(4) {
            let started = Instant::now();
            let mut child = disturbed.start()?;
            let moment = Duration::from_micros(random.below(whole.as_micros() as u64));
            if wait_for(&mut child, moment)?.is_none() {
                child.kill()?;
                kills += u64::from(child.wait()?.signal() == Some(9));
            } else if kills == before {
                whole = whole.min(started.elapsed());
                break;
            }
        }
        if kills == before {
            continue;
        }
        let output = disturbed.run()?;
        ensure!(output.status.success(), "run {run}: {}", String::from_utf8_lossy(&output.stderr));
        let outcome = Outcome::read(&disturbed.out, &[]).with_context(|| format!("run {run}"))?;
        outcome.same_as(&expected, &[]).with_context(|| format!("run {run}, after its kills"))?;
        canary::nowhere(&[&disturbed.out, &disturbed.state, &keys], &[output.stdout, output.stderr].concat())
            .with_context(|| format!("run {run}"))?;
        run += 1;
        progress(&format!("everything soak: {run} of {runs} runs, {kills} kills"));
    }
    Ok(())
}

/// Ids that the gateway has acknowledged as accepted.
type Acknowledged = Arc<Mutex<BTreeMap<String, u64>>>;

/// Posts events one after the other, each until it is acknowledged, until told to stop.
fn post_until(
    stop: &AtomicBool,
    address: &SocketAddr,
    client: u64,
    next: &AtomicU64,
    acknowledged: &Acknowledged,
) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(2)))
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("http://{address}/v1/studies/faults/events");
    let mut random = Random::new(client);
    while !stop.load(Ordering::Acquire) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let (id, minute) = (format!("e{number:08}"), number / 60 % 1440);
        let body = format!(
            r#"{{"id":"{id}","station":{{"name":"s{:02}","kind":"fixed"}},"time":"2026-02-01T{:02}:{:02}:{:02}Z","value":{},"count":1}}"#,
            client % 20,
            minute / 60,
            minute % 60,
            number % 60,
            random.below(1000),
        );
        while !stop.load(Ordering::Acquire) {
            let answer = agent.post(&url).content_type("application/json").send(&body);
            match answer {
                Ok(answer) if answer.status().is_success() => {
                    if let Ok(mut ids) = acknowledged.lock() {
                        *ids.entry(id).or_default() += 1;
                    }
                    break;
                }
                // Killed, restarting or busy: the client tries again, as real ones do.
                _ => thread::park_timeout(Duration::from_millis(5)),
            }
        }
    }
}

#[test]
fn what_the_gateway_acknowledged_is_stored_once_however_often_it_is_killed() -> anyhow::Result<()> {
    let kills = setting("TRANSECT_SOAK_RUNS", 5);
    let folder = tempfile::tempdir()?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let up = Up::new(&manifests("fault"), folder.path()).arg("--listen").arg(&address.to_string());
    let stop = Arc::new(AtomicBool::new(false));
    let (next, acknowledged) = (Arc::new(AtomicU64::new(0)), Acknowledged::default());
    let mut clients = Vec::new();
    for client in 0..4 {
        let (stop, next, acknowledged) = (Arc::clone(&stop), Arc::clone(&next), Arc::clone(&acknowledged));
        clients.push(thread::spawn(move || post_until(&stop, &address, client, &next, &acknowledged)));
    }
    let count = || acknowledged.lock().map_or(0, |ids| ids.len());

    let mut random = Random::new(13);
    for kill in 0..kills {
        let mut child = up.start()?;
        let before = count();
        // Somewhere after it has begun to answer.
        let deadline = Instant::now() + Duration::from_secs(60);
        let wanted = before + 1 + random.below(200) as usize;
        while count() < wanted {
            ensure!(Instant::now() < deadline, "nothing was acknowledged for a minute");
            if let Some(status) = child.try_wait()? {
                bail!("the process ended by itself with {status}");
            }
            thread::park_timeout(Duration::from_micros(200 + random.below(2000)));
        }
        child.kill()?;
        child.wait()?;
        progress(&format!("gateway soak: {} of {kills} kills, {} events", kill + 1, count()));
    }

    // The clients finish what they have begun, then the process ends in good order.
    let mut child = up.start()?;
    let before = count();
    let deadline = Instant::now() + Duration::from_secs(60);
    while count() < before + 10 {
        ensure!(Instant::now() < deadline, "nothing was acknowledged for a minute");
        thread::park_timeout(Duration::from_millis(1));
    }
    stop.store(true, Ordering::Release);
    for client in clients {
        ensure!(client.join().is_ok(), "a client panicked");
    }
    terminate(&mut child)?;
    check_stored(&up, &acknowledged)
}

fn check_stored(up: &Up, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let mut stored: BTreeMap<String, u64> = BTreeMap::new();
    let mut rows = 0;
    for path in files(&up.out.join("table"), "parquet")? {
        for batch in batches(&path)? {
            let ids =
                batch.column_by_name("id").context("the table has no column id")?.as_string::<i32>().clone();
            for id in ids.iter().flatten() {
                *stored.entry(id.to_owned()).or_default() += 1;
                rows += 1;
            }
        }
    }
    if let Some((id, times)) = stored.iter().find(|(_, times)| **times != 1) {
        bail!("{id} is stored {times} times");
    }
    let acknowledged = acknowledged.lock().map_err(|_| anyhow::anyhow!("a client panicked"))?;
    for id in acknowledged.keys() {
        ensure!(stored.contains_key(id), "{id} was acknowledged and is not stored");
    }
    let ledger: serde_json::Value = serde_json::from_slice(&std::fs::read(up.out.join("ledger.json"))?)?;
    ensure!(ledger["addsUp"] == true, "the ledger does not add up: {ledger}");
    ensure!(
        ledger["total"]["accepted"] == rows,
        "the table has {rows} rows, and the ledger says {}",
        ledger["total"]
    );
    ensure!(ledger["total"]["read"].as_u64() >= Some(acknowledged.len() as u64), "{ledger}");
    Ok(())
}
