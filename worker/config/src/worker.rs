//! What a worker process on a cluster is told: one file for all roles of a pipeline.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{PipelineConfig, Span};

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkerConfig {
    /// What is to be done.
    pub pipeline: PipelineConfig,
    /// The log.
    pub kafka: KafkaConfig,
    /// The pipeline key: 16 bytes, the same for all processes and for good.
    pub key: PathBuf,
    /// The folder of the cold tier.
    pub out: PathBuf,
    /// Where the gateway takes events, and every role shows its health and metrics.
    pub listen: SocketAddr,
    /// Number of decoding threads of each partition.
    #[serde(default = "one")]
    pub threads: usize,
}

/// A pipeline's topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaConfig {
    /// The brokers to begin with: `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// The beginning of the names of topics, groups and transactional ids: `<namespace>.<pipeline>`.
    pub prefix: String,
    /// After how long without a sign of life a process loses its partitions.
    #[serde(default = "session_timeout")]
    pub session_timeout: Span,
    /// How long brokers may take to answer before that is an error.
    #[serde(default = "timeout")]
    pub timeout: Span,
}

fn one() -> usize {
    1
}

fn session_timeout() -> Span {
    Span::from_seconds(10)
}

fn timeout() -> Span {
    Span::from_seconds(20)
}
