//! One version's columns made those of a table that several versions share: each value is decoded into the column that
//! holds the values of all versions, so that nothing is cast later, and what a column can't hold goes to `extra` or is
//! kept as its own bytes, as always.

use std::sync::Arc;

use arrow_schema::Schema;
use serde_json::Value;

use super::check::StringCheck;
use super::columns::{self, Layout};
use super::node::{ColumnId, Node, NodeColumn, Rest};
use super::{Plan, extra_name};
use crate::versions::Names;

/// What a column holds, apart from the plan that fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Boolean,
    Int64,
    Float64,
    Timestamp,
    Text,
    Json,
    /// One of some strings; each version has its own.
    Dictionary,
    Struct(Vec<(String, Shape)>),
    List(Box<Shape>),
}

/// The Arrow schema of a table with these columns, and `extra`.
pub(crate) fn schema(table: &[(String, Shape)]) -> Schema {
    let mut layouts = Vec::new();
    let mut columns = lay_out(table, &mut layouts);
    layouts.push(Layout::Json);
    columns.push((extra_name(table.iter().map(|(name, _)| name.as_str())), layouts.len() - 1));
    Schema::new(columns::fields(&layouts, &columns))
}

fn lay_out(members: &[(String, Shape)], layouts: &mut Vec<Layout>) -> Vec<(String, ColumnId)> {
    members.iter().map(|(name, shape)| (name.clone(), lay_out_one(shape, layouts))).collect()
}

fn lay_out_one(shape: &Shape, layouts: &mut Vec<Layout>) -> ColumnId {
    let layout = match shape {
        Shape::Boolean => Layout::Boolean,
        Shape::Int64 => Layout::Int64,
        Shape::Float64 => Layout::Float64,
        Shape::Timestamp => Layout::Timestamp,
        Shape::Text => Layout::Text,
        Shape::Json => Layout::Json,
        Shape::Dictionary => Layout::Dictionary(Vec::new()),
        Shape::Struct(members) => Layout::Struct(lay_out(members, layouts)),
        Shape::List(item) => Layout::List(lay_out_one(item, layouts)),
    };
    layouts.push(layout);
    layouts.len() - 1
}

impl Plan {
    /// The event's own columns, by their names in this version, without `extra`.
    pub(crate) fn shape(&self) -> Vec<(String, Shape)> {
        let names = self.schema.fields().iter().map(|field| field.name());
        self.top.iter().zip(names).map(|(id, name)| (name.clone(), self.shape_of(*id))).collect()
    }

    fn shape_of(&self, id: ColumnId) -> Shape {
        match &self.layouts[id] {
            Layout::Boolean => Shape::Boolean,
            Layout::Int64 => Shape::Int64,
            Layout::Float64 => Shape::Float64,
            Layout::Timestamp => Shape::Timestamp,
            Layout::Text => Shape::Text,
            Layout::Json => Shape::Json,
            Layout::Dictionary(_) => Shape::Dictionary,
            Layout::Struct(children) => {
                Shape::Struct(children.iter().map(|(name, id)| (name.clone(), self.shape_of(*id))).collect())
            }
            Layout::List(item) => Shape::List(Box::new(self.shape_of(*item))),
        }
    }

    /// Gives the columns the names and types of a table; which of its columns there are, and in which order, stays.
    pub(crate) fn fit(&mut self, table: &[(String, Shape)], names: &Names<'_>) {
        let mut fitting = Fitting { layouts: &mut self.layouts, names };
        fitting.members(&mut self.root, table, &[]);
        let own = self.schema.fields().iter().map(|field| names.in_table(&[field.name().clone()]));
        let mut columns: Vec<(String, ColumnId)> =
            own.filter_map(|mut steps| steps.pop()).zip(self.top.iter().copied()).collect();
        columns.push((extra_name(table.iter().map(|(name, _)| name.as_str())), self.extra));
        self.schema = Arc::new(Schema::new(columns::fields(&self.layouts, &columns)));
    }
}

struct Fitting<'p> {
    layouts: &'p mut Vec<Layout>,
    names: &'p Names<'p>,
}

impl Fitting<'_> {
    /// Fits the members of an object, which stands at a place by the names of the version.
    fn members(&mut self, node: &mut Node, wanted: &[(String, Shape)], place: &[String]) {
        let Some(object) = &mut node.object else { return };
        for property in &mut object.properties {
            // Shared with nobody as yet.
            let Some(property) =
                Arc::get_mut(property).filter(|property| property.node.column.id().is_some())
            else {
                continue;
            };
            let mut own = place.to_vec();
            own.push(property.name.to_string());
            let Some(name) = self.names.in_table(&own).pop() else { continue };
            if let Some((_, shape)) = wanted.iter().find(|(wanted, _)| *wanted == name) {
                property.quoted = Value::from(name).to_string().into();
                self.value(&mut property.node, shape, &own);
            }
        }
    }

    fn value(&mut self, node: &mut Node, wanted: &Shape, place: &[String]) {
        let NodeColumn::Typed(id) = node.column else { return };
        match (&mut self.layouts[id], wanted) {
            (layout, Shape::Json) => {
                *layout = Layout::Json;
                strip(node);
                node.column = NodeColumn::Json(id);
                node.whole = true;
            }
            (layout @ Layout::Int64, Shape::Float64) => *layout = Layout::Float64,
            (layout @ Layout::Dictionary(_), Shape::Text) => *layout = Layout::Text,
            (layout @ Layout::Timestamp, Shape::Text) => {
                *layout = Layout::Text;
                unread(node);
            }
            (Layout::Struct(children), Shape::Struct(wanted)) => {
                for (name, _) in children {
                    let mut own = place.to_vec();
                    own.push(std::mem::take(name));
                    *name = self.names.in_table(&own).pop().unwrap_or_default();
                }
                self.members(node, wanted, place);
            }
            (Layout::List(_), Shape::List(wanted)) => {
                let item = node.array.as_mut().map(|array| &mut array.rest);
                if let Some(Rest::Checked(item)) = item {
                    // No field within a list has a pointer of its own, and so no other name.
                    Fitting { layouts: &mut *self.layouts, names: &Names::default() }.value(
                        item,
                        wanted,
                        &[],
                    );
                }
            }
            _ => {}
        }
    }
}

/// Strings go into no column of times any more, so that reading one as a time doesn't check its format.
fn unread(node: &mut Node) {
    if std::mem::take(&mut node.moment) {
        node.strings.push(StringCheck::date_time());
    }
}

/// Leaves a value and all its parts without columns.
fn strip(node: &mut Node) {
    unread(node);
    node.column = NodeColumn::None;
    node.whole = node.union.is_some();
    for property in node.object.iter_mut().flat_map(|object| &mut object.properties) {
        if let Some(property) = Arc::get_mut(property) {
            strip(&mut property.node);
        }
    }
    if let Some(Rest::Checked(item)) = node.array.as_mut().map(|array| &mut array.rest) {
        strip(item);
    }
}
