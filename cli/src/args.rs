//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Research-data ingestion, exactly once: from a study's two manifests to tidy tables.
#[derive(Debug, Parser)]
#[command(name = "transect", version, propagate_version = true)]
pub(crate) struct Args {
    /// How logs are written to standard error [default: text on a terminal, json elsewhere]
    #[arg(long, global = true, value_enum, env = "TRANSECT_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline in this process: read its inputs, serve its gateway, write its tables
    Up(UpArgs),
    /// Check manifests without running anything
    Validate(ValidateArgs),
    /// Show what became of every event
    Ledger(LedgerArgs),
    /// Destroy the key of a participant, and show that nothing of theirs opens any more
    ///
    /// The pipeline must have ended, and stored what it had read.
    Erase(EraseArgs),
    /// Write the events of sealed archive files to standard output, as they came
    Unseal(UnsealArgs),
    /// Look at refused events, and take them back in
    Rejected(RejectedArgs),
    /// Look at anomalies
    Alerts(AlertsArgs),
    /// Write report.html from the files of an output folder, as `up` does at its end
    Report(ReportArgs),
    /// Make an API key for a sender: the key goes to standard output, once, and what it hashes to into a folder
    ApiKey(ApiKeyArgs),
    /// Work with schemas, without a pipeline
    Schema(SchemaArgs),
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages
    Man {
        /// The folder to write them to
        dir: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// A manifest, or a folder of manifests; several documents a file are fine
    #[arg(short, long = "file", value_name = "PATH", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
    /// Feed files to a source in place of what its manifest says; repeat for several
    #[arg(long = "input", value_name = "SOURCE=FILE", value_parser = input)]
    pub(crate) inputs: Vec<(String, PathBuf)>,
    /// Where tables, windows, rejects and the ledger go
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    /// Where the log is kept, from which a run goes on after any kind of death [default: OUT/.state]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Where the keys of personal fields are, if the study has some; keep it apart and back it up [default: STATE/keys]
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// Serve the gateway here [default: 127.0.0.1:8080 if the pipeline has an http source, none with --drain]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Let only those send whose API keys are in this folder, a file a sender; see `transect api-key`
    #[arg(long, value_name = "DIR")]
    pub(crate) api_keys: Option<PathBuf>,
    /// Serve the gateway under TLS, with tls.crt and tls.key of this folder, and for senders with certificates from ca.crt only
    #[arg(long, value_name = "DIR")]
    pub(crate) tls: Option<PathBuf>,
    /// End when the inputs are read and the last windows are closed
    #[arg(long)]
    pub(crate) drain: bool,
    /// Threads that decode events [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// Bytes of events that are committed together; fewer issue windows in smaller steps
    #[arg(long, value_name = "BYTES", default_value_t = transect_worker::pipeline::EPOCH_BYTES)]
    pub(crate) epoch_bytes: usize,
    /// How often progress is made durable: so much at most is done again after a crash
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 5000)]
    pub(crate) commit_interval: u64,
    /// End with an error status if any event was rejected
    #[arg(long)]
    pub(crate) fail_on_rejected: bool,
    /// The pipeline to run, where the manifests hold several
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// How the summary is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EraseArgs {
    /// The participant, as events name them in the field that event.participant says
    pub(crate) participant: String,
    /// The output folder of the pipeline
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    /// Its state folder [default: OUT/.state]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Its folder of keys [default: STATE/keys]
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApiKeyArgs {
    /// The sender, as logs name it
    pub(crate) name: String,
    /// The folder of the senders' files, which is made if it is not there
    #[arg(long = "to", value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// A study that it may send to; repeat for several [default: all whose gateways have its file]
    #[arg(long = "study", value_name = "STUDY")]
    pub(crate) studies: Vec<String>,
    /// A source that it may send as; repeat for several [default: all]
    #[arg(long = "source", value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// Events that it may send a second, to each gateway
    #[arg(long, value_name = "N")]
    pub(crate) events_per_second: Option<std::num::NonZeroU32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UnsealArgs {
    /// Files of an archive: *.sealed.avro
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The folder of keys
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) keys: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    /// A manifest, or a folder of manifests
    #[arg(short, long = "file", value_name = "PATH", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
    /// How the findings are printed
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LedgerArgs {
    /// The output folder of a pipeline
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    /// How the ledger is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The output folder of a pipeline
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    /// How its place is printed
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RejectedArgs {
    #[command(subcommand)]
    pub(crate) command: RejectedCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RejectedCommand {
    /// Count refused events by reason, keyword and pointer, or list them one by one with --each
    List {
        /// The output folder of a pipeline
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
        /// Only this reason, such as SchemaViolation
        #[arg(long)]
        reason: Option<String>,
        /// One line an event, with the number that `show` and `redrive` take
        #[arg(long)]
        each: bool,
        /// Also those that were taken back in
        #[arg(long)]
        all: bool,
        /// How the list is printed
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Take refused events back in: the next `transect up` reads them again, by its manifests
    ///
    /// Without --corrected they are read as they came, for when the manifests were wrong. The pipeline must not be running.
    Redrive {
        /// Their numbers in `list --each`
        numbers: Vec<u64>,
        /// All that are open and have this reason, such as SchemaViolation
        #[arg(long, conflicts_with = "numbers")]
        reason: Option<String>,
        /// All that are open
        #[arg(long, conflicts_with_all = ["numbers", "reason"])]
        all: bool,
        /// Corrected events: one {"number": N, "event": {…}} a line, in JSON by the StudySchema; - for standard input
        #[arg(long, value_name = "FILE", conflicts_with_all = ["numbers", "reason", "all"])]
        corrected: Option<PathBuf>,
        /// The output folder of a pipeline
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
        /// Its state folder [default: OUT/.state]
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
        /// Its folder of keys, where originals are sealed [default: STATE/keys]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Show one refused event: where it stands, why it was refused, its original bytes
    Show {
        /// Its number in `list --each`
        number: usize,
        /// The folder of keys, where originals are sealed [default: OUT/.state/keys, if it is there]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        /// The output folder of a pipeline
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    pub(crate) command: AlertsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts by event time: what was found, what was expected, and where the row stands
    List {
        /// The output folder of a pipeline
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
        /// Only this detector's
        #[arg(long, value_name = "NAME")]
        detector: Option<String>,
        /// How the list is printed
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    pub(crate) command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Check documents against a schema: one line of JSON a document, with all that is wrong with it
    ///
    /// Ends with 0 if all documents are valid, 1 if some are not, 2 if the schema or a file can't be read.
    Check(SchemaCheckArgs),
    /// Check whether a new version of a schema goes with older ones, and name each break
    ///
    /// Ends with 0 if it does, 1 if not, 2 if a schema can't be read.
    Compat(SchemaCompatArgs),
    /// Draft a first StudySchema from samples, with comments on what you must decide
    ///
    /// Ends with 0 if the draft can be used as it is, 1 if no event time was found, 2 if a file can't be read.
    Infer(SchemaInferArgs),
}

/// What a new version promises; with `-transitive`, towards all older versions that are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompatMode {
    /// Nothing; the schemas are only read
    None,
    /// The new version reads data of the old one
    Backward,
    /// The new version reads data of all old ones
    BackwardTransitive,
    /// The old version reads data of the new one
    Forward,
    /// All old versions read data of the new one
    ForwardTransitive,
    /// Both
    Full,
    /// Both, for all old versions
    FullTransitive,
}

/// How lines are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// What schemas are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// JSON Schema: drafts 4, 6, 7, 2019-09 and 2020-12, by `$schema`
    #[default]
    JsonSchema,
    /// Apache Avro
    Avro,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaCheckArgs {
    /// The schema, as JSON or YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: PathBuf,
    /// A document to which the schema may refer, or a folder of them (*.json, *.yaml, *.yml, *.avsc); repeat for several.
    /// Nothing is ever fetched
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) with: Vec<PathBuf>,
    /// What the schema is written in
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: SchemaFormat,
    /// The greatest size of a document in bytes, as a pipeline's limits.eventBytes
    #[arg(long, value_name = "BYTES", default_value_t = transect_config::Limits::default().event_bytes)]
    pub(crate) event_bytes: u32,
    /// The greatest depth of nested arrays and objects, as a pipeline's limits.depth
    #[arg(long, value_name = "N", default_value_t = transect_config::Limits::default().depth)]
    pub(crate) depth: u32,
    /// Print each document as JSON, too, as it is checked: what data in Avro become, defaults filled in
    #[arg(long)]
    pub(crate) values: bool,
    /// The documents: NDJSON, JSON arrays or single JSON values, plain, gzip or zstd; - for standard input. With --format avro
    /// also object containers, and files of one single object
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaCompatArgs {
    /// What the new version promises
    #[arg(long, value_enum)]
    pub(crate) mode: CompatMode,
    /// A document to which the schemas may refer, or a folder of them (*.json, *.yaml, *.yml, *.avsc); repeat for several.
    /// Nothing is ever fetched
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) with: Vec<PathBuf>,
    /// What the schemas are written in
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: SchemaFormat,
    /// How breaks are printed
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: LineFormat,
    /// The schemas, as JSON or YAML: the old versions, oldest first, then the new one
    #[arg(value_names = ["OLD", "NEW"], num_args = 2.., required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SampleFormat {
    /// NDJSON, JSON arrays or JSON values
    Json,
    /// Comma-separated values with a header line; in `.tsv` files by tabs
    Csv,
    /// CloudEvents 1.0, each event an envelope
    CloudEvents,
    /// Avro object containers
    Avro,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SchemaInferArgs {
    /// The name of the StudySchema, which is also the event type [default: the first file's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The study that owns the events
    #[arg(long, default_value = "my-study")]
    pub(crate) study: String,
    /// How many events at most are looked at
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,
    /// How the samples are written [default: by each file's name and content]
    #[arg(long, value_enum)]
    pub(crate) format: Option<SampleFormat>,
    /// The samples: JSON, CSV, CloudEvents or Avro, plain, gzip or zstd; - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

fn input(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((source, file)) if !source.is_empty() && !file.is_empty() => {
            Ok((source.to_owned(), file.into()))
        }
        _ => Err("write SOURCE=FILE, such as web=events.ndjson".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
