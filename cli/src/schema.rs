//! `transect schema`: what can be done with schemas alone.

mod check;
mod compat;
mod files;
mod infer;
mod input;

use std::process::ExitCode;

use crate::args::{SchemaArgs, SchemaCommand};
use crate::output;

/// The status where what was given can't be worked with: a bad schema, an unreadable file. 1 is for a verdict.
const UNUSABLE: u8 = 2;

pub(crate) fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let outcome = match &args.command {
        SchemaCommand::Check(args) => check::run(args),
        SchemaCommand::Compat(args) => compat::run(args),
        SchemaCommand::Infer(args) => infer::run(args),
    };
    Ok(outcome.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::from(UNUSABLE)
    }))
}
