//! Tables: whether a key is in one, and the cells of its row. `lookup.sites[event.site].opened` is a map of maps in CEL;
//! rules take it whole, so that neither tables nor rows are values.

use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use transect_config::LookupType;

use super::super::columnar::{Cell, Columnar, Flag, Key, Micros, Number, Text};
use super::super::kind::Kind;
use super::fields::unroll;
use super::{Checked, Checker, Fault, LOOKUP, RequiredCell, call, fault, ided, text_literal};
use crate::plan::nearest;

/// What a part names: `lookup`, a table, a row of it, or a cell.
pub(super) struct Place<'p> {
    table: Option<&'p str>,
    key: Option<KeyPart<'p>>,
    /// What follows the row.
    names: Vec<&'p str>,
}

/// The key of a row, as it is written: `[event.site]`, or `["north"]`, which CEL reads as `.north`.
enum KeyPart<'p> {
    Part(&'p IdedExpr),
    Text(&'p str),
}

impl Place<'_> {
    /// Whether it is a whole table.
    pub(super) fn is_table(&self) -> bool {
        self.table.is_some() && self.key.is_none()
    }
}

/// The place that a part names; None if it is none of `lookup`.
pub(super) fn place(part: &IdedExpr) -> Option<Place<'_>> {
    let (base, names) = unroll(part);
    place_of(base, names)
}

/// The same of what a chain of names begins with, and the names.
pub(super) fn place_of<'p>(base: &'p IdedExpr, names: Vec<&'p str>) -> Option<Place<'p>> {
    let is_lookup = |part: &IdedExpr| matches!(&part.expr, Expr::Ident(name) if name == LOOKUP);
    if is_lookup(base) {
        let mut names = names.into_iter();
        let (table, key) = (names.next(), names.next().map(KeyPart::Text));
        return Some(Place { table, key, names: names.collect() });
    }
    let Expr::Call(index) = &base.expr else { return None };
    let [operand, key] = index.args.as_slice() else { return None };
    let (root, tables) = unroll(operand);
    match tables.as_slice() {
        [table] if index.func_name == operators::INDEX && is_lookup(root) => {
            Some(Place { table: Some(*table), key: Some(KeyPart::Part(key)), names })
        }
        _ => None,
    }
}

/// A table that is known: its position, or None where every table may be there.
type Known = Option<usize>;

impl Checker {
    /// Whether a key is in a table.
    pub(super) fn in_table(&mut self, item: &IdedExpr, place: &Place<'_>) -> Result<Checked, Fault> {
        let (Some(table), None) = (place.table, &place.key) else { return self.cell(place) };
        let known = self.table(table)?;
        self.asks_membership = true;
        let (row, key) = self.key(known, table, &KeyPart::Part(item))?;
        let columnar = known.and_then(|at| {
            let table = self.lookups.as_ref()?.0.get(at)?;
            Some(Columnar::Flag(Flag::InTable(Arc::clone(table), key?)))
        });
        Ok(Checked::call(Kind::Bool, "@inTable", vec![row, position(known)], columnar))
    }

    /// A cell of the row of a key.
    pub(super) fn cell(&mut self, place: &Place<'_>) -> Result<Checked, Fault> {
        let Cellular { kind, args, cell } = self.cellular(place)?;
        let row = ided(call("@cell", args));
        if self.scopes.len() == 1 {
            self.cells.push(RequiredCell { row: row.clone(), columnar: cell.clone() });
        }
        let columnar = cell.and_then(|cell| {
            Some(match kind {
                Kind::Bool => Columnar::Flag(Flag::Cell(cell)),
                Kind::Number => Columnar::Number(Number::Cell(cell)),
                Kind::Text => Columnar::Text(Text::Cell(cell)),
                Kind::Time => Columnar::Micros(Micros::Cell(cell)),
                _ => return None,
            })
        });
        Ok(Checked { kind, row, columnar })
    }

    /// Whether a cell is there: its row, and a value in it.
    pub(super) fn has_cell(&mut self, place: &Place<'_>) -> Result<Checked, Fault> {
        if let (Some(table), Some(KeyPart::Text(key)), []) = (place.table, &place.key, place.names.as_slice())
        {
            let fix =
                format!("write `\"{key}\" in lookup.{table}`, or has(lookup.{table}[event.field].column)");
            return fault("asks has() of a row", fix);
        }
        let Cellular { args, cell, .. } = self.cellular(place)?;
        let columnar = cell.map(|cell| Columnar::Flag(Flag::HasCell(cell)));
        Ok(Checked::call(Kind::Bool, "@hasCell", args, columnar))
    }

    fn cellular(&mut self, place: &Place<'_>) -> Result<Cellular, Fault> {
        let Some(name) = place.table else {
            let fix = "write `event.field in lookup.TABLE` or `lookup.TABLE[event.field].column`";
            return fault(format!("names `{LOOKUP}` without a table"), fix);
        };
        let Some(key) = &place.key else {
            let fix = format!("write `event.field in lookup.{name}` or `lookup.{name}[event.field].column`");
            return fault(format!("takes the table `lookup.{name}` for a value"), fix);
        };
        let known = self.table(name)?;
        let column = match place.names.as_slice() {
            [column] => *column,
            [] => {
                let fix = format!("write a column after it: `lookup.{name}[…].column`");
                return fault(format!("takes a row of `lookup.{name}` for a value"), fix);
            }
            [column, member, ..] => {
                let message = format!("`lookup.{name}[…].{column}` has no members");
                return fault(message, format!("leave out `.{member}`"));
            }
        };
        let found = match known {
            Some(at) => Some((at, self.column(at, column)?)),
            None => None,
        };
        let (row, key) = self.key(known, name, key)?;
        let Some((at, (column, kind))) = found else {
            let args = vec![row, position(None), position(None)];
            return Ok(Cellular { kind: Kind::Open, args, cell: None });
        };
        let args = vec![row, position(Some(at)), position(Some(column))];
        let cell = self
            .lookups
            .as_ref()
            .and_then(|lookups| Some(Cell { table: Arc::clone(lookups.0.get(at)?), column, key: key? }));
        Ok(Cellular { kind, args, cell })
    }

    fn table(&self, name: &str) -> Result<Known, Fault> {
        let Some(lookups) = &self.lookups else { return Ok(None) };
        let mut tables = lookups.tables();
        if let Some(at) = tables.position(|table| table.name() == name) {
            return Ok(Some(at));
        }
        let fix = match nearest(lookups.tables().map(|table| table.name()), name) {
            Some(known) => format!("did you mean `lookup.{known}`?"),
            None => "correct the name, or add the table there".to_owned(),
        };
        fault(format!("names the table `lookup.{name}`, which is not in spec.lookups of the pipeline"), fix)
    }

    /// The position and the kind of a table's column.
    fn column(&self, table: usize, name: &str) -> Result<(usize, Kind), Fault> {
        let Some(table) = self.lookups.as_ref().and_then(|lookups| lookups.0.get(table)) else {
            return fault("names a table that is not there", "");
        };
        let shown = format!("`lookup.{}[…].{name}`", table.name());
        if let Some(at) = table.columns().iter().position(|column| column.name == name) {
            return Ok((at, kind(table.columns()[at].kind)));
        }
        if table.key().name == name {
            return fault(format!("{shown} is the key itself"), "write what stands in the brackets");
        }
        let fix = match nearest(table.columns().iter().map(|column| column.name.as_str()), name) {
            Some(known) => format!("did you mean `lookup.{}[…].{known}`?", table.name()),
            None => format!("add it to the columns of `{}` in spec.lookups of the pipeline", table.name()),
        };
        fault(format!("{shown} names no column of the table"), fix)
    }

    /// A key, for single rows and for whole columns.
    fn key(
        &mut self,
        known: Known,
        table: &str,
        key: &KeyPart<'_>,
    ) -> Result<(IdedExpr, Option<Key>), Fault> {
        let checked = match key {
            KeyPart::Part(part) => self.check(part)?,
            KeyPart::Text(text) => {
                let constant = Columnar::Text(Text::Constant((*text).to_owned()));
                Checked { kind: Kind::Text, row: text_literal(text), columnar: Some(constant) }
            }
        };
        let found = known.and_then(|at| self.lookups.as_ref()?.0.get(at)).map(|table| table.key());
        let Some(column) = found else {
            return match checked.kind {
                Kind::Text | Kind::Number | Kind::Any | Kind::Open => Ok((checked.row, None)),
                kind => {
                    let message = format!("looks {} up in `lookup.{table}`", kind.describe());
                    fault(message, "look up a text or a number")
                }
            };
        };
        let wanted = kind(column.kind);
        if !checked.kind.may_be(&wanted) {
            let is = checked.kind.describe();
            let message = format!(
                "looks {is} up in `lookup.{table}`, whose key `{}` is {}",
                column.name,
                wanted.describe()
            );
            let fix =
                "look up a value of the same type, or say the key's type in spec.lookups of the pipeline";
            return fault(message, fix);
        }
        Ok(match wanted {
            Kind::Number => {
                let (row, number) = checked.number();
                (row, number.map(|number| Key::Number(Arc::from(number))))
            }
            _ => {
                let (row, text) = checked.text();
                (row, text.map(|text| Key::Text(Arc::from(text))))
            }
        })
    }
}

/// A cell, as the arguments of the row form's functions and for whole columns.
struct Cellular {
    kind: Kind,
    args: Vec<IdedExpr>,
    cell: Option<Cell>,
}

fn kind(column: LookupType) -> Kind {
    match column {
        LookupType::Text => Kind::Text,
        LookupType::Number => Kind::Number,
        LookupType::Boolean => Kind::Bool,
        LookupType::Time => Kind::Time,
    }
}

/// A position for the row form; what is not known is never evaluated.
fn position(at: Option<usize>) -> IdedExpr {
    let at = at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1);
    ided(Expr::Literal(LiteralValue::Int(at.into())))
}
