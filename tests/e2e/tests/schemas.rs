//! `transect schema check`: what it prints, how it ends, and that a pipeline would say the same.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use transect_e2e::command::{Up, binary};

const SCHEMA: &str = "
type: object
required: [id, time]
properties:
  id: {type: string}
  time: {type: string, format: date-time}
  pm25: {$ref: '../common/unit.json#/$defs/pm25'}
additionalProperties: false
";
const UNIT: &str = r#"{"$defs": {"pm25": {"type": "number", "minimum": 0}}}"#;

/// A folder with a schema in `study` and what it refers to in `common`.
fn study() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("study"))?;
    fs::create_dir_all(folder.path().join("common"))?;
    fs::write(folder.path().join("study/reading.yaml"), SCHEMA)?;
    fs::write(folder.path().join("common/unit.json"), UNIT)?;
    // A folder may hold more than schemas.
    fs::write(folder.path().join("common/data.json"), "[1, 2]")?;
    Ok(folder)
}

/// Runs `transect schema check` in a folder, with something on its standard input.
fn check(folder: &Path, args: &[&str], input: &[u8]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary()?);
    command.args(["schema", "check"]).args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start transect")?;
    // Whatever is wrong may be said before anything is read.
    match child.stdin.take().context("standard input")?.write_all(input) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    child.wait_with_output().context("run transect")
}

/// The lines that it printed; it must end with this status.
fn lines(output: &Output, status: i32) -> anyhow::Result<Vec<Value>> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(status), "ended with {}: {said}", output.status);
    let printed = std::str::from_utf8(&output.stdout)?;
    printed.lines().map(|line| serde_json::from_str(line).context("a line of JSON")).collect()
}

/// What makes a line: index, and pointer and keyword of each error.
fn short(line: &Value) -> String {
    let errors = line["errors"].as_array().into_iter().flatten();
    let text = |error: &Value, key: &str| error[key].as_str().unwrap_or("?").to_owned();
    let errors: Vec<String> =
        errors.map(|error| format!("{} {}", text(error, "pointer"), text(error, "keyword"))).collect();
    format!("{}: {}", line["index"], errors.join(", "))
}

const WITH: [&str; 4] = ["--schema", "study/reading.yaml", "--with", "common"];

#[test]
fn every_error_of_every_document_has_its_place() -> anyhow::Result<()> {
    let folder = study()?;
    let time = r#""time": "2026-01-05T10:00:00Z""#;
    let lines_of = [
        format!(r#"{{"id": "a", {time}, "pm25": 1.5}}"#),
        String::new(),
        r#"{"id": 1, "pm25": -1, "x/y": 2}"#.to_owned(),
        "{\"id\": ".to_owned(),
        format!(r#"{{"id": "a", "id": "b", {time}}}"#),
    ];
    let ndjson = lines_of.join("\n");
    fs::write(folder.path().join("events.ndjson"), &ndjson)?;
    fs::write(folder.path().join("one.json"), format!("{{\n  \"id\": \"a\",\n  {time}\n}}\n"))?;
    fs::write(folder.path().join("list.json"), format!("[{{\"id\": \"a\", {time}}}, 3, {{}} {{}}]"))?;
    let args = [&WITH[..], &["events.ndjson", "one.json", "list.json", "-"]].concat();
    let compressed = zstd::encode_all(ndjson.as_bytes(), 0)?;
    let output = check(folder.path(), &args, &compressed)?;
    let found = lines(&output, 1)?;
    let of = |file: &str| found.iter().filter(|line| line["file"] == file).map(short).collect::<Vec<_>>();
    let wrong = "1:  additionalProperties,  required, /id type, /pm25 minimum";
    let mut sorted = of("events.ndjson");
    for line in &mut sorted {
        let (index, errors) = line.split_once(": ").context("an index")?;
        let mut errors: Vec<&str> = errors.split(", ").collect();
        errors.sort_unstable();
        *line = format!("{index}: {}", errors.join(", "));
    }
    ensure!(sorted == ["0: ", wrong, "2:  malformed", "3:  malformed"], "{sorted:?}");
    ensure!(of("one.json") == ["0: "], "{found:?}");
    ensure!(of("list.json") == ["0: ", "1:  type", "2:  required,  required", "3:  malformed"], "{found:?}");
    ensure!(of("-") == of("events.ndjson"), "{found:?}");
    ensure!(found.iter().all(|line| line["valid"] == json!(line["errors"] == json!([]))), "{found:?}");
    let message = found[1]["errors"].as_array().context("errors")?.iter().find(|e| e["keyword"] == "minimum");
    ensure!(message.is_some_and(|e| e["message"] == "-1 is less than the minimum of 0"), "{message:?}");

    let output = check(folder.path(), &[&WITH[..], &["one.json"]].concat(), b"")?;
    ensure!(lines(&output, 0)?.len() == 1);
    let output =
        check(folder.path(), &[&WITH[..], &["--event-bytes", "20", "--depth", "1", "-"]].concat(), b"[[1]]")?;
    ensure!(lines(&output, 1)?.iter().map(short).collect::<Vec<_>>() == ["0:  type"]);
    let output =
        check(folder.path(), &[&WITH[..], &["--event-bytes", "8", "-"]].concat(), ndjson.as_bytes())?;
    ensure!(lines(&output, 1)?.iter().all(|line| line["errors"][0]["keyword"] != "required"));
    Ok(())
}

#[test]
fn what_can_not_be_used_is_said_with_its_place() -> anyhow::Result<()> {
    let folder = study()?;
    fs::write(folder.path().join("study/lost.json"), r#"{"items": {"$ref": "../common/data.json"}}"#)?;
    fs::write(folder.path().join("study/wrong.json"), "{\"type\": \"txt\"}")?;
    fs::write(folder.path().join("study/broken.json"), "{\"type\": ")?;
    fs::write(folder.path().join("cut.gz"), b"\x1f\x8b\x08\x00")?;
    for (args, said) in [
        (
            vec!["--schema", "study/reading.yaml", "-"],
            "study/reading.yaml: at /properties/pm25/$ref: `$ref` leads to `../common/unit.json#/$defs/pm25`, but no document of \
             that name or `$id` is given; give it along with --with FILE",
        ),
        (
            vec!["--schema", "study/lost.json", "--with", "common", "-"],
            "study/lost.json: at /items/$ref: `$ref` leads to `../common/data.json`, but no document of that name or `$id` is \
             given: common/data.json is not an object; write a JSON Schema there, as JSON or YAML",
        ),
        (
            vec!["--schema", "study/wrong.json", "-"],
            "study/wrong.json: at /type: this is no valid JSON Schema",
        ),
        (vec!["--schema", "study/broken.json", "-"], "the schema study/broken.json: "),
        (vec!["--schema", "study/none.json", "-"], "the schema study/none.json: can't be read"),
        (vec!["--schema", "study/wrong.json", "--with", "none", "-"], "none can't be read"),
        (
            vec!["--schema", "study/reading.yaml", "--with", "common/data.json", "-"],
            "common/data.json: is not an object",
        ),
        (
            vec!["--schema", "study/reading.yaml", "--format", "avro", "-"],
            "study/reading.yaml: names the type `object`, which is defined nowhere",
        ),
        (
            vec!["--schema", "study/reading.yaml", "--with", "common", "none.ndjson"],
            "open the input none.ndjson",
        ),
        (vec!["--schema", "study/reading.yaml", "--with", "common", "cut.gz"], "the input cut.gz breaks off"),
        (
            vec!["--schema", "study/reading.yaml", "--with", "common", "--depth", "200", "-"],
            "at most 127 can be read",
        ),
        (vec!["--schema", "study/reading.yaml"], "<FILE>"),
    ] {
        let output = check(folder.path(), &args, b"{}")?;
        ensure!(lines(&output, 2)?.is_empty(), "{args:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(error.contains(said), "{args:?}: {error}");
    }
    Ok(())
}

#[test]
fn a_pipeline_would_say_the_same() -> anyhow::Result<()> {
    let folder = study()?;
    let indent = |text: &str| text.trim().replace('\n', "\n    ");
    let manifests = format!(
        "apiVersion: transect.dev/v1alpha1\nkind: StudySchema\nmetadata: {{name: reading}}\nspec:\n  study: air\n  versions:\n  \
         - version: 1\n    schemaFrom: {{configMapKeyRef: {{name: air, key: reading.yaml}}}}\n    \
         familyFrom: [{{configMapRef: {{name: common}}}}]\n  event: {{id: [/id], time: /time}}\n---\n\
         apiVersion: transect.dev/v1alpha1\nkind: ResearchPipeline\nmetadata: {{name: air}}\nspec:\n  study: air\n  \
         schemas: [{{name: reading}}]\n  sources: [{{name: web, http: {{}}}}]\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: air}}\ndata:\n  reading.yaml: |\n    {}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: common}}\ndata:\n  unit.json: '{UNIT}'\n",
        indent(&SCHEMA.replace("../common/", ""))
    );
    let path = folder.path().join("manifests.yaml");
    fs::write(&path, manifests)?;
    let mut events = String::new();
    for (at, value) in ["1", "-1", "\"1\"", "0", "null", "-0.0", "1e999", "[", "1e3"].iter().enumerate() {
        events +=
            &format!("{{\"id\": \"e{at}\", \"time\": \"2026-01-05T10:00:0{at}Z\", \"pm25\": {value}}}\n");
    }
    let input = folder.path().join("events.ndjson");
    fs::write(&input, &events)?;
    let up = Up::new(&path, folder.path()).input("web", &input).arg("--drain");
    up.succeed()?;
    let mut refused = Vec::new();
    for file in fs::read_dir(up.out.join("rejected"))? {
        for line in fs::read_to_string(file?.path())?.lines() {
            let event: Value = serde_json::from_str(line)?;
            refused.push(event["line"].as_u64().context("a line")? - 1);
        }
    }
    refused.sort_unstable();
    let found = lines(&check(folder.path(), &[&WITH[..], &["events.ndjson"]].concat(), b"")?, 1)?;
    let invalid: Vec<u64> = found
        .iter()
        .filter(|line| line["valid"] == false)
        .filter_map(|line| line["index"].as_u64())
        .collect();
    ensure!(found.len() == 9 && invalid == refused && refused == [1, 2, 4, 6, 7], "{invalid:?} {refused:?}");
    Ok(())
}
