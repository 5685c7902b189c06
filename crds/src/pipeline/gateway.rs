//! How the HTTP gateway is reached and who may use it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::SecretRef;
use crate::shape;

/// How the HTTP gateway is reached and who may use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Its Service. Default: `{type: ClusterIP, port: 80}`, or port 443 with `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<GatewayService>,
    /// An Ingress to it. Default: none. Example: `{host: air.example.org}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<GatewayIngress>,
    /// A Gateway API HTTPRoute to it. Default: none. Example: `{parentRefs: [{name: public}]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<GatewayRoute>,
    /// TLS of the gateway itself. Default: none; plain HTTP inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
    /// Who may send events. Default: no one from outside the namespace. Example: `{secretRef: {name: senders}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeys>,
    /// Greatest size of a request's body in bytes, uncompressed. Default: `8388608`. Example: `1048576`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 268_435_456))]
    pub body_bytes: Option<u32>,
    /// Greatest number of requests in flight a replica; more get 429. Default: `256`. Example: `64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub requests_in_flight: Option<u32>,
}

/// The gateway's Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".nodePort",
    "!has(self.nodePort) || (has(self.type) && self.type != 'ClusterIP')",
    "doesn't go with the type; write nodePort only with type NodePort or LoadBalancer",
), (
    ".loadBalancerClass",
    "!has(self.loadBalancerClass) || (has(self.type) && self.type == 'LoadBalancer')",
    "doesn't go with the type; write loadBalancerClass only with type LoadBalancer",
)])))]
pub struct GatewayService {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`. Default: `ClusterIP`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ServiceType")]
    pub service_type: Option<ServiceType>,
    /// Its port. Default: `80`, or `443` with `tls`. Example: `8080`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::port")]
    pub port: Option<i32>,
    /// Its port on every node. Default: the cluster chooses. Example: `30080`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::port")]
    pub node_port: Option<i32>,
    /// Which implementation of load balancers. Default: the cluster's own. Example: `service.k8s.aws/nlb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub load_balancer_class: Option<String>,
    /// Annotations of the Service. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub annotations: BTreeMap<String, String>,
}

/// The types of Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Reached inside the cluster.
    #[default]
    ClusterIP,
    /// Reached at a port of every node.
    NodePort,
    /// Reached through a load balancer.
    LoadBalancer,
}

/// An Ingress to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayIngress {
    /// Its class. Default: the cluster's own. Example: `nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::object_name")]
    pub class_name: Option<String>,
    /// The host name. Example: `air.example.org`.
    #[schemars(schema_with = "shape::object_name")]
    pub host: String,
    /// The path in front of the gateway's own. Default: `/`. Example: `/air`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), regex(pattern = "^/"))]
    pub path: Option<String>,
    /// Secret of type `kubernetes.io/tls` with the certificate. Default: none. Example: `air-tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::object_name")]
    pub tls_secret_name: Option<String>,
    /// Annotations of the Ingress. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::text_map")]
    pub annotations: BTreeMap<String, String>,
}

/// A Gateway API HTTPRoute to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayRoute {
    /// The Gateways to attach to. Example: `[{name: public, namespace: ingress}]`.
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub parent_refs: Vec<ParentRef>,
    /// The host names. Default: the Gateways' own. Example: `[air.example.org]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::words")]
    pub hostnames: Vec<String>,
}

/// A Gateway of the Gateway API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Its name. Example: `public`.
    #[schemars(schema_with = "shape::object_name")]
    pub name: String,
    /// Its namespace. Default: the pipeline's. Example: `ingress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::namespace")]
    pub namespace: Option<String>,
    /// The listener. Default: all. Example: `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::object_name")]
    pub section_name: Option<String>,
}

/// TLS of the gateway itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerTls {
    /// Secret with the certificate, keys `tls.crt` and `tls.key`. Example: `{name: air-gateway-tls}`.
    pub secret_ref: SecretRef,
    /// Secret with the authority that senders' certificates must come from, key `ca.crt`. Default: senders need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_secret_ref: Option<SecretRef>,
}

/// Who may send events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeys {
    /// Secret with one entry a sender: under the sender's name, the SHA-256 of its API key in hex.
    /// Example: `{name: senders}`.
    pub secret_ref: SecretRef,
}
