//! Personal fields, from the manifest to every file: canaries stand in all of them, and must be found nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use serde_json::{Value, json};
use transect_e2e::canary::{self, CANARY, PARTICIPANTS, event, holds};
use transect_e2e::command::{Up, binary, manifests, wait_for};
use transect_e2e::events::Random;
use transect_e2e::outcome::{Outcome, batches, files};
use transect_e2e::serving::Serving;

/// Events with every way out: accepted, repeated, refused by schema and by rule, and no events at all.
fn write_events(path: &Path, count: u64) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for n in 0..count {
        let mut event = event(n);
        match n % 50 {
            7 => event["pain"] = json!("CANARY-pain"),
            11 => event["note"] = json!("LOUD"),
            13 => event["who"] = json!(format!("CANARY-stranger-{n}")),
            17 => event["site"] = json!("CANARY-site"),
            19 => lines.push(format!("CANARY no event at all CANARY-who-{}", n % PARTICIPANTS)),
            23 => lines.push(event.to_string()),
            29 => event["id"] = Value::Null,
            _ => {}
        }
        lines.push(event.to_string());
    }
    fs::write(path, lines.join("\n") + "\n").context("write the events")
}

fn transect(args: &[&str]) -> anyhow::Result<std::process::Output> {
    Command::new(binary()?).args(args).output().context("run transect")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

struct Run {
    up: Up,
    keys: PathBuf,
}

impl Run {
    fn new(folder: &Path, name: &str, input: &Path, keys: &Path) -> Self {
        let up = Up::new(&manifests("privacy"), &folder.join(name)).input("web", input).arg("--drain");
        let up = up.arg("--epoch-bytes=40000").arg("--commit-interval=5").arg("--keys").arg(path(keys));
        Self { up, keys: keys.to_owned() }
    }

    /// Names and identities hang on the pipeline key: two runs compare if they have the same.
    fn with_key_of(self, other: &Self) -> anyhow::Result<Self> {
        fs::create_dir_all(&self.up.state)?;
        fs::copy(other.up.state.join("key"), self.up.state.join("key"))?;
        Ok(self)
    }

    fn erase(&self, who: &str) -> anyhow::Result<Value> {
        let (out, state) = (path(&self.up.out), path(&self.up.state));
        let output = transect(&[
            "erase",
            who,
            "--out",
            out,
            "--state",
            state,
            "--keys",
            path(&self.keys),
            "-o",
            "json",
        ])?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        ensure!(!holds(&output.stdout, CANARY.as_bytes()) && !holds(&output.stderr, CANARY.as_bytes()));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// A column of the table, by id.
    fn column(&self, name: &str) -> anyhow::Result<BTreeMap<String, Option<String>>> {
        let mut found = BTreeMap::new();
        for path in files(&self.up.out.join("table"), "parquet")? {
            for batch in batches(&path)? {
                let ids = batch.column_by_name("id").context("no id")?.as_string::<i32>();
                let column = batch.column_by_name(name).with_context(|| format!("no {name}"))?;
                let column = column.as_string::<i32>();
                for row in 0..batch.num_rows() {
                    let value = column.is_valid(row).then(|| column.value(row).to_owned());
                    found.insert(ids.value(row).to_owned(), value);
                }
            }
        }
        Ok(found)
    }
}

#[test]
fn nothing_personal_is_kept_in_the_clear_whatever_the_kills_and_nothing_opens_after_an_erasure()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (input, keys) = (folder.path().join("visits.ndjson"), folder.path().join("keys"));
    write_events(&input, 3000)?;
    let one = Run::new(folder.path(), "one", &input, &keys);
    let started = Instant::now();
    let output = one.up.run()?;
    let whole = started.elapsed();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    canary::nowhere(&[&one.up.out, &one.up.state, &keys], &[&output.stdout[..], &output.stderr].concat())?;
    let expected = Outcome::read(&one.up.out, &[])?;
    ensure!(expected.ledger["addsUp"] == true && expected.total("duplicate") == 60, "{}", expected.ledger);
    ensure!(expected.total("rejected") == 360, "{}", expected.ledger);
    ensure!(files(&one.up.out.join("archive"), "avro")?.len() == 1);

    // The same participant has the same pseudonym, and no value shows that it is the same as another.
    let who = one.column("who")?;
    ensure!(who.values().flatten().collect::<BTreeSet<_>>().len() == PARTICIPANTS as usize);
    let mail = one.column("mail")?;
    ensure!(mail.values().flatten().collect::<BTreeSet<_>>().len() == mail.len());
    ensure!(one.column("zip")?.values().flatten().all(|zip| zip == "10"));

    // Killed again and again, with the same keys, the same bytes come out.
    let mut random = Random::new(5);
    let mut kills = 0;
    for run in 0..3 {
        let other = Run::new(folder.path(), &format!("killed-{run}"), &input, &keys).with_key_of(&one)?;
        for _ in 0..4 {
            let mut child = other.up.start()?;
            if wait_for(&mut child, Duration::from_micros(random.below(whole.as_micros() as u64)))?.is_none()
            {
                child.kill()?;
                kills += u64::from(child.wait()?.signal() == Some(9));
            }
        }
        let output = other.up.run()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Outcome::read(&other.up.out, &[])?.same_as(&expected, &[])?;
        canary::nowhere(&[&other.up.out, &other.up.state], &[&output.stdout[..], &output.stderr].concat())?;
    }
    ensure!(kills > 0, "no run was killed");

    // Rejects are explained without their content, and in full to who has the keys.
    let out = path(&one.up.out);
    let shown = transect(&["rejected", "show", "1", "--out", out])?;
    ensure!(!holds(&shown.stdout, CANARY.as_bytes()) && holds(&shown.stdout, b"sealed"));
    let shown = transect(&["rejected", "show", "1", "--out", out, "--keys", path(&keys)])?;
    ensure!(holds(&shown.stdout, CANARY.as_bytes()), "{}", String::from_utf8_lossy(&shown.stderr));
    let listed = transect(&["rejected", "list", "--out", out])?;
    ensure!(holds(&listed.stdout, b"note-not-shouted") && !holds(&listed.stdout, CANARY.as_bytes()));

    // The archive gives back what came, line for line.
    let archived = files(&one.up.out.join("archive"), "avro")?;
    let unseal = || transect(&["unseal", "--keys", path(&keys), path(&archived[0])]);
    let lines = |text: &[u8]| {
        let mut lines: Vec<String> = String::from_utf8_lossy(text).lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    ensure!(lines(&unseal()?.stdout) == lines(&fs::read(&input)?), "the archive holds something else");

    // Erased: what the participant's key opened opens no more, and what had no key of theirs is gone.
    let before = one.column("note")?;
    let erasure = one.erase("CANARY-who-19")?;
    let count = |name: &str| erasure[name].as_u64().unwrap_or(0);
    ensure!(erasure["hadKey"] == true && count("values") > 100 && count("pieces") > 0, "{erasure}");
    ensure!(count("rejects") > 0 && count("unclaimed") > 0 && count("stillOpen") == 0, "{erasure}");
    let left = lines(&unseal()?.stdout);
    let named = |lines: &[String]| lines.iter().filter(|line| line.contains("CANARY-who-19\"")).count();
    ensure!(named(&left) == 0 && named(&lines(&fs::read(&input)?)) > 50 && left.len() > 2500);
    ensure!(one.column("note")? == before, "the table itself is not touched");
    canary::nowhere(&[&one.up.out, &one.up.state, &keys], b"")?;
    let again = one.erase("CANARY-who-19")?;
    ensure!(again["hadKey"] == false && again["values"] == 0 && again["stillOpen"] == 0, "{again}");
    let left = transect(&["rejected", "list", "--each", "--out", out, "-o", "json"])?;
    let left: Vec<Value> = serde_json::from_slice(&left.stdout)?;
    ensure!(left.len() == 360, "rejects stay counted: {}", left.len());
    for n in (1..=left.len()).step_by(7) {
        let shown = transect(&["rejected", "show", &n.to_string(), "--out", out, "--keys", path(&keys)])?;
        ensure!(!holds(&shown.stdout, b"CANARY-who-19\""), "reject {n} still names them");
    }
    Ok(())
}

#[test]
fn posts_are_sealed_and_the_erased_are_refused() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("keys");
    let up = Up::new(&manifests("privacy"), folder.path()).arg("--keys").arg(path(&keys));
    let run = Run { up: up.clone(), keys: keys.clone() };
    let post = |serving: &Serving, from: u64, to: u64| -> anyhow::Result<Value> {
        let events: Vec<Value> = (from..to).map(event).collect();
        let body = serde_json::to_vec(&events)?;
        let headers = [("content-type", "application/json")];
        let reply = serving.request("POST", "/v1/studies/clinic/events", &headers, &body)?;
        ensure!(reply.status == 200, "{reply:?}");
        reply.json()
    };
    let serving = Serving::start(&up)?;
    for at in 0..10 {
        post(&serving, at * 80, at * 80 + 80)?;
    }
    let refused =
        json!([{"id": "x", "time": "2026-03-01T00:00:00Z", "who": "CANARY-who-1", "pain": "CANARY"}]);
    let headers = [("content-type", "application/json")];
    let reply =
        serving.request("POST", "/v1/studies/clinic/events", &headers, refused.to_string().as_bytes())?;
    ensure!(reply.text.contains("SchemaViolation"), "{reply:?}");
    // While it runs nothing can be erased: what it holds in memory would come after.
    let busy = run.erase("CANARY-who-1").unwrap_err().to_string();
    ensure!(busy.contains("in use by another transect process"), "{busy}");
    canary::nowhere(&[&up.state, &keys], b"")?;
    serving.stop()?;
    up.clone().arg("--drain").succeed()?;
    canary::nowhere(&[&up.out, &up.state, &keys], b"")?;
    ensure!(Outcome::read(&up.out, &[])?.total("accepted") == 800);

    let erasure = run.erase("CANARY-who-1")?;
    ensure!(erasure["hadKey"] == true && erasure["rejects"] == 1 && erasure["stillOpen"] == 0, "{erasure}");
    let serving = Serving::start(&up)?;
    post(&serving, 800, 880)?;
    serving.stop()?;
    up.clone().arg("--drain").succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    let erased = outcome.rejected.iter().filter(|line| line.contains("ParticipantErased")).count();
    ensure!(erased == 2 && outcome.total("accepted") == 878, "{erased}: {}", outcome.ledger);
    canary::nowhere(&[&up.out, &up.state, &keys], b"")
}

#[test]
fn keys_rotate_and_are_never_made_again() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (first, second) = (folder.path().join("1.ndjson"), folder.path().join("2.ndjson"));
    let keys = folder.path().join("keys");
    let write = |file: &Path, from: u64, to: u64| {
        fs::write(file, (from..to).map(|n| format!("{}\n", event(n))).collect::<String>())
    };
    write(&first, 0, 200)?;
    write(&second, 150, 350)?;
    let run = Run::new(folder.path(), "run", &first, &keys);
    run.up.succeed()?;
    let old = run.column("who")?;

    // Rotation: new pseudonyms say so; identities do not change, so that repeats are still repeats.
    fs::write(keys.join("v2"), "ab".repeat(32))?;
    let run = Run { up: run.up.input("web", &second), keys: keys.clone() };
    run.up.succeed()?;
    let outcome = Outcome::read(&run.up.out, &[])?;
    ensure!(outcome.total("accepted") == 350 && outcome.total("duplicate") == 50, "{}", outcome.ledger);
    let new = run.column("who")?;
    ensure!(
        old.iter().all(|(id, who)| new[id] == *who && who.as_ref().is_some_and(|who| who.starts_with("1-")))
    );
    ensure!(new["e300"].as_ref().is_some_and(|who| who.starts_with("2-")), "{:?}", new["e300"]);
    let erasure = run.erase("CANARY-who-3")?;
    ensure!(erasure["values"].as_u64() > Some(10) && erasure["stillOpen"] == 0, "{erasure}");

    // Lost keys stop the pipeline, and none is made in their place.
    let kept = fs::read(keys.join("v1"))?;
    fs::remove_file(keys.join("v1"))?;
    let said = run.up.fail()?;
    ensure!(said.contains("PseudonymKeyMissing") && said.contains("v1 is missing"), "{said}");
    ensure!(!keys.join("v1").exists());
    fs::write(keys.join("v1"), "cd".repeat(32))?;
    let said = run.up.fail()?;
    ensure!(said.contains("is another key than before"), "{said}");
    fs::write(keys.join("v1"), "no key")?;
    let said = run.up.fail()?;
    ensure!(said.contains("is no key; write 64 hex digits"), "{said}");
    fs::write(keys.join("v1"), kept)?;
    run.up.succeed()?;
    Ok(())
}
