//! Takes fields out of `extra`, where a schema puts what it doesn't name: a personal field must not stay there because an
//! event of another version had it, or had more digits than its column holds.

use std::fmt;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, StringArray};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use transect_config::Pointer;

/// The column without the fields; a row with nothing left is null. Everything else stays as it was written.
pub(super) fn without(column: &StringArray, fields: &[Pointer]) -> StringArray {
    let paths: Vec<&[String]> = fields.iter().map(Pointer::steps).collect();
    let mut out = StringBuilder::with_capacity(column.len(), column.value_data().len());
    for row in 0..column.len() {
        let text = column.is_valid(row).then(|| column.value(row));
        out.append_option(text.and_then(|text| pruned(text, &paths)));
    }
    out.finish()
}

/// A value without the members at the paths; None if nothing is left of it, or it can't be read.
fn pruned(text: &str, paths: &[&[String]]) -> Option<String> {
    let text = text.trim_ascii_start();
    if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        let items =
            items.iter().enumerate().filter_map(|(at, item)| kept(&at.to_string(), item.get(), paths));
        return Some(format!("[{}]", items.collect::<Vec<_>>().join(",")));
    }
    let Members(members) = serde_json::from_str(text).ok()?;
    let mut left = Vec::with_capacity(members.len());
    for (name, value) in &members {
        if let Some(value) = kept(name, value.get(), paths) {
            left.push(format!("{}:{value}", serde_json::Value::from(name.as_str())));
        }
    }
    (!left.is_empty()).then(|| format!("{{{}}}", left.join(",")))
}

/// A member that the paths leave.
fn kept(name: &str, value: &str, paths: &[&[String]]) -> Option<String> {
    let below = paths.iter().filter_map(|path| path.split_first());
    let below: Vec<&[String]> =
        below.filter(|(step, _)| *step == name || *step == "*").map(|(_, rest)| rest).collect();
    if below.iter().any(|rest| rest.is_empty()) {
        return None;
    }
    if below.is_empty() || !value.starts_with(['{', '[']) {
        Some(value.to_owned())
    } else {
        pruned(value, &below)
    }
}

/// The members of an object in their order, their values as written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_go_and_the_rest_stays_as_it_was_written() {
        let fields: Vec<Pointer> =
            ["/name", "/home/street", "/calls/*/number"].iter().map(|f| f.parse().unwrap()).collect();
        for (before, after) in [
            (r#"{"n":12345678901234567890.10}"#, Some(r#"{"n":12345678901234567890.10}"#)),
            (r#"{"name":"Ada","n":1}"#, Some(r#"{"n":1}"#)),
            (r#"{"n\u0061me":"Ada"}"#, None),
            (r#"{"name":{"first":"Ada"}}"#, None),
            (r#"{"home":{"street":"x"}}"#, None),
            (r#"{"home":{"street":"x","zip":"1"},"a":[1]}"#, Some(r#"{"home":{"zip":"1"},"a":[1]}"#)),
            (r#"{"home":["street"]}"#, Some(r#"{"home":["street"]}"#)),
            (r#"{"calls":[{"number":"1","at":2}]}"#, Some(r#"{"calls":[{"at":2}]}"#)),
            (r#"{"calls":{"0":{"number":"1"}}}"#, None),
        ] {
            let found = without(&StringArray::from(vec![Some(before), None]), &fields);
            assert_eq!((found.iter().next().unwrap(), found.is_null(1)), (after, true), "{before}");
        }
    }
}
