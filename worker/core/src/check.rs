//! Documents against a schema by themselves, without a pipeline: the verdict that an event would get, and all that is
//! wrong where it is a refusal.
//!
//! The verdict is the decoder's. The `jsonschema` crate is asked only for the list.

use std::sync::Arc;

use jsonschema::{ValidationError, Validator};
use serde::Serialize;
use serde_json::Value;
use transect_config::{Limits, SchemaFamily};

use crate::avro::AvroSchema;
use crate::decode::Decoder;
use crate::events::EventType;
use crate::format::Converter;
use crate::identity::PipelineKey;
use crate::input::EventBatch;
use crate::plan::{Coverage, Plan, PlanError};
use crate::reject::{Reject, RejectReason};
use crate::versions::Versions;

/// Checks documents against one schema.
#[derive(Debug)]
pub struct Checker {
    /// Makes JSON of data in Avro, where the schema is.
    converter: Option<(Converter, Box<EventType>)>,
    decoder: Decoder,
    validator: Validator,
    coverage: Coverage,
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// JSON Pointer (RFC 6901) into the document.
    pub pointer: String,
    /// The keyword of the schema that is broken; `malformed`, `tooLarge` or `tooDeep` where the document could not be
    /// held against the schema.
    pub keyword: String,
    /// What was expected, and what was found.
    pub message: String,
}

impl From<&ValidationError<'_>> for Finding {
    fn from(error: &ValidationError<'_>) -> Self {
        let path = error.schema_path().as_str();
        // The crate names no keyword where `additionalProperties: false` stands without `properties`.
        let closed =
            path.ends_with("/additionalProperties") && !path.ends_with("/properties/additionalProperties");
        let keyword = match error.kind().keyword() {
            "falseSchema" if closed => "additionalProperties",
            keyword => keyword,
        };
        let (pointer, message) = (error.instance_path().to_string(), error.to_string());
        Self { pointer, keyword: keyword.to_owned(), message }
    }
}

impl Checker {
    /// A checker of a schema and the documents that it may refer to.
    pub fn new(schema: &Value, family: &SchemaFamily, limits: &Limits) -> Result<Self, PlanError> {
        let (plan, validator) = Plan::for_checks(schema, family, limits)?;
        Ok(Self::of(plan, validator))
    }

    /// A checker of a schema in Avro, and the documents that define what it names: of data in Avro, and of the JSON that
    /// they become.
    pub fn of_avro(schema: &Value, family: &SchemaFamily, limits: &Limits) -> Result<Self, PlanError> {
        let avro = AvroSchema::read(schema, family)?;
        let (plan, validator) = Plan::for_checks(&avro.json_schema(), &SchemaFamily::default(), limits)?;
        let versions = Versions::of(Arc::clone(&plan), Some(Arc::new(avro)));
        let event_type = EventType::for_conversion(versions);
        let converter = Some((Converter::default(), Box::new(event_type)));
        Ok(Self { converter, ..Self::of(plan, validator) })
    }

    fn of(plan: Arc<Plan>, validator: Validator) -> Self {
        let coverage = plan.coverage().clone();
        // Identities are never made, so that any key will do.
        let decoder = Decoder::new(plan, PipelineKey::new([0; 16]));
        Self { converter: None, decoder, validator, coverage }
    }

    /// Makes a batch ready, before its first document is asked for.
    pub fn open(&mut self, batch: &mut EventBatch) {
        if let Some((converter, _)) = &mut self.converter {
            converter.open(batch);
        }
    }

    /// The next document of a batch: all that is wrong with it, and the JSON that was checked, if it could be made.
    pub fn check_next(&mut self, batch: &mut EventBatch, at: usize) -> (Vec<Finding>, Option<String>) {
        let span = batch.events[at];
        let Some((converter, event_type)) = self.converter.as_mut().filter(|_| !batch.format.is_json())
        else {
            let document = batch.event(span).to_vec();
            let text = String::from_utf8(document.clone()).ok();
            return (self.check(&document), text);
        };
        match converter.convert(batch, at, std::slice::from_ref(event_type), Some(0)) {
            Ok(converted) => {
                let text = converted.text.to_vec();
                (self.check(&text), String::from_utf8(text).ok())
            }
            Err(Reject { reason, pointer, message, keyword, .. }) => {
                let keyword = match reason {
                    RejectReason::SchemaViolation => keyword,
                    RejectReason::UnknownSchemaVersion => "fingerprint".to_owned(),
                    _ => "malformed".to_owned(),
                };
                (vec![Finding { pointer, keyword, message }], None)
            }
        }
    }

    /// How the schema is checked.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// All that is wrong with a document (one JSON value, surrounding white space allowed); nothing where it is valid.
    pub fn check(&mut self, document: &[u8]) -> Vec<Finding> {
        match self.decoder.check(document) {
            Ok(()) => Vec::new(),
            Err(reject) => self.findings(document, reject),
        }
    }

    /// All that the `jsonschema` crate alone finds wrong with a value.
    pub fn by_the_crate(&self, value: &Value) -> Vec<Finding> {
        self.validator.iter_errors(value).map(|error| Finding::from(&error)).collect()
    }

    /// Everything that the crate finds, or else the one thing that the decoder has found.
    fn findings(&self, document: &[u8], reject: Reject) -> Vec<Finding> {
        let keyword = match reject.reason {
            RejectReason::SchemaViolation => None,
            RejectReason::TooLarge => Some("tooLarge"),
            RejectReason::TooDeep => Some("tooDeep"),
            _ => Some("malformed"),
        };
        let value = keyword.is_none().then(|| serde_json::from_slice(document).ok()).flatten();
        let mut findings = value.map(|value| self.by_the_crate(&value)).unwrap_or_default();
        if findings.is_empty() {
            let place = reject.offset.filter(|_| keyword.is_some());
            let place = place.map_or_else(String::new, |byte| format!(", at byte {byte}"));
            findings.push(Finding {
                pointer: reject.pointer,
                keyword: keyword.map_or(reject.keyword, str::to_owned),
                message: format!("{}{place}", reject.message),
            });
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checker(schema: Value) -> Checker {
        Checker::new(&schema, &SchemaFamily::default(), &Limits { event_bytes: 1000, depth: 3 }).unwrap()
    }

    #[track_caller]
    fn check(schema: Value, document: &str, expected: &[(&str, &str)]) {
        let findings = checker(schema).check(document.as_bytes());
        let found: Vec<_> = findings.iter().map(|f| (f.pointer.as_str(), f.keyword.as_str())).collect();
        assert_eq!(found, expected, "{findings:?}");
    }

    #[test]
    fn everything_that_is_wrong_is_found() {
        let schema =
            json!({"required": ["a/b"], "properties": {"n": {"minimum": 0}, "s": {"type": "string"}}});
        check(schema.clone(), r#"{"a/b": 1, "n": 0, "s": ""}"#, &[]);
        check(schema, r#" {"n": -1, "s": 1} "#, &[("", "required"), ("/n", "minimum"), ("/s", "type")]);
        check(
            json!({"properties": {"a/b": {"items": {"not": {}}}}}),
            r#"{"a/b": [1]}"#,
            &[("/a~1b/0", "not")],
        );
    }

    #[test]
    fn a_document_may_be_any_value() {
        check(json!({"type": "integer"}), "1", &[]);
        check(
            json!({"properties": {"a": {"type": "string"}}, "items": {"type": "null"}}),
            "[null, 1]",
            &[("/1", "type")],
        );
        check(json!(false), "{}", &[("", "falseSchema")]);
    }

    #[test]
    fn what_is_no_document_is_said_so() {
        let deep = "[[[[1]]]]";
        for (document, keyword) in
            [("{", "malformed"), ("", "malformed"), (r#"{"a": 1, "a": 2}"#, "malformed"), (deep, "tooDeep")]
        {
            let pointer = if document == deep { "/0/0/0" } else { "" };
            check(json!({"not": {}}), document, &[(pointer, keyword)]);
        }
        check(json!({}), &format!("{:1001}", 1), &[("", "tooLarge")]);
        assert!(checker(json!({})).check(b"\xff")[0].message.ends_with("at byte 0"));
    }

    #[test]
    fn a_checker_keeps_nothing_of_a_document() {
        let mut checker = checker(
            json!({"properties": {"a": {"type": "integer"}}, "not": {"type": "object", "required": ["b"]}}),
        );
        for _ in 0..3 {
            assert_eq!(checker.check(br#"{"a": 1}"#), []);
            assert_eq!(checker.check(br#"{"a": 1, "b": 2}"#).len(), 1);
            assert_eq!(checker.check(b"3"), []);
        }
        assert!(checker.decoder.is_empty());
    }
}
