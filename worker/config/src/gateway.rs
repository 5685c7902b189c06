//! What the gateway lets in, and whom.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Span;

/// How events are taken in over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// A folder with a file a sender, as a Secret is mounted; None if whoever reaches the address may send.
    pub api_keys: Option<PathBuf>,
    /// None for plain HTTP.
    pub tls: Option<ServerTls>,
    /// Greatest size of a body, in bytes, before and after it is decompressed.
    pub body_bytes: usize,
    /// Requests that are served at the same time; more are told to come back.
    pub requests_in_flight: usize,
    /// Events a second that this process takes of the study, all senders together; None for no limit.
    pub events_per_second: Option<u32>,
    /// How long a request may take to come in whole.
    pub timeout: Span,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            api_keys: None,
            tls: None,
            body_bytes: 8 << 20,
            requests_in_flight: 256,
            events_per_second: None,
            timeout: Span::from_seconds(30),
        }
    }
}

/// The gateway's side of TLS. The files are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerTls {
    /// The certificate and those between it and its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// The authorities that senders' certificates must come from, in PEM; None if senders need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authorities: Option<PathBuf>,
}
