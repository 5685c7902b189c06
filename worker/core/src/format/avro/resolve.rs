//! Data of one schema read as another's, by the rules of schema resolution.
//! <https://avro.apache.org/docs/1.12.0/specification/#schema-resolution>
//!
//! Of a union's branches one of the same type counts before one that takes it by promotion, as in Avro's own Java: the letter
//! of the specification says the first that takes it, so that not even a union's own data would always be read as they
//! were written.
//!
//! Beyond those, decimals must have the same precision and scale, and a logical type must not become another one. What
//! has a logical type on one side only means what the reader says. A part that can't be resolved refuses the data
//! that have it, and no others.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Alias, EnumSchema, Name, RecordField as Field, RecordSchema};

use super::default;
use super::shape::{Number, RecordField, Shape, ShapeId, Shapes, Source, leaf};
use crate::avro::{self, Parsed, Primitive, logical_type};

/// Unions within unions multiply; beyond so many parts nothing is resolved.
const SHAPES_MAX: usize = 20_000;
const TOO_LARGE: &str = "the schema that the data were written with is too large to be resolved";

/// How data of the writer are read as the reader's.
pub(super) fn resolve(writer: &Parsed, reader: &Parsed) -> Shapes {
    part(writer, &writer.root, reader, &reader.root)
}

/// The same for parts of them.
pub(super) fn part(writer: &Parsed, written: &Schema, reader: &Parsed, read: &Schema) -> Shapes {
    let mut resolver = Resolver { writer, reader, shapes: Vec::new(), records: HashMap::new() };
    resolver.add(written, read);
    Shapes { all: resolver.shapes }
}

struct Resolver<'s> {
    writer: &'s Parsed,
    reader: &'s Parsed,
    shapes: Vec<Shape>,
    /// The pairs of records that are being resolved, or were.
    records: HashMap<(String, String), ShapeId>,
}

impl<'s> Resolver<'s> {
    fn add(&mut self, written: &'s Schema, read: &'s Schema) -> ShapeId {
        let id = self.shapes.len();
        let (written, read) = (self.writer.resolve(written), self.reader.resolve(read));
        let (from, to) = (avro::Shape::of(written), avro::Shape::of(read));
        if let (false, avro::Shape::Union(branches)) = (matches!(from, avro::Shape::Union(_)), to)
            && let Some(branch) = self.branch(written, branches)
        {
            return self.add(written, branch);
        }
        if let (avro::Shape::Record(from), avro::Shape::Record(to)) = (from, to) {
            let names = (from.name.fullname(None), to.name.fullname(None));
            if let Some(known) = self.records.get(&names) {
                return *known;
            }
            self.records.insert(names, id);
        }
        // Its place is taken before its parts are resolved, which may refer to it.
        self.shapes.push(Shape::Null);
        self.shapes[id] =
            if id >= SHAPES_MAX { Shape::Never(TOO_LARGE.to_owned()) } else { self.shape(written, read) };
        id
    }

    /// The branch of a union that takes a type.
    fn branch(&self, written: &Schema, branches: &'s [Schema]) -> Option<&'s Schema> {
        let kind = avro::Shape::of(written).kind();
        let same = |branch: &&Schema| avro::Shape::of(self.reader.resolve(branch)).kind() == kind;
        let mut matching = branches.iter().filter(|branch| self.matches(written, branch));
        matching.clone().find(same).or_else(|| matching.next())
    }

    fn shape(&mut self, written: &'s Schema, read: &'s Schema) -> Shape {
        match (avro::Shape::of(written), avro::Shape::of(read)) {
            (avro::Shape::Union(branches), _) => {
                Shape::Union(branches.iter().map(|branch| self.add(branch, read)).collect())
            }
            _ if !self.matches(written, read) => Shape::Never(self.never(written, read)),
            (avro::Shape::Record(from), avro::Shape::Record(to)) => Shape::Record(self.fields(from, to)),
            (avro::Shape::Array(from), avro::Shape::Array(to)) => Shape::Array(self.add(from, to)),
            (avro::Shape::Map(from), avro::Shape::Map(to)) => Shape::Map(self.add(from, to)),
            (avro::Shape::Enum(from), avro::Shape::Enum(to)) => Shape::Enum(symbols(from, to)),
            (avro::Shape::Primitive(from), avro::Shape::Primitive(to)) => promoted(from, to, read),
            _ => leaf(read),
        }
    }

    /// Whether a type takes another, as far as the specification looks to choose a branch; neither is a writer's union.
    fn matches(&self, written: &Schema, read: &Schema) -> bool {
        let (written, read) = (self.writer.resolve(written), self.reader.resolve(read));
        let structure = match (avro::Shape::of(written), avro::Shape::of(read)) {
            (avro::Shape::Union(_), _) => true,
            (_, avro::Shape::Union(branches)) => branches.iter().any(|branch| self.matches(written, branch)),
            (avro::Shape::Primitive(from), avro::Shape::Primitive(to)) => to.takes(from),
            (avro::Shape::Fixed(from), avro::Shape::Fixed(to)) => {
                from.size == to.size && same_name(&from.name, &to.name, to.aliases.as_ref())
            }
            (avro::Shape::Enum(from), avro::Shape::Enum(to)) => {
                same_name(&from.name, &to.name, to.aliases.as_ref())
            }
            (avro::Shape::Record(from), avro::Shape::Record(to)) => {
                same_name(&from.name, &to.name, to.aliases.as_ref())
            }
            (avro::Shape::Array(from), avro::Shape::Array(to))
            | (avro::Shape::Map(from), avro::Shape::Map(to)) => self.matches(from, to),
            _ => false,
        };
        structure && same_meaning(written, read)
    }

    fn fields(&mut self, from: &'s RecordSchema, to: &'s RecordSchema) -> Vec<RecordField> {
        let mut fields = Vec::with_capacity(from.fields.len());
        let mut filled = vec![false; to.fields.len()];
        for field in &from.fields {
            match wanted(field, from, to).filter(|at| !filled[*at]) {
                Some(at) => {
                    filled[at] = true;
                    let shape = self.add(&field.schema, &to.fields[at].schema);
                    fields.push(RecordField::new(&to.fields[at].name, Source::Datum(shape)));
                }
                None => {
                    let shapes = self.writer;
                    let shape = self.skipped(shapes, &field.schema);
                    fields.push(RecordField::new(&field.name, Source::Skipped(shape)));
                }
            }
        }
        for (field, _) in to.fields.iter().zip(filled).filter(|(_, filled)| !filled) {
            fields.push(RecordField::new(&field.name, self.default(field)));
        }
        fields
    }

    /// What nobody reads is read as it was written.
    fn skipped(&mut self, writer: &'s Parsed, schema: &'s Schema) -> ShapeId {
        let first = self.shapes.len();
        if first >= SHAPES_MAX {
            self.shapes.push(Shape::Never(TOO_LARGE.to_owned()));
            return first;
        }
        let mut alone = Resolver { writer, reader: writer, shapes: Vec::new(), records: HashMap::new() };
        alone.add(schema, schema);
        self.shapes.extend(alone.shapes.into_iter().map(|shape| shape.moved(first)));
        first
    }

    fn default(&self, field: &Field) -> Source {
        let Some(value) = &field.default else {
            let why = "expected a value; the data were written without this field, and it has no default";
            return Source::Missing(why.to_owned());
        };
        match default::text(self.reader, &field.schema, value) {
            Ok(text) => Source::Default(text.into()),
            Err(why) => Source::Missing(why),
        }
    }

    fn never(&self, written: &Schema, read: &Schema) -> String {
        format!(
            "expected {}; the data were written as {}, which can't be read as that",
            described(self.reader, read),
            described(self.writer, written)
        )
    }
}

/// The field of the reader that takes the value of one of the writer's.
fn wanted(field: &Field, from: &RecordSchema, to: &RecordSchema) -> Option<usize> {
    let by_name = to.fields.iter().position(|read| read.name == field.name);
    by_name.or_else(|| {
        to.fields.iter().position(|read| {
            // By an alias only what it can't have by its name.
            read.aliases.contains(&field.name) && !from.fields.iter().any(|other| other.name == read.name)
        })
    })
}

fn symbols(from: &EnumSchema, to: &EnumSchema) -> Vec<Result<String, String>> {
    let read = |symbol: &String| match to.symbols.contains(symbol) {
        true => Ok(symbol.clone()),
        false => to.default.clone().ok_or_else(|| symbol.clone()),
    };
    from.symbols.iter().map(read).collect()
}

fn promoted(from: Primitive, to: Primitive, read: &Schema) -> Shape {
    let read = leaf(read);
    let written = match (from, to) {
        (Primitive::Int, Primitive::Long | Primitive::Float | Primitive::Double) => Number::Int,
        (Primitive::Long, Primitive::Float | Primitive::Double) => Number::Long,
        (Primitive::Float, Primitive::Double) => Number::Float,
        // Strings and bytes are written alike.
        _ => return read,
    };
    Shape::Promoted { written, read: Box::new(read) }
}

/// Named types match without their namespaces, or by an alias of the reader's.
fn same_name(written: &Name, read: &Name, aliases: Option<&Vec<Alias>>) -> bool {
    let is_alias = |alias: &Alias| *alias.fully_qualified_name(read.namespace()) == *written;
    written.name() == read.name() || aliases.is_some_and(|aliases| aliases.iter().any(is_alias))
}

/// Whether the same bytes mean the same.
fn same_meaning(written: &Schema, read: &Schema) -> bool {
    if let (Schema::Decimal(from), Schema::Decimal(to)) = (written, read) {
        return (from.precision, from.scale) == (to.precision, to.scale);
    }
    match (logical_type(written), logical_type(read)) {
        (Some(from), Some(to)) => from == to,
        _ => true,
    }
}

/// A type in words.
fn described(parsed: &Parsed, schema: &Schema) -> String {
    let schema = parsed.resolve(schema);
    let shape = avro::Shape::of(schema);
    if let Schema::Decimal(decimal) = schema {
        return format!("decimal of precision {} and scale {}", decimal.precision, decimal.scale);
    }
    match (shape, shape.name(), logical_type(schema)) {
        (avro::Shape::Fixed(fixed), Some(name), _) => {
            format!("fixed `{}` of {} bytes", name.fullname(None), fixed.size)
        }
        (_, Some(name), _) => format!("{} `{}`", shape.kind(), name.fullname(None)),
        (_, None, Some(logical)) => logical.to_owned(),
        (avro::Shape::Union(branches), None, None) => {
            let all: Vec<_> = branches.iter().map(|branch| described(parsed, branch)).collect();
            format!("one of {}", all.join(", "))
        }
        _ => shape.kind().to_owned(),
    }
}
