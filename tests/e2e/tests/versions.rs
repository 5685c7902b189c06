//! Events of several schema versions at once, in one table that grows with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use serde_json::Value;
use transect_e2e::command::{Up, manifests, wait_for};
use transect_e2e::outcome::{Outcome, batches, files};
use transect_e2e::serving::Serving;

/// Each version's events: what is sent, and what of it stands in the table: version, at, who, weight, site, rating, left,
/// sleep. `!` and the reason where it is refused.
#[rustfmt::skip]
const ANSWERS: [(&str, &str); 12] = [
    (r#""v": 1, "time": "2026-01-05T08:00:00Z", "who": {"label": "ada"}, "weight": 70, "site": "north", "rating": 3"#,
     "1|2026-01-05T08:00:00|{name: ada, born: }|70.0|north|3||"),
    (r#""at": "2026-01-05T09:00:00Z", "who": {"label": "bo"}, "weight": 70.5, "site": "west", "rating": "good", "night": {"hours": 3}"#,
     "2|2026-01-05T09:00:00|{name: bo, born: }|70.5|west|\"good\"||{hours: 3.0, deep: }"),
    (r#""v": 3, "at": "2026-01-05T10:00:00Z", "who": {"name": "cy", "born": 1990}, "weight": 71, "rating": 4, "left": "x", "sleep": {"hours": 7.5, "deep": 1}"#,
     "3|2026-01-05T10:00:00|{name: cy, born: 1990}|71.0||4|x|{hours: 7.5, deep: 1.0}"),
    (r#""v": "3", "at": "2026-01-05T11:00:00Z", "who": {"name": "cy"}, "sleep": {"hours": 3.5}"#,
     "3|2026-01-05T11:00:00|{name: cy, born: }|||||{hours: 3.5, deep: }"),
    (r#""v": 1, "time": "2026-01-05T12:00:00Z", "who": {"label": "ada"}"#,
     "1|2026-01-05T12:00:00|{name: ada, born: }|||||"),
    // An integer that no double holds stands in `extra`, by its newest name.
    (r#""v": 2, "at": "2026-01-05T13:00:00Z", "who": {"label": "bo"}, "night": {"hours": 9007199254740993}"#,
     "2|2026-01-05T13:00:00|{name: bo, born: }|||||{hours: 9007199254740992.0, deep: }"),
    (r#""v": 1, "time": "2026-01-05T12:00:00Z", "who": {"label": "ada"}, "weight": 70.5"#, "!SchemaViolation"),
    (r#""v": 2, "time": "2026-01-05T12:00:00Z", "who": {"label": "ada"}"#, "!SchemaViolation"),
    (r#""v": 1, "time": "2026-01-05T12:00:00Z", "who": {"label": "ada"}, "weight": 500"#, "!Rule"),
    (r#""v": 4, "at": "2026-01-05T12:00:00Z", "who": {"name": "ada"}"#, "!UnknownSchemaVersion"),
    (r#""v": "new", "at": "2026-01-05T12:00:00Z", "who": {"name": "ada"}"#, "!UnknownSchemaVersion"),
    (r#""v": 1.5, "at": "2026-01-05T12:00:00Z", "who": {"name": "ada"}"#, "!UnknownSchemaVersion"),
];

fn answer(id: usize, fields: &str) -> String {
    format!(r#"{{"id": "a{id:06}", {fields}}}"#)
}

/// The rows of the table by id, as the second halves of `ANSWERS`.
fn rows(out: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let options = FormatOptions::default();
    let mut rows = BTreeMap::new();
    for path in files(&out.join("table/answer"), "parquet")? {
        for batch in batches(&path)? {
            let cells = |name: &str| -> anyhow::Result<Vec<String>> {
                let Some(column) = batch.column_by_name(name) else {
                    return Ok(vec![String::new(); batch.num_rows()]);
                };
                // Times print without their zone, which is UTC.
                let column = match column.data_type() {
                    DataType::Timestamp(unit, _) => cast(column, &DataType::Timestamp(*unit, None))?,
                    _ => column.clone(),
                };
                let formatter = ArrayFormatter::try_new(&column, &options)?;
                Ok((0..batch.num_rows()).map(|row| formatter.value(row).to_string()).collect())
            };
            let names = ["_schema_version", "at", "who", "weight", "site", "rating", "left", "sleep"];
            let columns: Vec<Vec<String>> = names.into_iter().map(cells).collect::<Result<_, _>>()?;
            for (row, id) in cells("id")?.into_iter().enumerate() {
                let cells: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
                ensure!(rows.insert(id.clone(), cells.join("|")).is_none(), "{id} is there twice");
            }
        }
    }
    Ok(rows)
}

/// Answers by turns, so many of each, and at last some of them again; what becomes of them by id.
fn write_answers(path: &Path, rounds: usize) -> anyhow::Result<BTreeMap<String, String>> {
    let count = rounds * ANSWERS.len();
    let mut text = String::new();
    for id in (0..count).chain(0..count / 2) {
        text += &answer(id, ANSWERS[id % ANSWERS.len()].0);
        text.push('\n');
    }
    fs::write(path, text).context("write the answers")?;
    let kept = (0..count).map(|id| (format!("a{id:06}"), ANSWERS[id % ANSWERS.len()].1));
    Ok(kept.filter(|(_, row)| !row.starts_with('!')).map(|(id, row)| (id, row.to_owned())).collect())
}

#[test]
fn each_event_is_judged_by_its_own_version_however_often_the_run_is_killed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("answers.ndjson");
    let expected = write_answers(&input, 2000)?;
    let up = |name: &str, threads: u32| {
        let up = Up::new(&manifests("versions"), &folder.path().join(name)).input("history", &input);
        up.arg("--drain").arg("--threads").arg(&threads.to_string())
    };
    let one = up("one", 1);
    one.succeed()?;
    let found = rows(&one.out)?;
    let wrong = expected.iter().find(|(id, row)| found.get(*id) != Some(row));
    ensure!(wrong.is_none(), "{wrong:?}: {:?}", wrong.and_then(|(id, _)| found.get(id)));
    ensure!(found.len() == expected.len(), "{} rows, not {}", found.len(), expected.len());
    let outcome = Outcome::read(&one.out, &[])?;
    ensure!(outcome.ledger["addsUp"] == true, "{}", outcome.ledger);
    for line in &outcome.rejected {
        let line: Value = serde_json::from_str(line)?;
        let original = line["original"].as_str().unwrap_or_default();
        let sent = ANSWERS.iter().find(|(fields, _)| original.ends_with(&format!(", {fields}}}")));
        let (_, fate) = sent.with_context(|| format!("not one of the answers: {line}"))?;
        ensure!(line["reason"] == fate[1..], "{line}, but {fate}");
        ensure!(line["reason"] != "UnknownSchemaVersion" || line["pointer"] == "/v", "{line}");
    }

    let three = up("three", 3);
    three.succeed()?;
    outcome.same_as(&Outcome::read(&three.out, &[])?, &[])?;

    let killed = up("killed", 2);
    let mut kills = 0;
    for after in [30, 60, 45, 90, 120] {
        let mut child = killed.start()?;
        if wait_for(&mut child, Duration::from_millis(after))?.is_none() {
            child.kill()?;
            child.wait()?;
            kills += 1;
        }
    }
    ensure!(kills > 0, "every run was done before it could be killed");
    killed.succeed()?;
    outcome.same_as(&Outcome::read(&killed.out, &[])?, &[])
}

/// Posts events; whether each is accepted, or the reason why not.
fn post(serving: &Serving, query: &str, body: &str) -> anyhow::Result<Vec<String>> {
    let path = format!("/v1/studies/versions/events{query}");
    let reply =
        serving.request("POST", &path, &[("content-type", "application/x-ndjson")], body.as_bytes())?;
    ensure!(reply.status == 200, "{reply:?}");
    let answer = reply.json()?;
    let events = answer["events"].as_array().context("no verdicts")?;
    let verdict = |event: &Value| event["reason"].as_str().unwrap_or("accepted").to_owned();
    Ok(events.iter().map(verdict).collect())
}

#[test]
fn what_a_request_says_of_the_version_survives_a_kill() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("none.ndjson");
    fs::write(&input, "")?;
    let up = Up::new(&manifests("versions"), folder.path()).input("history", &input);
    let first = r#""time": "2026-01-05T08:00:00Z", "who": {"label": "ada"}, "weight": 70"#;
    let newest = r#""at": "2026-01-05T08:00:00Z", "who": {"name": "ada"}, "weight": 70"#;
    let says = format!(r#""v": 1, {first}"#);
    let serving = Serving::start(&up)?;
    ensure!(post(&serving, "?version=1", &answer(1, first))? == ["accepted"]);
    ensure!(post(&serving, "", &answer(2, newest))? == ["accepted"]);
    ensure!(post(&serving, "", &answer(3, first))? == ["SchemaViolation"]);
    // What the event says goes before what the request says.
    ensure!(
        post(&serving, "?version=3", &[answer(4, newest), answer(5, &says)].join("\n"))? == ["accepted"; 2]
    );
    ensure!(
        post(&serving, "?version=9", &[answer(6, newest), answer(7, &says)].join("\n"))?
            == ["UnknownSchemaVersion", "accepted"]
    );
    let path = "/v1/studies/versions/events?version=new";
    ensure!(serving.request("POST", path, &[], answer(8, newest).as_bytes())?.status == 400);
    // Killed: what was acknowledged is judged once more, by the same versions.
    drop(serving);
    Serving::start(&up)?.stop()?;
    let outcome = Outcome::read(&up.out, &["_received"])?;
    ensure!(outcome.total("accepted") == 5 && outcome.total("rejected") == 2, "{}", outcome.ledger);
    let versions: Vec<String> = rows(&up.out)?.into_values().map(|row| row[..1].to_owned()).collect();
    ensure!(versions == ["1", "3", "3", "1", "1"], "{versions:?}");
    Ok(())
}

/// The manifests of the first versions only, in a folder.
fn manifests_up_to(version: u32, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for name in ["study.yaml", "pipeline.yaml"] {
        fs::copy(manifests("versions").join(name), folder.join(name))?;
    }
    let path = folder.join("study.yaml");
    let text = fs::read_to_string(&path)?;
    let end = text.find(&format!("    - version: {}\n", version + 1)).unwrap_or(text.len());
    let mut text = text[..end].to_owned();
    // As these versions call them.
    if version == 1 {
        text = text.replace("time: /at", "time: /time");
    }
    if version <= 2 {
        text = text.replace("/who/name", "/who/label");
        text =
            text.replace("    - {name: tired, expression: event.sleep.hours < 4.0, otherwise: Flag}\n", "");
    }
    fs::write(path, text)?;
    Ok(())
}

#[test]
fn a_version_that_comes_later_finds_its_windows_and_table_again() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("none.ndjson");
    fs::write(&input, "")?;
    let study = folder.path().join("study");
    let up = Up::new(&study, folder.path()).input("history", &input);
    let event = |version: usize, hour: usize, weight: &str| {
        let at = if version == 1 { "time" } else { "at" };
        let who = if version == 3 { "name" } else { "label" };
        let fields = format!(
            r#""v": {version}, "{at}": "2026-01-05T{hour:02}:00:00Z", "who": {{"{who}": "ada"}}, "weight": {weight}"#
        );
        answer(hour, &fields)
    };
    for (newest, weights) in [(1, ["70", "71"]), (2, ["71", "71.5"]), (3, ["70.5", "72"])] {
        manifests_up_to(newest, &study)?;
        let pipeline = study.join("pipeline.yaml");
        let text = fs::read_to_string(&pipeline)?;
        // Windows over fields of the first version, whose definitions stay the same.
        let text = text.split("    - name: by-name").next().unwrap_or_default().replace("version: 2, ", "");
        fs::write(&pipeline, text)?;
        let serving = Serving::start(&up)?;
        let hour = newest as usize * 2;
        let body = [event(1, hour, "70"), event(newest as usize, hour + 1, weights[1])].join("\n");
        ensure!(post(&serving, "", &body)? == ["accepted"; 2], "version {newest}");
        // Half of the runs end in good order.
        if newest == 2 { drop(serving) } else { serving.stop()? }
    }
    up.clone().arg("--drain").succeed()?;
    let outcome = Outcome::read(&up.out, &[])?;
    let daily: Vec<_> = outcome.windows["daily"].values().collect();
    let [(words, floats)] = daily.as_slice() else { anyhow::bail!("{daily:?}") };
    ensure!(words == &["6", "4"], "{words:?}");
    ensure!(floats == &[Some(424.5), Some(72.0), Some(72.0)], "{floats:?}");
    ensure!(rows(&up.out)?.len() == 6);
    Ok(())
}
