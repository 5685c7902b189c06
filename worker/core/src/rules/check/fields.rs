//! Fields: of the event, of the items of lists, and whether they are there.

use arrow_schema::Fields;
use cel::common::ast::{Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use super::super::columnar::{Columnar, Flag, Micros, Number, Path, Text};
use super::super::kind::Kind;
use super::lookups::{place, place_of};
use super::{Checked, Checker, Fault, LOOKUP, Read, call, fault, ided, text_literal};
use crate::plan::nearest;

/// A value and where it comes from.
struct Found {
    kind: Kind,
    row: IdedExpr,
    /// The column, where the value has one in the innermost scope.
    path: Option<Path>,
    /// Of a field of the event.
    read: Option<Read>,
    /// As it is written.
    shown: String,
}

impl Checker {
    /// A name, or a field of something.
    pub(super) fn field(&mut self, part: &IdedExpr) -> Result<Checked, Fault> {
        if let Expr::Select(select) = &part.expr
            && select.test
        {
            return self.has(select);
        }
        if let Some(place) = place(part) {
            return self.cell(&place);
        }
        let (base, names) = unroll(part);
        let mut found = self.base(base)?;
        for name in names {
            found = found.member(name)?;
        }
        if let Some(read) = found.read.filter(|read| !read.names.is_empty()) {
            self.named.push(read.clone());
            self.reads.push(read);
        }
        let columnar = found.path.and_then(|path| column(&found.kind, path));
        Ok(Checked { kind: found.kind, row: found.row, columnar })
    }

    /// Whether a field is there, and all that it lies in.
    fn has(&mut self, select: &SelectExpr) -> Result<Checked, Fault> {
        self.uses_has = true;
        let (base, mut names) = unroll(&select.operand);
        names.push(&select.field);
        if let Some(place) = place_of(base, names.clone()) {
            return self.has_cell(&place);
        }
        let mut found = self.base(base)?;
        let mut row: Option<IdedExpr> = None;
        for name in names {
            let operand = found.row.clone();
            let test = match found.kind {
                Kind::Any => call("@has", vec![operand, text_literal(name)]),
                _ => Expr::Select(SelectExpr {
                    operand: Box::new(operand),
                    field: name.to_owned(),
                    test: true,
                }),
            };
            found = found.member(name)?;
            row = Some(match row {
                None => ided(test),
                Some(row) => ided(call(operators::LOGICAL_AND, vec![row, ided(test)])),
            });
        }
        self.named.extend(found.read);
        let columnar = found.path.map(|path| Columnar::Flag(Flag::Has(path)));
        Ok(Checked { kind: Kind::Bool, row: row.unwrap_or_default(), columnar })
    }

    /// What a chain of names begins with.
    fn base(&mut self, part: &IdedExpr) -> Result<Found, Fault> {
        let Expr::Ident(name) = &part.expr else {
            let Checked { kind, row, .. } = self.check(part)?;
            return Ok(Found { kind, row, path: None, read: None, shown: "that".to_owned() });
        };
        let Some(at) = self.scopes.iter().rposition(|(known, _)| known == name) else {
            let names = self.scopes.iter().map(|(known, _)| known.as_str()).chain([LOOKUP]);
            let Kind::Object(fields) = &self.scopes[0].1 else {
                return fault(format!("names `{name}`, which is not there"), "");
            };
            let fix = if fields.find(name).is_some() {
                format!("write `event.{name}`")
            } else {
                match nearest(names, name) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "fields begin with `event.`, texts stand in quotes".to_owned(),
                }
            };
            return fault(format!("names `{name}`, which is not there"), fix);
        };
        let innermost = at + 1 == self.scopes.len();
        self.outside |= !innermost;
        let kind = self.scopes[at].1.clone();
        // The scope of an item has one column, the items'.
        let path = innermost.then(|| if at == 0 { Path::new() } else { vec![0] });
        let read = (at == 0).then(|| Read { names: Vec::new(), path: Path::new() });
        Ok(Found { kind, row: part.clone(), path, read, shown: name.clone() })
    }
}

impl Found {
    /// A member of the value.
    fn member(self, name: &str) -> Result<Self, Fault> {
        let shown = format!("{}.{name}", self.shown);
        let read = |mut read: Read| {
            read.names.push(name.to_owned());
            read
        };
        match &self.kind {
            Kind::Object(fields) => {
                let Some((at, field)) = fields.find(name) else {
                    return fault(
                        format!("`{shown}` names no property of the schema"),
                        match nearest(fields.iter().map(|field| field.name().as_str()), name) {
                            Some(known) => format!("did you mean `{}.{known}`?", self.shown),
                            None => "correct the name, or describe the field in the schema".to_owned(),
                        },
                    );
                };
                let deeper = |mut path: Path| {
                    path.push(at);
                    path
                };
                let select = SelectExpr { operand: Box::new(self.row), field: name.to_owned(), test: false };
                Ok(Self {
                    kind: Kind::of(field),
                    row: ided(Expr::Select(select)),
                    path: self.path.map(deeper),
                    read: self.read.map(read).map(|read| Read { path: deeper(read.path), ..read }),
                    shown,
                })
            }
            Kind::Any => Ok(Self {
                kind: Kind::Any,
                row: ided(call("@member", vec![self.row, text_literal(name)])),
                path: None,
                read: self.read.map(read),
                shown,
            }),
            kind => fault(
                format!("`{shown}` is a member of `{}`, which is {}", self.shown, kind.describe()),
                match kind {
                    Kind::List(_) => format!("write `{}.all(item, …)` or `{}[0]`", self.shown, self.shown),
                    _ => format!("leave out `.{name}`"),
                },
            ),
        }
    }
}

/// A chain of names: what it begins with, and the names. `a["b"]` is `a.b`.
pub(super) fn unroll(part: &IdedExpr) -> (&IdedExpr, Vec<&str>) {
    let mut names = Vec::new();
    let mut base = part;
    loop {
        match &base.expr {
            Expr::Select(select) if !select.test => {
                names.push(select.field.as_str());
                base = &select.operand;
            }
            Expr::Call(index) if index.func_name == operators::INDEX => match index.args.as_slice() {
                [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }] => {
                    names.push(name.inner());
                    base = operand;
                }
                _ => break,
            },
            _ => break,
        }
    }
    names.reverse();
    (base, names)
}

/// Whether a part is a field that is written as `a["b"]`.
pub(super) fn is_member(part: &IdedExpr) -> bool {
    !unroll(part).1.is_empty()
}

/// A column of this kind as a part for whole columns.
fn column(kind: &Kind, path: Path) -> Option<Columnar> {
    Some(match kind {
        Kind::Bool => Columnar::Flag(Flag::Column(path)),
        Kind::Number => Columnar::Number(Number::Column(path)),
        Kind::Text => Columnar::Text(Text::Column(path)),
        Kind::Time => Columnar::Micros(Micros::Column(path)),
        Kind::List(_) => Columnar::List(path),
        Kind::Span | Kind::Object(_) | Kind::Any | Kind::Open => return None,
    })
}

/// The fields of an event: all columns but `extra`, which is the last.
pub(in super::super) fn of_event(columns: &Fields) -> Fields {
    columns.iter().take(columns.len().saturating_sub(1)).cloned().collect()
}
