//! Rows of several versions as rows of one table, in the order of the events.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, StructArray, new_null_array};
use arrow_schema::{DataType, Field, Fields};
use arrow_select::interleave::interleave_record_batch;

use super::Table;
use crate::decode::Decoded;

/// The schema version that each row was checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowVersions {
    /// All the same.
    All(u32),
    /// One a row.
    Each(Vec<u32>),
}

impl RowVersions {
    /// Keeps the rows whose positions are given.
    pub fn keep(&mut self, rows: &[u32]) {
        if let Self::Each(versions) = self {
            *versions = rows.iter().map(|row| versions[*row as usize]).collect();
        }
    }

    /// One value a row.
    pub fn to_vec(&self, rows: usize) -> Vec<u32> {
        match self {
            Self::All(version) => vec![*version; rows],
            Self::Each(versions) => versions.clone(),
        }
    }
}

/// The rows of one version within a batch.
#[derive(Debug)]
pub(crate) struct VersionRows {
    /// Its number.
    pub(crate) version: u32,
    /// The rows.
    pub(crate) decoded: Decoded,
    /// For each row, its position in `EventBatch::events`; ascending.
    pub(crate) events: Vec<u32>,
}

/// The rows of one event type within a batch, as rows of its table: all in one, in the order of the events. Of one version
/// only, they are what they were.
pub(crate) fn merge(table: &Table, mut parts: Vec<VersionRows>) -> Vec<(RowVersions, Decoded, Vec<u32>)> {
    for VersionRows { decoded, .. } in &mut parts {
        if decoded.columns.schema_ref() != table.schema() {
            decoded.columns = as_table(&decoded.columns, table);
        }
    }
    if parts.len() > 1
        && let Some(merged) = in_order(&parts)
    {
        return vec![merged];
    }
    let alone = |part: VersionRows| (RowVersions::All(part.version), part.decoded, part.events);
    parts.into_iter().map(alone).collect()
}

/// One in the order of the events. None if Arrow can't, which rows of one schema give no reason for.
fn in_order(parts: &[VersionRows]) -> Option<(RowVersions, Decoded, Vec<u32>)> {
    let rows = |(at, part): (usize, &VersionRows)| {
        (0..part.events.len()).map(move |row| (at, row)).collect::<Vec<_>>()
    };
    let mut order: Vec<(usize, usize)> = parts.iter().enumerate().flat_map(rows).collect();
    order.sort_unstable_by_key(|(at, row)| parts[*at].events[*row]);
    let batches: Vec<&RecordBatch> = parts.iter().map(|part| &part.decoded.columns).collect();
    let columns = interleave_record_batch(&batches, &order).ok()?;
    fn pick<T: Copy>(order: &[(usize, usize)], of: impl Fn(usize, usize) -> T) -> Vec<T> {
        order.iter().map(|(at, row)| of(*at, *row)).collect()
    }
    let decoded = |at: usize| &parts[at].decoded;
    Some((
        RowVersions::Each(pick(&order, |at, _| parts[at].version)),
        Decoded {
            columns,
            identities: pick(&order, |at, row| decoded(at).identities[row]),
            contents: pick(&order, |at, row| decoded(at).contents[row]),
            keys: pick(&order, |at, row| decoded(at).keys[row]),
            times: pick(&order, |at, row| decoded(at).times[row]),
        },
        pick(&order, |at, row| parts[at].events[row]),
    ))
}

/// The columns of the table, those that the version lacks as nulls. Nothing is copied.
fn as_table(columns: &RecordBatch, table: &Table) -> RecordBatch {
    let schema = columns.schema_ref();
    let rows = columns.num_rows();
    let arrays = members(schema.fields(), columns.columns(), table.schema().fields(), rows);
    StructArray::new(table.schema().fields().clone(), arrays, None).into()
}

/// The members of an object as the table has them, by name.
fn members(own: &Fields, arrays: &[ArrayRef], wanted: &Fields, rows: usize) -> Vec<ArrayRef> {
    let member = |field: &Arc<Field>| match own.iter().position(|own| own.name() == field.name()) {
        Some(at) => part(&arrays[at], field),
        None => new_null_array(field.data_type(), rows),
    };
    wanted.iter().map(member).collect()
}

fn part(array: &ArrayRef, wanted: &Field) -> ArrayRef {
    match (array.data_type(), wanted.data_type()) {
        (own, wanted) if own == wanted => Arc::clone(array),
        (DataType::Struct(own), DataType::Struct(wanted)) => {
            let object = array.as_struct();
            let members = members(own, object.columns(), wanted, object.len());
            Arc::new(StructArray::new(wanted.clone(), members, object.nulls().cloned()))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let items = part(list.values(), item);
            Arc::new(ListArray::new(Arc::clone(item), list.offsets().clone(), items, list.nulls().cloned()))
        }
        // The plan was fitted to the table.
        (_, wanted) => new_null_array(wanted, array.len()),
    }
}
