//! Functions and methods.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use regex::Regex;

use super::super::calendar;
use super::super::columnar::{Columnar, Flag, Number, Within};
use super::super::kind::Kind;
use super::{Checked, Checker, Fault, fault, ided, micros};
use crate::plan::nearest;

/// All that rules know, for suggestions.
const KNOWN: [&str; 26] = [
    "all",
    "contains",
    "double",
    "duration",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "has",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "string",
    "timestamp",
];

impl Checker {
    /// A call of a function, whose target is its first argument.
    pub(super) fn function(&mut self, call: &CallExpr) -> Result<Checked, Fault> {
        let name = call.func_name.as_str();
        if name == "has" {
            return fault("asks has() of something that is no field", "write has(event.field)");
        }
        let given = call.target.as_deref().into_iter().chain(&call.args);
        let mut args = given.map(|arg| self.check(arg)).collect::<Result<Vec<_>, _>>()?;
        match (args.pop(), args.pop(), args.pop()) {
            (Some(only), None, None) => self.unary(name, only),
            (Some(second), Some(first), None) => self.binary(name, first, second),
            _ => unknown(name),
        }
    }

    fn unary(&mut self, name: &str, arg: Checked) -> Result<Checked, Fault> {
        if let Some(kind) = of_open(name, &arg.kind) {
            return Ok(Checked::call(kind, "@open", vec![arg.row], None));
        }
        if let Some((part, unit)) = calendar::function(name) {
            return calendar_part(name, part, unit, arg);
        }
        match name {
            "size" => size(arg),
            "timestamp" => match (arg.written(), &arg.kind) {
                (Some(text), _) => match calendar::timestamp(text) {
                    Some(time) => Ok(micros(Kind::Time, time)),
                    None => fault(
                        format!("timestamp() can't read \"{text}\""),
                        "write an RFC 3339 time with an offset, such as \"2026-01-31T12:00:00Z\"",
                    ),
                },
                (None, Kind::Time) => Ok(arg),
                (None, Kind::Text | Kind::Any) => {
                    Ok(Checked::call(Kind::Time, "@timestamp", vec![arg.row], None))
                }
                _ => mistaken(name, "a text", &arg),
            },
            "duration" => match arg.written() {
                Some(text) => match calendar::duration(text) {
                    Some(span) => Ok(micros(Kind::Span, span)),
                    None => fault(
                        format!("duration() can't read \"{text}\""),
                        "write numbers and units, such as \"90s\", \"1h30m\" or \"168h\"",
                    ),
                },
                None => mistaken(name, "a text that is written in the rule", &arg),
            },
            "double" => match &arg.kind {
                Kind::Number => Ok(arg),
                Kind::Text | Kind::Any => Ok(Checked::call(Kind::Number, "@double", vec![arg.row], None)),
                _ => mistaken(name, "a number or a text", &arg),
            },
            "int" => match &arg.kind {
                Kind::Number | Kind::Any => {
                    let (row, number) = arg.number();
                    let number = number.map(|number| Columnar::Number(Number::Whole(number)));
                    Ok(Checked::call(Kind::Number, "@whole", vec![row], number))
                }
                _ => mistaken(name, "a number", &arg),
            },
            "string" => match &arg.kind {
                Kind::Text => Ok(arg),
                Kind::Number | Kind::Bool | Kind::Any => {
                    Ok(Checked::call(Kind::Text, "@string", vec![arg.row], None))
                }
                _ => mistaken(name, "a number, a truth value or a text", &arg),
            },
            _ => unknown(name),
        }
    }

    fn binary(&mut self, name: &str, text: Checked, part: Checked) -> Result<Checked, Fault> {
        let within = match name {
            "contains" => Within::Anywhere,
            "startsWith" => Within::Beginning,
            "endsWith" => Within::End,
            "matches" => return self.matches(text, &part),
            _ if calendar::function(name).is_some() => {
                return fault(
                    format!("{name}() is given a time zone"),
                    "leave it out: rules see times in UTC",
                );
            }
            _ => return unknown(name),
        };
        for arg in [&text, &part] {
            if !arg.kind.may_be(&Kind::Text) {
                return mistaken(name, "texts", arg);
            }
        }
        let ((row, text), (row_part, part)) = (text.text(), part.text());
        let flag = text.zip(part).map(|(text, part)| Columnar::Flag(Flag::Part(within, text, part)));
        Ok(Checked::call(Kind::Bool, part_function(within), vec![row, row_part], flag))
    }

    fn matches(&mut self, text: Checked, pattern: &Checked) -> Result<Checked, Fault> {
        if !text.kind.may_be(&Kind::Text) {
            return mistaken("matches", "a text", &text);
        }
        let Some(pattern) = pattern.written() else {
            return mistaken("matches", "a pattern that is written in the rule", pattern);
        };
        let compiled = match Regex::new(pattern) {
            Ok(compiled) => compiled,
            Err(error) => {
                let said = error.to_string();
                let reason = said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                return fault(
                    format!("matches() can't read the pattern \"{pattern}\": {reason}"),
                    "write a regular expression as RE2 knows it",
                );
            }
        };
        self.patterns.push(compiled.clone());
        let at = i64::try_from(self.patterns.len() - 1).unwrap_or_default();
        let at = ided(Expr::Literal(LiteralValue::Int(at.into())));
        let (row, text) = text.text();
        let flag = text.map(|text| Columnar::Flag(Flag::Matches(text, compiled)));
        Ok(Checked::call(Kind::Bool, "@matches", vec![row, at], flag))
    }
}

/// What a function makes of a cell of which nothing is known yet.
fn of_open(name: &str, arg: &Kind) -> Option<Kind> {
    match name {
        _ if *arg != Kind::Open => None,
        "size" | "double" | "int" => Some(Kind::Number),
        "timestamp" => Some(Kind::Time),
        "string" => Some(Kind::Text),
        name => calendar::function(name).map(|_| Kind::Number),
    }
}

fn size(arg: Checked) -> Result<Checked, Fault> {
    let row = |arg: IdedExpr| vec![arg];
    match (&arg.kind, arg.columnar) {
        (Kind::Text, Some(Columnar::Text(text))) => {
            let length = Columnar::Number(Number::Length(Box::new(text)));
            Ok(Checked::call(Kind::Number, "@size", row(arg.row), Some(length)))
        }
        (Kind::List(_), Some(Columnar::List(path))) => {
            let items = Columnar::Number(Number::Items(path));
            Ok(Checked::call(Kind::Number, "@size", row(arg.row), Some(items)))
        }
        (Kind::Text | Kind::List(_) | Kind::Any, _) => {
            Ok(Checked::call(Kind::Number, "@size", row(arg.row), None))
        }
        (kind, _) => fault(
            format!("size() takes a text or a list, but there is {}", kind.describe()),
            "write something else there",
        ),
    }
}

fn calendar_part(
    name: &str,
    part: calendar::Part,
    unit: Option<calendar::Unit>,
    arg: Checked,
) -> Result<Checked, Fault> {
    let kind = arg.kind.clone();
    let (row, micros) = arg.micros();
    match (kind, unit) {
        (Kind::Time, _) => {
            let number = micros.map(|micros| Columnar::Number(Number::Calendar(part, micros)));
            Ok(Checked::call(Kind::Number, &format!("@{name}"), vec![row], number))
        }
        (Kind::Span, Some(unit)) => {
            let number = micros.map(|micros| Columnar::Number(Number::Count(unit, micros)));
            Ok(Checked::call(Kind::Number, &format!("@span.{name}"), vec![row], number))
        }
        (kind, _) => fault(
            format!("{name}() takes a time, but there is {}", kind.describe()),
            "give the field `format: date-time` in the schema, or write timestamp(…)",
        ),
    }
}

/// The row form's function that looks for one text in another.
pub(in super::super) fn part_function(within: Within) -> &'static str {
    match within {
        Within::Anywhere => "@contains",
        Within::Beginning => "@startsWith",
        Within::End => "@endsWith",
    }
}

fn mistaken<T>(name: &str, takes: &str, arg: &Checked) -> Result<T, Fault> {
    fault(
        format!("{name}() takes {takes}, but there is {}", arg.kind.describe()),
        "write something else there",
    )
}

fn unknown<T>(name: &str) -> Result<T, Fault> {
    if KNOWN.contains(&name) {
        return fault(format!("calls {name}() with arguments that it doesn't take"), "see docs/rules.md");
    }
    let fix = match nearest(KNOWN.into_iter(), name) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "see docs/rules.md for what rules know".to_owned(),
    };
    fault(format!("calls {name}(), which rules don't know"), fix)
}
