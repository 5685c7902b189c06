//! The commands beside `transect up`: what they print, in each form, and how they end.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_e2e::command::{Up, manifests, transect};

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

/// What a command that must end well has printed.
fn printed(args: &[&str]) -> anyhow::Result<String> {
    let output = transect(args)?;
    ensure!(output.status.success(), "{args:?}: {}{}", said(&output), shown(&output));
    Ok(shown(&output))
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn manifests_are_valid_or_each_problem_has_its_place() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let good = manifests("fault");
    ensure!(printed(&["validate", "-f", text(&good)?])?.ends_with("valid: 1 schemas, 1 pipelines\n"));

    // A study is often written before the pipeline that uses it: its schema is checked all the same.
    let schema = fs::read_to_string(good.join("study.yaml"))?;
    let pipeline = fs::read_to_string(good.join("pipeline.yaml"))?;
    let bad = schema.replace("name: reading", "name: other");
    let bad = bad.replace("type: number", "type: numeric");
    let path = folder.path().join("other.yaml");
    fs::write(&path, &bad)?;
    fs::write(folder.path().join("pipeline.yaml"), pipeline.replace("field: /value}", "field: /valeu}"))?;
    fs::write(folder.path().join("study.yaml"), schema)?;
    let output = transect(&["validate", "-f", text(folder.path())?, "-o", "json"])?;
    ensure!(output.status.code() == Some(1), "{}{}", said(&output), shown(&output));
    let findings: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(findings["valid"] == false);
    let problems = findings["problems"].as_array().context("a list of problems")?;
    let of = |name: &str| {
        let of_file = |problem: &&Value| problem["file"].as_str().is_some_and(|file| file.ends_with(name));
        problems.iter().filter(of_file).collect::<Vec<_>>()
    };
    ensure!(of("study.yaml").is_empty(), "{problems:#?}");
    let line = 1 + bad.lines().position(|line| line.contains("numeric")).context("the line")?;
    ensure!(of("other.yaml").iter().any(|problem| problem["line"] == line), "{problems:#?}");
    ensure!(of("pipeline.yaml").len() == 6, "{problems:#?}");
    Ok(())
}

#[test]
fn what_became_of_events_is_shown_in_each_form() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let event = |id: &str, value: &str| {
        let station = r#"{"name":"s01","kind":"fixed"}"#;
        format!(
            r#"{{"id":"{id}","station":{station},"time":"2026-01-05T10:00:00Z","value":{value},"count":1}}"#
        )
    };
    let clear = "\u{1b}[2J";
    let events =
        [event("e00000001", "1"), event("e00000001", "1"), event("e00000002", "-1"), clear.to_owned()];
    let input = folder.path().join("events.ndjson");
    fs::write(&input, events.join("\n"))?;
    let up = Up::new(&manifests("fault"), folder.path()).input("web", &input).arg("--drain");
    let summary: Value = serde_json::from_str(&up.clone().arg("-o").arg("json").succeed()?)?;
    let refused = up.arg("--fail-on-rejected");
    ensure!(refused.fail()?.contains("2 events were rejected, and --fail-on-rejected was given"));

    let out = text(&refused.out)?;
    let stored: Value = serde_json::from_slice(&fs::read(refused.out.join("ledger.json"))?)?;
    ensure!(summary["ledger"] == stored, "{summary} and {stored}");
    ensure!(serde_json::from_str::<Value>(&printed(&["ledger", "--out", out, "-o", "json"])?)? == stored);
    ensure!(printed(&["ledger", "--out", out, "-o", "yaml"])?.contains("addsUp: true"));
    let table = printed(&["ledger", "--out", out])?;
    ensure!(table.contains("read = accepted + duplicate + rejected: yes"), "{table}");
    ensure!(table.contains("web     4     1         1          0            2         0"), "{table}");

    let groups = printed(&["rejected", "list", "--out", out, "--reason", "SchemaViolation"])?;
    ensure!(groups.contains("minimum") && groups.contains("/value"), "{groups}");
    ensure!(!groups.contains("Malformed"), "{groups}");
    let each = printed(&["rejected", "list", "--out", out, "--each", "-o", "json"])?;
    let each: Value = serde_json::from_str(&each)?;
    ensure!(each[0]["number"] == 1 && each[0]["line"] == 3 && each[0]["original"] == *events[2], "{each}");
    ensure!(each[1]["reason"] == "Malformed" && each[1]["original"] == clear, "{each}");
    ensure!(printed(&["rejected", "show", "1", "--out", out])?.trim_end().ends_with(&events[2]));
    // Shown, but not obeyed by a terminal.
    let shown = printed(&["rejected", "show", "2", "--out", out])?;
    ensure!(shown.contains("\\u{1b}[2J") && !shown.contains('\u{1b}'), "{shown}");
    let beyond = transect(&["rejected", "show", "3", "--out", out])?;
    ensure!(!beyond.status.success() && said(&beyond).contains("it has 2"), "{}", said(&beyond));
    let elsewhere = transect(&["ledger", "--out", text(&manifests("fault"))?])?;
    ensure!(!elsewhere.status.success() && said(&elsewhere).contains("--out"), "{}", said(&elsewhere));
    Ok(())
}

#[test]
fn a_shell_is_given_completions_and_people_man_pages() -> anyhow::Result<()> {
    ensure!(printed(&["completions", "bash"])?.contains("_transect"));
    let folder = tempfile::tempdir()?;
    printed(&["man", text(folder.path())?])?;
    for page in ["transect.1", "transect-up.1", "transect-rejected-show.1"] {
        ensure!(fs::read_to_string(folder.path().join(page))?.contains(".TH"), "{page}");
    }
    Ok(())
}
