//! `transect schema infer`: what it drafts is valid, and takes all that it was drafted from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_e2e::command::{Up, transect};
use transect_e2e::{events, formats};

const PIPELINE: &str = "apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: p}
spec:
  study: s
  schemas: [{name: e}]
  sources: [{name: web, http: {}}]
  broker: {partitions: 2}
";

/// Drafts, validates and runs; the draft. `up` reads the file as the format says, where one is given.
fn check(file: &Path, format: Option<(&str, &str)>, unread: u64) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let path = file.to_str().context("a path that is text")?;
    let mut args = vec!["schema", "infer", "--name", "e", "--study", "s", path];
    args.extend(format.iter().flat_map(|(flag, _)| ["--format", flag]));
    let output = transect(&args)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let draft = String::from_utf8(output.stdout)?;
    let study = folder.path().join("study");
    fs::create_dir(&study)?;
    fs::write(study.join("study.yaml"), &draft)?;
    let source = match format {
        Some((_, kind)) => PIPELINE.replace("http: {}", &format!("files: {{paths: [none], format: {kind}}}")),
        None => PIPELINE.to_owned(),
    };
    fs::write(study.join("pipeline.yaml"), source)?;
    let valid = transect(&["validate", "-f", study.to_str().context("a path that is text")?])?;
    ensure!(valid.status.success(), "{}\n{draft}", String::from_utf8_lossy(&valid.stdout));
    let up = Up::new(&study, folder.path()).input("web", file).arg("--drain").arg("-o").arg("json");
    let summary: Value = serde_json::from_str(&up.succeed()?)?;
    let total = &summary["ledger"]["total"];
    let first = fs::read_dir(up.out.join("rejected")).ok().and_then(|mut files| files.next()).transpose()?;
    let first = first.map(|file| fs::read_to_string(file.path())).transpose()?.unwrap_or_default();
    ensure!(total["rejected"] == unread, "{summary}\n{draft}\n{}", first.lines().next().unwrap_or_default());
    ensure!(draft.contains(&format!("all {} events", total["read"])), "{summary}\n{draft}");
    Ok(draft)
}

/// A file of events of which some are no JSON, in a folder.
fn made(folder: &Path) -> anyhow::Result<(PathBuf, String)> {
    let path = folder.join("events.ndjson");
    events::write_file(&path, 2000, 5)?;
    let text = fs::read_to_string(&path)?;
    Ok((path, text))
}

#[test]
fn a_draft_takes_the_events_of_each_example() -> anyhow::Result<()> {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").context("run by cargo")?);
    let mut found = 0;
    for entry in fs::read_dir(here.join("../../examples"))? {
        let file = entry?.path().join("events.ndjson.gz");
        if file.is_file() {
            check(&file, None, 0)?;
            found += 1;
        }
    }
    ensure!(found >= 2, "only {found} examples have events");
    Ok(())
}

#[test]
fn a_draft_takes_events_in_each_format() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, text) = made(folder.path())?;
    let broken = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count() as u64;
    ensure!(broken > 0);
    // One time in a hundred is no time, so that none is in all events. Without those lines:
    let sound: String =
        text.lines().filter(|line| !line.contains("soon")).map(|line| format!("{line}\n")).collect();
    let broken_of_sound =
        sound.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count() as u64;
    fs::write(&path, &sound)?;
    let draft = check(&path, None, broken_of_sound)?;
    ensure!(draft.contains("time: /time") && draft.contains("can't be read, whatever the schema"), "{draft}");

    let path = folder.path().join("events.avro");
    fs::write(&path, formats::avro(&sound)?)?;
    check(&path, None, 0)?;
    let path = folder.path().join("events.csv");
    fs::write(&path, formats::csv(&sound))?;
    check(&path, None, broken_of_sound)?;
    let path = folder.path().join("envelopes.ndjson");
    fs::write(&path, formats::cloud_events(&sound))?;
    let draft = check(&path, Some(("cloud-events", "CloudEvents")), broken_of_sound)?;
    ensure!(draft.contains("cloudevent:"), "{draft}");
    Ok(())
}

#[test]
fn what_can_not_be_drafted_is_said() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("no-time.json");
    fs::write(&path, r#"[{"a": 1}, {"a": 2}]"#)?;
    let path = path.to_str().context("a path that is text")?;
    let run = |args: &[&str]| {
        let output = transect(&[&["schema", "infer"], args].concat())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), said))
    };
    let (status, draft, said) = run(&[path])?;
    ensure!(
        status == Some(1) && draft.contains("name: no-time") && said.contains("spec.event.time"),
        "{draft}{said}"
    );
    let (status, draft, _) = run(&["--rows", "1", path])?;
    ensure!(status == Some(1) && draft.contains("# Drafted from the first 1 events"), "{draft}");
    for (args, expected) in [
        (vec!["--name", "Air", path], "--name \"Air\" is no name"),
        (vec!["/does/not/exist"], "open the input /does/not/exist"),
        (vec!["--format", "csv", "/dev/null"], "no regular file"),
    ] {
        let (status, draft, said) = run(&args)?;
        ensure!(status == Some(2) && draft.is_empty() && said.contains(expected), "{said}");
    }
    Ok(())
}
