//! One schema document, looked through: what it and its parts call themselves, and what they refer to.
//!
//! Subschemas are told from other values by the keywords that hold them; below an unknown keyword, anything may be one.

use jsonschema::{Draft, Uri, uri};
use serde_json::{Map, Value};

use super::source::escape;

/// The keywords that refer to a schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// What was found in a document.
#[derive(Debug)]
pub(crate) struct Scan {
    /// What the document's own references are relative to: its identifier, or else where it was found.
    pub(crate) base: Uri<String>,
    /// What the document and its parts call themselves, as URI without fragment, and the JSON Pointer to each.
    pub(crate) identifiers: Vec<(String, String)>,
    /// The references, in the order of the document.
    pub(crate) references: Vec<Reference>,
    /// No part names itself, so that a reference means the same wherever it stands. What only looks like a name counts as
    /// one too: being wrong here costs a fallback.
    pub(crate) plain: bool,
    /// A part is of another draft.
    pub(crate) mixed: bool,
}

/// One reference.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The keyword, such as `$ref`.
    pub(crate) keyword: &'static str,
    /// JSON Pointer to it.
    pub(crate) pointer: String,
    /// As it is written.
    pub(crate) text: String,
    /// The document or the part of one that it names, as URI without fragment; None if it names none.
    pub(crate) resource: Option<String>,
}

impl Reference {
    /// What follows the `#`.
    pub(crate) fn fragment(&self) -> &str {
        self.text.split_once('#').map_or("", |(_, fragment)| fragment)
    }

    /// What stands before the `#`.
    pub(crate) fn address(&self) -> &str {
        self.text.split_once('#').map_or(self.text.as_str(), |(address, _)| address)
    }
}

impl Scan {
    /// Looks through a document of a draft that was found at a URI.
    pub(crate) fn new(document: &Value, draft: Draft, found: &Uri<String>) -> Self {
        let mut scan = Self {
            base: found.clone(),
            identifiers: Vec::new(),
            references: Vec::new(),
            plain: true,
            mixed: false,
        };
        if let Some(id) = document.as_object().and_then(|map| identifier(map, draft)) {
            scan.base = resolve(found, id).unwrap_or_else(|| found.clone());
        }
        scan.schema(document, String::new(), found, draft);
        scan
    }

    /// Looks through what may be a schema, or a list of them.
    fn schema(&mut self, value: &Value, pointer: String, base: &Uri<String>, around: Draft) {
        match value {
            Value::Object(map) => self.keywords(map, value, &pointer, base, around),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.schema(item, format!("{pointer}/{at}"), base, around);
                }
            }
            _ => {}
        }
    }

    fn keywords(
        &mut self,
        map: &Map<String, Value>,
        value: &Value,
        pointer: &str,
        base: &Uri<String>,
        around: Draft,
    ) {
        let draft = if pointer.is_empty() { around } else { around.detect(value) };
        self.mixed |= draft != around;
        let own = identifier(map, draft).and_then(|id| resolve(base, id));
        if let Some(own) = &own {
            self.identifiers.push((own.to_string(), pointer.to_owned()));
        }
        let named = |key| map.get(key).is_some_and(Value::is_string);
        self.plain &= pointer.is_empty() || !(named("$id") || named("id"));
        let base = own.as_ref().unwrap_or(base);
        self.refer(map, pointer, base, draft);
        for (key, value) in map {
            let below = format!("{pointer}/{}", escape(key));
            match key.as_str() {
                "enum" | "const" | "default" | "examples" => {}
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas"
                | "dependencies" => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        self.schema(member, format!("{below}/{}", escape(name)), base, draft);
                    }
                }
                _ => self.schema(value, below, base, draft),
            }
        }
    }

    /// Notes the references of one schema. A meta-schema is one too where the draft isn't known without it.
    fn refer(&mut self, map: &Map<String, Value>, pointer: &str, base: &Uri<String>, draft: Draft) {
        let meta = (draft == Draft::Unknown).then_some("$schema");
        for keyword in REFERENCES.into_iter().chain(meta) {
            let Some(text) = map.get(keyword).and_then(Value::as_str) else { continue };
            let pointer = format!("{pointer}/{keyword}");
            let mut reference = Reference { keyword, pointer, text: text.to_owned(), resource: None };
            let resource = match reference.address() {
                "" => Some(base.clone()),
                address => resolve(base, address),
            };
            reference.resource = resource.map(|resource| resource.to_string());
            self.references.push(reference);
        }
    }
}

/// What a schema calls itself. Up to draft 7, what stands beside a `$ref` is ignored.
fn identifier(map: &Map<String, Value>, draft: Draft) -> Option<&str> {
    if draft <= Draft::Draft7 && map.contains_key("$ref") {
        return None;
    }
    let id = map.get(draft.id_keyword())?.as_str()?;
    (!id.starts_with('#')).then(|| id.trim_end_matches('#'))
}

/// A URI reference against a base; None if that makes no URI.
pub(crate) fn resolve(base: &Uri<String>, reference: &str) -> Option<Uri<String>> {
    uri::resolve_against(&base.borrow(), reference).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scan(document: Value) -> Scan {
        let draft = Draft::Draft202012.detect(&document);
        Scan::new(&document, draft, &uri::from_str("a/b.json").unwrap())
    }

    #[track_caller]
    fn refers(document: Value, expected: &[(&str, &str)]) {
        let scan = scan(document);
        let found = scan.references.iter();
        let found: Vec<_> =
            found.map(|r| (r.pointer.as_str(), r.resource.as_deref().unwrap_or(""))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn references_are_found_where_schemas_are() {
        refers(
            json!({"properties": {"$ref": {"$ref": "c.json#/x"}, "default": {"$ref": "#"}}, "default": {"$ref": "no"},
                "allOf": [{"const": {"$ref": "no"}}, {"x-any": [{"$dynamicRef": "../d.json#e"}]}]}),
            &[
                ("/properties/$ref/$ref", "json-schema:///a/c.json"),
                ("/properties/default/$ref", "json-schema:///a/b.json"),
                ("/allOf/1/x-any/0/$dynamicRef", "json-schema:///d.json"),
            ],
        );
    }

    #[test]
    fn references_are_relative_to_the_nearest_name() {
        refers(
            json!({"$id": "https://example.org/one/", "items": {"$id": "two/", "$ref": "x"}, "$ref": "y"}),
            &[("/$ref", "https://example.org/one/y"), ("/items/$ref", "https://example.org/one/two/x")],
        );
        // Up to draft 7 a name beside a reference is none, and one that is a fragment never is.
        refers(
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "$id": "#a", "items": {"$id": "two/", "$ref": "x"}}),
            &[("/items/$ref", "json-schema:///a/x")],
        );
    }

    #[test]
    fn a_name_within_makes_a_document_less_than_plain() {
        for (document, plain) in [
            (json!({"$id": "https://example.org/a", "properties": {"id": {"type": "string"}}}), true),
            (json!({"examples": [{"id": "r1"}], "properties": {"x": {"const": {"$id": "y"}}}}), true),
            (json!({"properties": {"examples": {"$id": "y"}}}), false),
            (json!({"$defs": {"a": {"$id": "other"}}}), false),
        ] {
            assert_eq!(scan(document.clone()).plain, plain, "{document}");
        }
    }
}
