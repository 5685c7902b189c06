//! `transect validate`: every problem of the manifests, without running anything.

use std::process::ExitCode;

use serde::Serialize;
use transect_crds::yaml::Problem;
use transect_operator::resolve::{Overrides, check_schema};

use crate::args::{Format, ValidateArgs};
use crate::{manifests, output};

/// What `-o json` and `-o yaml` print.
#[derive(Serialize)]
struct Findings {
    valid: bool,
    schemas: Vec<String>,
    pipelines: Vec<String>,
    problems: Vec<Finding>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Finding {
    file: String,
    line: u32,
    column: u32,
    path: String,
    message: String,
    fix: String,
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        Self {
            file: problem.file.to_string(),
            line: problem.line,
            column: problem.column,
            path: problem.path.clone(),
            message: problem.message.clone(),
            fix: problem.fix.clone(),
        }
    }
}

pub(crate) fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let (loaded, checked) = manifests::check(&args.files, &Overrides::new());
    // An object with a problem is left out, so that what refers to it can't be judged.
    let judged = if loaded.problems.is_empty() { checked.as_slice() } else { &[] };
    let check = |schema| check_schema(schema, &loaded.config_maps, &loaded.pipelines);
    let schemas = loaded.schemas.iter().flat_map(check);
    let mut problems: Vec<Problem> = loaded.problems.iter().cloned().chain(schemas).collect();
    for problem in judged.iter().filter_map(|checked| checked.outcome.as_ref().err()).flatten() {
        // What is wrong with a schema is so for each pipeline that names it.
        if !problems.contains(problem) {
            problems.push(problem.clone());
        }
    }
    let mut notes: Vec<String> = loaded
        .skipped
        .iter()
        .map(|skipped| format!("skipped {} in {}", skipped.what, skipped.file))
        .collect();
    for checked in judged {
        notes.extend(checked.outcome.iter().flat_map(|resolved| resolved.notes.clone()));
        notes.extend(
            checked
                .without_effect
                .iter()
                .map(|field| format!("{}: {field} has no effect in one process", checked.name)),
        );
    }
    let findings = Findings {
        valid: problems.is_empty(),
        schemas: loaded.schemas.iter().filter_map(|schema| schema.value.metadata.name.clone()).collect(),
        pipelines: checked.iter().map(|checked| checked.name.clone()).collect(),
        problems: problems.iter().map(Finding::from).collect(),
        notes,
    };
    let text = || {
        let problems = problems.iter().map(|problem| format!("{problem}\n"));
        let notes = findings.notes.iter().map(|note| format!("note: {note}\n"));
        let verdict = match findings.problems.len() {
            0 => {
                format!("valid: {} schemas, {} pipelines\n", findings.schemas.len(), findings.pipelines.len())
            }
            1 => "1 problem\n".to_owned(),
            n => format!("{n} problems\n"),
        };
        problems.chain(notes).chain([verdict]).collect::<String>()
    };
    if args.output == Format::Table {
        output::line(text().trim_end())?
    } else {
        output::print(args.output, &findings, text)?
    }
    Ok(if findings.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
