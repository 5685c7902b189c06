//! Where events and windows are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{ClientTls, SecretRef};
use crate::shape;

/// Where events and windows are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// The cold tier: files that are kept. Default: the operator's own; in one process, a table under `--out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<ColdStorage>,
    /// The hot tier: stores for live reading. Default: none. Example: `[{name: live, redis: {address: "redis:6379"}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub hot: Vec<HotStore>,
}

/// The cold tier: a table, an archive, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "has(self.table) || has(self.archive)",
    "keeps nothing; write table: {}, archive: {}, or both",
)])))]
pub struct ColdStorage {
    /// The folder: `s3://`, `gs://`, `az://` or `file:///`; no credentials in it. Default: the operator's own; in one
    /// process, `--out`. Example: `s3://bucket/air/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::store_url")]
    pub url: Option<String>,
    /// Secret with the credentials, keys `accessKeyId` and `secretAccessKey` for `s3`, `serviceAccountKey` for `gs`,
    /// `accountName` and `accountKey` for `az`. Default: those of the ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// URL of an S3-compatible store. Default: the cloud's own. Example: `https://minio:9000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::http_url")]
    pub endpoint: Option<String>,
    /// The store's region. Default: `us-east-1`. Example: `eu-central-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub region: Option<String>,
    /// Accepted events as a table an event type. Example: `{format: Iceberg, partitionBy: [day, region]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<ColdTable>,
    /// Events as they were received, byte for byte. Example: `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ColdArchive>,
}

/// Accepted events as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".catalog",
    "!has(self.catalog) || (has(self.format) && self.format == 'Iceberg')",
    "doesn't go with the format; write catalog only with format Iceberg",
)])))]
pub struct ColdTable {
    /// `Parquet` (files in folders) or `Iceberg`. Default: `Parquet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TableFormat")]
    pub format: Option<TableFormat>,
    /// By what files are told apart: `day`, `hour`, `month` (of the event time, UTC) and `region`, in order.
    /// Default: `[day]`. Example: `[day, region]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "atomic"))]
    pub partition_by: Vec<TablePartition>,
    /// The Iceberg catalog. Default: the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<IcebergCatalog>,
}

/// What a table is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TableFormat {
    /// Parquet files in folders.
    #[default]
    Parquet,
    /// Apache Iceberg.
    Iceberg,
}

/// By what a table's files are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TablePartition {
    /// The hour of the event time, UTC.
    Hour,
    /// The day of the event time, UTC.
    Day,
    /// The month of the event time, UTC.
    Month,
    /// The schema's `event.region`.
    Region,
}

/// An Iceberg REST catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IcebergCatalog {
    /// Its URL, without credentials. Example: `https://catalog:8181`.
    #[schemars(schema_with = "shape::http_url")]
    pub url: String,
    /// The warehouse. Default: the catalog's own. Example: `studies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub warehouse: Option<String>,
    /// The Iceberg namespace of the tables. Default: the study. Example: `air_quality`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub namespace: Option<String>,
    /// Secret with the login, key `token`, or keys `clientId` and `clientSecret`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// Events as they were received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ColdArchive {}

/// One store for live reading: a name, and exactly one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "[has(self.redis), has(self.cassandra), has(self.influxdb), has(self.postgres)].filter(x, x).size() == 1",
    "has not exactly one kind; write one of redis, cassandra, influxdb and postgres",
)])))]
pub struct HotStore {
    /// Its name; its consumer group derives from it. Example: `live`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// What it keeps: `Events`, `Windows` and `Alerts`. Default: all. Example: `[Windows]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub keep: Vec<HotContent>,
    /// How long it keeps it. Default: for ever. Example: `24h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub retention: Option<String>,
    /// Redis 7 or Valkey. Example: `{address: "redis:6379"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
    /// Cassandra or ScyllaDB. Example: `{addresses: "cassandra:9042", keyspace: air}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cassandra: Option<Cassandra>,
    /// InfluxDB 2 or 3. Example: `{url: "http://influxdb:8086", bucket: air, secretRef: {name: influx}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub influxdb: Option<Influxdb>,
    /// PostgreSQL or TimescaleDB. Example: `{address: "pg:5432", database: air, secretRef: {name: pg}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,
}

/// What a hot store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HotContent {
    /// Accepted events.
    Events,
    /// Windows' results.
    Windows,
    /// Alerts.
    Alerts,
}

/// Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// The server, or several of a cluster. Example: `redis:6379`.
    #[schemars(schema_with = "shape::addresses")]
    pub address: String,
    /// Secret with the login, keys `username` and `password`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// The beginning of its keys. Default: `<namespace>:<pipeline>:`. Example: `air:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub key_prefix: Option<String>,
}

/// Cassandra.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cassandra {
    /// The nodes to begin with. Example: `cassandra-0:9042,cassandra-1:9042`.
    #[schemars(schema_with = "shape::addresses")]
    pub addresses: String,
    /// The keyspace, which must exist. Example: `air`.
    #[schemars(schema_with = "shape::column")]
    pub keyspace: String,
    /// The data centre to write to. Default: any. Example: `dc1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub local_datacenter: Option<String>,
    /// Secret with the login, keys `username` and `password`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// InfluxDB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Influxdb {
    /// Its URL, without credentials. Example: `http://influxdb:8086`.
    #[schemars(schema_with = "shape::http_url")]
    pub url: String,
    /// The organisation. Default: none, as in InfluxDB 3. Example: `ecology`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub organization: Option<String>,
    /// The bucket or database. Example: `air`.
    #[schemars(schema_with = "shape::word")]
    pub bucket: String,
    /// Secret with the key `token`. Example: `{name: influx-token}`.
    pub secret_ref: SecretRef,
    /// TLS. Default: by the URL, with the system's authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Postgres {
    /// The server. Example: `postgres:5432`.
    #[schemars(schema_with = "shape::addresses")]
    pub address: String,
    /// The database, which must exist. Example: `air`.
    #[schemars(schema_with = "shape::word")]
    pub database: String,
    /// The schema of the tables. Default: `public`. Example: `studies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::column")]
    pub schema: Option<String>,
    /// Secret with the login, keys `username` and `password`. Example: `{name: pg-air}`.
    pub secret_ref: SecretRef,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}
