//! How many workers there are, what their Pods look like and what they may reach.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::shape;

/// How many workers there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".minReplicas",
    "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
    "is greater than maxReplicas; write at most maxReplicas",
)])))]
pub struct Scaling {
    /// `Automatic`, or `External` where another controller (such as KEDA) sets the replicas. Default: `Automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ScalingMode")]
    pub mode: Option<ScalingMode>,
    /// Fewest process replicas; `0` lets an idle pipeline sleep. Default: `1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1024))]
    pub min_replicas: Option<i32>,
    /// Most process replicas; more than partitions are of no use. Default: the number of partitions. Example: `12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_replicas: Option<i32>,
    /// The age of the oldest unread record to aim for. Default: `30s`. Example: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub target_lag: Option<String>,
    /// How soon a backlog should be worked off. Default: `5m`. Example: `30m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub catch_up: Option<String>,
    /// How long a lower number must have been right before replicas are taken away. Default: `5m`. Example: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::duration")]
    pub stabilization: Option<String>,
    /// Bounds for single roles. Default: those above, and at least 1 gateway. Example: `[{role: gateway, maxReplicas: 4}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["role"])
    )]
    pub roles: Vec<RoleScaling>,
}

/// Who sets the number of replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingMode {
    /// The operator.
    #[default]
    Automatic,
    /// Another controller.
    External,
}

/// Bounds for one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".minReplicas",
    "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
    "is greater than maxReplicas; write at most maxReplicas",
), (
    ".minReplicas",
    "self.role != 'gateway' || !has(self.minReplicas) || self.minReplicas >= 1",
    "is 0 for the gateway, which then could not wake up; write at least 1",
)])))]
pub struct RoleScaling {
    /// `gateway`, `process`, `aggregate` or `sink`.
    pub role: Role,
    /// Fewest replicas. Default: `scaling.minReplicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1024))]
    pub min_replicas: Option<i32>,
    /// Most replicas. Default: `scaling.maxReplicas`. Example: `4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub max_replicas: Option<i32>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Receives events over HTTP.
    Gateway,
    /// Validates, deduplicates and folds.
    Process,
    /// Merges windows.
    Aggregate,
    /// Writes to a store.
    Sink,
}

/// The Pods of one role, or of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPods {
    /// `gateway`, `process`, `aggregate`, `sink`, or `default` for what the others leave out.
    pub role: PodRole,
    /// What the container asks for and may use. Default: the chart's.
    /// Example: `{requests: {cpu: 500m, memory: 512Mi}, limits: {memory: 1Gi}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Labels that the node must have. Default: none. Example: `{disk: ssd}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the Pods tolerate, as in a Pod. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::free_objects")]
    pub tolerations: Vec<Value>,
    /// Where the Pods like to run, as in a Pod. Default: replicas of a role on different nodes, if possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::free_object")]
    pub affinity: Option<Value>,
    /// How the Pods are spread, as in a Pod. Default: over zones, if possible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::free_objects")]
    pub topology_spread_constraints: Vec<Value>,
    /// The Pods' priority class. Default: the cluster's own. Example: `studies-high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::object_name")]
    pub priority_class_name: Option<String>,
    /// Secrets with which the image is pulled. Default: the chart's. Example: `[{name: registry}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub image_pull_secrets: Vec<PullSecret>,
    /// How long a Pod may take to drain. Default: `60s`. Example: `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub termination_grace: Option<String>,
    /// More labels of the Pods. Default: none. Example: `{cost-centre: ecology}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub labels: BTreeMap<String, String>,
    /// More annotations of the Pods. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub annotations: BTreeMap<String, String>,
}

/// Whose Pods are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PodRole {
    /// Those of all roles, where the role itself says nothing.
    Default,
    /// Those of the gateway.
    Gateway,
    /// Those that process.
    Process,
    /// Those that aggregate.
    Aggregate,
    /// Those of the sinks.
    Sink,
}

/// What a container asks for and may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What it is given at least. Example: `{cpu: 500m, memory: 512Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// What it may use at most. Example: `{memory: 1Gi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

/// A Secret with which the image is pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullSecret {
    /// Name of the Secret. Example: `registry`.
    #[schemars(schema_with = "shape::object_name")]
    pub name: String,
}

/// The workers' ServiceAccount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Its annotations. Default: none. Example: `{eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/air"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub annotations: BTreeMap<String, String>,
}

/// What the workers may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// What they may reach beyond what the pipeline names by address. Default: nothing more.
    /// Example: `[{cidr: 10.0.0.0/8, ports: [443]}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub egress: Vec<Egress>,
}

/// One thing that the workers may reach: addresses, or Pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "has(self.cidr) != (has(self.namespaceLabels) || has(self.podLabels))",
    "is not one kind of target; write either cidr, or namespaceLabels and podLabels",
)])))]
pub struct Egress {
    /// A range of addresses. Example: `10.0.0.0/8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-fA-F:.]+/[0-9]{1,3}$"))]
    pub cidr: Option<String>,
    /// Labels of the namespaces in which the Pods are. Default: the pipeline's namespace.
    /// Example: `{kubernetes.io/metadata.name: kafka}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels of the Pods. Default: all Pods there. Example: `{app: kafka}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub pod_labels: BTreeMap<String, String>,
    /// TCP ports. Default: all. Example: `[9092]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(range(min = 1, max = 65535)), extend("x-kubernetes-list-type" = "atomic"))]
    pub ports: Vec<i32>,
}
