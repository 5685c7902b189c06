//! One keyword, checked by the `jsonschema` crate on one value: for what is rare, or costly to do the very same way.

use jsonschema::{Draft, ValidationOptions, Validator};
use serde_json::Value;

/// A validator of a schema without references.
#[derive(Debug)]
pub(crate) struct Delegate {
    validator: Validator,
}

impl Delegate {
    /// A validator of a single keyword. None if the keyword's value is no schema.
    pub(crate) fn keyword(draft: Draft, keyword: &str, value: &Value) -> Option<Self> {
        let schema = serde_json::Map::from_iter([(keyword.to_owned(), value.clone())]);
        Self::schema(draft, &Value::Object(schema))
    }

    /// A validator of a schema that needs no other document. None if it is no schema.
    pub(crate) fn schema(draft: Draft, schema: &Value) -> Option<Self> {
        options(draft).build(schema).ok().map(|validator| Self { validator })
    }

    /// Whether a value passes.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Whether a string passes; the scratch value is reused from call to call.
    pub(crate) fn accepts_text(&self, text: &str, scratch: &mut Value) -> bool {
        if let Value::String(held) = scratch {
            held.clear();
            held.push_str(text);
        } else {
            *scratch = Value::String(text.to_owned());
        }
        self.accepts(scratch)
    }
}

/// How every schema is checked, of a draft that is known.
pub(crate) fn options<'r>(draft: Draft) -> ValidationOptions<'r> {
    formats_asserted(ValidationOptions::default()).with_draft(draft)
}

/// How every schema is checked: formats are asserted, and nothing is ever fetched.
pub(crate) fn formats_asserted(options: ValidationOptions<'_>) -> ValidationOptions<'_> {
    options.should_validate_formats(true).offline()
}
