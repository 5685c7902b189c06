//! What the operator (or `transect up`) writes and the worker reads: one pipeline, resolved and checked.
//!
//! Plain serde types. Everything here has been validated against the schemas: pointers name fields that exist,
//! references are resolved, defaults are filled in. Times of day and of event are not here; lengths of time are
//! written as Go durations (`168h`).

mod anomaly;
mod cleanse;
mod duration;
mod family;
mod gateway;
mod kafka;
mod lookup;
mod pointer;
mod privacy;
mod version;
mod worker;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use anomaly::{DetectorConfig, Judge, Method, Side, Watched};
pub use cleanse::{CastType, CleanseAction, CleanseStep, FromUnit, LocalTime, TextCase, Unlisted};
pub use duration::{Span, SpanError};
pub use family::SchemaFamily;
pub use gateway::{GatewayConfig, ServerTls};
pub use kafka::{ClientTls, KafkaConfig, KafkaLogin, KafkaSecurity, ScramMechanism};
pub use lookup::{LookupColumn, LookupConfig, LookupFormat, LookupPlace, LookupType};
pub use pointer::{Pointer, PointerError};
pub use privacy::{PrivacyRule, TimeUnit, Treatment};
pub use version::{OlderVersion, Rename, SchemaFormat};
pub use worker::WorkerConfig;

/// One pipeline as a worker runs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineConfig {
    /// Namespace of the ResearchPipeline; `default` where the manifest says none.
    pub namespace: String,
    /// Name of the ResearchPipeline.
    pub name: String,
    /// The manifest's generation, stamped on every row; 1 where there is no API server to count.
    pub generation: u64,
    /// The study that owns the events.
    pub study: String,
    /// Number of partitions by key; fixed for the pipeline's life.
    pub partitions: u32,
    /// The event types, in the order of the manifest; at least one.
    pub event_types: Vec<EventTypeConfig>,
    /// Where events come from, in the order of the manifest; at least one.
    pub sources: Vec<SourceConfig>,
    /// How repeats are recognised.
    pub dedup: DedupConfig,
    /// Tables that rules look values up in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<LookupConfig>,
    /// Event-time windows.
    pub windows: Vec<WindowConfig>,
    /// Detectors of anomalies, in the order of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<DetectorConfig>,
    /// The cold tier.
    pub cold: ColdConfig,
    /// What a single event may cost.
    pub limits: Limits,
}

impl PipelineConfig {
    /// Whether any event holds personal fields: then nothing is kept as it came but sealed.
    pub fn is_private(&self) -> bool {
        self.event_types.iter().any(|event_type| !event_type.privacy.is_empty())
    }
}

/// One event type: its schema, and which of its fields mean what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventTypeConfig {
    /// Name of the StudySchema; also the name of the table.
    pub name: String,
    /// The newest version of its schema; that of events of which nothing else is said.
    pub schema_version: u32,
    /// What its schemas are written in.
    #[serde(default, skip_serializing_if = "SchemaFormat::is_json_schema")]
    pub format: SchemaFormat,
    /// The schema document of that version.
    pub schema: serde_json::Value,
    /// The documents that the schema refers to, directly or through others.
    #[serde(default, skip_serializing_if = "SchemaFamily::is_empty")]
    pub family: SchemaFamily,
    /// The versions before it that events may still have, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<OlderVersion>,
    /// The fields that have had other names, by version, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Rename>,
    /// The fields with a meaning to the pipeline, by the names of the newest version.
    pub event: EventFields,
    /// Repairs made before validation, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleanse: Vec<CleanseStep>,
    /// What must hold of events that fit the schema, in the order of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleConfig>,
    /// How personal fields are treated before anything is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub privacy: Vec<PrivacyRule>,
}

/// One check across the fields of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name, unique in the event type.
    pub name: String,
    /// A CEL expression over `event` that is true of good events.
    pub expression: String,
    /// What becomes of events of which it is false.
    pub otherwise: Otherwise,
    /// What to tell who sent the event; None for the expression.
    pub message: Option<String>,
}

/// What becomes of events that break a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Otherwise {
    /// They are rejected.
    #[default]
    Reject,
    /// They are kept and marked.
    Flag,
}

/// Which fields of an event carry its type, identity, time, key and place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventFields {
    /// The field whose string value names the event type; None where the source or the pipeline says.
    #[serde(rename = "type")]
    pub event_type: Option<Pointer>,
    /// The field that says an event's version: an integer, or digits as text. None where the source says it, or all
    /// events are of the newest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Pointer>,
    /// The fields that together are the event id; empty means a hash of the content.
    pub id: Vec<Pointer>,
    /// The event time.
    pub time: Pointer,
    /// How the event time is written.
    pub time_format: TimeFormat,
    /// The fields that together are the key: what must stay in order, and what picks the partition.
    pub key: Vec<Pointer>,
    /// The geography of the event.
    pub region: Option<Pointer>,
    /// Whom the event is about: whose key seals what of it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<Pointer>,
    /// How far events may trail the newest before the watermark passes them.
    pub delay: Span,
    /// How far an event's time may lie beyond its received time; None for any distance.
    pub max_ahead: Option<Span>,
}

/// How an event time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeFormat {
    /// RFC 3339 text with an offset: `2026-01-31T12:00:00Z`.
    #[default]
    Rfc3339,
    /// A number of seconds since 1970-01-01T00:00:00Z, fractions allowed.
    UnixSeconds,
    /// A number of milliseconds since 1970-01-01T00:00:00Z.
    UnixMillis,
    /// A number of microseconds since 1970-01-01T00:00:00Z.
    UnixMicros,
}

/// One source of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceConfig {
    /// Its name, unique in the pipeline.
    pub name: String,
    /// The event type of all its events; None where each event says, or the pipeline has only one.
    pub event_type: Option<String>,
    /// The schema version of all its events that don't say one; None for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// What kind of source.
    pub kind: SourceKind,
}

/// The kinds of source that a worker can read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SourceKind {
    /// Events are POSTed to the gateway.
    Http {},
    /// Events are read from a topic of Kafka, one a message.
    Kafka {
        /// The topic.
        topic: String,
        /// Its brokers: `host:port`, separated by commas; None for those of the pipeline's own topics.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bootstrap_servers: Option<String>,
        /// How connections to other brokers are made, and by whom.
        #[serde(default)]
        security: KafkaSecurity,
        /// Where to begin the first time.
        #[serde(default)]
        start: StartAt,
    },
    /// Events are read once from files, in the order given.
    Files {
        /// The files; plain, gzip or zstd, told apart by their content.
        paths: Vec<PathBuf>,
        /// How their events are written; None where each file shows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<InputFormat>,
    },
}

/// Where to begin the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartAt {
    /// At the oldest message.
    #[default]
    Earliest,
    /// At what comes next.
    Latest,
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputFormat {
    /// NDJSON, JSON arrays or JSON values.
    Json,
    /// Comma-separated values (RFC 4180) with a header line.
    Csv,
    /// CloudEvents 1.0 in the JSON format, each event an envelope; otherwise as `Json`.
    CloudEvents,
    /// Avro object containers.
    Avro,
}

/// How repeats are recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DedupConfig {
    /// How long an identity is remembered.
    pub window: Span,
}

/// One event-time window definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowConfig {
    /// Its name, unique in the pipeline; also the name of its output folder.
    pub name: String,
    /// The event type whose events it gathers.
    pub event_type: String,
    /// How time is cut.
    pub kind: WindowKind,
    /// The fields by which events are grouped; each a scalar. Empty for one group.
    pub group_by: Vec<Pointer>,
    /// How long after its end a window still takes events in and is issued again.
    pub allowed_lateness: Span,
    /// What is computed of each group.
    pub aggregates: Vec<AggregateConfig>,
}

/// How event time is cut into windows. A closed set: each kind needs its own way through fold and merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum WindowKind {
    /// Windows of one size, end to end, aligned to 1970-01-01T00:00:00Z.
    Tumbling {
        /// Length of a window.
        size: Span,
    },
    /// Windows of one size that begin at every multiple of `every`.
    Sliding {
        /// Length of a window.
        size: Span,
        /// Distance between two beginnings.
        every: Span,
    },
    /// Windows that end after a silence of the group.
    Session {
        /// The silence, exclusive: events nearer than this share a session.
        gap: Span,
        /// The longest that a session may span before it is cut.
        max: Span,
    },
}

/// One aggregate of a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateConfig {
    /// Name of its output column.
    pub name: String,
    /// What is computed.
    pub function: Function,
    /// The field it is computed of; None only for Count, which then counts events. With a field, null and absent
    /// values are left out.
    pub field: Option<Pointer>,
}

/// The aggregate functions; all are mergeable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Function {
    /// Number of events, or of non-null values of the field.
    Count,
    /// Sum of a number.
    Sum,
    /// Arithmetic mean of a number.
    Mean,
    /// Least value of a number or time.
    Min,
    /// Greatest value of a number or time.
    Max,
    /// Sample standard deviation (n − 1); null for fewer than two values.
    StdDev,
    /// The q-quantile by a KLL sketch, within its stated rank error.
    Quantile {
        /// Rank, 0 to 1.
        q: f64,
    },
    /// Number of distinct values by an HLL sketch, within its stated error.
    Distinct,
    /// Value of the earliest event by event time; ties go to the first read.
    First,
    /// Value of the latest event by event time; ties go to the last read.
    Last,
}

/// The cold tier: files that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColdConfig {
    /// Whether accepted events are kept as Parquet.
    pub table: bool,
    /// Whether what was received is kept byte for byte.
    pub archive: bool,
}

/// Bounds on a single event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Greatest size of an event in bytes; larger ones are rejected as TooLarge.
    pub event_bytes: u32,
    /// Greatest depth of nested arrays and objects; deeper ones are rejected as TooDeep.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes: 1024 * 1024, depth: 64 }
    }
}
