//! A StudySchema compiled once: what to read, what to check, which columns to fill.
//!
//! Every schema has a table. Objects become structs, arrays lists, string enums dictionaries, `date-time` strings
//! timestamps; what has no column type (unions of shapes, recursion, free maps) is a JSON column; fields that the
//! schema allows but doesn't name go to one `extra` JSON column.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use transect_config::{EventTypeConfig, Limits, Pointer};

/// How an event type's schema is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything in the one pass over the bytes.
    Compiled,
    /// Some of it by the `jsonschema` crate, after the pass; each reason names the pointer into the schema and the
    /// keyword.
    Fallback(Vec<String>),
}

/// Why a schema can't be compiled at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {pointer:?} of the schema)")]
pub struct PlanError {
    /// JSON Pointer into the schema document.
    pub pointer: String,
    /// What is wrong and how to fix it.
    pub message: String,
}

/// One event type, compiled. Shared by all threads.
#[derive(Debug)]
pub struct Plan {
    schema: SchemaRef,
    coverage: Coverage,
}

impl Plan {
    /// Compiles an event type.
    pub fn compile(event_type: &EventTypeConfig, limits: &Limits) -> Result<Arc<Self>, PlanError> {
        let _ = (event_type, limits);
        unimplemented!()
    }

    /// The columns of an event, without provenance.
    pub fn arrow_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How the schema is checked.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The column that holds a field, as the path of child indexes from the event's columns; None where the field has
    /// no column of its own. A path goes through structs only.
    pub fn column(&self, field: &Pointer) -> Option<Vec<usize>> {
        let _ = field;
        unimplemented!()
    }
}
