//! The `transect` command.

mod alerts;
mod api_key;
mod args;
mod erase;
mod ledger;
mod lines;
mod manifests;
mod output;
mod rejected;
mod report;
mod schema;
mod unseal;
mod up;
mod validate;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Args, Command};

// Decoding allocates and frees large buffers on several threads; measured a tenth faster than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ! {
    let args = Args::parse();
    init_logs(args.log_format);
    let outcome = match args.command {
        Command::Up(args) => up::run(args),
        Command::Validate(args) => validate::run(&args),
        Command::Erase(args) => erase::run(&args),
        Command::Ledger(args) => ledger::run(&args),
        Command::Rejected(args) => rejected::run(&args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::ApiKey(args) => api_key::run(&args),
        Command::Unseal(args) => unseal::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "transect", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { dir } => man_pages(&dir),
    };
    let code = outcome.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::FAILURE
    });
    exit(code)
}

/// Ends without what runs at the exit of a process: there the allocator hands back all memory piece by piece, a
/// hundredth of a short run's time, when the system is about to take it all at once.
fn exit(code: ExitCode) -> ! {
    // What could not be written has been said by whoever wrote it; nothing is held back here as a rule.
    let _ = std::io::stdout().flush();
    let status = (0..=u8::MAX).find(|status| ExitCode::from(*status) == code);
    signal_hook::low_level::exit(status.unwrap_or(1).into())
}

/// Readable text on a terminal, one JSON object a line elsewhere; `RUST_LOG` picks what is shown.
fn init_logs(format: Option<args::LogFormat>) {
    use std::io::IsTerminal;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match format {
        Some(format) => format == args::LogFormat::Json,
        None => !std::io::stderr().is_terminal(),
    };
    if json { logs.json().init() } else { logs.with_target(false).init() }
}

fn man_pages(dir: &std::path::Path) -> anyhow::Result<ExitCode> {
    use anyhow::Context;
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    clap_mangen::generate_to(Args::command(), dir)
        .with_context(|| format!("write man pages to {}", dir.display()))?;
    Ok(ExitCode::SUCCESS)
}
