//! A StudySchema compiled once: what to read, what to check, which columns to fill.
//!
//! Every schema has a table. Objects become structs, arrays lists, string enums dictionaries, `date-time` strings
//! timestamps; what has no column type (unions of shapes, recursion, free maps) is a JSON column; fields that the
//! schema allows but doesn't name go to one `extra` JSON column. Columns stand in the order of the schema's properties,
//! `extra` last, and all are nullable: absent and null are both null.

mod array;
mod avro;
mod check;
mod columns;
mod compile;
pub(crate) mod delegate;
pub(crate) mod family;
pub(crate) mod fields;
mod fit;
pub(crate) mod node;
pub(crate) mod number;
mod object;
mod pattern;
mod scan;
pub(crate) mod source;
mod values;

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, ValidationOptions, Validator};
use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, Pointer, SchemaFamily, SchemaFormat};

use crate::avro::AvroSchema;
use crate::provenance;
pub use columns::JSON_COLUMN;
pub(crate) use columns::Layout;
pub(crate) use fields::{Target, Targets, nearest};
pub(crate) use fit::{Shape, schema};

use compile::Compiler;
use family::{Document, Family};
use node::{ColumnId, Node, NodeColumn};
use source::Source;

/// The greatest depth of nesting that can be allowed: so deep the fallback reads.
pub const MAX_DEPTH: u32 = 127;

/// How an event type's schema is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Everything in the one pass over the bytes.
    Compiled,
    /// Some of it by the `jsonschema` crate, after the pass; each reason names the keyword and the pointer into the
    /// schema.
    Fallback(Vec<String>),
}

/// Why a schema can't be compiled at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {pointer:?} of {})", place(.document))]
pub struct PlanError {
    /// The name of the document of the family that is wrong; empty for the schema itself.
    pub document: String,
    /// JSON Pointer into that document.
    pub pointer: String,
    /// What is wrong and how to fix it.
    pub message: String,
    /// The document that a reference names and that wasn't given, as the reference has it: a path relative to the
    /// document that refers, or a URI.
    pub missing: Option<String>,
}

impl PlanError {
    /// An error at a place of a document; the schema itself has no name.
    fn of(document: &str, pointer: &str, message: String) -> Self {
        Self { document: document.to_owned(), pointer: pointer.to_owned(), message, missing: None }
    }
}

fn place(document: &str) -> String {
    if document.is_empty() { "the schema".to_owned() } else { format!("`{document}`") }
}

/// One event type, compiled. Shared by all threads.
#[derive(Debug)]
pub struct Plan {
    /// The event type's name.
    pub(crate) name: String,
    /// What an event must be.
    pub(crate) root: Node,
    /// All columns and parts of columns.
    pub(crate) layouts: Vec<Layout>,
    /// Those at the top, in order, without `extra`.
    pub(crate) top: Vec<ColumnId>,
    /// The column of what no other one holds.
    pub(crate) extra: ColumnId,
    /// The name of each property, by its number.
    pub(crate) property_names: Vec<Box<str>>,
    /// The fields with a meaning to the pipeline.
    pub(crate) targets: Targets,
    /// Bounds on an event.
    pub(crate) limits: Limits,
    /// Checks what the nodes can't; None where they check everything.
    pub(crate) fallback: Option<Validator>,
    schema: SchemaRef,
    coverage: Coverage,
    documents: Vec<String>,
    /// The schema in Avro from which it was made, until it is a version's.
    pub(crate) avro: Option<AvroSchema>,
}

/// A schema turned into nodes and columns.
struct Compiled<'s> {
    family: &'s Family<'s>,
    compiler: Compiler<'s>,
    root: Node,
    columns: Vec<(String, ColumnId)>,
}

impl<'s> Compiled<'s> {
    fn new(family: &'s Family<'s>) -> Self {
        let mut compiler = Compiler::new(Source::new(family));
        let (root, columns) = compiler.root();
        Self { family, compiler, root, columns }
    }

    /// The property that has the name of a provenance column, if one has.
    fn provenance(&self) -> Option<&str> {
        let mut names = self.columns.iter().map(|(name, _)| name.as_str());
        names.find(|name| provenance::COLUMNS.contains(name))
    }

    fn plan(self, name: &str, validator: &Validator, limits: &Limits) -> Plan {
        let Self { family, compiler, root, mut columns } = self;
        let Compiler { mut layouts, property_names, reasons, .. } = compiler;
        let top = columns.iter().map(|(_, id)| *id).collect();
        layouts.push(Layout::Json);
        let extra = layouts.len() - 1;
        let extra_column = extra_name(columns.iter().map(|(name, _)| name.as_str()));
        columns.push((extra_column, extra));
        let schema = Arc::new(Schema::new(columns::fields(&layouts, &columns)));
        let fallback = (!reasons.is_empty()).then(|| validator.clone());
        let coverage = if reasons.is_empty() { Coverage::Compiled } else { Coverage::Fallback(reasons) };
        let documents = family.documents.iter().skip(1).map(|document| document.name.to_owned()).collect();
        Plan {
            name: name.to_owned(),
            root,
            layouts,
            top,
            extra,
            property_names,
            targets: Targets::none(),
            limits: *limits,
            fallback,
            schema,
            coverage,
            documents,
            avro: None,
        }
    }
}

impl Plan {
    /// Compiles the newest version of an event type by itself.
    pub fn compile(event_type: &EventTypeConfig, limits: &Limits) -> Result<Arc<Self>, PlanError> {
        let mut plan = Self::draft(event_type, limits)?;
        plan.locate(&event_type.event)?;
        Ok(Arc::new(plan))
    }

    /// The same short of the fields with a meaning, as long as it can still be [fitted](Self::fit) to a table.
    pub(crate) fn draft(event_type: &EventTypeConfig, limits: &Limits) -> Result<Self, PlanError> {
        if event_type.format == SchemaFormat::Avro {
            return avro::draft(event_type, limits);
        }
        let family = gather(&event_type.schema, &event_type.family, limits)?;
        let validator = validator(&family)?;
        let compiled = Compiled::new(&family);
        if let Some(name) = compiled.provenance() {
            let message = format!("the property `{name}` has the name of a provenance column; rename it");
            return Err(PlanError::of("", &format!("/properties/{name}"), message));
        }
        Ok(compiled.plan(&event_type.name, &validator, limits))
    }

    /// Finds the fields with a meaning.
    pub(crate) fn locate(&mut self, event: &EventFields) -> Result<(), PlanError> {
        self.targets = fields::locate(&mut self.root, event)?;
        Ok(())
    }

    /// Compiles a schema by itself, as no pipeline runs it: for a decoder that only checks. Also the schema as the
    /// `jsonschema` crate has it.
    pub(crate) fn for_checks(
        schema: &Value,
        family: &SchemaFamily,
        limits: &Limits,
    ) -> Result<(Arc<Self>, Validator), PlanError> {
        let family = gather(schema, family, limits)?;
        let validator = validator(&family)?;
        let plan = Compiled::new(&family).plan("", &validator, limits);
        Ok((Arc::new(plan), validator))
    }

    /// The names of the documents of the family that the schema reaches; the others may be left out.
    pub fn documents(&self) -> &[String] {
        &self.documents
    }

    /// The columns of an event, without provenance.
    pub fn arrow_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How the schema is checked.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Whether the schema names a member of the event.
    pub(crate) fn names(&self, member: &str) -> bool {
        let object = self.root.object.as_ref();
        object.is_some_and(|object| object.properties.iter().any(|property| *property.name == *member))
    }

    /// The column that holds a field, as the path of child indexes from the event's columns; None where the field has
    /// no column of its own. A path goes through structs only.
    pub fn column(&self, field: &Pointer) -> Option<Vec<usize>> {
        let (mut node, mut siblings) = (&self.root, self.top.clone());
        let mut path = Vec::new();
        for step in field.steps() {
            let property =
                node.object.as_ref()?.properties.iter().find(|property| *property.name == **step)?;
            let id = property.node.column.id()?;
            path.push(siblings.iter().position(|sibling| *sibling == id)?);
            siblings = match (&self.layouts[id], property.node.column) {
                (Layout::Struct(children), NodeColumn::Typed(_)) => {
                    children.iter().map(|(_, id)| *id).collect()
                }
                _ => Vec::new(),
            };
            node = &property.node;
        }
        (!path.is_empty()).then_some(path)
    }
}

/// The documents of a schema that is right.
pub(crate) fn documents<'s>(schema: &'s Value, family: &'s SchemaFamily) -> Result<Family<'s>, PlanError> {
    let family = Family::gather(schema, family)?;
    validator(&family)?;
    Ok(family)
}

/// The documents of a schema, if events may nest as deep as the limit says.
fn gather<'s>(schema: &'s Value, family: &'s SchemaFamily, limits: &Limits) -> Result<Family<'s>, PlanError> {
    if limits.depth > MAX_DEPTH {
        let message = format!("the limit on depth is {}, but at most {MAX_DEPTH} can be read", limits.depth);
        return Err(PlanError::of("", "", message));
    }
    Family::gather(schema, family)
}

/// Lets the `jsonschema` crate read the schema: it checks it against its meta-schema, and resolves its references among
/// the documents of the family.
fn validator(family: &Family<'_>) -> Result<Validator, PlanError> {
    for document in &family.documents[1..] {
        check_document(document)?;
    }
    let resources = family.resources();
    let registry = family.registry(&resources).map_err(|error| family.nowhere(&error))?;
    let schema = family.schema();
    let options = match schema.draft {
        // The crate finds the meta-schema in the registry.
        Draft::Unknown => delegate::formats_asserted(ValidationOptions::default()),
        draft => delegate::options(draft),
    };
    let options = options.with_registry(&registry).with_base_uri(schema.found.as_str());
    options.build(resources[0].contents()).map_err(|error| match error.kind() {
        ValidationErrorKind::Referencing(error) => family.nowhere(error),
        _ => no_schema("", &error),
    })
}

/// Checks a document of the family against its meta-schema; the crate does that for the schema itself only.
fn check_document(document: &Document<'_>) -> Result<(), PlanError> {
    let checked = match document.draft {
        // A part of another draft has another meta-schema.
        _ if document.scan.mixed => Ok(()),
        Draft::Draft4 => jsonschema::draft4::meta::validate(document.value),
        Draft::Draft6 => jsonschema::draft6::meta::validate(document.value),
        Draft::Draft7 => jsonschema::draft7::meta::validate(document.value),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(document.value),
        Draft::Draft202012 => jsonschema::draft202012::meta::validate(document.value),
        _ => Ok(()),
    };
    checked.map_err(|error| no_schema(document.name, &error))
}

fn no_schema(document: &str, error: &ValidationError<'_>) -> PlanError {
    PlanError::of(document, error.instance_path().as_str(), format!("this is no valid JSON Schema: {error}"))
}

/// `extra`, with as many underscores before it as make it a name that no property has.
pub(crate) fn extra_name<'n>(columns: impl Iterator<Item = &'n str> + Clone) -> String {
    let mut name = "extra".to_owned();
    while columns.clone().any(|taken| taken == name) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests;
