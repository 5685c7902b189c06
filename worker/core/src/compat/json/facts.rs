//! What holds of everything that a writer allows: its types, values, bounds and required members.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jsonschema::Draft;
use serde_json::Value;

use super::part::{All, Part};
use super::types::Types;
use crate::compat::Bound;
use crate::plan::number::Num;

/// See the module.
#[derive(Debug)]
pub(super) struct Facts<'s> {
    pub(super) types: Types,
    /// The only values, if they are listed.
    pub(super) values: Option<Vec<&'s Value>>,
    pub(super) required: BTreeSet<&'s str>,
}

impl<'s> Facts<'s> {
    /// What holds of a writer's values of some types.
    pub(super) fn of(writer: &All<'s>, mask: Types) -> Self {
        let mut this = Self { types: mask, values: None, required: BTreeSet::new() };
        for part in &writer.parts {
            if let Some(value) = part.get("type") {
                this.types = this.types.and(Types::of_keyword(part.draft(), value));
            }
            let listed = part.get("enum").and_then(Value::as_array);
            let listed = listed.map(|values| values.iter().collect());
            let single = part.get("const").map(|value| vec![value]);
            for values in listed.into_iter().chain(single) {
                this.only(values);
            }
            let required = part.get("required").and_then(Value::as_array);
            this.required.extend(required.into_iter().flatten().filter_map(Value::as_str));
        }
        if let Some(values) = &mut this.values {
            values.retain(|value| Types::of_value(value).has(this.types));
            let types = values.iter().map(|value| Types::of_value(value)).fold(Types::NONE, Types::or);
            this.types = this.types.and(types);
        }
        if writer.nothing.is_some() {
            this.types = Types::NONE;
        }
        this
    }

    fn only(&mut self, values: Vec<&'s Value>) {
        self.values = Some(match self.values.take() {
            None => values,
            Some(known) => {
                known.into_iter().filter(|known| values.iter().any(|value| equal(known, value))).collect()
            }
        });
    }

    /// Whether the writer allows nothing, so that anything may be said of it.
    pub(super) fn are_impossible(&self) -> bool {
        self.types.is_none() || self.values.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Whether two values are the same to JSON Schema: 1 and 1.0 are.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Num::from_json(a).order(Num::from_json(b)) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A bound on numbers: where it lies, and whether the number itself is out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) number: Num,
    pub(super) is_exclusive: bool,
}

impl Limit {
    /// How tight it is compared with another on the same side.
    pub(super) fn order(self, other: Self, is_least: bool) -> Ordering {
        let order = self.number.order(other.number);
        let order = if is_least { order } else { order.reverse() };
        order.then(self.is_exclusive.cmp(&other.is_exclusive))
    }

    /// As JSON Schema has it, such as `exclusiveMinimum: 5`.
    pub(super) fn describe(self, bound: Bound) -> String {
        let (inclusive, exclusive) = match bound {
            Bound::Minimum => ("minimum", "exclusiveMinimum"),
            _ => ("maximum", "exclusiveMaximum"),
        };
        format!("{}: {}", if self.is_exclusive { exclusive } else { inclusive }, self.number.to_json())
    }
}

/// What a part says of the least or greatest number.
pub(super) fn limit(part: &Part<'_>, bound: Bound) -> Option<Limit> {
    let (inclusive, exclusive) = match bound {
        Bound::Minimum => ("minimum", "exclusiveMinimum"),
        _ => ("maximum", "exclusiveMaximum"),
    };
    let number = |keyword| part.get(keyword).and_then(Value::as_number).map(Num::from_json);
    let plain = number(inclusive);
    if part.draft() == Draft::Draft4 {
        let is_exclusive = part.get(exclusive) == Some(&Value::Bool(true));
        return plain.map(|number| Limit { number, is_exclusive });
    }
    let plain = plain.map(|number| Limit { number, is_exclusive: false });
    let sharp = number(exclusive).map(|number| Limit { number, is_exclusive: true });
    tightest(plain.into_iter().chain(sharp), bound)
}

/// The tightest of limits.
pub(super) fn tightest(limits: impl Iterator<Item = Limit>, bound: Bound) -> Option<Limit> {
    limits.reduce(|a, b| if a.order(b, bound.is_least()) == Ordering::Less { b } else { a })
}

/// The keyword of a bound on lengths and counts.
pub(super) fn keyword(bound: Bound) -> &'static str {
    match bound {
        Bound::Minimum => "minimum",
        Bound::Maximum => "maximum",
        Bound::MinLength => "minLength",
        Bound::MaxLength => "maxLength",
        Bound::MinItems => "minItems",
        Bound::MaxItems => "maxItems",
        Bound::MinProperties => "minProperties",
        Bound::MaxProperties => "maxProperties",
        Bound::MinContains => "minContains",
        Bound::MaxContains => "maxContains",
    }
}

/// What a part says of a length or count; a fraction, as in `3.0`, is none.
pub(super) fn count(part: &Part<'_>, bound: Bound) -> Option<u64> {
    let value = part.get(keyword(bound))?;
    value.as_u64().or_else(|| value.as_f64().filter(|count| *count >= 0.0).map(|count| count as u64))
}
