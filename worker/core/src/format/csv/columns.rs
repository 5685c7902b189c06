//! Where the cells of each column go in an event, by its name and the schema.

use transect_config::Pointer;

use super::{Cells, Head, cell};
use crate::plan::Plan;
use crate::plan::node::{Node, ObjectNode, Rest, Types};

/// The columns of a header as the members of an event.
#[derive(Debug, Default)]
pub(super) struct Columns {
    members: Vec<Member>,
    fields: Vec<Pointer>,
}

#[derive(Debug)]
struct Member {
    name: Box<str>,
    /// As JSON, with the colon.
    key: Box<[u8]>,
    part: Part,
}

#[derive(Debug)]
enum Part {
    Cell {
        column: usize,
        /// What the schema allows here, without null; nothing where it says nothing.
        types: Types,
        /// Whether the member must be there and may be null: then an empty cell is null, not absent.
        null: bool,
    },
    Object(Vec<Member>),
}

impl Columns {
    /// The columns of a header for an event type; what is wrong and how to fix it, if one leads nowhere.
    pub(super) fn of(head: &Head, plan: &Plan) -> Result<Self, String> {
        let mut columns = Self::default();
        for (column, name) in head.names().iter().enumerate() {
            let steps = steps(name, &plan.root)?;
            let part = cell_at(column, &steps, &plan.root);
            insert(&mut columns.members, &steps, part).map_err(|()| {
                format!(
                    "column {} of the header line, `{name}`, has the place of another column; rename one",
                    column + 1
                )
            })?;
            columns.fields.push(Pointer::from_steps(steps));
        }
        Ok(columns)
    }

    /// The column that holds a field.
    pub(super) fn of_field(&self, field: &Pointer) -> Option<usize> {
        self.fields.iter().position(|other| other == field)
    }

    /// Appends a record as a JSON object.
    pub(super) fn write(&self, cells: &Cells, text: &mut Vec<u8>) {
        text.push(b'{');
        write_members(&self.members, cells, text);
        text.push(b'}');
    }
}

/// Appends members; whether there are any.
fn write_members(members: &[Member], cells: &Cells, text: &mut Vec<u8>) -> bool {
    let mut any = false;
    for member in members {
        let before = text.len();
        if any {
            text.push(b',');
        }
        text.extend_from_slice(&member.key);
        let is_there = match &member.part {
            Part::Cell { column, types, null } => match cells.get(*column) {
                b"" if *null => {
                    text.extend_from_slice(b"null");
                    true
                }
                b"" => false,
                bytes => {
                    cell::write(bytes, *types, text);
                    true
                }
            },
            Part::Object(members) => {
                text.push(b'{');
                let any = write_members(members, cells, text);
                text.push(b'}');
                any
            }
        };
        if is_there {
            any = true;
        } else {
            text.truncate(before);
        }
    }
    any
}

/// The way to a column's field: a JSON Pointer, a property's name, or names with dots between them if the first is that
/// of a property.
fn steps(name: &str, root: &Node) -> Result<Vec<String>, String> {
    if name.starts_with('/') {
        let pointer: Pointer =
            name.parse().map_err(|error| format!("column `{name}` of the header line: {error}"))?;
        return Ok(pointer.steps().to_vec());
    }
    let is_property = |name: &str| {
        let object = root.object.as_ref();
        object.is_some_and(|object| object.properties.iter().any(|property| *property.name == *name))
    };
    let first = name.split('.').next().unwrap_or(name);
    let dotted = !is_property(name) && is_property(first);
    Ok(if dotted { name.split('.').map(str::to_owned).collect() } else { vec![name.to_owned()] })
}

fn cell_at(column: usize, steps: &[String], root: &Node) -> Part {
    let (mut node, mut required) = (Some(root), false);
    for step in steps {
        let object = node.and_then(|node| node.object.as_deref());
        required = object.is_some_and(|object| {
            object.properties.iter().any(|property| *property.name == **step && property.required)
        });
        node = object.and_then(|object| member(object, step));
    }
    let types = node.map_or(Types::ALL, Node::kinds);
    Part::Cell { column, types, null: required && node.is_some_and(Node::takes_null) }
}

/// What the schema says of a member.
fn member<'n>(object: &'n ObjectNode, name: &str) -> Option<&'n Node> {
    if let Some(property) = object.properties.iter().find(|property| *property.name == *name) {
        return Some(&property.node);
    }
    let matching = object.pattern.as_ref().filter(|(pattern, _)| pattern.accepts(&name.into()));
    match matching.map_or(&object.rest, |(_, rest)| rest) {
        Rest::Checked(node) => Some(node),
        Rest::Any | Rest::Closed(_) => None,
    }
}

/// Puts a cell at its place; an error if another column has it already.
fn insert(members: &mut Vec<Member>, steps: &[String], cell: Part) -> Result<(), ()> {
    let Some((step, rest)) = steps.split_first() else { return Err(()) };
    let found = members.iter_mut().find(|member| *member.name == **step);
    match (found, rest) {
        (Some(Member { part: Part::Object(members), .. }), [_, ..]) => insert(members, rest, cell),
        (Some(_), _) => Err(()),
        (None, _) => {
            let part = if rest.is_empty() {
                cell
            } else {
                let mut inner = Vec::new();
                insert(&mut inner, rest, cell)?;
                Part::Object(inner)
            };
            let key = format!("{}:", serde_json::Value::from(step.as_str())).into_bytes();
            members.push(Member { name: step.as_str().into(), key: key.into(), part });
            Ok(())
        }
    }
}
