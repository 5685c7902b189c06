//! `ResearchPipeline`: where a study's events come from, what is computed of them and where they are kept.

// Each printer column has a `type_`, which the lint takes for a repetition.
#![allow(clippy::duplicated_attributes)]

mod anomaly;
mod broker;
mod gateway;
mod lookup;
mod source;
mod status;
mod storage;
mod window;
mod workers;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape;

pub use anomaly::*;
pub use broker::*;
pub use gateway::*;
pub use lookup::*;
pub use source::*;
pub use status::*;
pub use storage::*;
pub use window::*;
pub use workers::*;

/// Number of partitions where the manifest has no `broker`.
pub const PARTITIONS_DEFAULT: u32 = 12;

const SAME_PARTITIONS: &str = "(has(self.broker) ? self.broker.partitions : 12) == \
                               (has(oldSelf.broker) ? oldSelf.broker.partitions : 12)";
const SAME_PREFIX: &str = "(has(self.broker) && has(self.broker.kafka) && has(self.broker.kafka.prefix) \
                           ? self.broker.kafka.prefix : '') == \
                           (has(oldSelf.broker) && has(oldSelf.broker.kafka) && has(oldSelf.broker.kafka.prefix) \
                           ? oldSelf.broker.kafka.prefix : '')";

/// Where a study's events come from, what is computed of them and where they are kept.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "transect.dev",
    version = "v1alpha1",
    kind = "ResearchPipeline",
    namespaced,
    status = "ResearchPipelineStatus",
    derive = "PartialEq",
    category = "transect",
    doc = "Where a study's events come from, what is computed of them and where they are kept.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason"
    ),
    printcolumn(name = "Study", type_ = "string", json_path = ".spec.study"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Lag", type_ = "string", json_path = ".status.lag"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[
    (".broker", SAME_PARTITIONS, "has another number of partitions, which would move keys; leave it as it was (12 \
        without a broker), or make a new pipeline and drain this one"),
    (".broker", SAME_PREFIX, "has another prefix, which would leave the topics behind; leave broker.kafka.prefix as \
        it was, or make a new pipeline and drain this one"),
])))]
pub struct ResearchPipelineSpec {
    /// The study that owns the pipeline, the same as its schemas'; can't be changed. A DNS label. Example: `air-quality`.
    #[schemars(
        schema_with = "shape::name",
        extend("x-kubernetes-validations" = shape::immutable("can't be changed; make a new pipeline for another study"))
    )]
    pub study: String,
    /// The event types: StudySchemas in the same namespace. Example: `[{name: air-reading}]`.
    #[schemars(
        length(min = 1, max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub schemas: Vec<SchemaRef>,
    /// Where events come from. Example: `[{name: web, http: {}}]`.
    #[schemars(
        length(min = 1, max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub sources: Vec<Source>,
    /// The log that the pipeline runs on. Default: the operator's own default broker and 12 partitions; in one process,
    /// the embedded log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Broker>,
    /// How repeats are recognised. Default: `{window: 24h}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup: Option<Dedup>,
    /// Tables that rules look values up in. Default: none.
    /// Example: `[{name: stations, key: {name: id}, columns: [{name: opened, type: Time}], file: {path: stations.csv}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub lookups: Vec<Lookup>,
    /// Windows over event time, and what is computed of each. Default: none.
    /// Example: `[{name: hourly, tumbling: {size: 1h}, aggregates: [{name: readings, function: Count}]}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub windows: Vec<Window>,
    /// What to raise alerts on. Default: none.
    /// Example: `[{name: spike, field: /pm25, method: RobustZScore, by: [/station], threshold: 6}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub anomalies: Vec<Anomaly>,
    /// Where events and windows are kept. Default: the operator's own default; in one process, a table under `--out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// What a single event may cost. Default: `{eventBytes: 1048576, depth: 64}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<EventLimits>,
    /// How the HTTP gateway is reached and who may use it. Default: a Service of type ClusterIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// How many workers there are. Default: `{mode: Automatic, minReplicas: 1, maxReplicas: <partitions>}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// What the Pods of each role look like. Default: the chart's. Example: `[{role: process, resources: {…}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["role"])
    )]
    pub workers: Vec<WorkerPods>,
    /// The ServiceAccount of the workers, through which clouds grant access to storage. It has no API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
    /// What the workers may reach beyond what the pipeline names. Default: only what it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// What happens to topics and stored state when the object is deleted: `Retain`, or `Delete` for the topics that
    /// the operator claimed and created. Tables and archives always stay. Default: `Retain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DeletionPolicy")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Whether processing and sinks stand still; the gateway goes on accepting. Default: `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// One event type of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".oldest",
    "!has(self.version) || !has(self.oldest) || self.oldest <= self.version",
    "is greater than version, so that no version is left; write one that is at most version",
)])))]
pub struct SchemaRef {
    /// Name of the StudySchema; also the name of the event type and its table. Example: `air-reading`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// The greatest version that events may have; older ones stay readable. Default: the greatest of all. Example: `3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: Option<u32>,
    /// The least version that events may have: for older ones that lack a field which the pipeline needs. Default: the least of
    /// all. Example: `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub oldest: Option<u32>,
}

/// How repeats are recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dedup {
    /// How long an identity is remembered. Costs about 40 bytes of memory an event. Default: `24h`. Example: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub window: Option<String>,
}

/// What a single event may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventLimits {
    /// Greatest size of an event in bytes; larger ones are rejected as TooLarge. Default: `1048576`. Example: `65536`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 67_108_864))]
    pub event_bytes: Option<u32>,
    /// Greatest depth of nested arrays and objects; deeper events are rejected as TooDeep. Default: `64`. Example: `16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 512))]
    pub depth: Option<u32>,
}

/// What happens to what the operator made outside the cluster when the object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Everything stays.
    #[default]
    Retain,
    /// Topics that the operator claimed and created are deleted.
    Delete,
}
