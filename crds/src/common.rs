//! What both resources share: references to Secrets and ConfigMaps, TLS, conditions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape;

/// A Secret in the object's namespace. Credentials are never written into manifests or URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret. Example: `kafka-user`.
    #[schemars(schema_with = "shape::object_name")]
    pub name: String,
    /// Where the Secret's keys are named otherwise than the default names given beside the reference: the Secret's
    /// key by the default name. Default: none. Example: `{password: kafka-password}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub keys: BTreeMap<String, String>,
}

/// One key of a ConfigMap in the object's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap. Example: `air-schemas`.
    #[schemars(schema_with = "shape::object_name")]
    pub name: String,
    /// The key in its `data`. Example: `air-reading.v1.json`.
    #[schemars(schema_with = "shape::word")]
    pub key: String,
}

/// A ConfigMap in the object's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapRef {
    /// Name of the ConfigMap. Example: `common-schemas`.
    #[schemars(schema_with = "shape::object_name")]
    pub name: String,
}

/// TLS to an outside system. Present (even as `{}`) means that TLS is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientTls {
    /// Secret with the certificate authority to trust, key `ca.crt`. Default: the system's own. Example: `{name: my-ca}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretRef>,
    /// Secret with the client's own certificate for mutual TLS, keys `tls.crt` and `tls.key`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_secret_ref: Option<SecretRef>,
    /// The server name to check the certificate against. Default: the host of the address. Example: `kafka.example.org`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub server_name: Option<String>,
}

/// One observation of the object's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is observed: `Ready`, `Reconciling`, `Stalled`, `Paused` or `Degraded`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub condition_type: String,
    /// `True`, `False` or `Unknown`.
    #[schemars(length(min = 1, max = 16))]
    pub status: String,
    /// One stable CamelCase word. Example: `PseudonymKeyMissing`.
    #[schemars(length(max = 128))]
    pub reason: String,
    /// What is the matter, which field it is about and how to fix it.
    #[schemars(length(max = 4096))]
    pub message: String,
    /// When `status` changed last, RFC 3339. Example: `2026-01-31T12:00:00Z`.
    #[schemars(length(max = 64))]
    pub last_transition_time: String,
    /// The generation of the object that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
