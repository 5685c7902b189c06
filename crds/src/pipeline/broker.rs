//! The log that a pipeline runs on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{ClientTls, SecretRef};
use crate::shape;

/// The log that a pipeline runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Broker {
    /// The Kafka cluster. Default: the operator's own default. Without effect in one process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<Kafka>,
    /// Number of partitions by key; can't be changed, since that would move keys. Choose generously: an idle partition
    /// costs little. Example: `12`.
    #[schemars(range(min = 1, max = 1024))]
    pub partitions: u32,
    /// How long raw events are kept in the log. Default: `168h`. Example: `72h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub retention: Option<String>,
    /// Where topics' schemas are registered. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_registry: Option<SchemaRegistry>,
}

/// A Kafka cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kafka {
    /// The brokers to begin with. Example: `kafka-0:9092,kafka-1:9092`.
    #[schemars(schema_with = "shape::addresses")]
    pub bootstrap_servers: String,
    /// The beginning of the names of topics, groups and transactional ids; can't be changed.
    /// Default: `<namespace>.<pipeline>`. Example: `lab7.air`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 120), regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$"))]
    pub prefix: Option<String>,
    /// How the workers log in. Default: without authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<KafkaAuthentication>,
    /// How the operator logs in to make topics. Default: as the workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_authentication: Option<KafkaAuthentication>,
    /// TLS. Default: none, except with `mtls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Number of copies of each record. Default: the brokers' own. Example: `3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replication_factor: Option<u32>,
    /// How many copies must be written before a record counts as durable. Default: the brokers' own. Example: `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub min_insync_replicas: Option<u32>,
    /// Topics are made as KafkaTopics of this Strimzi cluster. Default: topics are made through Kafka's own API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strimzi: Option<Strimzi>,
}

/// How to log in to Kafka: exactly one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "[has(self.scram), has(self.oauthBearer), has(self.mtls)].filter(x, x).size() == 1",
    "has not exactly one way to log in; write one of scram, oauthBearer and mtls",
)])))]
pub struct KafkaAuthentication {
    /// User name and password, SASL/SCRAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scram: Option<Scram>,
    /// OAuth 2 client credentials, SASL/OAUTHBEARER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_bearer: Option<OauthBearer>,
    /// A client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<Mtls>,
}

/// SASL/SCRAM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scram {
    /// Secret with the keys `username` and `password`. Example: `{name: kafka-user}`.
    pub secret_ref: SecretRef,
    /// `Sha256` or `Sha512`. Default: `Sha512`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ScramMechanism")]
    pub mechanism: Option<ScramMechanism>,
}

/// The hash of SASL/SCRAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    #[default]
    Sha512,
}

/// SASL/OAUTHBEARER.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OauthBearer {
    /// Where tokens are issued. Example: `https://idp.example.org/oauth2/token`.
    #[schemars(schema_with = "shape::http_url")]
    pub token_url: String,
    /// Secret with the keys `clientId` and `clientSecret`. Example: `{name: kafka-oauth}`.
    pub secret_ref: SecretRef,
    /// The scope to ask for. Default: none. Example: `kafka`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::sentence")]
    pub scope: Option<String>,
}

/// A client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mtls {
    /// Secret with the keys `tls.crt` and `tls.key`. Example: `{name: kafka-client}`.
    pub secret_ref: SecretRef,
}

/// A Strimzi cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Strimzi {
    /// Name of the Kafka object. Example: `studies`.
    #[schemars(schema_with = "shape::object_name")]
    pub cluster: String,
    /// Its namespace. Default: the pipeline's. Example: `kafka`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::namespace")]
    pub namespace: Option<String>,
}

/// A schema registry with Confluent's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaRegistry {
    /// Its URL, without credentials. Example: `https://registry:8081`.
    #[schemars(schema_with = "shape::http_url")]
    pub url: String,
    /// Secret with the login, keys `username` and `password`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: by the URL, with the system's authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}
