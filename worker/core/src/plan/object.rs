//! The keywords of objects. Several subschemas may hold at one place; each one's `additionalProperties` then speaks of
//! the members that this one subschema doesn't name.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::check::StringCheck;
use super::compile::Compiler;
use super::delegate::Delegate;
use super::node::{Bounds, ColumnId, Node, ObjectNode, Property, Rest};
use super::source::Located;
use crate::decode::token::Token;

/// Objects that name more members than this get an index by name.
const SCAN_MAX: usize = 8;

/// One subschema's say on members.
struct Part<'s> {
    schema: Located<'s>,
    properties: Option<&'s Map<String, Value>>,
    pattern: Option<(Delegate, Located<'s>)>,
    additional: Option<Located<'s>>,
}

impl<'s> Part<'s> {
    /// The subschema for a member of this name.
    fn member(&self, name: &str) -> Vec<Located<'s>> {
        let named = self.properties.and_then(|properties| properties.get(name));
        let named = named.map(|value| self.schema.child("properties", value).child(name, value));
        let matching = self.pattern.as_ref().filter(|(pattern, _)| pattern.accepts(&Value::from(name)));
        let mut found: Vec<Located<'s>> =
            named.into_iter().chain(matching.map(|(_, schema)| schema.clone())).collect();
        if found.is_empty() {
            found.extend(self.additional.clone());
        }
        found
    }

    /// Whether members of this name are forbidden as additional ones.
    fn closed_to(&self, name: &str) -> bool {
        self.additional.as_ref().is_some_and(|additional| {
            let found = self.member(name);
            additional.value == &Value::Bool(false)
                && matches!(found.as_slice(), [only] if only.place() == additional.place())
        })
    }

    fn is_closed(&self) -> bool {
        self.additional.as_ref().is_some_and(|additional| additional.value == &Value::Bool(false))
    }
}

impl<'s> Compiler<'s> {
    /// Adds the keywords of objects to a node. With `columns`, each member of `properties` gets a column.
    pub(crate) fn objects(
        &mut self,
        node: &mut Node,
        schemas: &[Located<'s>],
        columns: bool,
    ) -> Vec<(String, ColumnId)> {
        let mut object = ObjectNode::default();
        let mut said = false;
        for schema in schemas {
            said |= self.object_keywords(&mut object, node, schema);
        }
        if !said {
            return Vec::new();
        }
        let parts = self.parts(node, schemas);
        let mut children = Vec::new();
        for (name, declared) in names(schemas, &parts) {
            let property = self.property(&parts, schemas, name, columns && declared);
            children.extend(property.node.column.id().map(|id| (name.to_owned(), id)));
            object.properties.push(Arc::new(property));
        }
        if object.properties.len() > SCAN_MAX {
            let named = object.properties.iter().enumerate();
            object.index = named.map(|(at, property)| (property.name.clone(), at)).collect();
        }
        self.others(&mut object, parts);
        node.object = Some(Box::new(object));
        children
    }

    /// Adds what one subschema says of an object as a whole; whether it says anything of objects at all.
    fn object_keywords(&mut self, object: &mut ObjectNode, node: &mut Node, schema: &Located<'s>) -> bool {
        let mut said = false;
        for (keyword, value) in schema.keywords().into_iter().flatten() {
            let expressed = match keyword.as_str() {
                "properties" | "patternProperties" | "additionalProperties" | "required" => true,
                "minProperties" | "maxProperties" => tighten(&mut object.count, keyword, value),
                "propertyNames" if !self.source.constrains(keyword) || value == &Value::Bool(true) => {
                    continue;
                }
                "propertyNames" => match StringCheck::names(self.source.draft(), value) {
                    Some(check) if value.is_object() && stands_alone(value) => {
                        object.names.push(check);
                        true
                    }
                    _ => false,
                },
                _ => continue,
            };
            said = true;
            if !expressed {
                self.fall_back(schema, keyword);
                node.partly = true;
            }
        }
        said
    }

    /// Takes the subschemas apart. Of all patterns together only one can be expressed.
    fn parts(&mut self, node: &mut Node, schemas: &[Located<'s>]) -> Vec<Part<'s>> {
        let patterns =
            |schema: &Located<'s>| schema.keyword("patternProperties").and_then(|found| found.keywords());
        let count: usize = schemas.iter().filter_map(patterns).map(Map::len).sum();
        let mut parts = Vec::new();
        for schema in schemas {
            let mut part = Part {
                schema: schema.clone(),
                properties: schema.keyword("properties").and_then(|found| found.keywords()),
                pattern: None,
                additional: schema.keyword("additionalProperties"),
            };
            if let Some((pattern, value)) = patterns(schema).and_then(|all| all.iter().next()) {
                let matcher =
                    Delegate::keyword(self.source.draft(), "pattern", &Value::from(pattern.as_str()));
                match matcher.filter(|_| count == 1) {
                    Some(matcher) => {
                        let place = schema.child("patternProperties", value).child(pattern, value);
                        part.pattern = Some((matcher, place));
                    }
                    None => {
                        self.fall_back(schema, "patternProperties");
                        node.partly = true;
                        part.additional = None;
                    }
                }
            }
            parts.push(part);
        }
        parts
    }

    fn property(
        &mut self,
        parts: &[Part<'s>],
        schemas: &[Located<'s>],
        name: &str,
        columns: bool,
    ) -> Property {
        let closed = parts.iter().any(|part| part.closed_to(name));
        let members =
            parts.iter().filter(|part| !part.closed_to(name)).flat_map(|part| part.member(name)).collect();
        let required = |schema: &Located<'s>| {
            let names =
                schema.keywords().and_then(|keywords| keywords.get("required")).and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|required| required == name))
        };
        self.property_names.push(name.into());
        let quoted = Value::from(name).to_string();
        Property {
            name: name.into(),
            token: Token::new(&format!("{quoted}:")),
            quoted: quoted.into(),
            number: self.property_names.len() - 1,
            required: schemas.iter().any(required),
            forbidden: closed.then_some("additionalProperties"),
            slot: None,
            node: self.node(members, columns),
        }
    }

    /// What becomes of members that no subschema names.
    fn others(&mut self, object: &mut ObjectNode, mut parts: Vec<Part<'s>>) {
        if let Some(at) = parts.iter().position(|part| part.pattern.is_some())
            && let Some((pattern, schema)) = parts[at].pattern.take()
        {
            let beside = parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, part)| part);
            let rest = self.rest(beside, Some(schema));
            object.pattern = Some((pattern, rest));
        }
        object.rest = self.rest(parts.iter(), None);
    }

    /// What all these `additionalProperties` say together, and a further subschema.
    fn rest<'p>(
        &mut self,
        parts: impl Iterator<Item = &'p Part<'s>> + Clone,
        further: Option<Located<'s>>,
    ) -> Rest
    where
        's: 'p,
    {
        if parts.clone().any(Part::is_closed) {
            return Rest::Closed("additionalProperties");
        }
        let additional = parts.filter_map(|part| part.additional.clone());
        let schemas: Vec<Located<'s>> = further
            .into_iter()
            .chain(additional)
            .filter(|schema| schema.value != &Value::Bool(true))
            .collect();
        if schemas.is_empty() { Rest::Any } else { Rest::Checked(Box::new(self.node(schemas, false))) }
    }
}

/// The names of members, each once, in the order of the schema, and whether `properties` has them. Those that are only
/// required come last.
fn names<'s>(schemas: &[Located<'s>], parts: &[Part<'s>]) -> Vec<(&'s str, bool)> {
    let declared = parts.iter().filter_map(|part| part.properties).flat_map(Map::keys);
    let required = schemas.iter().filter_map(|schema| schema.keywords()?.get("required")?.as_array());
    let required = required.flatten().filter_map(Value::as_str);
    let mut names = Vec::new();
    let mut known = std::collections::HashSet::new();
    for (name, declared) in
        declared.map(|name| (name.as_str(), true)).chain(required.map(|name| (name, false)))
    {
        if known.insert(name) {
            names.push((name, declared));
        }
    }
    names
}

/// Takes a bound on a count in; whether it could be read.
pub(crate) fn tighten(bounds: &mut Bounds, keyword: &str, value: &Value) -> bool {
    let whole = |float: &f64| *float >= 0.0 && float.fract() == 0.0;
    let Some(bound) = value.as_u64().or_else(|| value.as_f64().filter(whole).map(|float| float as u64))
    else {
        return false;
    };
    if keyword.starts_with("min") {
        bounds.tighten(Some(bound), None)
    } else {
        bounds.tighten(None, Some(bound))
    }
    true
}

/// Whether a schema means the same on its own as within its document.
fn stands_alone(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            !map.keys()
                .any(|key| matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef" | "$id" | "id"))
                && map.values().all(stands_alone)
        }
        Value::Array(items) => items.iter().all(stands_alone),
        _ => true,
    }
}
