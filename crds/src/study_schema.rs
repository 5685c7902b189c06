//! `StudySchema`: what one event of a study is, and what makes it valid.

// Each printer column has a `type_`, which the lint takes for a repetition.
#![allow(clippy::duplicated_attributes)]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cleanse::CleanseStep;
use crate::common::{Condition, ConfigMapKeyRef, ConfigMapRef};
use crate::quality::{PrivacyRule, QualityRule};
use crate::shape;

/// What one event of a study is, and what makes it valid.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "transect.dev",
    version = "v1alpha1",
    kind = "StudySchema",
    namespaced,
    status = "StudySchemaStatus",
    derive = "PartialEq",
    category = "transect",
    doc = "What one event of a study is, and what makes it valid.",
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
    printcolumn(name = "Version", type_ = "integer", json_path = ".status.latestVersion"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    ".event",
    "!has(self.privacy) || !self.privacy.exists(p, p.treatment == 'Encrypt') || has(self.event.participant)",
    "doesn't say whose key seals what is encrypted; write event.participant, such as `/participant`",
)])))]
pub struct StudySchemaSpec {
    /// The study that owns the events; can't be changed. A DNS label. Example: `air-quality`.
    #[schemars(
        schema_with = "shape::name",
        extend("x-kubernetes-validations" = shape::immutable("can't be changed; make a new StudySchema for another study"))
    )]
    pub study: String,
    /// What the schemas are written in: `JsonSchema` (draft 2020-12 and earlier, by `$schema`) or `Avro`.
    /// Default: `JsonSchema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SchemaFormat")]
    pub format: Option<SchemaFormat>,
    /// What a new version must be compatible with: `None`, `Backward`, `Forward` or `Full` with the version before it;
    /// `BackwardTransitive`, `ForwardTransitive` or `FullTransitive` with all versions before it. Default: `Backward`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Compatibility")]
    pub compatibility: Option<Compatibility>,
    /// The versions of the schema. Append-only: a version that is here once is neither changed nor removed.
    /// Example: `[{version: 1, schema: {type: object}}]`.
    #[schemars(
        length(min = 1, max = 64),
        extend(
            "x-kubernetes-list-type" = "map",
            "x-kubernetes-list-map-keys" = ["version"],
            "x-kubernetes-validations" = shape::rules(&[(
                "",
                "oldSelf.all(o, self.exists(n, n == o))",
                "a version was changed or removed; leave every version as it was and append a new one",
            )]),
        )
    )]
    pub versions: Vec<SchemaVersion>,
    /// Which fields of an event have a meaning to the pipeline. Example: `{id: [/id], time: /time, key: [/station]}`.
    pub event: EventFields,
    /// Repairs made before validation, in order; absent fields stay absent and null stays null, but for `default`. The schema
    /// describes what comes out. Default: none. Example: `[{field: /pm25, nullIf: [-999]}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub cleanse: Vec<CleanseStep>,
    /// Range and consistency checks on events that fit the schema. Default: none.
    /// Example: `[{name: plausible, expression: "event.pm25 >= 0.0", otherwise: Reject}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rules: Vec<QualityRule>,
    /// How personal fields are minimised before anything is kept. Default: none.
    /// Example: `[{field: /participant, treatment: Pseudonymise}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["field"])
    )]
    pub privacy: Vec<PrivacyRule>,
}

/// What the schemas are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SchemaFormat {
    /// JSON Schema.
    #[default]
    JsonSchema,
    /// Apache Avro.
    Avro,
}

/// What a new version must be compatible with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Compatibility {
    /// Anything goes.
    None,
    /// Readers of the new version can read data of the version before.
    #[default]
    Backward,
    /// Readers of the new version can read data of all versions before.
    BackwardTransitive,
    /// Readers of the version before can read data of the new one.
    Forward,
    /// Readers of all versions before can read data of the new one.
    ForwardTransitive,
    /// `Backward` and `Forward`.
    Full,
    /// `BackwardTransitive` and `ForwardTransitive`.
    FullTransitive,
}

/// One version of the schema: `schema` or `schemaFrom`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "has(self.schema) != has(self.schemaFrom)",
    "has not exactly one schema; write one of schema (inline) and schemaFrom (in a ConfigMap)",
)])))]
pub struct SchemaVersion {
    /// Its number. Each event is checked against its own version: what it says by `event.version`, else what its source says,
    /// else the greatest. Example: `1`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: u32,
    /// The schema document. Example: `{type: object, properties: {pm25: {type: number}}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::free_object")]
    pub schema: Option<Value>,
    /// Where the schema document is, if not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_from: Option<SchemaFrom>,
    /// Further ConfigMaps whose keys hold documents to which the schema refers: by key as a relative name
    /// (`$ref: "unit.json#/$defs/celsius"`) or by `$id`. The other keys of `schemaFrom`'s own ConfigMap count without being
    /// named here. Default: none. Example: `[{configMapRef: {name: common-schemas}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub family_from: Vec<FamilyFrom>,
    /// The fields that have another name since this version, so that values from before and after stand in one column.
    /// Default: none. Example: `[{from: /mood, to: /wellbeing}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend(
            "x-kubernetes-list-type" = "map",
            "x-kubernetes-list-map-keys" = ["from"],
            "x-kubernetes-validations" = shape::rules(&[(
                "",
                "self.all(r, self.exists_one(o, o.to == r.to))",
                "two fields get the same name; leave one of the two",
            )]),
        )
    )]
    pub renamed: Vec<Renamed>,
}

/// A field that has another name since a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = shape::rules(&[(
    "",
    "self.from != self.to",
    "is the name that the field has already; write another name, or remove it",
)])))]
pub struct Renamed {
    /// The field as the version before calls it. Example: `/mood`.
    #[schemars(schema_with = "shape::pointer")]
    pub from: String,
    /// The field as this version calls it: in the same object, a property of its schema. Example: `/wellbeing`.
    #[schemars(schema_with = "shape::pointer")]
    pub to: String,
}

/// Where a schema document is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SchemaFrom {
    /// A key of a ConfigMap in the same namespace, which holds the document as JSON or YAML text.
    /// Example: `{name: air-schemas, key: v1.json}`.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// Where more documents of a schema's family are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FamilyFrom {
    /// A ConfigMap in the same namespace; each of its keys may hold a document, as JSON or YAML text.
    pub config_map_ref: ConfigMapRef,
}

/// Which fields of an event carry its type, identity, time, key and place. Each is a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventFields {
    /// The field whose text names the event type, where one source carries several types. Default: none; the source
    /// says it, or the pipeline has one type only. Example: `/kind`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub event_type: Option<String>,
    /// The field that says an event's schema version: an integer, or digits as text; the same in all versions, and read before
    /// cleansing. Default: none; the source says it, or events are of the greatest version. Example: `/schemaVersion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub version: Option<String>,
    /// The fields that together are the event id. Default: none; a hash of the content is the id. Example: `[/id]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::pointers")]
    pub id: Vec<String>,
    /// The event time. Example: `/time`.
    #[schemars(schema_with = "shape::pointer")]
    pub time: String,
    /// How the event time is written: `Rfc3339` (text with an offset), `UnixSeconds`, `UnixMillis` or `UnixMicros`
    /// (numbers since 1970-01-01T00:00:00Z). Default: `Rfc3339`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TimeFormat")]
    pub time_format: Option<TimeFormat>,
    /// The fields that together are the key: what must stay in order, and what picks the partition. Default: none; the
    /// event id is the key. Example: `[/station]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shape::pointers")]
    pub key: Vec<String>,
    /// The geography of the event, by which tables can be partitioned. Default: none. Example: `/region`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub region: Option<String>,
    /// Whom the event is about. Of each participant what is encrypted, and the archive, is sealed with a key of their own,
    /// which `transect erase` destroys. Needed by the treatment `Encrypt`. Default: none. Example: `/participant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::pointer")]
    pub participant: Option<String>,
    /// How far events may trail the newest of their source before windows close without them. Default: `0s`.
    /// Example: `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::duration")]
    pub delay: Option<String>,
    /// How far an event's time may lie beyond its received time; events further ahead are rejected, so that one wrong
    /// clock can't close windows. Default: any distance. Example: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape::duration")]
    pub max_ahead: Option<String>,
}

/// How an event time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TimeFormat {
    /// RFC 3339 text with an offset.
    #[default]
    Rfc3339,
    /// Seconds since 1970, fractions allowed.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
    /// Microseconds since 1970.
    UnixMicros,
}

/// What is observed of a StudySchema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudySchemaStatus {
    /// The generation that the conditions are about; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// The greatest version that is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_version: Option<u32>,
    /// SHA-256 of the latest version's document, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub latest_digest: Option<String>,
    /// How the latest version is checked: `Compiled` in one pass, or `Fallback` for what one pass can't express.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub coverage: Option<String>,
}
