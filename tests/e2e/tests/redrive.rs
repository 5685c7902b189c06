//! Refused events are taken back in: by corrected manifests, and corrected themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow_array::cast::AsArray;
use serde_json::{Value, json};
use transect_e2e::command::{Up, binary, manifests, wait_for};
use transect_e2e::formats::{avro, cloud_events};
use transect_e2e::outcome::{Outcome, batches, files};

/// A pipeline whose manifests may be corrected.
struct Study {
    folder: tempfile::TempDir,
    up: Up,
}

impl Study {
    fn new(manifest: &str, input: &str, name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (study, file) = (folder.path().join("study"), folder.path().join(name));
        fs::create_dir(&study)?;
        for entry in fs::read_dir(manifests(manifest))? {
            let entry = entry?;
            fs::copy(entry.path(), study.join(entry.file_name()))?;
        }
        fs::write(&file, input)?;
        let up = Up::new(&study, folder.path()).input("web", &file).arg("--drain");
        Ok(Self { folder, up })
    }

    fn correct(&self, file: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let path = self.folder.path().join("study").join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).context("write the manifest")
    }

    fn rejected(&self, args: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(binary()?);
        command.arg("rejected").args(args).arg("--out").arg(&self.up.out);
        if args[0] == "redrive" {
            command.arg("--state").arg(&self.up.state);
        }
        command.output().context("run transect rejected")
    }

    /// The numbers of the open rejects.
    fn open(&self) -> anyhow::Result<Vec<u64>> {
        let listed = self.rejected(&["list", "--each", "-o", "json"])?;
        let listed: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
        Ok(listed.iter().filter_map(|event| event["number"].as_u64()).collect())
    }

    fn redrive(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.rejected(&[&["redrive"], args].concat())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &said)
    }

    fn ids(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut ids = BTreeSet::new();
        for path in files(&self.up.out.join("table"), "parquet")? {
            for batch in batches(&path)? {
                let column = batch.column_by_name("id").context("no id")?.as_string::<i32>();
                for id in column.iter().flatten() {
                    ensure!(ids.insert(id.to_owned()), "{id} is there twice");
                }
            }
        }
        Ok(ids)
    }
}

fn reading(id: &str, value: impl Into<Value>) -> String {
    json!({"id": id, "time": "2026-03-01T10:00:00Z", "value": value.into()}).to_string()
}

#[test]
fn corrected_manifests_and_corrected_events_close_rejects() -> anyhow::Result<()> {
    let lines = [
        reading("a", 1),
        reading("b", 150),
        reading("c", -5),
        reading("d", "x"),
        "{\"id\": \"e\"".to_owned(),
        reading("f", 160),
    ];
    let study = Study::new("redrive", &(lines.join("\n") + "\n"), "in.ndjson")?;
    study.up.succeed()?;
    ensure!(study.open()? == [1, 2, 3, 4, 5] && study.ids()?.len() == 1);

    // The manifest was wrong: what it refused is read again, as it came.
    study.correct("study.yaml", "maximum: 100", "maximum: 200")?;
    let said = study.redrive(&["--reason", "SchemaViolation"])?;
    ensure!(said.contains("3 events will be read again"), "{said}");
    ensure!(study.open()? == [1, 2, 3, 4, 5], "nothing is closed before it is accepted");
    study.up.succeed()?;
    // Of these d is refused anew, as another reject.
    ensure!(study.open()? == [2, 4, 6], "{:?}", study.open()?);
    ensure!(study.ids()?.into_iter().collect::<String>() == "abf");
    let listed = study.rejected(&["list", "--each", "--all", "-o", "json"])?;
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
    ensure!(listed.len() == 6 && listed[5]["redrive_of"] == 3, "{listed:?}");

    // The events were wrong: corrected ones take their place.
    let corrected = study.folder.path().join("corrected.ndjson");
    let line = |number: u64, event: String| format!("{{\"number\": {number}, \"event\": {event}}}\n");
    fs::write(&corrected, line(2, reading("c", 5)) + &line(4, reading("e", 7)) + &line(6, reading("a", 1)))?;
    let corrections = ["--corrected", corrected.to_str().unwrap_or_default()];
    study.redrive(&corrections)?;
    // Killed in between, and started again.
    let mut child = study.up.start()?;
    if wait_for(&mut child, Duration::from_millis(15))?.is_none() {
        child.kill()?;
        child.wait()?;
    }
    study.up.succeed()?;
    ensure!(study.open()?.is_empty(), "{:?}", study.open()?);
    ensure!(study.ids()?.into_iter().collect::<String>() == "abcef");
    let outcome = Outcome::read(&study.up.out, &[])?;
    // The repeat of an accepted event closes its reject, too.
    ensure!(outcome.total("duplicate") == 1 && outcome.ledger["addsUp"] == true, "{}", outcome.ledger);
    let said = study.redrive(&corrections)?;
    ensure!(said.contains("reject 2 was taken back in before") && said.contains("0 events"), "{said}");
    Ok(())
}

#[test]
fn says_what_cannot_be_taken_back_in() -> anyhow::Result<()> {
    let large = reading("large", "x".repeat(300_000));
    let study = Study::new("redrive", &format!("{large}\n[1\n\u{fffd}\n"), "in.ndjson")?;
    study.up.succeed()?;
    for (args, said) in [
        (vec!["redrive"], "say which"),
        (vec!["redrive", "1"], "only the beginning of it was kept; send it again from its source"),
        (vec!["redrive", "2"], "it is not one event that could be read again; give a corrected event"),
        (vec!["redrive", "9"], "there is no reject number 9"),
        (vec!["redrive", "--corrected", "/nowhere"], "open /nowhere"),
        (
            vec!["redrive", "--corrected", "bad.ndjson"],
            "bad.ndjson line 2: write {\"number\": N, \"event\": {…}}",
        ),
        (vec!["redrive", "--corrected", "twice.ndjson"], "line 2: reject 1 is corrected twice"),
    ] {
        let bad = study.folder.path().join("bad.ndjson");
        fs::write(&bad, "{\"number\": 1, \"event\": {}}\n{\"number\": 2}\n")?;
        fs::write(study.folder.path().join("twice.ndjson"), "{\"number\": 1, \"event\": {}}\n".repeat(2))?;
        let args: Vec<String> = args
            .iter()
            .map(|arg| {
                if arg.ends_with(".ndjson") {
                    study.folder.path().join(arg).display().to_string()
                } else {
                    (*arg).to_owned()
                }
            })
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = study.rejected(&args)?;
        let found = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && found.contains(said), "{args:?}: {found}");
    }
    ensure!(study.open()?.len() == 3);
    Ok(())
}

#[test]
fn events_of_other_formats_and_sealed_ones_come_back_too() -> anyhow::Result<()> {
    let lines = [reading("a", 150), reading("b", 160)].join("\n") + "\n";
    let inputs: [(&str, Vec<u8>, &str); 3] = [
        (
            "in.csv",
            b"id,time,value\na,2026-03-01T10:00:00Z,150\nb,2026-03-01T10:00:00Z,160\n".to_vec(),
            "Csv",
        ),
        ("in.json", cloud_events(&lines).into_bytes(), "CloudEvents"),
        ("in.avro", avro(&lines)?, "Avro"),
    ];
    for (name, bytes, format) in inputs {
        for private in [false, true] {
            let study = Study::new("redrive", "", name)?;
            fs::write(study.folder.path().join(name), &bytes)?;
            let source = format!("files: {{paths: [../{name}], format: {format}}}");
            study.correct("study.yaml", "http: {}", &source)?;
            if private {
                let rules =
                    "  privacy: [{field: /value, treatment: Generalise, generalise: {step: 100}}]\n  rules:";
                study.correct("study.yaml", "  rules:", rules)?;
                let archive = "  sources:";
                study.correct(
                    "study.yaml",
                    archive,
                    "  storage: {cold: {table: {}, archive: {}}}\n  sources:",
                )?;
            }
            let study = Study {
                up: Up::new(&study.folder.path().join("study"), study.folder.path()).arg("--drain"),
                ..study
            };
            study.up.succeed()?;
            ensure!(study.open()? == [1, 2], "{name}: {:?}", study.open()?);
            study.correct("study.yaml", "maximum: 100", "maximum: 155")?;
            study.redrive(&["--all"])?;
            study.up.succeed()?;
            ensure!(study.ids()?.into_iter().collect::<String>() == "a", "{name}");
            ensure!(study.open()? == [3], "{name}: {:?}", study.open()?);
            check_nothing_left(&study.up.state, private)?;
            if private {
                check_unsealed(&study, name, &bytes)?;
            }
        }
    }
    Ok(())
}

/// What the sealed archive of an input gives back is the input, but for how it was compressed.
fn check_unsealed(study: &Study, name: &str, input: &[u8]) -> anyhow::Result<()> {
    for file in files(&study.up.out.join("archive"), "avro")? {
        let mut command = Command::new(binary()?);
        let output =
            command.arg("unseal").arg("--keys").arg(study.up.state.join("keys")).arg(&file).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let unsealed = output.stdout;
        if unsealed.starts_with(b"{\"id\"") {
            // The events that were taken back in, as JSON.
            continue;
        }
        if name.ends_with(".avro") {
            let data = |bytes: &[u8]| apache_avro::Reader::new(bytes)?.collect::<Result<Vec<_>, _>>();
            ensure!(data(&unsealed)? == data(input)?, "{}", file.display());
        } else {
            ensure!(unsealed == input, "{}: {}", file.display(), String::from_utf8_lossy(&unsealed));
        }
    }
    Ok(())
}

/// Of personal events nothing that the pipeline's key opens stays in the log.
fn check_nothing_left(state: &Path, private: bool) -> anyhow::Result<()> {
    for topic in ["raw", "rejected"] {
        let left = files(&state.join("log").join(topic), "seg")?;
        ensure!(!private || left.is_empty(), "{left:?}");
    }
    Ok(())
}
