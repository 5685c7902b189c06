//! `transect up`: one pipeline in this process.

use std::io::{IsTerminal, stderr};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use transect_config::{GatewayConfig, PipelineConfig, ServerTls, SourceKind};
use transect_worker::pipeline::{self, Options, Watch};
use transect_worker::report::Report;
use transect_worker::summary::Summary;
use transect_worker::verify;

use crate::args::{Format, UpArgs};
use crate::{ledger, manifests, output, report as page};

/// Where the gateway listens unless told otherwise: for this machine only.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// As a Secret for TLS has them.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";

/// How often progress is drawn on a terminal, and how often it is written elsewhere.
const DRAW: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(10);

pub(crate) fn run(args: UpArgs) -> anyhow::Result<ExitCode> {
    let config = manifests::pipeline(&args.files, args.pipeline.as_deref(), &args.inputs)?;
    let state = args.state.clone().unwrap_or_else(|| args.out.join(".state"));
    let options = Options {
        keys: keys(&config, args.keys.as_deref(), &state),
        state,
        out: args.out.clone(),
        gateway: gateway(&config, &args),
        drain: args.drain,
        threads: args.threads.map_or_else(cores, usize::from),
        epoch_bytes: args.epoch_bytes,
        commit_interval: Duration::from_millis(args.commit_interval),
    };
    let watch = Watch { listening: Some(say_listening), ..Watch::default() };
    stop_on_signals(&watch)?;
    let progress = show_progress(&watch)?;
    let outcome = pipeline::run(&config, &options, &watch);
    watch.stop.raise();
    progress.thread().unpark();
    // The thread only draws; however it ended, the outcome is what counts.
    let _ = progress.join();
    let report = outcome.map_err(|error| anyhow!(error))?;
    let summary = Summary::read(&options.out);
    let differences = match args.drain {
        true if config.cold.table => differences(&report, summary.as_ref().ok(), &options)?,
        _ => Vec::new(),
    };
    // Everything is stored by now: a page that can't be written takes nothing away from that.
    let page = summary.map_err(anyhow::Error::from).and_then(|summary| page::write(&summary, &options.out));
    if let Err(error) = page {
        output::note(&format!("warning: there is no {}: {error:#}", page::FILE_NAME));
    }
    summarise(args.output, &report, &options)?;
    for difference in &differences {
        output::note(&format!("error: {difference}"));
    }
    let refused = args.fail_on_rejected && report.total.rejected > 0;
    if refused {
        output::note(&format!(
            "error: {} events were rejected, and --fail-on-rejected was given; see: transect rejected list --out {}",
            report.total.rejected,
            options.out.display()
        ));
    }
    Ok(if differences.is_empty() && report.adds_up && !refused {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder of keys, which had better not be where everything else is.
fn keys(config: &PipelineConfig, given: Option<&Path>, state: &Path) -> PathBuf {
    let keys = given.map_or_else(|| state.join("keys"), Path::to_owned);
    if config.is_private() && given.is_none() {
        output::note(&format!(
            "note: the keys of personal fields are in {}, beside what they seal; give a folder elsewhere with --keys, and \
             back it up: what is sealed can't be opened without them",
            keys.display()
        ));
    }
    keys
}

fn has_http(config: &PipelineConfig) -> bool {
    config.sources.iter().any(|source| matches!(source.kind, SourceKind::Http {}))
}

/// How events are taken in; None if none come over HTTP.
fn gateway(config: &PipelineConfig, args: &UpArgs) -> Option<GatewayConfig> {
    let listen = args.listen.or_else(|| (!args.drain && has_http(config)).then_some(LISTEN))?;
    let tls = args.tls.as_ref().map(|folder| ServerTls {
        certificate: folder.join(CERTIFICATE),
        key: folder.join(KEY),
        client_authorities: Some(folder.join(AUTHORITIES)).filter(|path| path.exists()),
    });
    Some(GatewayConfig { listen, api_keys: args.api_keys.clone(), tls, ..GatewayConfig::default() })
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn say_listening(address: SocketAddr) {
    output::note(&format!("listening on http://{address}"));
}

/// The first signal ends the pipeline in good order; the second ends the process at once, which loses nothing either.
fn stop_on_signals(watch: &Watch) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("listen to signals")?;
    let stop = watch.stop.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in &mut signals {
            if stop.is_raised() {
                std::process::exit(128 + signal);
            }
            output::note("stopping: what has been read is being stored (once more to end at once)");
            stop.raise();
        }
    })?;
    Ok(())
}

/// A bar on a terminal, a line now and then elsewhere.
fn show_progress(watch: &Watch) -> anyhow::Result<JoinHandle<()>> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let terminal = stderr().is_terminal();
    if terminal {
        let style =
            ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left")?;
        bar.set_style(style);
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    let watch = watch.clone();
    let draw = move || {
        let mut since = Duration::ZERO;
        loop {
            thread::park_timeout(DRAW);
            since += DRAW;
            let (read, total) = (watch.progress.read(), watch.progress.total());
            if total > 0 && read <= total {
                bar.set_length(total);
                bar.set_position(read);
            }
            if !terminal && total > 0 && since >= LINE {
                since = Duration::ZERO;
                tracing::info!(read_bytes = read, total_bytes = total, "reading inputs");
            }
            if watch.stop.is_raised() {
                bar.finish_and_clear();
                return;
            }
        }
    };
    Ok(thread::Builder::new().name("progress".into()).spawn(draw)?)
}

/// What `-o json` and `-o yaml` print.
#[derive(Serialize)]
struct Printed<'a> {
    ledger: &'a Report,
    places: Vec<Place>,
}

/// Where something is, and what.
#[derive(Serialize)]
struct Place {
    path: PathBuf,
    what: &'static str,
}

/// What the ledger says of the tables and is not so. Footers that the summary has read are not read again.
fn differences(report: &Report, summary: Option<&Summary>, options: &Options) -> anyhow::Result<Vec<String>> {
    let rows_of = |event_type: &str| match summary.and_then(|summary| summary.table_rows(event_type)) {
        Some(rows) => Ok(rows),
        None => verify::table_rows(&options.out.join("table").join(event_type), options.threads),
    };
    verify::differences(report, rows_of).map_err(|error| anyhow!(error))
}

fn summarise(format: Format, report: &Report, options: &Options) -> anyhow::Result<()> {
    let printed = Printed { ledger: report, places: places(&options.out, &options.state) };
    output::print(format, &printed, || {
        let mut text = ledger::table(report);
        text.push('\n');
        let rows =
            printed.places.iter().map(|place| [place.path.display().to_string(), place.what.to_owned()]);
        text.push_str(&output::table(["where", "what"], rows));
        text
    })
}

fn places(out: &Path, state: &Path) -> Vec<Place> {
    let all = [
        (out.join(page::FILE_NAME), "the report: all of this as a page for people"),
        (out.join("table"), "accepted events, as Parquet by event type and day"),
        (out.join("windows"), "windows, as Parquet by name; the greatest revision counts"),
        (out.join("alerts"), "anomalies, one a line; see: transect alerts list"),
        (out.join("rejected"), "refused events with their reasons; see: transect rejected list"),
        (out.join("redriven"), "refused events that were taken back in"),
        (out.join("archive"), "events as received"),
        (out.join("ledger.json"), "the ledger; see: transect ledger"),
        (state.to_owned(), "the log, from which the next run goes on"),
    ];
    all.into_iter().filter(|(path, _)| path.exists()).map(|(path, what)| Place { path, what }).collect()
}
