//! Random documents near a schema: mostly right, then changed a little.

use serde_json::{Map, Value};

use crate::document::Doc;
use crate::families::Made;
use crate::random::Random;
use crate::schemas::NAMES;

const NUMBERS: [&str; 34] = [
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "-1",
    "2",
    "3",
    "2.5",
    "0.1",
    "0.3",
    "1e-7",
    "100",
    "99.99",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e19",
    "100000000000000000000",
    "1e20",
    "1e300",
    "-1e300",
    "1e-400",
    "1.00000000000000000000001",
    "123456789012345678901234567890",
];

const TEXTS: [&str; 56] = [
    "",
    "a",
    "ab",
    "abc",
    "abcd",
    "ABC",
    "red",
    "green",
    "12",
    "x-1",
    "é",
    "éé",
    "日本語",
    "😀",
    "a b",
    "a\nb",
    "\u{0}",
    "\"\\/",
    "w7",
    "w19",
    "a@b",
    "user@example.org",
    "user@[127.0.0.1]",
    "2013-01-01",
    "2013-02-29",
    "2012-02-29",
    "2013-01-01T00:00:00Z",
    "2013-01-01t00:00:00z",
    "2013-01-01T00:00:00.123456789+05:30",
    "2013-01-01T00:00:00.1234560000-00:00",
    "2013-01-01T24:00:00Z",
    "2013-01-01 00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T22:59:60Z",
    "2017-01-01T00:29:60.5+00:30",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "2013-01-01T00:00:00",
    "12:00:00Z",
    "23:59:60Z",
    "https://example.org/a?b#c",
    "http://[::1]/%zz",
    "no uri",
    "550e8400-e29b-41d4-a716-446655440000",
    "550E8400-E29B-41D4-A716-44665544000G",
    "127.0.0.1",
    "256.0.0.1",
    "::1",
    "1::2::3",
    "example.org",
    "-bad-.org",
    "P1Y2M3DT4H5M6S",
    "P",
    "/a/b~1",
    "1/a",
    "[a-",
];

/// Makes documents for one schema.
pub(crate) struct Documents<'r> {
    random: &'r mut Random,
    made: &'r Made,
    /// The document of the family that is looked at.
    here: &'r str,
}

impl<'r> Documents<'r> {
    pub(crate) fn new(random: &'r mut Random, made: &'r Made) -> Self {
        Self { random, made, here: &made.family.documents.name }
    }

    /// A document that the schema may take, or nearly.
    pub(crate) fn document(&mut self) -> Doc {
        let mut doc = self.near(&self.made.schema, 5);
        if let Doc::Object(members) = &mut doc
            && self.random.percent(95)
        {
            members.retain(|(name, _)| name != "time");
            members.push(("time".to_owned(), Doc::raw(1)));
        }
        if self.random.percent(60) {
            for _ in 0..1 + self.random.below(2) {
                self.change(&mut doc);
            }
        }
        doc
    }

    /// A value near a schema.
    fn near(&mut self, schema: &Value, depth: usize) -> Doc {
        let Value::Object(keywords) = schema else { return self.any(1) };
        if depth == 0 {
            return self.any(0);
        }
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            let Some((there, target)) = self.made.target(self.here, target) else { return self.any(1) };
            let here = std::mem::replace(&mut self.here, there);
            let doc = self.near(target, depth - 1);
            self.here = here;
            return doc;
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if let Some(Value::Array(branches)) = keywords.get(keyword) {
                let branch = self.random.choose(branches).clone();
                return self.near(&branch, depth - 1);
            }
        }
        if let Some(value) = keywords.get("const") {
            return Doc::of(value);
        }
        if let Some(Value::Array(values)) = keywords.get("enum") {
            return Doc::of(self.random.choose(values));
        }
        let kind = match keywords.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Array(kinds)) if !kinds.is_empty() => {
                self.random.choose(kinds).as_str().unwrap_or_default().to_owned()
            }
            _ if keywords.contains_key("properties") => "object".to_owned(),
            _ if keywords.contains_key("items") => "array".to_owned(),
            _ => self.random.pick(&["object", "string", "number", "array", "null", "boolean"]).to_owned(),
        };
        match kind.as_str() {
            "object" => self.object(keywords, depth),
            "array" => self.array(keywords, depth),
            "string" => Doc::Text(self.random.pick(&TEXTS).to_owned()),
            "integer" | "number" => self.number(keywords),
            "boolean" => Doc::raw(self.random.percent(50)),
            _ => Doc::raw("null"),
        }
    }

    fn object(&mut self, keywords: &Map<String, Value>, depth: usize) -> Doc {
        let mut members: Vec<(String, Doc)> = Vec::new();
        let required = keywords.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(Value::Object(properties)) = keywords.get("properties") {
            for (name, schema) in properties {
                let must = required.iter().any(|required| required == name);
                if self.random.percent(if must { 98 } else { 60 }) {
                    members.push((name.clone(), self.near(schema, depth - 1)));
                }
            }
        }
        if required.iter().any(|name| name == "unnamed") && self.random.percent(80) {
            members.push(("unnamed".to_owned(), self.any(1)));
        }
        let open = keywords.get("additionalProperties") != Some(&Value::Bool(false));
        for _ in 0..self.random.below(3) {
            let name = self.random.pick(&["x-1", "x-2", "other", "a", "é1", "p11", "日本"]);
            let fresh = !members.iter().any(|(known, _)| known == name);
            if fresh && self.random.percent(if open { 40 } else { 5 }) {
                let schema = keywords.get("additionalProperties").cloned().unwrap_or(Value::Bool(true));
                let value = self.near(&schema, depth - 1);
                members.push((name.to_owned(), value));
            }
        }
        if self.random.percent(20) {
            let at = self.random.below(members.len());
            members.rotate_left(at);
        }
        Doc::Object(members)
    }

    fn array(&mut self, keywords: &Map<String, Value>, depth: usize) -> Doc {
        let count = self.random.below(4);
        let items = (0..count)
            .map(|at| {
                let prefix = keywords.get("prefixItems").or(keywords.get("items")).and_then(Value::as_array);
                let listed = prefix.and_then(|prefix| prefix.get(at)).cloned();
                let rest = keywords.get("items").filter(|items| !items.is_array()).cloned();
                let schema =
                    listed.or(rest).or(keywords.get("additionalItems").cloned()).unwrap_or(Value::Bool(true));
                self.near(&schema, depth - 1)
            })
            .collect();
        Doc::Array(items)
    }

    fn number(&mut self, keywords: &Map<String, Value>) -> Doc {
        let limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
        let limit = keywords.get(self.random.pick(&limits)).and_then(Value::as_number);
        match limit {
            Some(limit) if self.random.percent(70) => match (limit.as_i64(), limit.as_f64()) {
                (Some(int), _) => Doc::raw(int.saturating_add(self.random.below(5) as i64 - 2)),
                (None, Some(float)) if float.abs() < 1e15 => {
                    Doc::raw(float + self.random.pick(&[0.0, 0.5, -0.5, 1.0, float]))
                }
                _ => Doc::raw(limit),
            },
            _ if self.random.percent(30) => Doc::raw(self.random.below(200) as i64 - 100),
            _ => Doc::raw(self.random.pick(&NUMBERS)),
        }
    }

    /// Any value.
    fn any(&mut self, depth: usize) -> Doc {
        match self.random.below(if depth == 0 { 6 } else { 8 }) {
            0 | 1 => Doc::Text(self.random.pick(&TEXTS).to_owned()),
            2 | 3 => Doc::raw(self.random.pick(&NUMBERS)),
            4 => Doc::raw("null"),
            5 => Doc::raw(self.random.percent(50)),
            6 => Doc::Array((0..self.random.below(4)).map(|_| self.any(depth - 1)).collect()),
            _ => {
                let count = self.random.below(4);
                let start = self.random.below(NAMES.len());
                let names = (0..count).map(|at| NAMES[(start + at) % NAMES.len()].to_owned());
                Doc::Object(names.map(|name| (name, self.any(depth - 1))).collect())
            }
        }
    }

    /// A document with most members of another one in the same order, and values near theirs.
    pub(crate) fn alike(&mut self, doc: &Doc) -> Doc {
        match doc {
            Doc::Object(members) => {
                let kept = members.iter().filter(|_| self.random.percent(95)).cloned().collect::<Vec<_>>();
                let alike = kept.into_iter().map(|(name, value)| (name, self.alike(&value)));
                Doc::Object(alike.collect())
            }
            Doc::Raw(_) if self.random.percent(30) => Doc::raw(self.random.pick(&NUMBERS)),
            Doc::Text(_) if self.random.percent(30) => Doc::Text(self.random.pick(&TEXTS).to_owned()),
            other if self.random.percent(3) => self.any(2 - other.size().min(2)),
            other => other.clone(),
        }
    }

    /// Changes one place.
    fn change(&mut self, doc: &mut Doc) {
        let position = self.random.below(doc.size());
        let replacement = self.any(2);
        let choice = self.random.below(6);
        let (part, text) = (self.random.next() as usize, self.random.pick(&TEXTS));
        let Some(place) = doc.at(position) else { return };
        match (choice, place) {
            (0 | 1, Doc::Object(members)) if !members.is_empty() => {
                members.remove(part % members.len());
            }
            (2, Doc::Object(members)) if !members.iter().any(|(name, _)| name == "b") => {
                members.push(("b".to_owned(), replacement));
            }
            (0 | 1, Doc::Array(items)) if !items.is_empty() => {
                let item = items[part % items.len()].clone();
                items.push(item);
            }
            (2, Doc::Array(items)) => items.push(replacement),
            (3, Doc::Text(held)) => held.push_str(text),
            (_, place) if position > 0 || part % 20 == 0 => *place = replacement,
            _ => {}
        }
    }
}
