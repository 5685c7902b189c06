//! Operators: logic, comparisons, arithmetic, `in` and indexes.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::super::columnar::{Arithmetic, Columnar, Flag, Micros, Number, Order};
use super::super::kind::Kind;
use super::fields::is_member;
use super::lookups::place;
use super::{Checked, Checker, Fault, fault};

impl Checker {
    /// An operator's result; None if the call is none of an operator.
    pub(super) fn operator(&mut self, part: &IdedExpr, call: &CallExpr) -> Result<Option<Checked>, Fault> {
        let name = call.func_name.as_str();
        if name == operators::INDEX && (is_member(part) || place(part).is_some()) {
            return self.field(part).map(Some);
        }
        let checked = match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => self.logic(name, a, b),
            (operators::LOGICAL_NOT, [a]) => {
                let a = self.check(a)?;
                must_be(&a, &Kind::Bool, "!")?;
                let (row, flag) = a.flag();
                let flag = flag.map(|flag| Columnar::Flag(Flag::Not(flag)));
                Ok(Checked::call(Kind::Bool, name, vec![row], flag))
            }
            (operators::CONDITIONAL, [condition, a, b]) => self.choice(condition, a, b),
            (operators::INDEX, [list, index]) => self.index(list, index),
            (operators::IN, [item, list]) => self.membership(item, list),
            (operators::NEGATE, [a]) => self.negation(a),
            (name, [a, b]) => {
                if let Some(order) = order(name) {
                    return self.comparison(order, a, b).map(Some);
                }
                let Some((arithmetic, sign)) = arithmetic(name) else { return Ok(None) };
                self.arithmetic(arithmetic, sign, a, b)
            }
            _ => return Ok(None),
        };
        checked.map(Some)
    }

    fn logic(&mut self, name: &str, a: &IdedExpr, b: &IdedExpr) -> Result<Checked, Fault> {
        let (a, b) = (self.check(a)?, self.check(b)?);
        let sign = if name == operators::LOGICAL_AND { "&&" } else { "||" };
        must_be(&a, &Kind::Bool, sign)?;
        must_be(&b, &Kind::Bool, sign)?;
        let ((row_a, a), (row_b, b)) = (a.flag(), b.flag());
        let join = if name == operators::LOGICAL_AND { Flag::And } else { Flag::Or };
        let flag = a.zip(b).map(|(a, b)| Columnar::Flag(join(a, b)));
        Ok(Checked::call(Kind::Bool, name, vec![row_a, row_b], flag))
    }

    fn choice(&mut self, condition: &IdedExpr, a: &IdedExpr, b: &IdedExpr) -> Result<Checked, Fault> {
        let (condition, a, b) = (self.check(condition)?, self.check(a)?, self.check(b)?);
        must_be(&condition, &Kind::Bool, "?")?;
        let Some(kind) = a.kind.join(&b.kind) else { return unlike(&a, &b, "? :") };
        let (row, condition) = condition.flag();
        let rows = vec![row, a.row.clone(), b.row.clone()];
        let columnar = condition.and_then(|condition| {
            Some(match kind {
                Kind::Bool => Columnar::Flag(Flag::Choose(condition, a.flag().1?, b.flag().1?)),
                Kind::Number => Columnar::Number(Number::Choose(condition, a.number().1?, b.number().1?)),
                Kind::Time | Kind::Span => {
                    Columnar::Micros(Micros::Choose(condition, a.micros().1?, b.micros().1?))
                }
                _ => return None,
            })
        });
        Ok(Checked::call(kind, operators::CONDITIONAL, rows, columnar))
    }

    fn comparison(&mut self, order: Order, a: &IdedExpr, b: &IdedExpr) -> Result<Checked, Fault> {
        let (a, b) = (self.check(a)?, self.check(b)?);
        let sign = sign(order);
        let Some(kind) = a.kind.join(&b.kind) else { return unlike(&a, &b, sign) };
        let is_equality = matches!(order, Order::Equal | Order::Unequal);
        let columnar = match kind {
            Kind::List(_) | Kind::Object(_) => {
                let message = format!("`{sign}` compares {} with another", kind.describe());
                return fault(message, "compare their parts one by one");
            }
            Kind::Bool if !is_equality => {
                return fault(format!("`{sign}` compares truth values"), "write == or !=");
            }
            Kind::Bool => {
                let ((row_a, a), (row_b, b)) = (a.flag(), b.flag());
                let same = a.zip(b).map(|(a, b)| Flag::Same(a, b));
                let flag = match order {
                    Order::Unequal => same.map(|same| Flag::Not(Box::new(same))),
                    _ => same,
                };
                let flag = flag.map(Columnar::Flag);
                return Ok(Checked::call(Kind::Bool, function(order), vec![row_a, row_b], flag));
            }
            Kind::Number => compare(a, b, Checked::number, |a, b| Flag::Numbers(order, a, b)),
            Kind::Text => compare(a, b, Checked::text, |a, b| Flag::Texts(order, a, b)),
            Kind::Time | Kind::Span => compare(a, b, Checked::micros, |a, b| Flag::Micros(order, a, b)),
            Kind::Any | Kind::Open => (vec![a.row, b.row], None),
        };
        let (rows, flag) = columnar;
        Ok(Checked::call(Kind::Bool, function(order), rows, flag.map(Columnar::Flag)))
    }

    fn arithmetic(
        &mut self,
        arithmetic: Arithmetic,
        sign: &str,
        a: &IdedExpr,
        b: &IdedExpr,
    ) -> Result<Checked, Fault> {
        let (a, b) = (self.check(a)?, self.check(b)?);
        if a.kind == Kind::Open || b.kind == Kind::Open {
            return Ok(Checked::call(Kind::Open, "@open", vec![a.row, b.row], None));
        }
        let number = |kind: &Kind| kind.may_be(&Kind::Number);
        if number(&a.kind) && number(&b.kind) {
            let ((row_a, a), (row_b, b)) = (a.number(), b.number());
            let columnar = a.zip(b).map(|(a, b)| Columnar::Number(Number::Compute(arithmetic, a, b)));
            let name = match arithmetic {
                Arithmetic::Add => operators::ADD,
                Arithmetic::Subtract => operators::SUBSTRACT,
                Arithmetic::Multiply => operators::MULTIPLY,
                Arithmetic::Divide => operators::DIVIDE,
                Arithmetic::Remainder => "@remainder",
            };
            return Ok(Checked::call(Kind::Number, name, vec![row_a, row_b], columnar));
        }
        match (arithmetic, &a.kind, &b.kind) {
            (Arithmetic::Add, Kind::Text, Kind::Text) => {
                Ok(Checked::call(Kind::Text, operators::ADD, vec![a.row, b.row], None))
            }
            (Arithmetic::Add, Kind::Time, Kind::Span) | (Arithmetic::Add, Kind::Span, Kind::Time) => {
                Ok(add_micros(Kind::Time, a, b))
            }
            (Arithmetic::Add, Kind::Span, Kind::Span) => Ok(add_micros(Kind::Span, a, b)),
            (Arithmetic::Subtract, Kind::Time, Kind::Time)
            | (Arithmetic::Subtract, Kind::Span, Kind::Span) => Ok(subtract_micros(Kind::Span, a, b)),
            (Arithmetic::Subtract, Kind::Time, Kind::Span) => Ok(subtract_micros(Kind::Time, a, b)),
            _ => unlike(&a, &b, sign),
        }
    }

    fn negation(&mut self, a: &IdedExpr) -> Result<Checked, Fault> {
        let a = self.check(a)?;
        must_be(&a, &Kind::Number, "-")?;
        let (row, number) = a.number();
        let number = match number.map(|number| *number) {
            Some(Number::Constant(number)) => Some(Number::Constant(-number)),
            number => number.map(|number| Number::Negate(Box::new(number))),
        };
        Ok(Checked::call(Kind::Number, operators::NEGATE, vec![row], number.map(Columnar::Number)))
    }

    fn membership(&mut self, item: &IdedExpr, list: &IdedExpr) -> Result<Checked, Fault> {
        if let Some(place) = place(list).filter(|place| place.is_table()) {
            return self.in_table(item, &place);
        }
        let (item, list) = (self.check(item)?, self.check(list)?);
        let kind = match &list.kind {
            Kind::List(kind) => (**kind).clone(),
            Kind::Any => Kind::Any,
            kind => {
                let message = format!("`in` looks into {}", kind.describe());
                return fault(message, "write a list after it, such as [\"a\", \"b\"]");
            }
        };
        let Some(Kind::Bool | Kind::Number | Kind::Text | Kind::Time | Kind::Any) = item.kind.join(&kind)
        else {
            let message = format!("`in` looks for {} among {}s", item.kind.describe(), bare(&kind));
            return fault(message, "look for a value of the same type");
        };
        let rows = vec![item.row.clone(), list.row];
        let flag = match list.columnar {
            Some(Columnar::Numbers(set)) => item.number().1.map(|number| Flag::NumberIn(number, set)),
            Some(Columnar::Words(set)) => item.text().1.map(|text| Flag::TextIn(text, set)),
            _ => None,
        };
        Ok(Checked::call(Kind::Bool, "@among", rows, flag.map(Columnar::Flag)))
    }

    fn index(&mut self, list: &IdedExpr, index: &IdedExpr) -> Result<Checked, Fault> {
        let list = self.check(list)?;
        let kind = match &list.kind {
            Kind::List(kind) => (**kind).clone(),
            Kind::Any => Kind::Any,
            kind => {
                return fault(format!("takes an item of {}", kind.describe()), "items are those of lists");
            }
        };
        let at = match &index.expr {
            Expr::Literal(LiteralValue::Int(at)) if *at.inner() >= 0 => *at.inner(),
            _ => {
                let fix = "write a whole number from 0 on, or ask of all items: list.all(item, …)";
                return fault("takes an item whose position is not written in the rule", fix);
            }
        };
        let at = super::ided(Expr::Literal(LiteralValue::Int(at.into())));
        Ok(Checked::call(kind, "@item", vec![list.row, at], None))
    }
}

/// The operands of a comparison, and the comparison of whole columns.
fn compare<T>(
    a: Checked,
    b: Checked,
    part: impl Fn(Checked) -> (IdedExpr, Option<Box<T>>),
    flag: impl Fn(Box<T>, Box<T>) -> Flag,
) -> (Vec<IdedExpr>, Option<Flag>) {
    let ((row_a, a), (row_b, b)) = (part(a), part(b));
    (vec![row_a, row_b], a.zip(b).map(|(a, b)| flag(a, b)))
}

fn add_micros(kind: Kind, a: Checked, b: Checked) -> Checked {
    let ((row_a, a), (row_b, b)) = (a.micros(), b.micros());
    let columnar = a.zip(b).map(|(a, b)| Columnar::Micros(Micros::Add(a, b)));
    Checked::call(kind, "@later", vec![row_a, row_b], columnar)
}

fn subtract_micros(kind: Kind, a: Checked, b: Checked) -> Checked {
    let ((row_a, a), (row_b, b)) = (a.micros(), b.micros());
    let columnar = a.zip(b).map(|(a, b)| Columnar::Micros(Micros::Subtract(a, b)));
    Checked::call(kind, "@earlier", vec![row_a, row_b], columnar)
}

/// Refuses an operand of another kind than an operator takes.
pub(super) fn must_be(part: &Checked, kind: &Kind, sign: &str) -> Result<(), Fault> {
    if part.kind.may_be(kind) {
        return Ok(());
    }
    let fix = match kind {
        Kind::Bool => "write a condition there, such as event.value > 0",
        _ => "write something else there",
    };
    fault(format!("`{sign}` takes {}, but there is {}", kind.describe(), part.kind.describe()), fix)
}

fn unlike<T>(a: &Checked, b: &Checked, sign: &str) -> Result<T, Fault> {
    let (one, other) = (&a.kind, &b.kind);
    let pair = |x: &Kind, y: &Kind| (one == x && other == y) || (one == y && other == x);
    let fix = if pair(&Kind::Text, &Kind::Time) {
        "write the text as timestamp(\"2026-01-31T12:00:00Z\")"
    } else if pair(&Kind::Text, &Kind::Span) {
        "write the text as duration(\"1h30m\")"
    } else if pair(&Kind::Number, &Kind::Span) {
        "write the number as a duration, such as duration(\"90s\")"
    } else if pair(&Kind::Number, &Kind::Text) {
        "write the number without quotes, or convert the text with double()"
    } else {
        "use values of the same type"
    };
    let message = format!("`{sign}` is between {} and {}", one.describe(), other.describe());
    fault(message, fix)
}

fn bare(kind: &Kind) -> &'static str {
    let described = kind.describe();
    described.strip_prefix("a ").or_else(|| described.strip_prefix("an ")).unwrap_or(described)
}

fn order(name: &str) -> Option<Order> {
    Some(match name {
        operators::EQUALS => Order::Equal,
        operators::NOT_EQUALS => Order::Unequal,
        operators::LESS => Order::Less,
        operators::LESS_EQUALS => Order::AtMost,
        operators::GREATER => Order::Greater,
        operators::GREATER_EQUALS => Order::AtLeast,
        _ => return None,
    })
}

fn sign(order: Order) -> &'static str {
    match order {
        Order::Equal => "==",
        Order::Unequal => "!=",
        Order::Less => "<",
        Order::AtMost => "<=",
        Order::Greater => ">",
        Order::AtLeast => ">=",
    }
}

/// The row form's function for a comparison.
pub(in super::super) fn function(order: Order) -> &'static str {
    match order {
        Order::Equal => "@equal",
        Order::Unequal => "@unequal",
        Order::Less => "@less",
        Order::AtMost => "@atMost",
        Order::Greater => "@greater",
        Order::AtLeast => "@atLeast",
    }
}

fn arithmetic(name: &str) -> Option<(Arithmetic, &'static str)> {
    Some(match name {
        operators::ADD => (Arithmetic::Add, "+"),
        operators::SUBSTRACT => (Arithmetic::Subtract, "-"),
        operators::MULTIPLY => (Arithmetic::Multiply, "*"),
        operators::DIVIDE => (Arithmetic::Divide, "/"),
        operators::MODULO => (Arithmetic::Remainder, "%"),
        _ => return None,
    })
}
