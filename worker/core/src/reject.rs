//! Why an event is refused: a closed set of reasons, each with what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reasons for which an event is rejected. The same word is the header on the rejected record, the metric label,
/// the field in the API's answer and the column in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RejectReason {
    /// The bytes are not one event in their format: not one JSON value (RFC 8259), or no record that fits the header line; or an object names a member twice, or a number is beyond a double.
    Malformed,
    /// The CloudEvents envelope of the event lacks an attribute or its data, or has a wrong one.
    InvalidEnvelope,
    /// The event is larger than the limit on bytes.
    TooLarge,
    /// The event nests deeper than the limit.
    TooDeep,
    /// The event's type is missing or names no schema of the pipeline.
    UnknownEventType,
    /// The event's schema version is none that the pipeline knows.
    UnknownSchemaVersion,
    /// A step of the schema's cleansing doesn't apply to what the event holds.
    CleanseFailed,
    /// The event breaks its schema.
    SchemaViolation,
    /// The event time, the id or the key is missing or can't be read.
    MissingIdentity,
    /// The event time is missing or isn't written as the manifest says.
    InvalidTime,
    /// The event time lies further beyond the received time than `event.maxAhead` allows.
    TimeAhead,
    /// The event fits its schema, but a rule of the study is false of it.
    Rule,
    /// The participant whom the event is about was erased.
    ParticipantErased,
}

impl RejectReason {
    /// Every reason, in the order of the checks.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::InvalidEnvelope,
        Self::TooLarge,
        Self::TooDeep,
        Self::UnknownEventType,
        Self::UnknownSchemaVersion,
        Self::CleanseFailed,
        Self::SchemaViolation,
        Self::MissingIdentity,
        Self::InvalidTime,
        Self::TimeAhead,
        Self::Rule,
        Self::ParticipantErased,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "Malformed",
            Self::InvalidEnvelope => "InvalidEnvelope",
            Self::TooLarge => "TooLarge",
            Self::TooDeep => "TooDeep",
            Self::UnknownEventType => "UnknownEventType",
            Self::UnknownSchemaVersion => "UnknownSchemaVersion",
            Self::CleanseFailed => "CleanseFailed",
            Self::SchemaViolation => "SchemaViolation",
            Self::MissingIdentity => "MissingIdentity",
            Self::InvalidTime => "InvalidTime",
            Self::TimeAhead => "TimeAhead",
            Self::Rule => "Rule",
            Self::ParticipantErased => "ParticipantErased",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One refusal: why, and where in the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The reason.
    pub reason: RejectReason,
    /// JSON Pointer into the event; empty for the event as a whole.
    pub pointer: String,
    /// The JSON Schema keyword or the step of cleansing that failed, or the name of the rule; empty where none was
    /// involved.
    pub keyword: String,
    /// What was expected and what was found, cut to a readable length. May hold personal data: it goes beside the
    /// original, never to logs or metrics.
    pub message: String,
    /// Byte offset into the event, where the trouble has one.
    pub offset: Option<u32>,
}
