//! Tables, for many rows at once: each key is looked for once, then cells are gathered.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, StringArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer};

use super::super::truth::Truth;
use super::cells::Cells;
use super::eval::Scope;
use super::texts::Texts;
use super::{Cell, Key};
use crate::lookup::Table;

/// In place of a row's position: the table has none of the key.
const NONE: u32 = u32::MAX;

impl Scope<'_> {
    /// The position of each key's row, and which keys are there.
    fn found(&self, table: &Table, key: &Key) -> (Vec<u32>, Option<NullBuffer>) {
        let absent = || (vec![NONE; self.rows], Some(NullBuffer::new_null(self.rows)));
        match key {
            Key::Text(text) => self.text(text).map_or_else(absent, |texts| {
                let rows = texts.each(self.rows, |text| table.row_of_text(text).unwrap_or(NONE));
                (rows, texts.nulls().cloned())
            }),
            Key::Number(number) => {
                let cells = self.number(number);
                let row = |row: usize| table.row_of_number(cells.values.at(row)).unwrap_or(NONE);
                ((0..self.rows).map(row).collect(), cells.nulls)
            }
        }
    }

    pub(super) fn in_table(&self, table: &Table, key: &Key) -> Truth {
        let (found, nulls) = self.found(table, key);
        Truth::of(BooleanBuffer::collect_bool(self.rows, |row| found[row] != NONE), nulls.as_ref())
    }

    /// Whether each cell is there; unknown where its key is.
    pub(in super::super) fn has_cell(&self, cell: &Cell) -> Truth {
        let (found, keys) = self.found(&cell.table, &cell.key);
        Truth::of(there(cell, &found), keys.as_ref())
    }

    /// The positions of the cells' rows, and which of the cells are there.
    fn cells(&self, cell: &Cell) -> (Vec<u32>, NullBuffer) {
        let (found, keys) = self.found(&cell.table, &cell.key);
        let there = there(cell, &found);
        let known = match keys {
            Some(keys) => &there & keys.inner(),
            None => there,
        };
        (found, NullBuffer::new(known))
    }

    pub(super) fn flag_cells(&self, cell: &Cell) -> Truth {
        let (found, nulls) = self.cells(cell);
        let Some(values) = cells_of(cell).as_boolean_opt() else { return Truth::unknown(self.rows) };
        let value = |row: usize| nulls.is_valid(row) && values.value(found[row] as usize);
        Truth::of(BooleanBuffer::collect_bool(self.rows, value), Some(&nulls))
    }

    pub(super) fn number_cells(&self, cell: &Cell) -> Cells<f64> {
        match cells_of(cell).as_primitive_opt::<Float64Type>() {
            Some(values) => self.gather(cell, values.values()),
            None => Cells::absent(self.rows),
        }
    }

    pub(super) fn micros_cells(&self, cell: &Cell) -> Cells<i64> {
        match cells_of(cell).as_primitive_opt::<TimestampMicrosecondType>() {
            Some(values) => self.gather(cell, values.values()),
            None => Cells::absent(self.rows),
        }
    }

    fn gather<T: ArrowNativeType>(&self, cell: &Cell, values: &[T]) -> Cells<T> {
        let (found, nulls) = self.cells(cell);
        let value = |row: &u32| values.get(*row as usize).copied().unwrap_or_default();
        Cells::many(found.iter().map(value).collect::<Vec<T>>(), Some(nulls))
    }

    pub(super) fn text_cells<'c>(&self, cell: &'c Cell) -> Option<Texts<'c>> {
        let texts: &StringArray = cells_of(cell).as_string_opt()?;
        let (found, nulls) = self.cells(cell);
        Some(Texts::Found(found, texts, Some(nulls)))
    }
}

fn cells_of(cell: &Cell) -> &dyn Array {
    &cell.table.columns()[cell.column].cells
}

/// The rows whose key was found in a row with such a cell.
fn there(cell: &Cell, found: &[u32]) -> BooleanBuffer {
    let cells = cells_of(cell);
    BooleanBuffer::collect_bool(found.len(), |row| found[row] != NONE && cells.is_valid(found[row] as usize))
}
