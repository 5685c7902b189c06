//! Avro schemas: read with the named types of their family, and what a StudySchema in Avro means: the JSON Schema of the
//! JSON that its data become, and the fingerprint by which single objects name it.
//!
//! Data themselves are read in [`crate::format::avro`].

mod fingerprint;
mod json_schema;
mod mistakes;
mod parsed;
mod shape;

use serde_json::Value;
use transect_config::SchemaFamily;

pub(crate) use self::parsed::Parsed;
pub(crate) use self::shape::{Primitive, Shape, logical_type};
use crate::plan::PlanError;

/// A version of a StudySchema that is written in Avro.
#[derive(Debug)]
pub(crate) struct AvroSchema {
    pub(crate) parsed: Parsed,
    /// CRC-64-AVRO of its parsing canonical form.
    pub(crate) fingerprint: u64,
}

impl AvroSchema {
    /// Reads a schema. Of its family those documents count that define a type which it names.
    pub(crate) fn read(schema: &Value, family: &SchemaFamily) -> Result<Self, PlanError> {
        let parsed = Parsed::read(schema, family)?;
        parsed.check_defaults(schema)?;
        Ok(Self::of(parsed))
    }

    /// The fingerprint of what a container says that its data were written with.
    pub(crate) fn of(parsed: Parsed) -> Self {
        let fingerprint = fingerprint::of(&parsed);
        Self { parsed, fingerprint }
    }

    /// What the JSON of its data must be.
    pub(crate) fn json_schema(&self) -> Value {
        json_schema::of(&self.parsed)
    }

    /// The fingerprint as people write it: the hexadecimal digits of the number.
    pub(crate) fn hex(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }
}
