//! `transect schema compat`: whether a new version of a schema goes with older ones.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use serde::Serialize;
use transect_core::compat::{Break, CompatError, Language, Mode, Version, breaks};

use super::files::SchemaFiles;
use crate::args::{CompatMode, LineFormat, SchemaCompatArgs, SchemaFormat};
use crate::output;

/// What is said of one break.
#[derive(Serialize)]
struct Line<'a> {
    /// The older version's file, as it was named.
    old: &'a str,
    /// The new version's file.
    new: &'a str,
    #[serde(flatten)]
    found: &'a Break,
}

/// One version, as it was named.
struct Given {
    name: String,
    files: SchemaFiles,
}

impl Given {
    fn read(path: &Path, with: &[PathBuf]) -> anyhow::Result<Self> {
        Ok(Self { name: path.to_string_lossy().into_owned(), files: SchemaFiles::read(path, with)? })
    }

    fn version(&self) -> Version<'_> {
        Version { name: &self.name, schema: &self.files.schema, family: &self.files.family }
    }
}

pub(crate) fn run(args: &SchemaCompatArgs) -> anyhow::Result<ExitCode> {
    let mode = promised(args.mode);
    let language = match args.format {
        SchemaFormat::JsonSchema => Language::JsonSchema,
        SchemaFormat::Avro => Language::Avro,
    };
    let (Some(new), olds) = (args.files.last(), &args.files[..args.files.len().saturating_sub(1)]) else {
        bail!("no schemas are given; write OLD… NEW")
    };
    if olds.len() > 1 && (mode.backward || mode.forward) && !mode.transitive {
        bail!(
            "{} older versions are given, but only a transitive mode looks at more than one; write one of them, or --mode \
             {}-transitive",
            olds.len(),
            match (mode.backward, mode.forward) {
                (true, true) => "full",
                (true, false) => "backward",
                _ => "forward",
            }
        );
    }
    let new = Given::read(new, &args.with)?;
    let mut is_compatible = true;
    for old in olds {
        let old = Given::read(old, &args.with)?;
        for found in between(language, &old, &new, mode)? {
            is_compatible = false;
            say(args, &Line { old: &old.name, new: &new.name, found: &found })?;
        }
    }
    Ok(if is_compatible { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All that breaks between two versions.
fn between(language: Language, old: &Given, new: &Given, mode: Mode) -> anyhow::Result<Vec<Break>> {
    breaks(language, &old.version(), &new.version(), mode).map_err(|CompatError { is_new, error }| {
        let given = if is_new { new } else { old };
        given.files.error(&error)
    })
}

fn say(args: &SchemaCompatArgs, line: &Line<'_>) -> anyhow::Result<()> {
    match args.output {
        LineFormat::Text => output::line(&format!("{}: {}", line.old, line.found)),
        LineFormat::Json => output::line(&serde_json::to_string(line)?),
    }
}

fn promised(mode: CompatMode) -> Mode {
    let (backward, forward, transitive) = match mode {
        CompatMode::None => (false, false, false),
        CompatMode::Backward => (true, false, false),
        CompatMode::BackwardTransitive => (true, false, true),
        CompatMode::Forward => (false, true, false),
        CompatMode::ForwardTransitive => (false, true, true),
        CompatMode::Full => (true, true, false),
        CompatMode::FullTransitive => (true, true, true),
    };
    Mode { backward, forward, transitive }
}
