//! The JSON Schema of the JSON that data of an Avro schema become ([`crate::format::avro`]).
//!
//! Records are closed objects. A member must be there unless it may be null: defaults are for reading what older versions
//! wrote, and not for leaving out. A record within itself is a reference.

use std::collections::BTreeMap;

use apache_avro::schema::{DecimalSchema, RecordSchema, Schema, UuidSchema};
use serde_json::{Map, Value, json};

use super::{Parsed, Primitive, Shape};

/// Records are written out so many times; beyond that they are references.
const RECORDS_MAX: usize = 2_000;

const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
const TIME: &str = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
const DATE: &str = "-?[0-9]{4,6}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
const DURATION: &str = "^P[0-9]+M[0-9]+DT[0-9]+(?:\\.[0-9]{3})?S$";

/// See the module.
pub(super) fn of(parsed: &Parsed) -> Value {
    let mut builder = Builder { parsed, open: Vec::new(), records: 0, definitions: BTreeMap::new() };
    let mut schema = builder.schema(&parsed.root);
    while let Some((name, _)) = builder.definitions.iter().find(|(_, definition)| definition.is_none()) {
        let name = name.clone();
        let definition = builder.definition(&name);
        builder.definitions.insert(name, Some(definition));
    }
    if let Some(object) = schema.as_object_mut().filter(|_| !builder.definitions.is_empty()) {
        let all: Map<_, _> =
            builder.definitions.into_iter().filter_map(|(name, schema)| Some((name, schema?))).collect();
        object.insert("$defs".into(), all.into());
    }
    schema
}

struct Builder<'s> {
    parsed: &'s Parsed,
    /// The records that are being written.
    open: Vec<String>,
    records: usize,
    /// The records that are referred to; None until they are written.
    definitions: BTreeMap<String, Option<Value>>,
}

impl<'s> Builder<'s> {
    fn schema(&mut self, schema: &'s Schema) -> Value {
        let schema = self.parsed.resolve(schema);
        match Shape::of(schema) {
            Shape::Record(record) => {
                let name = record.name.fullname(None);
                if self.open.contains(&name) || self.records >= RECORDS_MAX {
                    let place = name.replace('~', "~0").replace('/', "~1");
                    self.definitions.entry(name).or_insert(None);
                    return json!({"$ref": format!("#/$defs/{place}")});
                }
                self.records += 1;
                self.open.push(name);
                let written = self.record(record);
                self.open.pop();
                written
            }
            Shape::Enum(symbols) => json!({"type": "string", "enum": symbols.symbols}),
            Shape::Array(items) => json!({"type": "array", "items": self.schema(items)}),
            Shape::Map(values) => json!({"type": "object", "additionalProperties": self.schema(values)}),
            Shape::Union(branches) => match branches {
                [only] => self.schema(only),
                branches => {
                    let branches: Vec<_> = branches.iter().map(|branch| self.schema(branch)).collect();
                    json!({"anyOf": branches})
                }
            },
            Shape::Primitive(primitive) => scalar(schema, primitive),
            Shape::Fixed(fixed) => match schema {
                Schema::Duration(_) => json!({"type": "string", "pattern": DURATION}),
                Schema::Decimal(decimal) => number(decimal),
                Schema::Uuid(_) => json!({"type": "string", "format": "uuid"}),
                _ => {
                    let length = fixed.size.div_ceil(3) * 4;
                    json!({"type": "string", "pattern": BASE64, "minLength": length, "maxLength": length})
                }
            },
            Shape::Unknown => json!(false),
        }
    }

    /// A record of a name, which is one of those that were met.
    fn definition(&mut self, name: &str) -> Value {
        let parsed = self.parsed;
        let Some(schema) = parsed.named(name) else { return json!(false) };
        let Shape::Record(record) = Shape::of(schema) else { return json!(false) };
        self.open.push(name.to_owned());
        let written = self.record(record);
        self.open.pop();
        written
    }

    fn record(&mut self, record: &'s RecordSchema) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in &record.fields {
            properties.insert(field.name.clone(), self.schema(&field.schema));
            if !self.takes_null(&field.schema) {
                required.push(field.name.clone());
            }
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn takes_null(&self, schema: &'s Schema) -> bool {
        match Shape::of(self.parsed.resolve(schema)) {
            Shape::Primitive(Primitive::Null) => true,
            Shape::Union(branches) => branches.iter().any(|branch| self.takes_null(branch)),
            _ => false,
        }
    }
}

fn scalar(schema: &Schema, primitive: Primitive) -> Value {
    match schema {
        Schema::Date => json!({"type": "string", "format": "date"}),
        Schema::TimeMillis | Schema::TimeMicros => {
            json!({"type": "string", "pattern": format!("^{TIME}$")})
        }
        Schema::TimestampMillis | Schema::TimestampMicros | Schema::TimestampNanos => {
            json!({"type": "string", "format": "date-time"})
        }
        Schema::LocalTimestampMillis | Schema::LocalTimestampMicros | Schema::LocalTimestampNanos => {
            json!({"type": "string", "pattern": format!("^{DATE}T{TIME}$")})
        }
        Schema::Decimal(decimal) => number(decimal),
        Schema::BigDecimal => json!({"type": "number"}),
        Schema::Uuid(UuidSchema::String | UuidSchema::Bytes) => json!({"type": "string", "format": "uuid"}),
        _ => match primitive {
            Primitive::Null => json!({"type": "null"}),
            Primitive::Boolean => json!({"type": "boolean"}),
            Primitive::Int => json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX}),
            Primitive::Long => json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
            Primitive::Float | Primitive::Double => json!({"type": "number"}),
            Primitive::Bytes => json!({"type": "string", "pattern": BASE64}),
            Primitive::String => json!({"type": "string"}),
        },
    }
}

/// A decimal number without digits behind the point is an integer, which keeps all its digits as a column.
fn number(decimal: &DecimalSchema) -> Value {
    let kind = if decimal.scale == 0 && decimal.precision <= 18 { "integer" } else { "number" };
    json!({"type": kind})
}
