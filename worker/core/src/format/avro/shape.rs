//! The form in which the data of a schema are read.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, UuidSchema};

use crate::avro::{self, Parsed};

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
    /// The symbol that is read for each that may be written; an error says which one can't be.
    Enum(Vec<Result<String, String>>),
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
    /// A number that is read as one of a wider type.
    Promoted {
        written: Number,
        read: Box<Shape>,
    },
    /// What was written can't be read as what is wanted, and why.
    Never(String),
}

/// A type of numbers that another one takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Int,
    Long,
    Float,
}

#[derive(Debug)]
pub(super) struct RecordField {
    pub(super) name: String,
    /// As JSON, with the colon.
    pub(super) key: Box<[u8]>,
    pub(super) source: Source,
}

/// Where the value of a field comes from.
#[derive(Debug)]
pub(super) enum Source {
    Datum(ShapeId),
    /// It is in the datum, and nobody wants it.
    Skipped(ShapeId),
    /// The default, as JSON.
    Default(Box<[u8]>),
    /// It is neither in the datum, nor is there a default.
    Missing(String),
}

impl Shape {
    /// The same, if the shapes that it refers to stand so many places further on.
    pub(super) fn moved(self, by: usize) -> Self {
        match self {
            Self::Array(items) => Self::Array(items + by),
            Self::Map(values) => Self::Map(values + by),
            Self::Union(variants) => Self::Union(variants.into_iter().map(|id| id + by).collect()),
            Self::Record(fields) => {
                let moved = |field: RecordField| {
                    let source = match field.source {
                        Source::Datum(id) => Source::Datum(id + by),
                        Source::Skipped(id) => Source::Skipped(id + by),
                        other => other,
                    };
                    RecordField { source, ..field }
                };
                Self::Record(fields.into_iter().map(moved).collect())
            }
            other => other,
        }
    }
}

impl RecordField {
    pub(super) fn new(name: &str, source: Source) -> Self {
        let key = format!("{}:", serde_json::Value::from(name)).into_bytes();
        Self { name: name.to_owned(), key: key.into(), source }
    }
}

/// A schema; its parts refer to one another by position, so that it may be recursive. The first is the whole.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) all: Vec<Shape>,
}

impl Shapes {
    /// That of data as they were written; an error says what is wrong with their schema.
    pub(super) fn of(parsed: &Parsed) -> Result<Self, String> {
        let mut builder = Builder::default();
        builder.add(&parsed.root, None)?;
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
        let known = avro::Shape::of(schema);
        if let Some(name) = known.name() {
            self.named.insert(name.fullname(namespace), id);
        }
        let shape = match known {
            avro::Shape::Array(items) => Shape::Array(self.add(items, namespace)?),
            avro::Shape::Map(values) => Shape::Map(self.add(values, namespace)?),
            avro::Shape::Union(branches) => {
                let variants = branches.iter().map(|variant| self.add(variant, namespace));
                Shape::Union(variants.collect::<Result<_, _>>()?)
            }
            avro::Shape::Record(record) => {
                let inner = record.name.namespace().or(namespace);
                let fields = record.fields.iter().map(|field| {
                    let shape = self.add(&field.schema, inner)?;
                    Ok::<_, String>(RecordField::new(&field.name, Source::Datum(shape)))
                });
                Shape::Record(fields.collect::<Result<_, _>>()?)
            }
            avro::Shape::Enum(symbols) => Shape::Enum(symbols.symbols.iter().cloned().map(Ok).collect()),
            _ => leaf(schema),
        };
        self.shapes.all[id] = shape;
        Ok(id)
    }
}

/// The shape of a schema without parts.
pub(super) fn leaf(schema: &Schema) -> Shape {
    match schema {
        Schema::Boolean => Shape::Boolean,
        Schema::Int => Shape::Int,
        Schema::Long => Shape::Long,
        Schema::Float => Shape::Float,
        Schema::Double => Shape::Double,
        Schema::Bytes => Shape::Bytes,
        Schema::String | Schema::Uuid(UuidSchema::String) => Shape::String,
        Schema::Uuid(UuidSchema::Bytes) => Shape::Uuid { fixed: false },
        Schema::Uuid(UuidSchema::Fixed(_)) => Shape::Uuid { fixed: true },
        Schema::Fixed(fixed) => Shape::Fixed(fixed.size),
        Schema::Decimal(decimal) => {
            let fixed = match &decimal.inner {
                InnerDecimalSchema::Bytes => None,
                InnerDecimalSchema::Fixed(fixed) => Some(fixed.size),
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
        Schema::Duration(_) => Shape::Duration,
        _ => Shape::Null,
    }
}
