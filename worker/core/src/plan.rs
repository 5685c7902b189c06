//! A StudySchema compiled once: what to read, what to check, which columns to fill.
//!
//! Every schema has a table. Objects become structs, arrays lists, string enums dictionaries, `date-time` strings
//! timestamps; what has no column type (unions of shapes, recursion, free maps) is a JSON column; fields that the
//! schema allows but doesn't name go to one `extra` JSON column. Columns stand in the order of the schema's properties,
//! `extra` last, and all are nullable: absent and null are both null.

mod array;
mod check;
mod columns;
mod compile;
mod delegate;
mod fields;
pub(crate) mod node;
pub(crate) mod number;
mod object;
mod pattern;
mod source;
mod values;

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Validator};
use transect_config::{EventTypeConfig, Limits, Pointer};

use crate::provenance;
pub use columns::JSON_COLUMN;
pub(crate) use columns::Layout;
pub(crate) use fields::{Target, Targets};

use compile::Compiler;
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
}

impl Plan {
    /// Compiles an event type.
    pub fn compile(event_type: &EventTypeConfig, limits: &Limits) -> Result<Arc<Self>, PlanError> {
        if limits.depth > MAX_DEPTH {
            let message =
                format!("the limit on depth is {}, but at most {MAX_DEPTH} can be read", limits.depth);
            return Err(PlanError { pointer: String::new(), message });
        }
        let source = Source::new(&event_type.schema);
        let validator = validator(&source)?;
        let mut compiler = Compiler::new(source);
        let (mut root, mut columns) = compiler.root();
        if let Some((name, _)) = columns.iter().find(|(name, _)| provenance::COLUMNS.contains(&name.as_str()))
        {
            let message = format!("the property `{name}` has the name of a provenance column; rename it");
            return Err(PlanError { pointer: format!("/properties/{name}"), message });
        }
        let targets = fields::locate(&mut root, &event_type.event)?;
        let Compiler { mut layouts, property_names, reasons, .. } = compiler;
        let top = columns.iter().map(|(_, id)| *id).collect();
        layouts.push(Layout::Json);
        let extra = layouts.len() - 1;
        columns.push((extra_name(&columns), extra));
        let schema = Arc::new(Schema::new(columns::fields(&layouts, &columns)));
        let fallback = (!reasons.is_empty()).then_some(validator);
        let coverage = if reasons.is_empty() { Coverage::Compiled } else { Coverage::Fallback(reasons) };
        let (name, limits) = (event_type.name.clone(), *limits);
        Ok(Arc::new(Self {
            name,
            root,
            layouts,
            top,
            extra,
            property_names,
            targets,
            limits,
            fallback,
            schema,
            coverage,
        }))
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

/// Lets the `jsonschema` crate read the schema: it checks it against its meta-schema, and resolves its references.
fn validator(source: &Source<'_>) -> Result<Validator, PlanError> {
    let document = source.root().value;
    if source.draft() == Draft::Unknown {
        let message = format!(
            "`$schema` names {}, but only the drafts 4, 6, 7, 2019-09 and 2020-12 are known; leave it out for the last",
            document["$schema"]
        );
        return Err(PlanError { pointer: "/$schema".to_owned(), message });
    }
    delegate::options(source.draft()).build(document).map_err(|error| match error.kind() {
        ValidationErrorKind::Referencing(error) => {
            let error = error.to_string();
            let pointer = source.reference(&error).map_or_else(String::new, |found| found.pointer);
            let message = format!("a reference leads nowhere: {error}; put what it names under `$defs`");
            PlanError { pointer, message }
        }
        _ => PlanError {
            pointer: error.instance_path().to_string(),
            message: format!("this is no valid JSON Schema: {error}"),
        },
    })
}

/// `extra`, with as many underscores before it as make it a name that no property has.
fn extra_name(columns: &[(String, ColumnId)]) -> String {
    let mut name = "extra".to_owned();
    while columns.iter().any(|(taken, _)| *taken == name) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests;
