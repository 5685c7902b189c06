//! Random schemas of all drafts and nearly all keywords. Four fifths and more hold only what a plan can compile.

use serde_json::{Map, Value, json};

use crate::families::{Family, Other};
use crate::random::Random;

pub(crate) const NAMES: [&str; 14] =
    ["a", "b", "c", "id", "value", "name", "a/b", "m~n", "", "é", "日本", "x y", "quo\"te", "extra"];
pub(crate) const PATTERNS: [&str; 14] = [
    "^a",
    "b$",
    "^[a-z]{1,3}$",
    "^[A-Z]+$",
    "^(red|green)$",
    "\\d+",
    "^\\S*$",
    "^$",
    "^x-",
    "é",
    "^.{2,4}$",
    "^(?=.*a).+$",
    "^\\w+@\\w+$",
    "[^a-c]",
];
pub(crate) const FORMATS: [&str; 20] = [
    "date-time",
    "date-time",
    "date-time",
    "date",
    "time",
    "email",
    "uri",
    "uuid",
    "ipv4",
    "ipv6",
    "hostname",
    "duration",
    "json-pointer",
    "regex",
    "uri-reference",
    "iri",
    "relative-json-pointer",
    "uri-template",
    "idn-email",
    "made-up",
];
const LIMITS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "10",
    "2.5",
    "-0.0",
    "1.0",
    "100",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "1e20",
    "1e-7",
    "0.1",
    "-1e300",
];

/// The drafts, by what `$schema` says.
const DRAFTS: [Option<&str>; 7] = [
    None,
    Some("https://json-schema.org/draft/2020-12/schema"),
    Some("https://json-schema.org/draft/2020-12/schema"),
    Some("https://json-schema.org/draft/2019-09/schema"),
    Some("http://json-schema.org/draft-07/schema#"),
    Some("http://json-schema.org/draft-06/schema#"),
    Some("http://json-schema.org/draft-04/schema#"),
];

/// Makes the schemas of one document.
pub(crate) struct Schemas<'r> {
    random: &'r mut Random,
    /// 4, 6, 7, 2019 or 2020.
    draft: u32,
    /// Whether it may hold what no plan compiles.
    wild: bool,
    definitions: usize,
    /// The documents to which it may refer.
    family: &'r mut Family,
}

/// A draft, by what `$schema` says, and by its number or year.
pub(crate) fn draft(random: &mut Random) -> (Option<&'static str>, u32) {
    let uri = random.pick(&DRAFTS);
    let draft = match uri {
        Some(uri) if uri.contains("draft-04") => 4,
        Some(uri) if uri.contains("draft-06") => 6,
        Some(uri) if uri.contains("draft-07") => 7,
        Some(uri) if uri.contains("2019") => 2019,
        _ => 2020,
    };
    (uri, draft)
}

/// The keyword of definitions.
pub(crate) fn below(draft: u32) -> &'static str {
    if draft < 2019 { "definitions" } else { "$defs" }
}

impl<'r> Schemas<'r> {
    /// A document of `{"doc": …}` or of an object with more members; `time` is always there. The family's documents are
    /// there already.
    pub(crate) fn document(
        random: &'r mut Random,
        (uri, draft): (Option<&str>, u32),
        family: &'r mut Family,
    ) -> Value {
        let mut this = Self::new(random, draft, family);
        let defined = this.defined();
        let mut root = this.root();
        let members = root.as_object_mut().unwrap();
        if let Some(uri) = uri {
            members.insert("$schema".to_owned(), uri.into());
        }
        if !defined.is_empty() {
            members.insert(below(draft).to_owned(), defined.into());
        }
        root
    }

    /// A document of the family, and the number of its definitions. Most hold nothing else.
    pub(crate) fn member(
        random: &'r mut Random,
        draft: u32,
        family: &'r mut Family,
    ) -> (Map<String, Value>, usize) {
        let mut this = Self::new(random, draft, family);
        let defined = this.defined();
        let count = defined.len();
        let mut members = Map::new();
        if count == 0 || this.random.percent(40) {
            let root = this.schema(2);
            // Up to draft 7, nothing would count beside it.
            let root = root.as_object().filter(|root| !root.contains_key("$ref"));
            members = root.cloned().unwrap_or_default();
        }
        if count > 0 {
            members.insert(below(draft).to_owned(), defined.into());
        }
        (members, count)
    }

    fn new(random: &'r mut Random, draft: u32, family: &'r mut Family) -> Self {
        let wild = random.percent(12);
        let definitions = random.below(3);
        Self { random, draft, wild, definitions, family }
    }

    /// The definitions; each may refer to those before it.
    fn defined(&mut self) -> Map<String, Value> {
        let count = std::mem::take(&mut self.definitions);
        let mut defined = Map::new();
        for at in 0..count {
            self.definitions = at;
            defined.insert(format!("d{at}"), self.schema(2));
        }
        self.definitions = count;
        defined
    }

    fn root(&mut self) -> Value {
        let mut root = if self.random.percent(50) {
            json!({"properties": {"doc": self.schema(3)}})
        } else {
            let mut object = Map::new();
            self.object(&mut object, 3);
            object.into()
        };
        let root_members = root.as_object_mut().unwrap();
        if self.random.percent(70) {
            root_members.insert("type".to_owned(), "object".into());
        }
        let properties =
            root_members.entry("properties").or_insert_with(|| json!({})).as_object_mut().unwrap();
        properties.insert("time".to_owned(), json!({"type": "number"}));
        root
    }

    /// A schema that nests so deep at most.
    pub(crate) fn schema(&mut self, depth: usize) -> Value {
        let mut schema = Map::new();
        if self.family.is_around() && self.random.percent(15) {
            self.reference_beyond(&mut schema);
            return schema.into();
        }
        let choice = if depth == 0 { self.random.below(50) } else { self.random.below(100) };
        match choice {
            0..15 => self.typed(&mut schema, &["string"], Self::strings),
            15..25 => self.typed(&mut schema, &["integer"], Self::numbers),
            25..35 => self.typed(&mut schema, &["number"], Self::numbers),
            35..38 => self.typed(&mut schema, &["boolean"], |_, _| {}),
            38..40 => self.listed(&mut schema),
            40..42 => self.typed(&mut schema, &["string", "integer"], Self::scalars),
            42..44 => self.typed(&mut schema, &["null"], |_, _| {}),
            44..46 => self.scalars(&mut schema),
            46..48 if self.draft > 4 => return Value::Bool(self.random.percent(80)),
            46..50 => {}
            50..75 => {
                self.type_of(&mut schema, &["object"]);
                self.object(&mut schema, depth);
            }
            75..86 => {
                self.type_of(&mut schema, &["array"]);
                self.array(&mut schema, depth);
            }
            86..91 => self.nullable(&mut schema, depth),
            91..95 => self.reference(&mut schema, depth),
            95..98 => {
                let all: Vec<Value> = (0..2).map(|_| self.narrow(depth - 1)).collect();
                schema.insert("allOf".to_owned(), all.into());
            }
            _ => {
                self.object(&mut schema, depth);
                self.array(&mut schema, depth);
                self.scalars(&mut schema);
            }
        }
        if self.wild && self.random.percent(30) {
            self.beyond(&mut schema, depth);
        }
        if self.random.percent(10) {
            schema.insert("description".to_owned(), "words".into());
            schema.insert("default".to_owned(), json!({"type": 5}));
        }
        schema.into()
    }

    /// A schema that often agrees with another such.
    fn narrow(&mut self, depth: usize) -> Value {
        let mut schema = Map::new();
        match self.random.below(3) {
            0 => self.object(&mut schema, depth),
            1 => self.scalars(&mut schema),
            _ => return self.schema(depth),
        }
        schema.into()
    }

    fn type_of(&mut self, schema: &mut Map<String, Value>, types: &[&str]) {
        let mut types: Vec<&str> = types.to_vec();
        if self.random.percent(20) {
            types.push("null");
            types.dedup();
        }
        let value = if types.len() == 1 && self.random.percent(95) { types[0].into() } else { types.into() };
        schema.insert("type".to_owned(), value);
    }

    fn typed(
        &mut self,
        schema: &mut Map<String, Value>,
        types: &[&str],
        more: fn(&mut Self, &mut Map<String, Value>),
    ) {
        self.type_of(schema, types);
        more(self, schema);
    }

    fn scalars(&mut self, schema: &mut Map<String, Value>) {
        self.strings(schema);
        self.numbers(schema);
    }

    fn strings(&mut self, schema: &mut Map<String, Value>) {
        for (keyword, share) in
            [("minLength", 20), ("maxLength", 20), ("pattern", 20), ("format", 30), ("enum", 12)]
        {
            if !self.random.percent(share) {
                continue;
            }
            let value = match keyword {
                "minLength" => json!(self.random.below(4)),
                "maxLength" if self.random.percent(80) || self.draft == 4 => json!(self.random.below(8)),
                "maxLength" => json!(3.0),
                "pattern" => json!(self.random.pick(&PATTERNS)),
                "format" => json!(self.random.pick(&FORMATS)),
                _ => {
                    let mut words = vec![json!("red"), json!("green"), json!("é"), json!(""), json!("a\nb")];
                    words.truncate(1 + self.random.below(5));
                    if self.random.percent(5) {
                        words.extend((0..20).map(|at| json!(format!("w{at}"))));
                    }
                    if self.random.percent(20) {
                        words.push(Value::Null);
                    }
                    words.into()
                }
            };
            schema.insert(keyword.to_owned(), value);
        }
    }

    fn numbers(&mut self, schema: &mut Map<String, Value>) {
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            if self.random.percent(20) {
                let sharp = keyword.starts_with("exclusive");
                if sharp && self.draft == 4 {
                    let plain = if keyword.ends_with("Minimum") { "minimum" } else { "maximum" };
                    let limit = self.limit();
                    schema.insert(plain.to_owned(), limit);
                    schema.insert(keyword.to_owned(), self.random.percent(80).into());
                } else {
                    let limit = self.limit();
                    schema.insert(keyword.to_owned(), limit);
                }
            }
        }
        if self.random.percent(15) {
            let divisors =
                [json!(1), json!(2), json!(3), json!(0.1), json!(0.01), json!(2.0), json!(1e20), json!(2.5)];
            schema.insert("multipleOf".to_owned(), self.random.choose(&divisors).clone());
        }
        if self.random.percent(6) {
            let all = [
                json!(1),
                json!(2.5),
                json!(3.0),
                json!(-0.0),
                json!(9_007_199_254_740_993_u64),
                json!(1e20),
            ];
            schema.insert("enum".to_owned(), all[..1 + self.random.below(6)].into());
        }
    }

    fn limit(&mut self) -> Value {
        serde_json::from_str(self.random.pick(&LIMITS)).unwrap()
    }

    /// `enum` or `const` of anything.
    fn listed(&mut self, schema: &mut Map<String, Value>) {
        let all = [
            json!("red"),
            json!(1),
            json!(null),
            json!(true),
            json!({"a": [1.0]}),
            json!([1, "x"]),
            json!(2.5),
            json!([]),
            json!(1e3),
        ];
        if self.random.percent(40) {
            schema.insert("const".to_owned(), self.random.choose(&all).clone());
        } else {
            let start = self.random.below(all.len() - 1);
            let end = start + 1 + self.random.below(all.len() - start - 1);
            schema.insert("enum".to_owned(), all[start..=end.min(all.len() - 1)].into());
        }
    }

    fn object(&mut self, schema: &mut Map<String, Value>, depth: usize) {
        let count = match self.random.below(40) {
            0 => 70,
            1 => 12,
            _ => self.random.below(6),
        };
        let mut properties = Map::new();
        for at in 0..count {
            let name = if count > 14 { format!("p{at}") } else { self.random.pick(&NAMES).to_owned() };
            let value = self.schema(if count > 14 { 0 } else { depth.saturating_sub(1) });
            properties.insert(name, value);
        }
        let mut required: Vec<String> =
            properties.keys().filter(|_| self.random.percent(35)).cloned().collect();
        if self.random.percent(8) {
            required.push("unnamed".to_owned());
        }
        if !properties.is_empty() || self.random.percent(30) {
            schema.insert("properties".to_owned(), properties.into());
        }
        if !required.is_empty() {
            schema.insert("required".to_owned(), required.into());
        }
        match self.random.below(10) {
            0..3 => drop(schema.insert("additionalProperties".to_owned(), false.into())),
            3..5 => {
                let value = self.schema(depth.saturating_sub(1));
                schema.insert("additionalProperties".to_owned(), value);
            }
            5 => drop(schema.insert("additionalProperties".to_owned(), true.into())),
            _ => {}
        }
        if self.random.percent(5) {
            schema.insert("minProperties".to_owned(), self.random.below(3).into());
        }
        if self.random.percent(5) {
            schema.insert("maxProperties".to_owned(), self.random.below(6).into());
        }
        if self.random.percent(4) {
            let names =
                [json!({"maxLength": 2}), json!({"pattern": "^[a-z]"}), json!({"enum": ["a", "b", "doc"]})];
            schema.insert("propertyNames".to_owned(), self.random.choose(&names).clone());
        }
        if self.random.percent(8) {
            let value = self.schema(depth.saturating_sub(1));
            let pattern = self.random.pick(&["^x-", "^[ab]$", "é", "^p1"]);
            schema.insert("patternProperties".to_owned(), json!({ pattern: value }));
        }
    }

    fn array(&mut self, schema: &mut Map<String, Value>, depth: usize) {
        let depth = depth.saturating_sub(1);
        if self.random.percent(15) {
            let prefix: Vec<Value> = (0..1 + self.random.below(2)).map(|_| self.schema(depth)).collect();
            let (list, rest) =
                if self.draft == 2020 { ("prefixItems", "items") } else { ("items", "additionalItems") };
            schema.insert(list.to_owned(), prefix.into());
            if self.random.percent(60) {
                let closed = (self.draft > 4 || rest == "additionalItems") && self.random.percent(50);
                let value = if closed { false.into() } else { self.schema(depth) };
                schema.insert(rest.to_owned(), value);
            }
        } else if self.random.percent(80) {
            let value = self.schema(depth);
            schema.insert("items".to_owned(), value);
        }
        if self.random.percent(15) {
            schema.insert("minItems".to_owned(), self.random.below(3).into());
        }
        if self.random.percent(15) {
            schema.insert("maxItems".to_owned(), self.random.below(4).into());
        }
        if self.random.percent(15) {
            schema.insert("uniqueItems".to_owned(), self.random.percent(90).into());
        }
    }

    fn nullable(&mut self, schema: &mut Map<String, Value>, depth: usize) {
        let keyword = self.random.pick(&["anyOf", "oneOf"]);
        let mut branches = vec![self.schema(depth - 1), json!({"type": "null"})];
        if keyword == "oneOf"
            && !branches[0].get("type").is_some_and(|kind| kind != "null" && kind.is_string())
        {
            branches[0] = json!({"type": "string"});
        }
        if self.random.percent(50) {
            branches.reverse();
        }
        schema.insert(keyword.to_owned(), branches.into());
    }

    fn reference(&mut self, schema: &mut Map<String, Value>, depth: usize) {
        if self.definitions == 0 {
            self.object(schema, depth);
            return;
        }
        let at = self.random.below(self.definitions);
        schema.insert("$ref".to_owned(), format!("#/{}/d{at}", below(self.draft)).into());
        if self.random.percent(20) {
            self.strings(schema);
        }
    }

    /// A reference into another document: to a definition, or to the whole.
    fn reference_beyond(&mut self, schema: &mut Map<String, Value>) {
        let (address, Other { definitions, below, .. }) = self.family.address(self.random);
        let fragment = match self.random.below(4) {
            0 | 1 if definitions > 0 => format!("#/{below}/d{}", self.random.below(definitions)),
            2 => "#".to_owned(),
            _ => String::new(),
        };
        schema.insert("$ref".to_owned(), format!("{address}{fragment}").into());
        if self.random.percent(20) {
            self.strings(schema);
        }
    }

    /// Adds what no plan compiles.
    fn beyond(&mut self, schema: &mut Map<String, Value>, depth: usize) {
        let inner = |this: &mut Self| this.schema(depth.saturating_sub(1));
        let (keyword, value) = match self.random.below(10) {
            0 => ("not", inner(self)),
            1 => ("oneOf", vec![inner(self), inner(self)].into()),
            2 => ("anyOf", vec![inner(self), inner(self), inner(self)].into()),
            3 => ("contains", inner(self)),
            4 => ("dependentRequired", json!({"a": ["b"]})),
            5 => ("unevaluatedProperties", false.into()),
            6 => ("dependencies", json!({"a": ["b"]})),
            7 => ("patternProperties", json!({"^a": inner(self), "b$": inner(self)})),
            8 => ("$ref", "#".into()),
            _ => {
                schema.insert("then".to_owned(), inner(self));
                ("if", inner(self))
            }
        };
        schema.insert(keyword.to_owned(), value);
    }
}
