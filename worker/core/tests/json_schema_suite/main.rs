//! The official JSON-Schema-Test-Suite, through the plan and through the `jsonschema` crate alone.
//!
//! `TRANSECT_JSON_SCHEMA_SUITE` names its folder, the one with `tests` and `remotes`; `make test` installs it. All tests
//! must come out as the suite says that are required, and those of the formats that are asserted; what can't is listed
//! in `deviations.txt` with the reason. In all others, which are optional, the two must still agree.

// All of this is test code, also what is not in a test function.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use transect_config::{Limits, SchemaFamily};
use transect_core::check::Checker;
use transect_core::plan::{Coverage, MAX_DEPTH};

const FOLDER: &str = "TRANSECT_JSON_SCHEMA_SUITE";
/// Where the suite's schemas expect the documents of `remotes`.
const REMOTES: &str = "http://localhost:1234/";
const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];
/// The formats that are asserted (docs/schemas.md), by the suite's files; and how those behave that are unknown.
const FORMATS: [&str; 19] = [
    "date",
    "date-time",
    "duration",
    "ecmascript-regex",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "unknown",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// What was found over all drafts.
#[derive(Debug, Default)]
struct Found {
    schemas: usize,
    compiled: usize,
    /// Cases that must come out as the suite says.
    binding: usize,
    /// Cases in which the plan and the crate must agree.
    others: usize,
    /// Binding cases that came out otherwise.
    deviating: BTreeSet<String>,
    /// In words, what must not be.
    wrong: Vec<String>,
}

#[test]
fn the_suite_comes_out_as_it_says() {
    let Some(suite) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        println!("skipped: {FOLDER} doesn't name the suite's folder; make test installs it");
        return;
    };
    let family = SchemaFamily { name: String::new(), documents: remotes(&suite.join("remotes")) };
    let mut found = Found::default();
    for (draft, uri) in DRAFTS {
        let folder = suite.join("tests").join(draft);
        for file in files(&folder) {
            let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
            let groups = read(&file);
            for group in groups.as_array().expect("a list of groups") {
                found.group(&format!("{draft}/{name}"), is_binding(name), uri, group, &family);
            }
        }
    }
    let Found { schemas, compiled, binding, others, deviating, wrong } = &found;
    println!(
        "{schemas} schemas, {compiled} compiled fully; {binding} cases as the suite says, {others} optional ones"
    );
    let known: BTreeSet<String> = deviations().into_iter().map(str::to_owned).collect();
    let news: Vec<_> = deviating.difference(&known).collect();
    let gone: Vec<_> = known.difference(deviating).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(news.is_empty(), "these came out otherwise than the suite says: {news:#?}");
    assert!(gone.is_empty(), "these come out as the suite says now; take them off deviations.txt: {gone:#?}");
    // A suite of another shape, or a folder that is half there, must not pass for one that was run.
    assert!(*binding > 6000 && *others > 800 && compiled * 2 > *schemas, "the suite isn't whole");
}

/// The names of the cases that can't come out as the suite says; reasons stand above them as comments.
fn deviations() -> Vec<&'static str> {
    let lines = include_str!("deviations.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Whether what the suite says of a file's cases is binding.
fn is_binding(name: &str) -> bool {
    let format = name.strip_prefix("optional/format/").and_then(|file| file.strip_suffix(".json"));
    format.map_or(!name.starts_with("optional/"), |format| FORMATS.contains(&format))
}

impl Found {
    /// Runs one schema's cases.
    fn group(&mut self, file: &str, binding: bool, uri: &str, group: &Value, family: &SchemaFamily) {
        let mut schema = group["schema"].clone();
        if let Value::Object(keywords) = &mut schema {
            keywords.entry("$schema").or_insert_with(|| uri.into());
        }
        let limits = Limits { event_bytes: 1 << 20, depth: MAX_DEPTH };
        let name = format!("{file}: {}", text(&group["description"]));
        let mut checker = match Checker::new(&schema, family, &limits) {
            Ok(checker) => checker,
            Err(error) if binding => return self.wrong.push(format!("{name}: {error}")),
            Err(_) => return,
        };
        self.schemas += 1;
        self.compiled += usize::from(*checker.coverage() == Coverage::Compiled);
        for case in group["tests"].as_array().expect("a list of cases") {
            let name = format!("{name} / {}", text(&case["description"]));
            let findings = checker.check(case["data"].to_string().as_bytes());
            let alone = checker.by_the_crate(&case["data"]);
            if findings.is_empty() != alone.is_empty() {
                self.wrong.push(format!("{name}: the plan finds {findings:?}, the crate {alone:?}"));
            }
            if binding {
                self.binding += 1;
                if case["valid"] != findings.is_empty() {
                    self.deviating.insert(name);
                }
            } else {
                self.others += 1;
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let (folders, mut found): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found.sort();
    found
}

/// The documents that the suite's schemas refer to, by their URIs.
fn remotes(folder: &Path) -> BTreeMap<String, Value> {
    let named = |file: PathBuf| {
        let name = file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        (format!("{REMOTES}{name}"), read(&file))
    };
    files(folder).into_iter().map(named).collect()
}
