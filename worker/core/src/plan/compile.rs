//! From a schema to nodes. A node is compiled from all the subschemas that hold at its place at once (those that
//! `$ref` and `allOf` bring in), so that their keywords simply add up.
//!
//! Keywords that no node expresses only ever narrow what is valid. They are noted as reasons to fall back; the nodes
//! stay right as far as they go.

use std::collections::HashSet;

use jsonschema::Draft;
use serde_json::Value;

use super::check::{self, NumberCheck, StringCheck};
use super::columns::Layout;
use super::node::{ColumnId, Node, NodeColumn, Types};
use super::source::{Located, Source};
use super::values::ValueSet;

/// So many nodes at most; references can make a small schema large.
const MAX_NODES: usize = 20_000;

/// Compiles one schema.
#[derive(Debug)]
pub(crate) struct Compiler<'s> {
    pub(crate) source: Source<'s>,
    /// The columns so far.
    pub(crate) layouts: Vec<Layout>,
    /// The names of all properties so far, by their number.
    pub(crate) property_names: Vec<Box<str>>,
    /// What is left to the `jsonschema` crate.
    pub(crate) reasons: Vec<String>,
    nodes: usize,
}

/// What holds at one place.
#[derive(Debug, Default)]
struct Gathered<'s> {
    /// The subschemas with keywords.
    schemas: Vec<Located<'s>>,
    /// One of the subschemas is `false`.
    never: bool,
    /// There are more, but the compiler can't follow them.
    partly: bool,
}

impl<'s> Compiler<'s> {
    pub(crate) fn new(source: Source<'s>) -> Self {
        let (layouts, property_names, reasons) = Default::default();
        Self { source, layouts, property_names, reasons, nodes: 0 }
    }

    /// The node of the event itself, which always gets a struct.
    pub(crate) fn root(&mut self) -> (Node, Vec<(String, ColumnId)>) {
        let root = self.source.root();
        if self.source.draft() == Draft::Unknown {
            self.fall_back(&root, "$schema");
        }
        let gathered = self.gather(vec![root]);
        let mut node = self.checks(&gathered);
        let children = self.objects(&mut node, &gathered.schemas, true);
        self.arrays(&mut node, &gathered.schemas, false);
        finish(&mut node);
        (node, children)
    }

    /// The node of a place where all these subschemas hold; with `columns`, it gets a column.
    pub(crate) fn node(&mut self, schemas: Vec<Located<'s>>, columns: bool) -> Node {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.fall_back(&self.source.root(), "size");
            return self.with_json_column(Node::any(), columns);
        }
        let gathered = self.gather(schemas);
        let mut node = match self.union(&gathered, columns) {
            Some(node) => node,
            None => self.plain(&gathered, columns),
        };
        finish(&mut node);
        node
    }

    /// Notes that a keyword is left to the `jsonschema` crate.
    pub(crate) fn fall_back(&mut self, schema: &Located<'_>, keyword: &str) {
        let reason = format!("{keyword} at {}", self.source.describe(schema));
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// All that holds where these subschemas do.
    fn gather(&mut self, schemas: Vec<Located<'s>>) -> Gathered<'s> {
        let mut gathered = Gathered::default();
        let mut met = HashSet::new();
        let mut waiting: Vec<Located<'s>> = schemas.into_iter().rev().collect();
        while let Some(schema) = waiting.pop() {
            // Holding twice is holding once.
            if !met.insert(schema.place()) {
                continue;
            }
            if schema.is_recursive() {
                self.fall_back(&schema, "recursion");
                gathered.partly = true;
                continue;
            }
            gathered.never |= schema.value == &Value::Bool(false);
            let Some(keywords) = schema.keywords() else { continue };
            if keywords.contains_key("$schema") && !schema.is_whole() {
                self.fall_back(&schema, "$schema");
                gathered.partly = true;
                continue;
            }
            if let Some(reference) = keywords.get("$ref") {
                match reference.as_str().and_then(|reference| self.source.resolve(&schema, reference)) {
                    Some(target) => waiting.push(target),
                    None => {
                        self.fall_back(&schema, "$ref");
                        gathered.partly = true;
                    }
                }
                if self.source.ref_stands_alone() {
                    continue;
                }
            }
            if let Some(all) = schema.keyword("allOf") {
                waiting.extend(all.list().into_iter().rev());
            }
            gathered.schemas.push(schema);
        }
        gathered
    }

    /// The node of subschemas that are no union.
    fn plain(&mut self, gathered: &Gathered<'s>, columns: bool) -> Node {
        let schemas = &gathered.schemas;
        let mut node = self.checks(gathered);
        let kind = node.kinds();
        let children = self.objects(&mut node, schemas, columns && kind == Types::OBJECT);
        let item = self.arrays(&mut node, schemas, columns && kind == Types::ARRAY);
        let layout = match kind {
            _ if node.never => Layout::Json,
            Types::BOOLEAN => Layout::Boolean,
            Types::INTEGER => Layout::Int64,
            Types::NUMBER | Types::FRACTION => Layout::Float64,
            Types::STRING => text_layout(&node),
            Types::OBJECT if !children.is_empty() => Layout::Struct(children),
            Types::ARRAY => item.map_or(Layout::Json, Layout::List),
            _ => Layout::Json,
        };
        match layout {
            _ if !columns => node,
            Layout::Json => self.with_json_column(node, true),
            layout => {
                node.moment = matches!(layout, Layout::Timestamp);
                self.layouts.push(layout);
                node.column = NodeColumn::Typed(self.layouts.len() - 1);
                node
            }
        }
    }

    fn with_json_column(&mut self, mut node: Node, columns: bool) -> Node {
        if columns {
            self.layouts.push(Layout::Json);
            node.column = NodeColumn::Json(self.layouts.len() - 1);
        }
        node
    }

    /// The node of a single `anyOf` or `oneOf` between null and one other schema, where nothing else is said.
    fn union(&mut self, gathered: &Gathered<'s>, columns: bool) -> Option<Node> {
        let mut said = gathered.schemas.iter().flat_map(|schema| {
            let keywords = schema.keywords().into_iter().flat_map(|keywords| keywords.keys());
            keywords.filter(|keyword| self.says(keyword)).map(move |keyword| (schema, keyword.as_str()))
        });
        let (schema, keyword) = match (said.next(), said.next()) {
            (Some((schema, "anyOf")), None) => (schema, "anyOf"),
            (Some((schema, "oneOf")), None) => (schema, "oneOf"),
            _ => return None,
        };
        drop(said);
        let (nulls, others): (Vec<_>, Vec<_>) =
            schema.keyword(keyword)?.list().into_iter().partition(|branch| self.is_null_only(branch));
        if gathered.never || nulls.len() != 1 || others.len() != 1 {
            return None;
        }
        let mut node = self.node(others, columns);
        if keyword == "oneOf" && node.takes_null() {
            self.fall_back(schema, keyword);
        } else {
            node.nullable = true;
        }
        node.union = Some(keyword);
        Some(node)
    }

    /// Whether a schema takes null and nothing else, and says so plainly.
    fn is_null_only(&self, schema: &Located<'_>) -> bool {
        let Some(keywords) = schema.keywords() else { return false };
        let null = keywords.get("type") == Some(&Value::from("null"))
            || keywords.get("enum") == Some(&Value::from(vec![Value::Null]))
            || keywords.get("const") == Some(&Value::Null) && self.source.constrains("const");
        let annotations = ["title", "description", "$comment", "default", "examples", "deprecated"];
        null && keywords.keys().filter(|keyword| !annotations.contains(&keyword.as_str())).count() == 1
    }

    /// Whether a keyword adds to what [`Self::gather`] has resolved already.
    fn says(&self, keyword: &str) -> bool {
        self.source.constrains(keyword) && !matches!(keyword, "$ref" | "allOf")
    }

    /// A node with the types, and the checks of everything but members and items.
    fn checks(&mut self, gathered: &Gathered<'s>) -> Node {
        let mut node = Node::any();
        node.never = gathered.never;
        node.partly = gathered.partly;
        node.integers_as_written = self.source.draft() == Draft::Draft4;
        for schema in &gathered.schemas {
            for (keyword, value) in schema.keywords().into_iter().flatten() {
                if self.says(keyword) && !self.check(&mut node, schema, keyword, value) {
                    self.fall_back(schema, keyword);
                    node.partly = true;
                }
            }
        }
        node
    }

    /// Adds one keyword to a node; whether the node expresses it. Those of members and items come later.
    fn check(&self, node: &mut Node, schema: &Located<'s>, keyword: &str, value: &Value) -> bool {
        let draft = self.source.draft();
        match keyword {
            "type" => match types(value) {
                Some(types) => node.types = node.types.and(types),
                None => return false,
            },
            "enum" | "const" => {
                let (keyword, values) = match value {
                    Value::Array(values) if keyword == "enum" => ("enum", values.as_slice()),
                    value => ("const", std::slice::from_ref(value)),
                };
                match ValueSet::compile(draft, keyword, values) {
                    Some(set) => node.values.push(set),
                    None => return false,
                }
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                return self.number(node, schema, keyword, value);
            }
            "minLength" | "maxLength" | "pattern" | "format" => {
                let keyword = known(keyword, &["minLength", "maxLength", "pattern", "format"]);
                match StringCheck::compile(draft, keyword, value) {
                    Some(check) => node.strings.push(check),
                    None => return false,
                }
            }
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "required"
            | "propertyNames"
            | "minProperties"
            | "maxProperties"
            | "items"
            | "prefixItems"
            | "additionalItems"
            | "minItems"
            | "maxItems"
            | "uniqueItems" => {}
            _ => return false,
        }
        true
    }

    /// Adds a keyword of numbers. In draft 4, `exclusiveMinimum: true` sharpens `minimum`.
    fn number(&self, node: &mut Node, schema: &Located<'s>, keyword: &str, value: &Value) -> bool {
        let mut keyword = keyword;
        if self.source.draft() == Draft::Draft4 {
            let sharp =
                |keyword| schema.keywords().and_then(|all| all.get(keyword)) == Some(&Value::Bool(true));
            keyword = match keyword {
                "exclusiveMinimum" | "exclusiveMaximum" => return true,
                "minimum" if sharp("exclusiveMinimum") => "exclusiveMinimum",
                "maximum" if sharp("exclusiveMaximum") => "exclusiveMaximum",
                keyword => keyword,
            };
        }
        let keywords = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
        match NumberCheck::compile(self.source.draft(), known(keyword, &keywords), value) {
            Some(check) => node.numbers.push(check),
            None => return false,
        }
        true
    }
}

/// A keyword as one of those that it is known to be among.
fn known(keyword: &str, keywords: &[&'static str]) -> &'static str {
    keywords.iter().find(|known| **known == keyword).copied().unwrap_or_default()
}

/// The types that `type` names. None if it names no type.
fn types(value: &Value) -> Option<Types> {
    match value {
        Value::String(name) => Types::named(name),
        Value::Array(names) => {
            names.iter().try_fold(Types::NONE, |types, name| Some(types.or(Types::named(name.as_str()?)?)))
        }
        _ => None,
    }
}

/// The column of a node that takes strings only.
fn text_layout(node: &Node) -> Layout {
    match node.values.first() {
        Some(set) => Layout::Dictionary(set.texts().to_vec()),
        None if node.strings.iter().any(StringCheck::is_date_time) => Layout::Timestamp,
        None => Layout::Text,
    }
}

/// What follows from the rest of a node.
fn finish(node: &mut Node) {
    if node.moment {
        node.strings.retain(|check| !check.is_date_time());
    }
    node.range = check::range(&node.numbers);
    node.whole = node.union.is_some() || matches!(node.column, NodeColumn::Json(_));
}
