//! The schema of a container file, in the form in which its data are read.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};

/// Position among [`Shapes`].
pub(super) type ShapeId = usize;

/// How one part of a datum is written.
#[derive(Debug)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Array(ShapeId),
    Map(ShapeId),
    Union(Vec<ShapeId>),
    Record(Vec<RecordField>),
    Enum(Vec<String>),
    /// Of bytes, or of so many.
    Decimal {
        scale: usize,
        fixed: Option<usize>,
    },
    BigDecimal,
    /// Of 16 bytes; with their length before them, or without.
    Uuid {
        fixed: bool,
    },
    Date,
    /// So many in a second.
    TimeOfDay {
        per_second: i64,
    },
    Timestamp {
        per_second: i64,
    },
    LocalTimestamp {
        per_second: i64,
    },
    Duration,
}

#[derive(Debug)]
pub(super) struct RecordField {
    pub(super) name: String,
    /// As JSON, with the colon.
    pub(super) key: Box<[u8]>,
    pub(super) shape: ShapeId,
}

/// A schema; its parts refer to one another by position, so that it may be recursive. The first is the whole.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) all: Vec<Shape>,
}

impl Shapes {
    /// Reads a schema as JSON; an error says what is wrong with it.
    pub(super) fn of(schema: &str) -> Result<Self, String> {
        let schema =
            Schema::parse_str(schema).map_err(|error| format!("its schema can't be read: {error}"))?;
        let mut builder = Builder::default();
        builder.add(&schema, None)?;
        Ok(builder.shapes)
    }
}

#[derive(Default)]
struct Builder {
    shapes: Shapes,
    named: HashMap<String, ShapeId>,
}

impl Builder {
    fn add(&mut self, schema: &Schema, namespace: Option<&str>) -> Result<ShapeId, String> {
        if let Schema::Ref { name } = schema {
            let name = name.fullname(namespace);
            return self.named.get(&name).copied().ok_or_else(|| format!("its schema has no type `{name}`"));
        }
        // Its place is taken before its parts are read, which may refer to it.
        let id = self.shapes.all.len();
        self.shapes.all.push(Shape::Null);
        let mut named = |name: &Name| self.named.insert(name.fullname(namespace), id);
        let shape = match schema {
            Schema::Null | Schema::Ref { .. } => Shape::Null,
            Schema::Boolean => Shape::Boolean,
            Schema::Int => Shape::Int,
            Schema::Long => Shape::Long,
            Schema::Float => Shape::Float,
            Schema::Double => Shape::Double,
            Schema::Bytes => Shape::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => Shape::String,
            Schema::Uuid(UuidSchema::Bytes) => Shape::Uuid { fixed: false },
            Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                named(&fixed.name);
                Shape::Uuid { fixed: true }
            }
            Schema::Array(array) => Shape::Array(self.add(&array.items, namespace)?),
            Schema::Map(map) => Shape::Map(self.add(&map.types, namespace)?),
            Schema::Union(union) => {
                let variants = union.variants().iter().map(|variant| self.add(variant, namespace));
                Shape::Union(variants.collect::<Result<_, _>>()?)
            }
            Schema::Record(record) => {
                named(&record.name);
                let inner = record.name.namespace().or(namespace);
                let fields = record.fields.iter().map(|field| {
                    let key = format!("{}:", serde_json::Value::from(field.name.as_str())).into_bytes();
                    let shape = self.add(&field.schema, inner)?;
                    Ok::<_, String>(RecordField { name: field.name.clone(), key: key.into(), shape })
                });
                Shape::Record(fields.collect::<Result<_, _>>()?)
            }
            Schema::Enum(symbols) => {
                named(&symbols.name);
                Shape::Enum(symbols.symbols.clone())
            }
            Schema::Fixed(fixed) => {
                named(&fixed.name);
                Shape::Fixed(fixed.size)
            }
            Schema::Decimal(decimal) => {
                let fixed = match &decimal.inner {
                    InnerDecimalSchema::Bytes => None,
                    InnerDecimalSchema::Fixed(fixed) => {
                        named(&fixed.name);
                        Some(fixed.size)
                    }
                };
                Shape::Decimal { scale: decimal.scale, fixed }
            }
            Schema::BigDecimal => Shape::BigDecimal,
            Schema::Date => Shape::Date,
            Schema::TimeMillis => Shape::TimeOfDay { per_second: 1_000 },
            Schema::TimeMicros => Shape::TimeOfDay { per_second: 1_000_000 },
            Schema::TimestampMillis => Shape::Timestamp { per_second: 1_000 },
            Schema::TimestampMicros => Shape::Timestamp { per_second: 1_000_000 },
            Schema::TimestampNanos => Shape::Timestamp { per_second: 1_000_000_000 },
            Schema::LocalTimestampMillis => Shape::LocalTimestamp { per_second: 1_000 },
            Schema::LocalTimestampMicros => Shape::LocalTimestamp { per_second: 1_000_000 },
            Schema::LocalTimestampNanos => Shape::LocalTimestamp { per_second: 1_000_000_000 },
            Schema::Duration(fixed) => {
                named(&fixed.name);
                Shape::Duration
            }
        };
        self.shapes.all[id] = shape;
        Ok(id)
    }
}
