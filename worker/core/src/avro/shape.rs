//! Types by what is written, without what it means: a date is an int.

use apache_avro::schema::{
    DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, Name, RecordSchema, Schema, UuidSchema,
};

/// A schema by what its data looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'s> {
    Primitive(Primitive),
    Fixed(&'s FixedSchema),
    Enum(&'s EnumSchema),
    Record(&'s RecordSchema),
    Array(&'s Schema),
    Map(&'s Schema),
    Union(&'s [Schema]),
    /// A name that leads nowhere: the parser has let none pass.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    /// Whether it can read what was written as another, by promotion.
    pub(crate) fn takes(self, written: Self) -> bool {
        use Primitive::{Bytes, Double, Float, Int, Long, String};
        self == written
            || matches!(
                (written, self),
                (Int, Long | Float | Double)
                    | (Long, Float | Double)
                    | (Float, Double)
                    | (String, Bytes)
                    | (Bytes, String)
            )
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
}

impl<'s> Shape<'s> {
    pub(crate) fn of(schema: &'s Schema) -> Self {
        match schema {
            Schema::Null => Self::Primitive(Primitive::Null),
            Schema::Boolean => Self::Primitive(Primitive::Boolean),
            Schema::Int | Schema::Date | Schema::TimeMillis => Self::Primitive(Primitive::Int),
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Self::Primitive(Primitive::Long),
            Schema::Float => Self::Primitive(Primitive::Float),
            Schema::Double => Self::Primitive(Primitive::Double),
            Schema::Bytes
            | Schema::BigDecimal
            | Schema::Uuid(UuidSchema::Bytes)
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Bytes, .. }) => {
                Self::Primitive(Primitive::Bytes)
            }
            Schema::String | Schema::Uuid(UuidSchema::String) => Self::Primitive(Primitive::String),
            Schema::Fixed(fixed)
            | Schema::Duration(fixed)
            | Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => {
                Self::Fixed(fixed)
            }
            Schema::Enum(schema) => Self::Enum(schema),
            Schema::Record(schema) => Self::Record(schema),
            Schema::Array(schema) => Self::Array(&schema.items),
            Schema::Map(schema) => Self::Map(&schema.types),
            Schema::Union(schema) => Self::Union(schema.variants()),
            Schema::Ref { .. } => Self::Unknown,
        }
    }

    /// The type's word in the specification.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Primitive(primitive) => primitive.name(),
            Self::Fixed(_) => "fixed",
            Self::Enum(_) => "enum",
            Self::Record(_) => "record",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Unknown => "unknown",
        }
    }

    /// The name of a named type.
    pub(crate) fn name(self) -> Option<&'s Name> {
        match self {
            Self::Fixed(fixed) => Some(&fixed.name),
            Self::Enum(schema) => Some(&schema.name),
            Self::Record(schema) => Some(&schema.name),
            _ => None,
        }
    }
}

/// What data means beyond its type; decimals are compared by themselves.
pub(crate) fn logical_type(schema: &Schema) -> Option<&'static str> {
    Some(match schema {
        Schema::Decimal(_) => "decimal",
        Schema::BigDecimal => "big-decimal",
        Schema::Uuid(_) => "uuid",
        Schema::Date => "date",
        Schema::TimeMillis => "time-millis",
        Schema::TimeMicros => "time-micros",
        Schema::TimestampMillis => "timestamp-millis",
        Schema::TimestampMicros => "timestamp-micros",
        Schema::TimestampNanos => "timestamp-nanos",
        Schema::LocalTimestampMillis => "local-timestamp-millis",
        Schema::LocalTimestampMicros => "local-timestamp-micros",
        Schema::LocalTimestampNanos => "local-timestamp-nanos",
        Schema::Duration(_) => "duration",
        _ => return None,
    })
}
