//! What a worker process on a cluster is told: one file for all roles of a pipeline.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{GatewayConfig, KafkaConfig, PipelineConfig};

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
    /// Where every role shows its health and metrics.
    pub listen: SocketAddr,
    /// How the gateway takes events in.
    #[serde(default)]
    pub gateway: GatewayConfig,
    /// Number of decoding threads of each partition.
    #[serde(default = "one")]
    pub threads: usize,
}

fn one() -> usize {
    1
}
