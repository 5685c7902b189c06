//! Lists that are written in a rule, and what is said of each item of a list.

use std::sync::Arc;

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};

use super::super::columnar::{Columnar, Flag, Quantifier};
use super::super::kind::Kind;
use super::operators::must_be;
use super::{Checked, Checker, EVENT, Fault, LOOKUP, call, constants, fault, ided};

impl Checker {
    /// A list that is written in the rule.
    pub(super) fn list(&mut self, elements: &[IdedExpr]) -> Result<Checked, Fault> {
        let items = elements.iter().map(|item| self.check(item)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = items.first() else {
            return fault("holds an empty list", "write its items, or leave the condition out");
        };
        let kind = items.iter().try_fold(first.kind.clone(), |kind, item| kind.join(&item.kind));
        let Some(kind) = kind else {
            return fault("holds a list of values of different types", "write a list for each type");
        };
        let columnar = constants(&items);
        let rows = items.into_iter().map(|item| item.row).collect();
        Ok(Checked::new(Kind::List(Arc::new(kind)), Expr::List(ListExpr::new(rows)), columnar))
    }

    /// A macro over the items of a list. The parser has expanded it; what it was shows in what it begins with.
    pub(super) fn each(&mut self, each: &ComprehensionExpr) -> Result<Checked, Fault> {
        let list = self.check(&each.iter_range)?;
        let kind = match &list.kind {
            Kind::List(kind) => (**kind).clone(),
            Kind::Any => Kind::Any,
            kind => {
                let message = format!("goes through the items of {}", kind.describe());
                return fault(message, "all, exists, exists_one, filter and map are for lists");
            }
        };
        if [EVENT, LOOKUP].contains(&each.iter_var.as_str()) {
            return fault(format!("calls an item `{}`", each.iter_var), "give the item another name");
        }
        let name = each.iter_var.clone();
        let Expr::Call(step) = &each.loop_step.expr else { return unknown() };
        let part = |at: usize| step.args.get(at);
        match (&each.accu_init.expr, step.func_name.as_str()) {
            (Expr::Literal(LiteralValue::Boolean(all)), _) => {
                let quantifier = if *all.inner() { Quantifier::All } else { Quantifier::Some };
                self.quantified(quantifier, list, name, kind, part(1))
            }
            (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL) => {
                self.quantified(Quantifier::One, list, name, kind, part(0))
            }
            (Expr::List(_), operators::ADD) => self.mapped(list, name, kind, None, part(1)),
            (Expr::List(_), operators::CONDITIONAL) => match part(1).map(|added| &added.expr) {
                Some(Expr::Call(added)) => self.mapped(list, name, kind, part(0), added.args.get(1)),
                _ => unknown(),
            },
            _ => unknown(),
        }
    }

    fn quantified(
        &mut self,
        quantifier: Quantifier,
        list: Checked,
        name: String,
        kind: Kind,
        condition: Option<&IdedExpr>,
    ) -> Result<Checked, Fault> {
        let Some(condition) = condition else { return unknown() };
        let (condition, outside) = self.within(&name, kind, |checker| checker.check(condition))?;
        let (word, function) = match quantifier {
            Quantifier::All => ("all", "@all"),
            Quantifier::Some => ("exists", "@exists"),
            Quantifier::One => ("exists_one", "@existsOne"),
        };
        must_be(&condition, &Kind::Bool, word)?;
        let (row, flag) = condition.flag();
        let columnar = match (list.columnar, flag) {
            (Some(Columnar::List(path)), Some(flag)) => {
                Some(Columnar::Flag(Flag::Each(quantifier, path, flag)))
            }
            _ => None,
        };
        let args = vec![list.row, ided(Expr::Ident(name)), row, cost(outside)];
        Ok(Checked::call(Kind::Bool, function, args, columnar))
    }

    /// `filter` and `map`: the items of which the condition is true, and what is made of each.
    fn mapped(
        &mut self,
        list: Checked,
        name: String,
        kind: Kind,
        condition: Option<&IdedExpr>,
        made: Option<&IdedExpr>,
    ) -> Result<Checked, Fault> {
        let Some(IdedExpr { expr: Expr::List(made), .. }) = made else { return unknown() };
        let Some(made) = made.elements.first() else { return unknown() };
        let ((condition, made), outside) = self.within(&name, kind, |checker| {
            let condition = condition.map(|condition| checker.check(condition)).transpose()?;
            Ok((condition, checker.check(made)?))
        })?;
        if let Some(condition) = &condition {
            must_be(condition, &Kind::Bool, "filter")?;
        }
        let always = || ided(Expr::Literal(LiteralValue::Boolean(true.into())));
        let condition = condition.map_or_else(always, |condition| condition.row);
        let args = vec![list.row, ided(Expr::Ident(name)), condition, cost(outside), made.row];
        let row = ided(call("@map", args));
        Ok(Checked { kind: Kind::List(Arc::new(made.kind)), row, columnar: None })
    }

    /// Checks what is said of an item; also whether it reads what lies outside the item.
    fn within<T>(
        &mut self,
        name: &str,
        kind: Kind,
        check: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<(T, bool), Fault> {
        let before = std::mem::take(&mut self.outside);
        self.scopes.push((name.to_owned(), kind));
        let checked = check(self);
        self.scopes.pop();
        let outside = self.outside;
        self.outside |= before;
        Ok((checked?, outside))
    }
}

/// Whether going on to an item costs as much as the whole event is large, because it is read again for each.
fn cost(outside: bool) -> IdedExpr {
    ided(Expr::Literal(LiteralValue::Boolean(outside.into())))
}

fn unknown<T>() -> Result<T, Fault> {
    fault("uses a macro that rules don't know", "use all, exists, exists_one, filter or map")
}
