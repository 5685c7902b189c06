//! The `transect-worker` command: one role of a pipeline on Kafka.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, anyhow};
use clap::{Parser, ValueEnum};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use transect_config::WorkerConfig;
use transect_worker::roles::{self, Job};
use transect_worker::runner::Flag;

// As in the `transect` command, which says why.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs one role of a pipeline on Kafka until it gets SIGTERM.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to do.
    #[arg(value_enum)]
    role: RoleName,
    /// The file that the operator writes: pipeline, brokers, folders.
    #[arg(long)]
    config: PathBuf,
    /// This process among those of its role: the same after a restart, so that it finds its partitions again.
    #[arg(long, env = "HOSTNAME")]
    member: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    /// Takes events in over HTTP.
    Gateway,
    /// Judges events: validates, removes repeats, folds.
    Process,
    /// Gathers windows.
    Aggregate,
    /// Writes the cold tier.
    Sink,
}

impl RoleName {
    fn job(self) -> Job {
        match self {
            Self::Gateway => Job::Gateway,
            Self::Process => Job::Process,
            Self::Aggregate => Job::Aggregate,
            Self::Sink => Job::Sink,
        }
    }
}

fn main() -> ExitCode {
    init_logs();
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let config = read(&args.config)?;
    let stop = Flag::default();
    stop_on_signals(&stop)?;
    roles::run(&config, args.role.job(), &args.member, &stop).map_err(|error| anyhow!(error))
}

fn read(path: &Path) -> anyhow::Result<WorkerConfig> {
    let text = std::fs::read(path)
        .with_context(|| format!("read {}; give the file with --config", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is no configuration of this version of transect-worker", path.display()))
}

/// The first signal ends it in good order; the second at once, which loses nothing either.
fn stop_on_signals(stop: &Flag) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("listen to signals")?;
    let stop = stop.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in &mut signals {
            if stop.is_raised() {
                std::process::exit(128 + signal);
            }
            tracing::info!("stopping: what is open is committed");
            stop.raise();
        }
    })?;
    Ok(())
}

/// Readable text on a terminal, one JSON object a line elsewhere; `RUST_LOG` picks what is shown.
fn init_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    if stderr().is_terminal() { logs.with_target(false).init() } else { logs.json().init() }
}
