//! CSV (RFC 4180): a record becomes the JSON object that its header line and the schema make of it.
//!
//! A column's name says where its cells go in the event, and the schema there says of which type they are. A cell that is
//! not of its type stays a string, so that the schema refuses it by its own pointer and keyword.

mod cell;
mod columns;
mod head;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
use transect_config::Pointer;

use self::columns::Columns;
pub use self::head::{Head, HeadError};
pub use self::scan::Scan;
use super::malformed;
use crate::decode::Peeked;
use crate::events::EventType;
use crate::reject::Reject;

/// Appends a cell as a JSON number, if it is one as cells are read where nothing but a number may stand.
pub(crate) fn write_number(cell: &[u8], out: &mut Vec<u8>) -> bool {
    cell::write_number(cell, true, out)
}

/// The cells of one record, unquoted, one after the other.
#[derive(Debug, Default)]
struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    /// Takes a record apart, without its line end. More than so many cells are not read; whether there are more.
    fn read(&mut self, record: &[u8], delimiter: u8, cells_max: usize) -> bool {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        self.bytes.resize(record.len() + 1, 0);
        self.ends.resize(cells_max + 1, 0);
        let (outcome, _, bytes, mut cells) = reader.read_record(record, &mut self.bytes, &mut self.ends);
        if outcome == ReadRecordResult::InputEmpty {
            // The end of the input ends the last cell.
            cells += reader.read_record(&[], &mut self.bytes[bytes..], &mut self.ends[cells..]).3;
        }
        self.ends.truncate(cells);
        cells > cells_max
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, column: usize) -> &[u8] {
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        &self.bytes[start..self.ends[column]]
    }
}

/// Makes JSON of records; of one thread.
#[derive(Debug, Default)]
pub(super) struct Converter {
    cells: Cells,
    head: Option<Arc<Head>>,
    /// By event type and version; what is wrong with the header for that version.
    columns: Vec<Vec<Result<Columns, String>>>,
}

impl Converter {
    /// Appends a record as JSON, and says its event type where a column does. `stated` are the event type and the version
    /// that the source names.
    pub(super) fn convert(
        &mut self,
        head: &Arc<Head>,
        record: &[u8],
        types: &[EventType],
        (stated, version): (Option<usize>, Option<u32>),
        text: &mut Vec<u8>,
    ) -> Result<Option<usize>, Reject> {
        self.know(head, types);
        self.read(head, record)?;
        let event_type = stated.or_else(|| self.event_type(types)).or((types.len() == 1).then_some(0));
        // Of an unknown type or version any plan will do: the event is refused for that.
        let at = event_type.unwrap_or(0);
        let Some((typed, columns)) = types.get(at).zip(self.columns.get(at)) else { return Ok(event_type) };
        let said =
            |field: &Pointer| Peeked::of(str::from_utf8(self.cell(columns, field).unwrap_or_default()).ok());
        let columns = match typed.versions.choose_by(said, version) {
            Ok(version) => columns.get(version),
            Err(_) => columns.iter().find(|columns| columns.is_ok()).or(columns.first()),
        };
        match columns {
            Some(Ok(columns)) => columns.write(&self.cells, text),
            Some(Err(problem)) => return Err(malformed(problem.clone())),
            None => {}
        }
        Ok(event_type)
    }

    /// Finds out where the columns of a header lead, if it is not the one before.
    fn know(&mut self, head: &Arc<Head>, types: &[EventType]) {
        if !self.head.as_ref().is_some_and(|known| Arc::ptr_eq(known, head)) {
            let columns = |event_type: &EventType| {
                event_type.versions.all().iter().map(|version| Columns::of(head, &version.plan)).collect()
            };
            self.columns = types.iter().map(columns).collect();
            self.head = Some(Arc::clone(head));
        }
    }

    /// Takes a record apart, if it is sound.
    fn read(&mut self, head: &Head, record: &[u8]) -> Result<(), Reject> {
        let columns = head.names().len();
        let more = self.cells.read(record, head.delimiter(), columns);
        if Scan::new(head.delimiter()).is_open_after(record) {
            return Err(malformed(
                "a quote is opened and never closed; close it, or double it within".to_owned(),
            ));
        }
        if more || self.cells.len() < columns {
            let found = if more { format!("more than {columns}") } else { self.cells.len().to_string() };
            return Err(malformed(format!(
                "expected a cell for each of the {columns} columns of the header line; found {found}"
            )));
        }
        simdutf8::basic::from_utf8(record).map(|_| ()).map_err(|_| {
            let column = (0..columns).find(|column| str::from_utf8(self.cells.get(*column)).is_err());
            let name = column.map_or("", |column| &head.names()[column]);
            let column = column.map_or(0, |column| column + 1);
            malformed(format!("the cell of column {column}, `{name}`, is not UTF-8; save the file as UTF-8"))
        })
    }

    /// The type that a cell names.
    fn event_type(&self, types: &[EventType]) -> Option<usize> {
        types.iter().zip(&self.columns).position(|(event_type, columns)| {
            let cell = event_type.type_field.as_ref().and_then(|field| self.cell(columns, field));
            cell.is_some_and(|cell| cell == event_type.name.as_bytes())
        })
    }

    /// The cell of a field that has the same column in all versions.
    fn cell(&self, columns: &[Result<Columns, String>], field: &Pointer) -> Option<&[u8]> {
        let mut columns = columns.iter().filter_map(|columns| columns.as_ref().ok());
        columns.find_map(|columns| columns.of_field(field)).map(|column| self.cells.get(column))
    }
}
