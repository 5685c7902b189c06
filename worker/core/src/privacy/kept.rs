//! The columns that are kept of an event type: what everything after the treatment sees of it.

use arrow_schema::SchemaRef;
use transect_config::{Pointer, Treatment};

use super::PrivacyPlan;
use crate::versions::Table;

/// See the module.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    table: &'a Table,
    privacy: Option<&'a PrivacyPlan>,
}

impl<'a> Kept<'a> {
    /// The columns of a table, as its privacy rules leave them.
    pub fn new(table: &'a Table, privacy: Option<&'a PrivacyPlan>) -> Self {
        Self { table, privacy }
    }

    /// The table, as it is before its privacy rules.
    pub fn table(&self) -> &'a Table {
        self.table
    }

    /// The columns, without provenance; `extra` is the last.
    pub fn schema(&self) -> &'a SchemaRef {
        self.privacy.map_or_else(|| self.table.schema(), PrivacyPlan::kept)
    }

    /// The column that holds a field, as the path of child indexes from the event's columns, through structs; None where the
    /// field has no column of its own.
    pub fn column(&self, field: &Pointer) -> Option<Vec<usize>> {
        let path = self.table.column(field)?;
        self.privacy.map_or(Some(path.clone()), |privacy| privacy.kept_path(&path))
    }

    /// What is done to a field before it is kept.
    pub(crate) fn treatment(&self, field: &Pointer) -> Option<Treatment> {
        self.privacy?.treatment(field)
    }

    /// Why a field can't be compared, counted or grouped by, and how to fix it.
    pub(crate) fn unusable(&self, field: &Pointer) -> Option<&'static str> {
        match self.treatment(field)? {
            Treatment::Drop {} => {
                Some("the field is dropped by privacy; leave it out, or generalise it instead")
            }
            Treatment::Encrypt {} => Some(
                "the field is encrypted by privacy, which makes every value another; pseudonymise it instead",
            ),
            _ => None,
        }
    }
}
