//! What is observed of a ResearchPipeline. Numbers are rounded and written at most once a minute, and there are no
//! lists by partition, so that the same world gives the same bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Role;
use crate::common::Condition;

/// What is observed of a ResearchPipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResearchPipelineStatus {
    /// The generation that the conditions are about; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling`, `Stalled`, `Paused` and `Degraded`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// Number of Pods of all roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Number of Pods that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Age of the oldest unread record, a rounded duration. Example: `4s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub lag: Option<String>,
    /// Events a second, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// The ledger of the last closed minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerStatus>,
    /// The versions of the schemas that run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub schemas: Vec<SchemaStatus>,
    /// The topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub topics: Vec<TopicStatus>,
    /// The tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub tables: Vec<TableStatus>,
    /// Why there are as many replicas as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
    /// SHA-256 of the pseudonym key in hex; the key itself is made once and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub pseudonym_key_fingerprint: Option<String>,
    /// URL of the gateway inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub gateway_url: Option<String>,
}

/// Events a second, rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    /// Read from the raw topic.
    pub read: i64,
    /// Accepted.
    pub accepted: i64,
    /// Recognised as repeats.
    pub duplicate: i64,
    /// Rejected.
    pub rejected: i64,
}

/// What became of events: `read = accepted + duplicate + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStatus {
    /// End of the minute, RFC 3339.
    #[schemars(length(max = 64))]
    pub at: String,
    /// Number of events read since the beginning.
    pub read: i64,
    /// Of these, accepted.
    pub accepted: i64,
    /// Of these, repeats.
    pub duplicate: i64,
    /// Of these, rejected.
    pub rejected: i64,
    /// Of the accepted, late for a window.
    pub late: i64,
    /// Of the repeats, those whose content differs.
    pub conflicting: i64,
}

/// The version of a schema that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// Name of the StudySchema.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its version.
    pub version: u32,
}

/// One topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// Its name.
    #[schemars(length(max = 249))]
    pub name: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Whether the operator created it, and so may delete it.
    pub created: bool,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TableStatus {
    /// The event type.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Where it is.
    #[schemars(length(max = 1024))]
    pub location: String,
    /// Number of rows, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
}

/// Why there are as many replicas as there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingStatus {
    /// By role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["role"])
    )]
    pub roles: Vec<RoleScalingStatus>,
}

/// Why a role has as many replicas as it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleScalingStatus {
    /// The role.
    pub role: Role,
    /// Number of replicas.
    pub replicas: i32,
    /// Number of replicas that the formula asks for, before bounds.
    pub wanted: i32,
    /// Events that arrive a second, rounded.
    pub arrival_rate: i64,
    /// Events that wait, rounded.
    pub backlog: i64,
    /// Events that one replica handles in a busy second, rounded; remembered while idle.
    pub capacity: i64,
    /// The formula with its numbers. Example: `(1200 + 90000 ÷ 300) ÷ 800 = 1.9`.
    #[schemars(length(max = 256))]
    pub formula: String,
    /// What set the number in the end. Example: `MaxReplicas`.
    #[schemars(length(max = 64))]
    pub limited_by: String,
}
