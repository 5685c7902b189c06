//! Where events come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KafkaAuthentication, SchemaRegistry};
use crate::common::{ClientTls, SecretRef};
use crate::shape;

/// One source: a name, and exactly one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "[has(self.http), has(self.kafka), has(self.mqtt), has(self.amqp), has(self.nats), has(self.redisStream), \
     has(self.objectStore), has(self.files)].filter(x, x).size() == 1",
    "has not exactly one kind; write one of http, kafka, mqtt, amqp, nats, redisStream, objectStore and files",
)])))]
pub struct Source {
    /// Its name, stamped on every event; consumer groups derive from it. Example: `web`.
    #[schemars(schema_with = "shape::name")]
    pub name: String,
    /// The event type of all its events: a name in `schemas`. Default: each event says it, or the pipeline has one
    /// type only. Example: `air-reading`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::name")]
    pub schema: Option<String>,
    /// The schema version of all its events that don't say one themselves. Default: the greatest that the pipeline reads.
    /// Example: `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: Option<u32>,
    /// Events are POSTed to the gateway, `/v1/studies/{study}/events`. Example: `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSource>,
    /// Events are read from a Kafka topic. Example: `{topic: sensors.v1}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaSource>,
    /// Events are read from an MQTT 5 broker. Example: `{address: "mqtt:1883", topics: ["sensors/+/air"]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<MqttSource>,
    /// Events are read from an AMQP 0.9.1 queue. Example: `{address: "rabbit:5672", queue: readings}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amqp: Option<AmqpSource>,
    /// Events are read from a NATS JetStream stream. Example: `{address: "nats:4222", stream: AIR}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<NatsSource>,
    /// Events are read from a Redis stream. Example: `{address: "redis:6379", stream: readings}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis_stream: Option<RedisStreamSource>,
    /// Events are read from files in an object store. Example: `{url: "s3://bucket/in/", format: Csv}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<ObjectStoreSource>,
    /// Events are read once from local files. Example: `{paths: [data/2026.ndjson.gz]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesSource>,
}

/// Events are POSTed to the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpSource {}

/// A Kafka topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSource {
    /// The topic. Example: `sensors.v1`.
    #[schemars(schema_with = "shape::word")]
    pub topic: String,
    /// The brokers. Default: those of `broker.kafka`, with its authentication and TLS. Example: `kafka-0:9092,kafka-1:9092`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::addresses")]
    pub bootstrap_servers: Option<String>,
    /// How to log in to `bootstrapServers`. Default: without authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<KafkaAuthentication>,
    /// TLS to `bootstrapServers`. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// Where to begin the first time: `Earliest` or `Latest`. Default: `Earliest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StartAt")]
    pub start: Option<StartAt>,
    /// How events are written: `Json` or `Avro`. Default: `Json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MessageEncoding")]
    pub encoding: Option<MessageEncoding>,
    /// Where the schemas of events with a registry id are. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_registry: Option<SchemaRegistry>,
}

/// Where to begin the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StartAt {
    /// At the oldest record.
    #[default]
    Earliest,
    /// At what comes next.
    Latest,
}

/// How events are written in messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MessageEncoding {
    /// JSON.
    #[default]
    Json,
    /// Apache Avro.
    Avro,
}

/// An MQTT 5 broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MqttSource {
    /// The broker. Example: `mqtt.example.org:8883`.
    #[schemars(schema_with = "shape::addresses")]
    pub address: String,
    /// Topic filters; subscribed to with QoS 1. Example: `["sensors/+/air"]`.
    #[schemars(schema_with = "shape::words")]
    pub topics: Vec<String>,
    /// Secret with the login, keys `username` and `password`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// An AMQP 0.9.1 queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmqpSource {
    /// The broker. Example: `rabbitmq:5672`.
    #[schemars(schema_with = "shape::addresses")]
    pub address: String,
    /// The queue. Example: `readings`.
    #[schemars(schema_with = "shape::word")]
    pub queue: String,
    /// The virtual host. Default: `/`. Example: `studies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub virtual_host: Option<String>,
    /// Secret with the login, keys `username` and `password`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// A NATS JetStream stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NatsSource {
    /// The servers. Example: `nats:4222`.
    #[schemars(schema_with = "shape::addresses")]
    pub address: String,
    /// The stream. Example: `AIR`.
    #[schemars(schema_with = "shape::word")]
    pub stream: String,
    /// Only these subjects of the stream. Default: all. Example: `[air.readings.>]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::words")]
    pub subjects: Vec<String>,
    /// Secret with the login, key `creds` (a credentials file). Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// A Redis stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisStreamSource {
    /// The server. Example: `redis:6379`.
    #[schemars(schema_with = "shape::addresses")]
    pub address: String,
    /// The stream's key. Example: `readings`.
    #[schemars(schema_with = "shape::word")]
    pub stream: String,
    /// The entry's field that holds the event. Default: `event`. Example: `payload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::word")]
    pub field: Option<String>,
    /// Secret with the login, keys `username` and `password`. Default: without login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// TLS. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// Files in an object store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStoreSource {
    /// The folder or file: `s3://`, `gs://`, `az://` or `file:///`; no credentials in it. Example: `s3://bucket/in/`.
    #[schemars(schema_with = "shape::store_url")]
    pub url: String,
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
    /// How events are written: `Json` (NDJSON or arrays), `Csv` (with a header line), `CloudEvents` (JSON envelopes), `Avro`
    /// or `Parquet`. Default: what each file's name or first bytes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FileFormat")]
    pub format: Option<FileFormat>,
    /// How often to look for new files. Default: never; the source is bounded, and done when read through.
    /// Example: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::positive_duration")]
    pub poll: Option<String>,
}

/// How events are written in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FileFormat {
    /// NDJSON or JSON arrays.
    #[default]
    Json,
    /// Comma-separated values with a header line; in files that end in `.tsv`, tab-separated.
    Csv,
    /// CloudEvents 1.0 in the JSON format: NDJSON or arrays of envelopes.
    CloudEvents,
    /// Avro containers.
    Avro,
    /// Parquet.
    Parquet,
}

/// Local files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilesSource {
    /// The files, read in this order, plain, gzip or zstd. Relative paths are taken from the manifest's folder.
    /// Example: `[data/2026.ndjson.gz]`.
    #[schemars(schema_with = "shape::paths")]
    pub paths: Vec<String>,
    /// How events are written: `Json` (NDJSON or arrays), `Csv` (with a header line), `CloudEvents` (JSON envelopes), `Avro`
    /// or `Parquet`. Default: what each file's name or first bytes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FileFormat")]
    pub format: Option<FileFormat>,
}
