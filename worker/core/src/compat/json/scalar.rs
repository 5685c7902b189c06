//! Types, values, numbers and strings, and the counts of items and members.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::facts::{self, Facts, Limit, equal, limit, tightest};
use super::multiple::divides;
use super::part::{All, Part};
use super::types::Types;
use super::{Aspect, Comparison};
use crate::compat::Bound;
use crate::plan::delegate::Delegate;
use crate::plan::number::Num;

/// Values shown in a message.
const SHOWN_MAX: usize = 8;
/// Texts that no two formats treat alike: one that refuses none of them is not asserted.
const PROBES: [&str; 7] = ["", "a b", "%", "(", "{", "\\", "-"];

impl<'s> Comparison<'s> {
    /// The keywords that need no other schema.
    pub(super) fn scalars(&mut self, part: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        if facts.values.as_ref().is_some_and(|values| pass(part, values)) {
            return;
        }
        self.types(part, facts, pointer);
        self.values(part, facts, pointer);
        if facts.types.has(Types::NUMBER) {
            for bound in [Bound::Minimum, Bound::Maximum] {
                self.limit(bound, part, writer, facts, pointer);
            }
            self.multiple(part, writer, facts, pointer);
        }
        if facts.types.has(Types::STRING) {
            self.counts(&[Bound::MinLength, Bound::MaxLength], part, writer, pointer);
            self.text("pattern", Aspect::Pattern, Aspect::PatternPresence, part, writer, pointer);
            if part.get("format").is_some_and(|format| is_asserted(part, format)) {
                self.text("format", Aspect::Format, Aspect::FormatPresence, part, writer, pointer);
            }
        }
    }

    fn types(&mut self, part: &Part<'s>, facts: &Facts<'s>, pointer: &str) {
        let Some(value) = part.get("type") else { return };
        let taken = Types::of_keyword(part.draft(), value);
        let refused = facts.types.without(taken);
        if refused.is_none() {
            return;
        }
        let aspect = if refused == facts.types { Aspect::TypeChanged } else { Aspect::Type };
        let what = format!(
            "{} takes {}, {} allows {}; values of type {} are refused",
            self.reader,
            taken.describe(),
            self.writer,
            facts.types.describe(),
            refused.describe()
        );
        self.report(aspect, pointer, part.keyword("type").as_ref(), what);
    }

    fn values(&mut self, part: &Part<'s>, facts: &Facts<'s>, pointer: &str) {
        for (keyword, other, presence) in
            [("enum", Aspect::Enum, Aspect::EnumPresence), ("const", Aspect::Const, Aspect::ConstPresence)]
        {
            let Some(value) = part.get(keyword) else { continue };
            let taken = match value {
                Value::Array(values) if keyword == "enum" => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            let is_taken = |value: &&Value| taken.iter().any(|taken| equal(taken, value));
            let (aspect, refused) = match &facts.values {
                Some(values) => {
                    let refused: Vec<&Value> =
                        values.iter().copied().filter(|value| !is_taken(value)).collect();
                    if refused.is_empty() {
                        continue;
                    }
                    (other, show(&refused))
                }
                None if covers(taken, facts.types) => continue,
                None => (presence, "all others".to_owned()),
            };
            let taken = show(&taken.iter().collect::<Vec<_>>());
            let what = format!(
                "{} takes only {taken}; {refused}, which {} allows, are refused",
                self.reader, self.writer
            );
            self.report(aspect, pointer, part.keyword(keyword).as_ref(), what);
        }
    }

    fn limit(&mut self, bound: Bound, part: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        let Some(wanted) = limit(part, bound) else { return };
        let given = tightest(writer.parts.iter().filter_map(|part| limit(part, bound)), bound);
        let given = given.map(|given| if facts.types.are_whole() { inclusive(given, bound) } else { given });
        let within = given.is_some_and(|given| given.order(wanted, bound.is_least()) != Ordering::Less);
        // Whole numbers beyond an exclusive bound are those from the next on.
        let next = facts.types.are_whole().then(|| inclusive(wanted, bound));
        let within_next = given
            .zip(next)
            .is_some_and(|(given, next)| given.order(next, bound.is_least()) != Ordering::Less);
        if within || within_next {
            return;
        }
        let (aspect, says) = match given {
            Some(given) => (Aspect::Bound(bound), format!("has {}", given.describe(bound))),
            None => (Aspect::BoundPresence(bound), "has no such bound".to_owned()),
        };
        let side = if bound.is_least() { "below" } else { "above" };
        let what = format!(
            "{} has {}, {} {says}; numbers {side} are refused",
            self.reader,
            wanted.describe(bound),
            self.writer
        );
        let keywords =
            if bound.is_least() { ["minimum", "exclusiveMinimum"] } else { ["maximum", "exclusiveMaximum"] };
        let place = keywords.into_iter().find_map(|keyword| part.keyword(keyword));
        self.report(aspect, pointer, place.as_ref(), what);
    }

    fn multiple(&mut self, part: &Part<'s>, writer: &All<'s>, facts: &Facts<'s>, pointer: &str) {
        let Some(wanted) = part.get("multipleOf") else { return };
        let given: Vec<&Value> = writer.parts.iter().filter_map(|part| part.get("multipleOf")).collect();
        let whole = Value::from(1);
        let whole = facts.types.are_whole().then_some(&whole);
        if given.iter().copied().chain(whole).any(|given| divides(wanted, given)) {
            return;
        }
        let (aspect, says) = match given.first() {
            Some(given) => (Aspect::MultipleOf, format!("multiples of {given}")),
            None => (Aspect::MultipleOfPresence, "other numbers too".to_owned()),
        };
        let what = format!("{} takes only multiples of {wanted}, {} allows {says}", self.reader, self.writer);
        self.report(aspect, pointer, part.keyword("multipleOf").as_ref(), what);
    }

    /// Bounds on a length or a count.
    pub(super) fn counts(&mut self, bounds: &[Bound], part: &Part<'s>, writer: &All<'s>, pointer: &str) {
        for bound in bounds {
            let Some(wanted) = facts::count(part, *bound) else { continue };
            let given = writer.parts.iter().filter_map(|part| facts::count(part, *bound));
            let given = if bound.is_least() { given.max() } else { given.min() };
            let within = match given {
                Some(given) if bound.is_least() => given >= wanted,
                Some(given) => given <= wanted,
                None => bound.is_least() && wanted == 0,
            };
            if !within {
                self.count(*bound, wanted, given, part, pointer);
            }
        }
    }

    /// Notes that a length or count is bounded more tightly.
    pub(super) fn count(
        &mut self,
        bound: Bound,
        wanted: u64,
        given: Option<u64>,
        part: &Part<'s>,
        pointer: &str,
    ) {
        let keyword = facts::keyword(bound);
        let (aspect, says) = match given {
            Some(given) => (Aspect::Bound(bound), format!("has {given}")),
            None => (Aspect::BoundPresence(bound), "has none".to_owned()),
        };
        let (reader, writer) = (self.reader, self.writer);
        let refused = if bound.is_least() { "what is shorter" } else { "what is longer" };
        let what = format!("{reader} has {keyword}: {wanted}, {writer} {says}; {refused} is refused");
        self.report(aspect, pointer, part.keyword(keyword).as_ref(), what);
    }

    /// A keyword about strings that only its own like implies.
    fn text(
        &mut self,
        keyword: &str,
        other: Aspect,
        presence: Aspect,
        part: &Part<'s>,
        writer: &All<'s>,
        pointer: &str,
    ) {
        let Some(wanted) = part.get(keyword) else { return };
        let given: Vec<&Value> = writer
            .parts
            .iter()
            .filter_map(|known| {
                known.get(keyword).filter(|value| keyword != "format" || is_asserted(known, value))
            })
            .collect();
        if given.contains(&wanted) {
            return;
        }
        let (aspect, says) = match given.first() {
            Some(given) => (other, format!("{given}, and whether that says more can't be shown")),
            None => (presence, "anything".to_owned()),
        };
        let what = format!(
            "{} takes only texts of the {keyword} {wanted}, {} allows {says}",
            self.reader, self.writer
        );
        self.report(aspect, pointer, part.keyword(keyword).as_ref(), what);
    }
}

/// Whether a format refuses anything in the part's draft.
fn is_asserted(part: &Part<'_>, format: &Value) -> bool {
    let delegate = Delegate::keyword(part.draft(), "format", format);
    delegate.is_some_and(|delegate| PROBES.iter().any(|probe| !delegate.accepts(&Value::from(*probe))))
}

/// The inclusive limit that whole numbers have where one is exclusive.
fn inclusive(limit: Limit, bound: Bound) -> Limit {
    match limit.number {
        Num::Int(int) if limit.is_exclusive => {
            let next = if bound.is_least() { int.checked_add(1) } else { int.checked_sub(1) };
            next.map_or(limit, |next| Limit { number: Num::Int(next), is_exclusive: false })
        }
        _ => limit,
    }
}

/// Whether all listed values pass what needs no other schema.
fn pass(part: &Part<'_>, values: &[&Value]) -> bool {
    const KEYWORDS: [&str; 16] = [
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ];
    let says =
        KEYWORDS.into_iter().filter_map(|keyword| Some((keyword.to_owned(), part.get(keyword)?.clone())));
    let delegate = Delegate::schema(part.draft(), &Value::Object(Map::from_iter(says)));
    // A whole number may be written as 1.0 too, which draft 4 tells apart.
    let both = |value: &Value| match value.as_i64() {
        Some(int) if int.unsigned_abs() < 1 << 53 => vec![value.clone(), Value::from(int as f64)],
        _ => vec![value.clone()],
    };
    delegate.is_some_and(|delegate| {
        values.iter().flat_map(|value| both(value)).all(|value| delegate.accepts(&value))
    })
}

/// Whether a list holds every value of the types: only null and the booleans can be listed.
fn covers(listed: &[Value], types: Types) -> bool {
    let all = [Value::Null, Value::Bool(true), Value::Bool(false)];
    types.without(Types::NULL.or(Types::BOOLEAN)).is_none()
        && all.iter().filter(|value| types.has(Types::of_value(value))).all(|value| listed.contains(value))
}

fn show(values: &[&Value]) -> String {
    let shown: Vec<String> = values.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    let more = if values.len() > SHOWN_MAX { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
