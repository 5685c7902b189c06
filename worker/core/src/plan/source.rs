//! A schema document as the compiler reads it: its draft, its references, and which keywords say something.

use std::rc::Rc;

use jsonschema::Draft;
use serde_json::{Map, Value};

/// A schema document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'s> {
    document: &'s Value,
    draft: Draft,
    /// A subschema has an identifier of its own, so that references within it may lead elsewhere.
    rebased: bool,
}

/// A subschema and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located<'s> {
    pub(crate) value: &'s Value,
    /// JSON Pointer into the document.
    pub(crate) pointer: String,
    /// The subschemas that led here, the nearest first.
    lineage: Option<Rc<Ancestor>>,
}

#[derive(Debug)]
struct Ancestor {
    pointer: String,
    lineage: Option<Rc<Ancestor>>,
}

impl<'s> Located<'s> {
    /// The subschema below a keyword or name.
    pub(crate) fn child(&self, step: &str, value: &'s Value) -> Self {
        let step = step.replace('~', "~0").replace('/', "~1");
        self.leads_to(format!("{}/{step}", self.pointer), value)
    }

    fn leads_to(&self, pointer: String, value: &'s Value) -> Self {
        let ancestor = Ancestor { pointer: self.pointer.clone(), lineage: self.lineage.clone() };
        Self { value, pointer, lineage: Some(Rc::new(ancestor)) }
    }

    /// Whether it leads to itself.
    pub(crate) fn is_recursive(&self) -> bool {
        let mut lineage = self.lineage.as_deref();
        while let Some(ancestor) = lineage {
            if ancestor.pointer == self.pointer {
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
    /// A document, its draft named by `$schema` or else 2020-12.
    pub(crate) fn new(document: &'s Value) -> Self {
        let draft = Draft::Draft202012.detect(document);
        let below = match document {
            Value::Object(map) => map.values().any(has_identifier),
            _ => false,
        };
        Self { document, draft, rebased: below }
    }

    pub(crate) fn draft(&self) -> Draft {
        self.draft
    }

    /// The whole document.
    pub(crate) fn root(&self) -> Located<'s> {
        Located { value: self.document, pointer: String::new(), lineage: None }
    }

    /// Whether the draft is this one or a later one.
    pub(crate) fn since(&self, draft: Draft) -> bool {
        self.draft >= draft
    }

    /// Up to draft 7, what stands beside a `$ref` is ignored.
    pub(crate) fn ref_stands_alone(&self) -> bool {
        !self.since(Draft::Draft201909)
    }

    /// Follows a reference that a schema makes within the document. None for any other.
    pub(crate) fn resolve(&self, schema: &Located<'s>, reference: &str) -> Option<Located<'s>> {
        let fragment = reference.strip_prefix('#')?;
        if self.rebased || !(fragment.is_empty() || fragment.starts_with('/')) {
            return None;
        }
        let pointer = percent_decode(fragment)?;
        let value = self.document.pointer(&pointer)?;
        Some(schema.leads_to(pointer, value))
    }

    /// The first `$ref` whose target an error message names.
    pub(crate) fn reference(&self, error: &str) -> Option<Located<'s>> {
        let mut waiting = vec![self.root()];
        while let Some(here) = waiting.pop() {
            if let Some(reference) = here.keyword("$ref") {
                let text = reference.value.as_str().unwrap_or_default();
                let (document, fragment) = text.split_once('#').unwrap_or((text, ""));
                let target = if document.is_empty() { fragment } else { document };
                if !target.is_empty() && error.contains(target) {
                    return Some(reference);
                }
            }
            let members = here.keywords().into_iter().flatten();
            let mut below: Vec<Located<'s>> = members.map(|(name, value)| here.child(name, value)).collect();
            below.extend(here.list());
            waiting.extend(below.into_iter().rev());
        }
        None
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

/// Whether a subschema may name itself anywhere below, which moves the base of its references. What only looks like a
/// name (a default, say) counts too: being wrong here costs a fallback.
fn has_identifier(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            ["$id", "id"].iter().any(|key| map.get(*key).is_some_and(Value::is_string))
                || map.values().any(has_identifier)
        }
        Value::Array(items) => items.iter().any(has_identifier),
        _ => false,
    }
}

/// Undoes the percent-encoding of a URI fragment.
fn percent_decode(text: &str) -> Option<String> {
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

    use super::*;

    #[test]
    fn follows_references_within_the_document_only() {
        let document = json!({"$id": "https://example.org/a", "$defs": {"a b/c": {"type": "string"}}});
        let source = Source::new(&document);
        let root = source.root();
        assert_eq!(source.resolve(&root, "#/$defs/a%20b~1c").unwrap().value, &json!({"type": "string"}));
        assert_eq!(source.resolve(&root, "#").unwrap().value, &document);
        for reference in ["", "#anchor", "https://example.org/a", "#/nowhere", "#/%zz"] {
            assert!(source.resolve(&root, reference).is_none(), "{reference}");
        }
    }

    #[test]
    fn a_named_subschema_keeps_references_from_being_followed() {
        let document = json!({"$defs": {"a": {"$id": "other", "$ref": "#/x"}}});
        let source = Source::new(&document);
        assert!(source.resolve(&source.root(), "#/$defs/a").is_none());
    }
}
