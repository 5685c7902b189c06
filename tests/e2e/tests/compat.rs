//! `transect schema compat`, and versions in manifests: what is printed, and how it ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use transect_e2e::command::binary;

const V1: &str =
    "type: object\nproperties: {id: {type: string}, pm25: {type: number}, unit: {$ref: unit.json}}\n";
const V2: &str = "type: object\nproperties: {id: {type: string}, pm25: {type: number, minimum: 0}, unit: {$ref: unit.json}}\n";
const V3: &str =
    "type: object\nrequired: [id]\nproperties: {id: {type: string}, pm25: {type: number, minimum: 0}}\n";
const A1: &str = r#"{"type": "record", "name": "Reading", "fields": [{"name": "v", "type": "int"}, {"name": "u", "type": "study.Unit"}]}"#;
const A2: &str = r#"{"type": "record", "name": "Reading", "fields": [{"name": "v", "type": "long"}, {"name": "u", "type": "study.Unit"}]}"#;

fn study() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (name, text) in [
        ("v1.yaml", V1),
        ("v2.yaml", V2),
        ("v3.yaml", V3),
        ("unit.json", r#"{"enum": ["ug", "mg"]}"#),
        ("a1.avsc", A1),
        ("a2.avsc", A2),
        ("wrong.json", r#"{"type": "txt"}"#),
        ("broken.json", "{\"type\": "),
        ("list.json", "[1]"),
        (
            "dup.avsc",
            r#"{"type": "record", "name": "R", "fields": [{"name": "v", "type": "int"}, {"name": "v", "type": "int"}]}"#,
        ),
    ] {
        fs::write(folder.path().join(name), text)?;
    }
    fs::create_dir(folder.path().join("types"))?;
    let unit = r#"{"type": "enum", "name": "Unit", "namespace": "study", "symbols": ["UG", "MG"]}"#;
    fs::write(folder.path().join("types/unit.avsc"), unit)?;
    Ok(folder)
}

fn transect(folder: &Path, args: &[&str]) -> anyhow::Result<Output> {
    Command::new(binary()?).args(args).current_dir(folder).output().context("run transect")
}

fn compat(folder: &Path, args: &[&str]) -> anyhow::Result<Output> {
    transect(folder, &[&["schema", "compat"], args].concat())
}

/// The end and the breaks: old version, field and rule of each.
fn breaks(folder: &Path, args: &[&str]) -> anyhow::Result<(Option<i32>, Vec<String>)> {
    let output = compat(folder, &[&["-o", "json"], args].concat())?;
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).context("a line of JSON"));
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("?").to_owned();
    let lines =
        lines.map(|line| line.map(|line| ["old", "pointer", "rule"].map(|key| text(&line, key)).join(" ")));
    Ok((output.status.code(), lines.collect::<anyhow::Result<_>>()?))
}

#[test]
fn each_mode_ends_as_it_should() -> anyhow::Result<()> {
    let folder = study()?;
    let with = ["--with", "unit.json"];
    for (mode, files, status, expected) in [
        ("none", vec!["v1.yaml", "v2.yaml"], 0, vec![]),
        ("backward", vec!["v1.yaml", "v2.yaml"], 1, vec!["v1.yaml /pm25 MinimumAdded"]),
        ("backward", vec!["v2.yaml", "v1.yaml"], 0, vec![]),
        ("forward", vec!["v1.yaml", "v2.yaml"], 0, vec![]),
        ("forward", vec!["v2.yaml", "v1.yaml"], 1, vec!["v2.yaml /pm25 MinimumRemoved"]),
        ("full", vec!["v1.yaml", "v2.yaml"], 1, vec!["v1.yaml /pm25 MinimumAdded"]),
        (
            "backward-transitive",
            vec!["v1.yaml", "v2.yaml", "v3.yaml"],
            1,
            vec!["v1.yaml /id RequiredAdded", "v1.yaml /pm25 MinimumAdded", "v2.yaml /id RequiredAdded"],
        ),
        ("forward-transitive", vec!["v1.yaml", "v2.yaml", "v2.yaml"], 0, vec![]),
        ("full-transitive", vec!["v1.yaml", "v1.yaml", "v1.yaml"], 0, vec![]),
    ] {
        let found = breaks(folder.path(), &[&["--mode", mode], &with[..], &files].concat())?;
        let (code, mut lines) = found;
        lines.sort();
        ensure!(code == Some(status) && lines == expected, "{mode} {files:?}: {code:?} {lines:?}");
    }
    Ok(())
}

#[test]
fn a_break_says_what_and_how_to_fix() -> anyhow::Result<()> {
    let folder = study()?;
    let args = ["--mode", "backward", "--with", "unit.json", "v1.yaml", "v2.yaml"];
    let output = compat(folder.path(), &args)?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        said == "v1.yaml: /pm25: MinimumAdded: v2.yaml has minimum: 0, v1.yaml has no such bound; numbers below are refused; \
                 allow at least what was allowed\n",
        "{said}"
    );
    let output = compat(folder.path(), &[&["-o", "json"], &args[..]].concat())?;
    let line: Value = serde_json::from_slice(&output.stdout)?;
    let expected = json!({
        "old": "v1.yaml", "new": "v2.yaml", "pointer": "/pm25", "rule": "MinimumAdded", "direction": "backward",
        "message": "v2.yaml has minimum: 0, v1.yaml has no such bound; numbers below are refused",
        "fix": "allow at least what was allowed",
    });
    ensure!(line == expected, "{line}");
    Ok(())
}

#[test]
fn avro_types_are_found_in_other_files() -> anyhow::Result<()> {
    let folder = study()?;
    let args = ["--format", "avro", "--with", "types", "--mode"];
    let found = breaks(folder.path(), &[&args[..], &["backward", "a1.avsc", "a2.avsc"]].concat())?;
    ensure!(found == (Some(0), vec![]), "{found:?}");
    let found = breaks(folder.path(), &[&args[..], &["full", "a1.avsc", "a2.avsc"]].concat())?;
    ensure!(found == (Some(1), vec!["a1.avsc /v TypeChanged".to_owned()]), "{found:?}");
    Ok(())
}

#[test]
fn what_can_not_be_used_is_said_with_its_place() -> anyhow::Result<()> {
    let folder = study()?;
    for (args, said) in [
        (
            vec!["--mode", "backward", "v1.yaml", "v2.yaml"],
            "v1.yaml: at /properties/unit/$ref: `$ref` leads to `unit.json`",
        ),
        (
            vec!["--mode", "none", "v3.yaml", "wrong.json"],
            "wrong.json: at /type: this is no valid JSON Schema",
        ),
        (
            vec!["--mode", "backward", "wrong.json", "v3.yaml"],
            "wrong.json: at /type: this is no valid JSON Schema",
        ),
        (vec!["--mode", "backward", "v3.yaml", "broken.json"], "the schema broken.json: "),
        (vec!["--mode", "backward", "v3.yaml", "list.json"], "list.json: is not an object"),
        (vec!["--mode", "backward", "none.yaml", "v3.yaml"], "the schema none.yaml: can't be read"),
        (vec!["--mode", "backward", "--with", "none", "v3.yaml", "v3.yaml"], "none can't be read"),
        (vec!["--mode", "backward", "v3.yaml"], "2 values required"),
        (vec!["--mode", "sideways", "v3.yaml", "v3.yaml"], "invalid value 'sideways'"),
        (vec!["v3.yaml", "v3.yaml"], "--mode"),
        (
            vec!["--mode", "forward", "v3.yaml", "v3.yaml", "v3.yaml"],
            "write one of them, or --mode forward-transitive",
        ),
        (
            vec!["--mode", "full", "--format", "avro", "a1.avsc", "a2.avsc"],
            "a1.avsc: at /fields/1/type: names the type `study.Unit`, which is defined nowhere; give it along with --with FILE",
        ),
        (vec!["--mode", "full", "--format", "avro", "dup.avsc", "dup.avsc"], "the field `v` is there twice"),
        (
            vec!["--mode", "full", "--format", "avro", "v1.yaml", "v1.yaml"],
            "v1.yaml: at /type: names the type `object`",
        ),
        (
            vec!["--mode", "full", "--format", "avro", "wrong.json", "list.json"],
            "list.json: is not an object",
        ),
    ] {
        let output = compat(folder.path(), &args)?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(2), "{args:?} ended with {}: {stderr}", output.status);
        ensure!(stderr.contains(said) && !stderr.contains("panicked"), "{args:?}: {stderr}");
        ensure!(output.stdout.is_empty(), "{args:?}");
    }
    Ok(())
}

#[test]
fn validate_and_up_refuse_a_version_that_breaks() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let manifests = "apiVersion: transect.dev/v1alpha1
kind: StudySchema
metadata: {name: reading, namespace: studies}
spec:
  study: air
  versions:
    - version: 1
      schema: {type: object, properties: {time: {type: string}}}
    - version: 2
      schema: {type: object, properties: {time: {type: string}, unit: {type: string}}, required: [unit]}
  event: {time: /time}
---
apiVersion: transect.dev/v1alpha1
kind: ResearchPipeline
metadata: {name: air, namespace: studies}
spec:
  study: air
  schemas: [{name: reading}]
  sources: [{name: history, files: {paths: [events.ndjson]}}]
";
    fs::write(folder.path().join("study.yaml"), manifests)?;
    fs::write(
        folder.path().join("events.ndjson"),
        "{\"time\": \"2026-01-05T10:00:00Z\", \"unit\": \"ug\"}\n",
    )?;
    let said =
        "study.yaml:10:88: spec.versions[1].schema.required: breaks with version 1 at /unit (RequiredAdded)";
    let output = transect(folder.path(), &["validate", "-f", "study.yaml"])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.code() == Some(1) && text.contains(said) && text.contains("1 problem\n"), "{text}");
    let output = transect(folder.path(), &["up", "-f", "study.yaml", "--drain"])?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && text.contains(said), "{text}");
    let annotated = manifests.replacen(
        "namespace: studies}",
        "namespace: studies, annotations: {transect.dev/allow-breaking: \"true\"}}",
        1,
    );
    fs::write(folder.path().join("study.yaml"), annotated)?;
    let output = transect(folder.path(), &["validate", "-f", "study.yaml"])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success() && text.contains("version 2 breaks with version 1, which"), "{text}");
    let output = transect(folder.path(), &["up", "-f", "study.yaml", "--drain"])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
