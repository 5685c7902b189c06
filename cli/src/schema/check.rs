//! `transect schema check`: documents against a schema, one line of JSON a document.
//!
//! Documents are read as `transect up` reads its inputs, and judged as it judges events; memory is bounded by the largest
//! document.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use transect_config::{InputFormat, Limits, SchemaFamily};
use transect_core::check::{Checker, Finding};
use transect_core::input::EventBatch;
use transect_core::plan::PlanError;
use transect_worker::input::InputError;

use super::files::SchemaFiles;
use super::input;
use crate::args::{SchemaCheckArgs, SchemaFormat};

/// What is said of one document.
#[derive(Serialize)]
struct Line<'a> {
    /// The file as it was named.
    file: &'a str,
    /// Position in the file, from 0.
    index: u64,
    valid: bool,
    errors: Vec<Finding>,
    /// The document as JSON, where that is wanted and could be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Box<RawValue>>,
}

/// What is wrong with a document that isn't one, or can't be looked into.
fn whole(keyword: &str, message: String) -> Vec<Finding> {
    vec![Finding { pointer: String::new(), keyword: keyword.to_owned(), message }]
}

pub(crate) fn run(args: &SchemaCheckArgs) -> anyhow::Result<ExitCode> {
    let limits = Limits { event_bytes: args.event_bytes, depth: args.depth };
    let checker = match args.format {
        SchemaFormat::JsonSchema => checker(args, &limits, Checker::new)?,
        SchemaFormat::Avro => checker(args, &limits, Checker::of_avro)?,
    };
    let is_avro = args.format == SchemaFormat::Avro;
    let out = BufWriter::new(io::stdout().lock());
    let mut checking = Checking { checker, limits, is_avro, values: args.values, out, all_valid: true };
    let outcome = args.files.iter().try_for_each(|path| checking.file(path));
    match outcome.and_then(|()| Ok(checking.out.flush()?)) {
        // A reader that has gone away, such as `head`, is no error.
        Err(error) if is_broken_pipe(&error) => {}
        outcome => outcome?,
    }
    Ok(if checking.all_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

type Make = fn(&Value, &SchemaFamily, &Limits) -> Result<Checker, PlanError>;

fn checker(args: &SchemaCheckArgs, limits: &Limits, make: Make) -> anyhow::Result<Checker> {
    let files = SchemaFiles::read(&args.schema, &args.with)?;
    make(&files.schema, &files.family, limits).map_err(|error| files.error(&error))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A run over files.
struct Checking<W> {
    checker: Checker,
    limits: Limits,
    is_avro: bool,
    /// Whether each document is printed, too.
    values: bool,
    out: W,
    all_valid: bool,
}

impl<W: Write> Checking<W> {
    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = path.to_string_lossy();
        if self.is_avro
            && let Some(mut batch) = input::single_object(path)?
        {
            self.checker.open(&mut batch);
            let (errors, json) = self.document(&mut batch, 0);
            return self.line(&name, 0, errors, json);
        }
        let written_as = (!self.is_avro).then_some(InputFormat::Json);
        let mut input = input::open(path, written_as, self.limits)?;
        let mut index = 0;
        loop {
            match input.next_batch() {
                Ok(Some(mut batch)) => {
                    self.checker.open(&mut batch);
                    for at in 0..batch.events.len() {
                        let (errors, json) = self.document(&mut batch, at);
                        self.line(&name, index, errors, json)?;
                        index += 1;
                    }
                    self.out.flush()?;
                }
                Ok(None) => return Ok(()),
                // Where one document ends and the next begins can't be said any more.
                Err(InputError::Structure { line, byte, expected, found, .. }) => {
                    let message = format!(
                        "expected {expected}, found {found}, in line {line} at byte {byte}; the file is read no further"
                    );
                    return self.line(&name, index, whole("malformed", message), None);
                }
                Err(error) => {
                    self.out.flush()?;
                    return Err(error.into());
                }
            }
        }
    }

    /// All that is wrong with a document.
    fn document(&mut self, batch: &mut EventBatch, at: usize) -> (Vec<Finding>, Option<String>) {
        match batch.oversized.get(batch.events[at].oversized as usize) {
            Some(oversized) => {
                let limit = self.limits.event_bytes;
                let message = format!("expected at most {limit} bytes, found {}", oversized.length);
                (whole("tooLarge", message), None)
            }
            None => self.checker.check_next(batch, at),
        }
    }

    fn line(
        &mut self,
        file: &str,
        index: u64,
        errors: Vec<Finding>,
        json: Option<String>,
    ) -> anyhow::Result<()> {
        let json = json.filter(|_| self.values).and_then(|json| RawValue::from_string(json).ok());
        let valid = errors.is_empty();
        self.all_valid &= valid;
        // By hand, as an error to write is one of standard output, and not of the line.
        let line = serde_json::to_string(&Line { file, index, valid, errors, json })?;
        Ok(writeln!(self.out, "{line}")?)
    }
}
