//! The text of a table, cell by cell into columns.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder, TimestampMicrosecondBuilder};
use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};
use transect_config::{LookupConfig, LookupFormat, LookupType};

use super::{BYTES_MAX, Keys, LookupError, ROWS_MAX, bits};
use crate::decode::time::parse_rfc3339;
use crate::plan::nearest;

/// What was read; columns as the configuration has them.
pub(super) struct Rows {
    pub(super) keys: Keys,
    pub(super) columns: Vec<ArrayRef>,
}

type Read<T> = Result<T, Wrong>;

/// What is wrong, and how to fix it.
struct Wrong {
    line: u64,
    message: String,
    fix: String,
}

fn wrong<T>(line: u64, message: impl Into<String>, fix: impl Into<String>) -> Read<T> {
    Err(Wrong { line, message: message.into(), fix: fix.into() })
}

/// Reads all rows, or says the first that is wrong.
pub(super) fn rows(config: &LookupConfig, text: &[u8]) -> Result<Rows, LookupError> {
    let read = || {
        if text.len() > BYTES_MAX {
            let message =
                format!("has {} bytes, more than the {BYTES_MAX} that a table may have", text.len());
            return wrong(0, message, "leave out rows and columns that no rule reads");
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut builder = Builder::new(config);
        match config.format {
            LookupFormat::Csv => read_csv(config, text, &mut builder)?,
            LookupFormat::Json => read_json(text, &mut builder)?,
        }
        Ok(builder.finish())
    };
    read().map_err(|Wrong { line, message, fix }| LookupError {
        lookup: config.name.clone(),
        line,
        message,
        fix,
    })
}

fn read_csv(config: &LookupConfig, text: &[u8], builder: &mut Builder<'_>) -> Read<()> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let unreadable =
        |error: &csv::Error| wrong(0, format!("is no CSV: {error}"), "write RFC 4180, with a header line");
    let header = match reader.byte_headers() {
        Ok(header) => header.clone(),
        Err(error) => return unreadable(&error),
    };
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let position = |name: &str| match names.iter().filter(|known| *known == name).count() {
        1 => Ok(names.iter().position(|known| known == name).unwrap_or_default()),
        0 => {
            let fix = match nearest(names.iter().map(String::as_str), name) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("its header line has {}", names.join(", ")),
            };
            wrong(1, format!("has no column `{name}`"), fix)
        }
        _ => wrong(1, format!("has several columns `{name}`"), "rename all but one"),
    };
    let key = position(&config.key.name)?;
    let columns = config.columns.iter().map(|column| position(&column.name)).collect::<Read<Vec<usize>>>()?;
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return unreadable(&error),
        }
        let line = record.position().map_or(0, |position| line_of(text, position));
        if record.len() != names.len() {
            let message = format!("has {} cells, but the header line has {}", record.len(), names.len());
            return wrong(line, message, "write as many; quote cells that hold commas");
        }
        let cell = |at: usize| match std::str::from_utf8(&record[at]) {
            Ok("") => Ok(Cell::Absent),
            Ok(text) => Ok(Cell::Written(text)),
            Err(_) => wrong(line, format!("`{}` is not UTF-8", names[at]), "save the table as UTF-8"),
        };
        builder.row(line, &cell(key)?)?;
        for (at, column) in columns.iter().enumerate() {
            builder.cell(line, at, &cell(*column)?)?;
        }
    }
}

/// The line that a record begins on; the reader's position is before the line ends that it skips.
fn line_of(text: &[u8], position: &csv::Position) -> u64 {
    let before = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(before..).unwrap_or_default().iter();
    let skipped = rest.take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| **byte == b'\n');
    position.line() + skipped.count() as u64
}

fn read_json(text: &[u8], builder: &mut Builder<'_>) -> Read<()> {
    for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Ok(row) = serde_json::from_slice::<Map<String, Value>>(text) else {
            return wrong(line, "is no JSON object", "write one object a line");
        };
        let cell = |name: &str| match row.get(name) {
            None | Some(Value::Null) => Cell::Absent,
            Some(value) => Cell::Value(value),
        };
        builder.row(line, &cell(&builder.config.key.name))?;
        for at in 0..builder.columns.len() {
            builder.cell(line, at, &cell(&builder.config.columns[at].name))?;
        }
    }
    Ok(())
}

/// One cell as it is written.
enum Cell<'t> {
    Absent,
    /// In CSV, where everything is text.
    Written(&'t str),
    Value(&'t Value),
}

impl<'t> Cell<'t> {
    fn text(&self) -> Option<&'t str> {
        match self {
            Self::Absent => None,
            Self::Written(text) => Some(text),
            Self::Value(value) => value.as_str(),
        }
    }

    fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Absent => None,
            Self::Written(text) => text.parse().ok(),
            Self::Value(value) => value.as_f64(),
        };
        number.filter(|number: &f64| number.is_finite())
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Absent => None,
            Self::Written(text) => text.parse().ok(),
            Self::Value(value) => value.as_bool(),
        }
    }
}

/// The cells of one column.
enum Cells {
    Text(StringBuilder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

struct Builder<'c> {
    config: &'c LookupConfig,
    keys: Keys,
    columns: Vec<Cells>,
    rows: u32,
}

impl<'c> Builder<'c> {
    fn new(config: &'c LookupConfig) -> Self {
        let cells = |kind: LookupType| match kind {
            LookupType::Text => Cells::Text(StringBuilder::new()),
            LookupType::Number => Cells::Number(Float64Builder::new()),
            LookupType::Boolean => Cells::Boolean(BooleanBuilder::new()),
            LookupType::Time => Cells::Time(TimestampMicrosecondBuilder::new()),
        };
        let columns = config.columns.iter().map(|column| cells(column.kind)).collect();
        Self { config, keys: Keys::of(config.key.kind), columns, rows: 0 }
    }

    /// Begins a row.
    fn row(&mut self, line: u64, key: &Cell<'_>) -> Read<()> {
        let name = &self.config.key.name;
        if self.rows as usize == ROWS_MAX {
            let message = format!("has more than the {ROWS_MAX} rows that a table may have");
            return wrong(line, message, "leave out rows that no event names");
        }
        if matches!(key, Cell::Absent) {
            return wrong(line, format!("has no key: `{name}` is empty"), "write one, or leave the row out");
        }
        let is_new = match &mut self.keys {
            Keys::Texts(rows) => match key.text() {
                Some(text) => insert(rows.entry(text.into()), self.rows),
                None => return no(line, name, LookupType::Text),
            },
            Keys::Numbers(rows) => match key.number() {
                Some(number) => insert(rows.entry(bits(number)), self.rows),
                None => return no(line, name, LookupType::Number),
            },
        };
        if !is_new {
            let message = format!("has the key `{name}` of a row before");
            return wrong(line, message, "leave one of the two out: each key has one row");
        }
        self.rows += 1;
        Ok(())
    }

    /// The next cell of a column.
    fn cell(&mut self, line: u64, at: usize, cell: &Cell<'_>) -> Read<()> {
        let is_absent = matches!(cell, Cell::Absent);
        let is_right = match &mut self.columns[at] {
            Cells::Text(cells) => {
                cells.append_option(cell.text());
                cell.text().is_some()
            }
            Cells::Number(cells) => {
                cells.append_option(cell.number());
                cell.number().is_some()
            }
            Cells::Boolean(cells) => {
                cells.append_option(cell.boolean());
                cell.boolean().is_some()
            }
            Cells::Time(cells) => {
                let time = cell.text().and_then(|text| parse_rfc3339(text.as_bytes()));
                cells.append_option(time.as_ref().map(|time| time.micros));
                time.is_some()
            }
        };
        let column = &self.config.columns[at];
        if is_right || is_absent { Ok(()) } else { no(line, &column.name, column.kind) }
    }

    fn finish(self) -> Rows {
        let array = |cells: Cells| -> ArrayRef {
            match cells {
                Cells::Text(mut cells) => Arc::new(cells.finish()),
                Cells::Number(mut cells) => Arc::new(cells.finish()),
                Cells::Boolean(mut cells) => Arc::new(cells.finish()),
                Cells::Time(mut cells) => Arc::new(cells.finish()),
            }
        };
        Rows { keys: self.keys, columns: self.columns.into_iter().map(array).collect() }
    }
}

/// Whether the key was new.
fn insert<K>(entry: Entry<'_, K, u32>, row: u32) -> bool {
    match entry {
        Entry::Occupied(_) => false,
        Entry::Vacant(place) => {
            place.insert(row);
            true
        }
    }
}

fn no<T>(line: u64, column: &str, kind: LookupType) -> Read<T> {
    let (what, fix) = match kind {
        LookupType::Text => ("text", "write it in quotes, or say another type in the manifest"),
        LookupType::Number => ("number", "write one, leave it empty, or say `type: Text` in the manifest"),
        LookupType::Boolean => ("truth value", "write true or false, or leave it empty"),
        LookupType::Time => ("time", "write RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"),
    };
    wrong(line, format!("`{column}` is no {what}"), fix)
}
