//! Rules of a study, from the manifest to the table, the rejects and the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use serde_json::{Value, json};
use transect_e2e::command::{Up, manifests, transect, wait_for};
use transect_e2e::outcome::{Outcome, batches, files};
use transect_e2e::serving::Serving;

/// An interview: its fields beside id and start, and what becomes of it: `!` and the rule that refuses it, or the flags.
const INTERVIEWS: [(&str, &str); 18] = [
    (r#""end": "2026-03-01T10:30:00Z", "age": 30, "work": "full""#, ""),
    (r#""end": "2026-03-01T09:59:59.999999Z""#, "!ends-after-start /end"),
    (r#""end": "2026-03-01T12:00:00+02:00""#, ""),
    (r#""end": null"#, ""),
    (r#""end": "2026-03-01T13:00:00Z""#, "long"),
    (r#""age": 14, "work": "part""#, "!children-do-not-work /age"),
    (r#""age": 14, "work": "none""#, ""),
    (r#""age": null, "work": "part""#, ""),
    (r#""work": "part""#, ""),
    (r#""age": 14"#, ""),
    // The first rule of the manifest that it breaks counts.
    (r#""age": 3, "work": "full", "end": "2026-03-01T09:00:00Z", "home": {}"#, "!ends-after-start /end"),
    (r#""home": {}"#, "!rooms-known /home"),
    (r#""home": {"rooms": 0, "people": 2}"#, "!rooms-known /home"),
    (r#""home": {"rooms": 2}"#, ""),
    (r#""visits": [{"site": "a", "minutes": 4.9}], "tags": ["a"]"#, "short-visit"),
    (
        r#""visits": [{"site": "a", "minutes": 5}, {"site": null}, {"site": "c", "minutes": 1}], "tags": ["a"]"#,
        "short-visit sites-tagged",
    ),
    (r#""visits": [{"site": "b"}], "end": "2026-03-02T10:00:00Z", "tags": []"#, "long sites-tagged"),
    (r#""visits": [{"site": "b"}]"#, ""),
];

fn interview(id: usize, fields: &str) -> String {
    format!(r#"{{"id": "i{id:05}", "start": "2026-03-01T10:00:00Z", {fields}}}"#)
}

/// Interviews by turns, so many of each, among them lines that are no events and, at last, all once more.
fn write_interviews(path: &Path, rounds: usize) -> anyhow::Result<()> {
    let kinds = INTERVIEWS.len();
    let mut text = String::new();
    for id in (0..rounds * kinds).chain(0..rounds * kinds) {
        text += &interview(id, INTERVIEWS[id % kinds].0);
        text += if id % 1000 == 999 { "\n{\n" } else { "\n" };
    }
    fs::write(path, text).context("write the interviews")
}

/// The flags of each row, by its id.
fn flags(out: &Path, table: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for path in files(&out.join("table").join(table), "parquet")? {
        for batch in batches(&path)? {
            let ids = batch.column_by_name("id").context("there is no column id")?.as_string::<i32>();
            let lists = batch.column_by_name("_flags").context("there is no column _flags")?.as_list::<i32>();
            for row in 0..batch.num_rows() {
                let names = lists.value(row);
                let names: Vec<&str> = names.as_string::<i32>().iter().flatten().collect();
                ensure!(lists.is_valid(row), "a row without a list");
                let before = found.insert(ids.value(row).to_owned(), names.join(" "));
                ensure!(before.is_none(), "{} is there twice", ids.value(row));
            }
        }
    }
    Ok(found)
}

#[test]
fn rules_refuse_and_flag_whatever_the_threads_and_kills() -> anyhow::Result<()> {
    let rounds = 600;
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("interviews.ndjson");
    write_interviews(&input, rounds)?;
    let up = |name: &str, threads: u64| {
        let up = Up::new(&manifests("rules"), &folder.path().join(name)).input("web", &input).arg("--drain");
        up.arg(&format!("--threads={threads}")).arg("--epoch-bytes=100000").arg("--commit-interval=5")
    };
    let one = up("one", 1);
    one.succeed()?;
    let outcome = Outcome::read(&one.out, &[])?;

    let mut expected = BTreeMap::new();
    let mut rules: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for id in 0..rounds * INTERVIEWS.len() {
        let fate = INTERVIEWS[id % INTERVIEWS.len()].1;
        match fate.strip_prefix('!').and_then(|refused| refused.split(' ').next()) {
            // Each is there twice, and a refused one is no repeat of itself.
            Some(rule) => rules.entry(rule).or_default()[0] += 2,
            None => {
                expected.insert(format!("i{id:05}"), fate.to_owned());
                fate.split_whitespace().for_each(|rule| rules.entry(rule).or_default()[1] += 1);
            }
        }
    }
    ensure!(flags(&one.out, "answer")? == expected, "the flags differ");
    let counted = outcome.ledger["rules"]["answer"].as_object().context("no rules in the ledger")?;
    ensure!(counted.len() == rules.len(), "{counted:?}");
    for (rule, [rejected, flagged]) in &rules {
        let count = |what: &str| counted[*rule][what].as_u64().unwrap_or_default();
        ensure!([count("rejected"), count("flagged")] == [*rejected, *flagged], "{rule}: {counted:?}");
    }
    let flagged = expected.values().filter(|flags| !flags.is_empty()).count() as u64;
    let total = &outcome.ledger["total"];
    ensure!(total["flagged"] == flagged && total["accepted"] == expected.len() as u64, "{total}");
    ensure!(total["duplicate"] == expected.len() as u64 && outcome.ledger["addsUp"] == true, "{total}");
    for line in outcome.rejected.iter().filter(|line| !line.contains("Malformed")) {
        let line: Value = serde_json::from_str(line)?;
        let original = line["original"].as_str().unwrap_or_default();
        let (fields, fate) = INTERVIEWS
            .iter()
            .find(|(fields, _)| original.ends_with(&format!("Z\", {fields}}}")))
            .with_context(|| format!("not one of the interviews: {line}"))?;
        let told = format!(
            "!{} {}",
            line["keyword"].as_str().unwrap_or("?"),
            line["pointer"].as_str().unwrap_or("?")
        );
        ensure!(line["reason"] == "Rule" && told == *fate, "{fields}: {line}");
        let message = match told.as_str() {
            "!ends-after-start /end" => "an interview ends after it has begun",
            "!children-do-not-work /age" => r#"event.age >= 15 || event.work == "none""#,
            _ => "!has(event.home) || has(event.home.rooms) && event.home.rooms > 0",
        };
        ensure!(line["message"] == message, "{line}");
    }

    let ledger = transect(&["ledger", "--out", one.out.to_str().context("a path of text")?])?;
    let shown = String::from_utf8_lossy(&ledger.stdout).into_owned();
    let line = shown.lines().find(|line| line.contains("short-visit")).unwrap_or_default();
    ensure!(line.split_whitespace().eq(["answer", "short-visit", "0", "1", "200"]), "{shown}");

    let three = up("three", 3);
    three.succeed()?;
    outcome.same_as(&Outcome::read(&three.out, &[])?, &[])?;

    let killed = up("killed", 2);
    let mut kills = 0;
    for after in [20, 60, 40, 90] {
        let mut child = killed.start()?;
        if wait_for(&mut child, Duration::from_millis(after))?.is_none() {
            child.kill()?;
            child.wait()?;
            kills += 1;
        }
    }
    ensure!(kills > 0, "every run was done before it could be killed");
    killed.succeed()?;
    ensure!(flags(&killed.out, "answer")? == expected, "the flags differ after kills");
    ensure!(Outcome::read(&killed.out, &[])?.ledger == outcome.ledger, "the ledger differs after kills");
    Ok(())
}

#[test]
fn the_gateway_says_which_events_a_rule_refuses() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let up = Up::new(&manifests("rules"), folder.path());
    let serving = Serving::start(&up)?;
    let wrong = r#""end": "2026-03-01T09:00:00Z""#;
    let corrected = r#""end": "2026-03-01T11:00:00Z""#;
    let body = [interview(1, wrong), interview(2, corrected), interview(3, r#""age": -1"#)].join("\n");
    let post = |query: &str, body: &str| -> anyhow::Result<Value> {
        let path = format!("/v1/studies/survey/events?{query}");
        let reply =
            serving.request("POST", &path, &[("content-type", "application/x-ndjson")], body.as_bytes())?;
        ensure!(reply.status == 200, "{reply:?}");
        reply.json()
    };
    let answer = post("source=web", &body)?;
    let refused = json!({
        "index": 0, "status": "rejected", "reason": "Rule", "pointer": "/end", "keyword": "ends-after-start",
        "message": "an interview ends after it has begun",
    });
    ensure!(answer["events"][0] == refused && answer["accepted"] == 1 && answer["rejected"] == 2, "{answer}");
    // Of the identity of a refused event nothing is kept: it comes in once it is corrected.
    ensure!(post("source=web", &interview(1, corrected))?["accepted"] == 1);
    let calls = "{\"at\": \"2026-03-01T10:00:00Z\", \"calls\": 0}\n{\"at\": \"2026-03-01T10:00:00Z\"}";
    ensure!(post("source=calls", calls)?["rejected"] == 1);
    serving.stop()?;

    let outcome = Outcome::read(&up.out, &[])?;
    ensure!(outcome.total("accepted") == 3 && outcome.total("rejected") == 3, "{}", outcome.ledger);
    ensure!(outcome.ledger["rules"]["contact"]["some-calls"]["rejected"] == 1, "{}", outcome.ledger);
    ensure!(flags(&up.out, "answer")?.len() == 2);
    // No rule of this event type flags, so that its table is as it was before there were rules.
    for path in files(&up.out.join("table/contact"), "parquet")? {
        for batch in batches(&path)? {
            ensure!(batch.column_by_name("_flags").is_none(), "{:?}", batch.schema());
        }
    }
    Ok(())
}
