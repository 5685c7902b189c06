//! The columns that all versions of an event type share.
//!
//! A column takes what every version can say there: integers and numbers are doubles, words of lists and other texts are
//! text, times and other texts are text, objects have the members of all, and what has no type in common is JSON as it was
//! written. The newest version's columns stand first, in its order.

use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use transect_config::{EventTypeConfig, Pointer, Rename};

use super::names::{Names, RenameError};
use crate::plan::{self, Plan, Shape};

/// The common columns.
#[derive(Clone, Debug)]
pub struct Table {
    schema: SchemaRef,
    /// The columns that are JSON because versions have no type in common there.
    mixed: Vec<Pointer>,
}

impl Table {
    /// The table of a plan alone.
    pub(super) fn of(plan: &Plan) -> Self {
        Self { schema: Arc::clone(plan.arrow_schema()), mixed: Vec::new() }
    }

    /// The columns of an event, without provenance; `extra` is the last.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The fields whose columns are JSON because the versions have no type in common there.
    pub fn mixed(&self) -> &[Pointer] {
        &self.mixed
    }

    /// The column that holds a field, as the path of child indexes from the event's columns; None where the field has no
    /// column of its own. A path goes through structs only.
    pub fn column(&self, field: &Pointer) -> Option<Vec<usize>> {
        let fields = self.schema.fields();
        let mut siblings: &[_] = &fields[..fields.len().checked_sub(1)?];
        let mut path = Vec::new();
        for step in field.steps() {
            let at = siblings.iter().position(|sibling| sibling.name() == step)?;
            siblings = match siblings[at].data_type() {
                DataType::Struct(children) => children,
                _ => &[],
            };
            path.push(at);
        }
        (!path.is_empty()).then_some(path)
    }
}

/// The shapes of an object's members, by name.
type Members = Vec<(String, Shape)>;

/// Makes the common table of some versions, the newest first, and fits their plans to it.
pub(super) fn fit(config: &EventTypeConfig, plans: &mut [(u32, Plan)]) -> Result<Table, RenameError> {
    let mut joined = Joined { members: Vec::new(), mixed: Vec::new() };
    for (version, plan) in plans.iter() {
        let own = Renamed { version: *version, renamed: &config.renamed }.members(plan.shape(), &[])?;
        joined.mixed.extend(join(&mut joined.members, own, &[]));
    }
    if let [(_, only)] = plans {
        return Ok(Table::of(only));
    }
    for (version, plan) in plans {
        plan.fit(&joined.members, &Names::since(*version, &config.renamed));
    }
    Ok(Table { schema: Arc::new(plan::schema(&joined.members)), mixed: joined.mixed })
}

struct Joined {
    members: Members,
    mixed: Vec<Pointer>,
}

/// The names of one version's fields.
struct Renamed<'c> {
    version: u32,
    renamed: &'c [Rename],
}

impl Renamed<'_> {
    /// The members of an object by the names of the table, each of which only one may have.
    fn members(&self, members: Members, place: &[String]) -> Result<Members, RenameError> {
        let names = Names::since(self.version, self.renamed);
        let mut found: Members = Vec::with_capacity(members.len());
        for (name, shape) in members {
            let own = [place, std::slice::from_ref(&name)].concat();
            let in_table = names.in_table(&own);
            let name = in_table.last().cloned().unwrap_or_default();
            if found.iter().any(|(other, _)| *other == name) {
                return Err(self.twice(in_table));
            }
            let shape = match shape {
                Shape::Struct(members) => Shape::Struct(self.members(members, &own)?),
                shape => shape,
            };
            found.push((name, shape));
        }
        Ok(found)
    }

    /// Two fields of the version have become one: by the last rename that led to the second's name.
    fn twice(&self, in_table: Vec<String>) -> RenameError {
        let leads = |rename: &&Rename| {
            rename.version > self.version
                && Names::since(rename.version, self.renamed).in_table(rename.to.steps()) == in_table
        };
        let rename = self.renamed.iter().rfind(leads);
        let same = |other: &&Rename| Some(other.version) == rename.map(|rename| rename.version);
        let at = self.renamed.iter().filter(same).position(|other| Some(other) == rename).unwrap_or_default();
        let (in_table, version) = (Pointer::from_steps(in_table), self.version);
        RenameError {
            version: rename.map_or(version, |rename| rename.version),
            at,
            part: "from",
            message: format!(
                "version {version} has both fields, and both would go to the column `{in_table}`"
            ),
            fix: "remove it, and leave the two apart; or give the new field a name that no version has"
                .to_owned(),
        }
    }
}

/// Adds the members of another version's object to those of the table; the fields in which no type is common.
fn join(table: &mut Members, own: Members, place: &[String]) -> Vec<Pointer> {
    let mut mixed = Vec::new();
    for (name, shape) in own {
        let here = [place, std::slice::from_ref(&name)].concat();
        match table.iter_mut().find(|(other, _)| *other == name) {
            None => table.push((name, shape)),
            Some((_, common)) => {
                let before = std::mem::replace(common, Shape::Json);
                let was_json = before == Shape::Json || shape == Shape::Json;
                *common = common_of(before, shape, &here, &mut mixed);
                if *common == Shape::Json && !was_json {
                    mixed.push(Pointer::from_steps(here));
                }
            }
        }
    }
    mixed
}

/// What holds the values of both.
fn common_of(a: Shape, b: Shape, place: &[String], mixed: &mut Vec<Pointer>) -> Shape {
    match (a, b) {
        (a, b) if a == b => a,
        (Shape::Int64, Shape::Float64) | (Shape::Float64, Shape::Int64) => Shape::Float64,
        (
            Shape::Dictionary | Shape::Timestamp | Shape::Text,
            Shape::Dictionary | Shape::Timestamp | Shape::Text,
        ) => Shape::Text,
        (Shape::Struct(mut members), Shape::Struct(others)) => {
            mixed.extend(join(&mut members, others, place));
            Shape::Struct(members)
        }
        (Shape::List(a), Shape::List(b)) => match common_of(*a, *b, place, &mut Vec::new()) {
            // A list of JSON texts is a JSON text itself.
            Shape::Json => Shape::Json,
            item => Shape::List(Box::new(item)),
        },
        _ => Shape::Json,
    }
}
