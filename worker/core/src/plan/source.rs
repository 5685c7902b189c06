//! A schema as the compiler reads it: its draft, its references, and which keywords say something.

use std::rc::Rc;

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::family::Family;

/// The schema that takes every value.
static ANYTHING: Value = Value::Bool(true);

/// A schema, with the documents of its family that it reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'s> {
    family: &'s Family<'s>,
    draft: Draft,
}

/// A subschema and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located<'s> {
    pub(crate) value: &'s Value,
    /// Position among the documents of the family.
    document: usize,
    /// JSON Pointer into the document.
    pub(crate) pointer: String,
    /// The subschemas that led here, the nearest first.
    lineage: Option<Rc<Ancestor>>,
}

#[derive(Debug)]
struct Ancestor {
    document: usize,
    pointer: String,
    lineage: Option<Rc<Ancestor>>,
}

impl<'s> Located<'s> {
    /// The subschema below a keyword or name.
    pub(crate) fn child(&self, step: &str, value: &'s Value) -> Self {
        self.leads_to(self.document, format!("{}/{}", self.pointer, escape(step)), value)
    }

    fn leads_to(&self, document: usize, pointer: String, value: &'s Value) -> Self {
        let (pointer_here, lineage) = (self.pointer.clone(), self.lineage.clone());
        let ancestor = Ancestor { document: self.document, pointer: pointer_here, lineage };
        Self { value, document, pointer, lineage: Some(Rc::new(ancestor)) }
    }

    /// What tells its place from all others.
    pub(crate) fn place(&self) -> (usize, String) {
        (self.document, self.pointer.clone())
    }

    /// Whether it is a document, and no part of one.
    pub(crate) fn is_whole(&self) -> bool {
        self.pointer.is_empty()
    }

    /// Whether it leads to itself.
    pub(crate) fn is_recursive(&self) -> bool {
        let mut lineage = self.lineage.as_deref();
        while let Some(ancestor) = lineage {
            if ancestor.document == self.document && ancestor.pointer == self.pointer {
                return true;
            }
            lineage = ancestor.lineage.as_deref();
        }
        false
    }

    /// Its keywords; None for `true` and `false`.
    pub(crate) fn keywords(&self) -> Option<&'s Map<String, Value>> {
        self.value.as_object()
    }

    /// A keyword's value, placed.
    pub(crate) fn keyword(&self, keyword: &str) -> Option<Self> {
        self.keywords()?.get(keyword).map(|value| self.child(keyword, value))
    }

    /// The subschemas below a keyword that holds a list of them; none where it holds something else.
    pub(crate) fn list(&self) -> Vec<Self> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(|(at, item)| self.child(&at.to_string(), item)).collect()
    }
}

impl<'s> Source<'s> {
    /// A schema of the draft that its `$schema` names, or else of 2020-12.
    pub(crate) fn new(family: &'s Family<'s>) -> Self {
        Self { family, draft: family.schema().draft }
    }

    pub(crate) fn draft(&self) -> Draft {
        self.draft
    }

    /// The whole schema. Of one that has a meta-schema of its own nothing is known: which keywords constrain is for that
    /// to say.
    pub(crate) fn root(&self) -> Located<'s> {
        let known = self.draft != Draft::Unknown;
        let value = if known { self.family.schema().value } else { &ANYTHING };
        Located { value, document: 0, pointer: String::new(), lineage: None }
    }

    /// Where a subschema stands, for people: `#/properties/x`, with the document's name before it if it has one.
    pub(crate) fn describe(&self, schema: &Located<'_>) -> String {
        format!("{}#{}", self.family.documents[schema.document].name, schema.pointer)
    }

    /// Whether the draft is this one or a later one.
    pub(crate) fn since(&self, draft: Draft) -> bool {
        self.draft >= draft
    }

    /// Up to draft 7, what stands beside a `$ref` is ignored.
    pub(crate) fn ref_stands_alone(&self) -> bool {
        !self.since(Draft::Draft201909)
    }

    /// Follows a reference by JSON Pointer, within the schema or into another document of the same draft. None for any
    /// other, and where a part that names itself may change what a reference means.
    pub(crate) fn resolve(&self, schema: &Located<'s>, reference: &str) -> Option<Located<'s>> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if reference.is_empty() || !(fragment.is_empty() || fragment.starts_with('/')) {
            return None;
        }
        if !self.family.documents[schema.document].scan.plain {
            return None;
        }
        let document = self.family.document(schema.document, address)?;
        let target = &self.family.documents[document];
        if !target.scan.plain || target.draft != self.draft {
            return None;
        }
        let pointer = percent_decode(fragment)?;
        // What stands below these is no schema, and was not looked through as one.
        if pointer.split('/').any(|step| matches!(step, "enum" | "const" | "default" | "examples")) {
            return None;
        }
        Some(schema.leads_to(document, pointer.clone(), target.value.pointer(&pointer)?))
    }

    /// Whether a keyword constrains values in this draft. All others are annotations, or unknown, and ignored.
    pub(crate) fn constrains(&self, keyword: &str) -> bool {
        match keyword {
            "$ref"
            | "additionalProperties"
            | "additionalItems"
            | "allOf"
            | "anyOf"
            | "dependencies"
            | "enum"
            | "format"
            | "items"
            | "maxItems"
            | "maxLength"
            | "maxProperties"
            | "minItems"
            | "minLength"
            | "minProperties"
            | "multipleOf"
            | "not"
            | "oneOf"
            | "pattern"
            | "patternProperties"
            | "properties"
            | "required"
            | "uniqueItems"
            | "type"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum" => true,
            "const" | "contains" | "propertyNames" => self.since(Draft::Draft6),
            "contentEncoding" | "contentMediaType" => {
                self.since(Draft::Draft6) && !self.since(Draft::Draft201909)
            }
            "if" => self.since(Draft::Draft7),
            "dependentRequired" | "dependentSchemas" | "unevaluatedItems" | "unevaluatedProperties" => {
                self.since(Draft::Draft201909)
            }
            "$recursiveRef" => self.draft == Draft::Draft201909,
            "prefixItems" | "$dynamicRef" => self.since(Draft::Draft202012),
            _ => false,
        }
    }
}

/// A step of a JSON Pointer (RFC 6901), as it is written in one.
pub(crate) fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// Undoes the percent-encoding of a URI fragment.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use transect_config::SchemaFamily;

    use super::*;

    /// The values that references lead to from the root of a schema; null for none.
    #[track_caller]
    fn resolves(schema: Value, documents: &[(&str, Value)], cases: &[(&str, Value)]) {
        let documents = documents.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let family = SchemaFamily { name: "schemas/main.json".to_owned(), documents };
        let references: Vec<Value> = cases.iter().map(|(text, _)| json!({"$ref": text})).collect();
        let mut schema = schema;
        schema["allOf"] = references.into();
        let family = Family::gather(&schema, &family).unwrap();
        let source = Source::new(&family);
        for (reference, expected) in cases {
            let found = source.resolve(&source.root(), reference);
            assert_eq!(found.map_or(&Value::Null, |found| found.value), expected, "{reference}");
        }
    }

    #[test]
    fn follows_references_within_the_document() {
        let schema = json!({"$id": "https://example.org/a", "$defs": {"a b/c": {"type": "string"}}});
        let mut whole = schema.clone();
        let none =
            ["", "#anchor", "https://example.org/b", "#/nowhere", "#/%zz"].map(|text| (text, Value::Null));
        let mut cases = none.to_vec();
        cases.push(("#/$defs/a%20b~1c", json!({"type": "string"})));
        cases.push(("https://example.org/a#/$defs/a%20b~1c", json!({"type": "string"})));
        resolves(schema, &[], &cases);
        whole["allOf"] = json!([{"$ref": "#"}]);
        resolves(whole.clone(), &[], &[("#", whole)]);
    }

    #[test]
    fn follows_references_into_the_family() {
        let unit = json!({"$defs": {"x": {"minimum": 1}}});
        let named = json!({"$id": "https://example.org/named", "type": "string"});
        let older = json!({"$schema": "http://json-schema.org/draft-07/schema#"});
        let parts = json!({"$defs": {"x": {"$id": "y"}}});
        let family = [
            ("schemas/common/unit.json", unit.clone()),
            ("above.json", json!({"type": "null"})),
            ("schemas/named.json", named.clone()),
            ("schemas/older.json", older),
            ("schemas/parts.json", parts),
        ];
        let cases = [
            ("common/unit.json", unit),
            ("common/unit.json#/$defs/x", json!({"minimum": 1})),
            ("./common/../common/unit.json#/$defs/x/minimum", json!(1)),
            ("../above.json", json!({"type": "null"})),
            ("named.json", named.clone()),
            ("https://example.org/named#", named.clone()),
            ("unit.json", Value::Null),
            ("common/unit.json#/$defs/y", Value::Null),
            ("older.json", Value::Null),
            ("parts.json", Value::Null),
        ];
        resolves(json!({}), &family, &cases);
        // A name counts from where the document was found, also where its `$id` is elsewhere.
        resolves(json!({"$id": "https://example.org/deep/main"}), &family, &cases);
    }

    #[test]
    fn a_named_subschema_keeps_references_from_being_followed() {
        resolves(
            json!({"$defs": {"a": {"$id": "other", "$ref": "#/x"}}}),
            &[],
            &[("#/$defs/a", Value::Null)],
        );
    }
}
