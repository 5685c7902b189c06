//! How a worker reaches a pipeline's topics. Secrets are files, which are read again when they change.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Span;

/// A pipeline's topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaConfig {
    /// The brokers to begin with: `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// The beginning of the names of topics, groups and transactional ids: `<namespace>.<pipeline>`.
    pub prefix: String,
    /// How connections are made, and by whom.
    #[serde(default)]
    pub security: KafkaSecurity,
    /// After how long without a sign of life a process loses its partitions.
    #[serde(default = "session_timeout")]
    pub session_timeout: Span,
    /// How long brokers may take to answer before that is an error.
    #[serde(default = "timeout")]
    pub timeout: Span,
}

/// How connections are made, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaSecurity {
    /// None for connections in plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// None for brokers that ask for none, or know their clients by certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<KafkaLogin>,
}

/// The client's side of TLS. Files are in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientTls {
    /// The authorities to trust; None for the system's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
    /// The client's own certificate, and those between it and its authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// A way to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum KafkaLogin {
    /// SASL/SCRAM.
    Scram {
        /// A folder with the files `username` and `password`.
        folder: PathBuf,
        /// The hash.
        #[serde(default)]
        mechanism: ScramMechanism,
    },
}

/// The hash of SASL/SCRAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    #[default]
    Sha512,
}

fn session_timeout() -> Span {
    Span::from_seconds(10)
}

fn timeout() -> Span {
    Span::from_seconds(20)
}
