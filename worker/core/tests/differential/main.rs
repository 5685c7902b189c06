//! The plan and the `jsonschema` crate never disagree: over random schemas of all drafts, and random documents near
//! them, both call the same documents valid, and what the plan says is wrong is among what the crate says. And what is
//! accepted comes back whole from its columns.
//!
//! `TRANSECT_DIFFERENTIAL_DOCUMENTS` sets the number of documents, `TRANSECT_DIFFERENTIAL_SEED` another start.

// All of this is test code, also what is not in a test function.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod document;
mod documents;
mod families;
mod random;
mod restore;
mod schemas;

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, SchemaFamily, Span, TimeFormat};
use transect_core::check::Checker;
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::{Coverage, Plan, PlanError};
use transect_core::reject::{Reject, RejectReason};

use document::Doc;
use documents::Documents;
use families::{Made, validator};
use random::Random;

const DOCUMENTS_PER_SCHEMA: usize = 20;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn plan(schema: &Value, family: &SchemaFamily) -> Result<Arc<Plan>, PlanError> {
    let event = EventFields {
        event_type: None,
        id: Vec::new(),
        time: "/time".parse().unwrap(),
        time_format: TimeFormat::UnixSeconds,
        key: Vec::new(),
        region: None,
        version: None,
        participant: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let (name, schema, family) = ("doc".to_owned(), schema.clone(), family.clone());
    let event_type = EventTypeConfig {
        name,
        schema_version: 1,
        format: Default::default(),
        schema,
        family,
        event,
        cleanse: Vec::new(),
        older: Vec::new(),
        renamed: Vec::new(),
        rules: Vec::new(),
        privacy: Vec::new(),
    };
    Plan::compile(&event_type, &Limits::default())
}

/// The keyword that failed. The crate has no word for `additionalProperties: false` where no `properties` stand beside.
fn keyword(error: &ValidationError<'_>) -> String {
    match error.kind().keyword() {
        "falseSchema" if error.schema_path().as_str().ends_with("/additionalProperties") => {
            "additionalProperties".to_owned()
        }
        keyword => keyword.to_owned(),
    }
}

/// The keyword by which both refuse a document, if they do; or what they disagree on, in words. A check by itself must
/// come to the same verdict.
fn agreement(
    validator: &Validator,
    decoder: &mut Decoder,
    checker: &mut Checker,
    text: &str,
) -> Result<Option<String>, String> {
    let refused = decoder.push(text.as_bytes()).err();
    let by_identity = [RejectReason::MissingIdentity, RejectReason::InvalidTime];
    let unfit = refused.as_ref().is_some_and(|reject| !by_identity.contains(&reject.reason));
    let findings = checker.check(text.as_bytes());
    if findings.is_empty() == unfit {
        return Err(format!("the plan finds {refused:?}, a check {findings:?}"));
    }
    let malformed = refused.as_ref().is_some_and(|reject| reject.reason == RejectReason::Malformed);
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return if malformed { Ok(None) } else { Err(format!("malformed, but the plan says {refused:?}")) };
    };
    if malformed {
        return Err(format!("well-formed, but the plan says {refused:?}"));
    }
    let violation = refused.filter(|reject| reject.reason == RejectReason::SchemaViolation);
    let errors: Vec<(String, String)> = validator
        .iter_errors(&value)
        .map(|error| (error.instance_path().to_string(), keyword(&error)))
        .collect();
    match violation {
        None if errors.is_empty() => Ok(None),
        None => Err(format!("the plan finds nothing, the crate {errors:?}")),
        Some(Reject { pointer, keyword, .. }) if errors.contains(&(pointer.clone(), keyword.clone())) => {
            Ok(Some(keyword))
        }
        Some(reject) => Err(format!("the plan finds {reject:?}, the crate {errors:?}")),
    }
}

/// Whether a schema and a document disagree, from scratch.
fn disagrees(schema: &Value, family: &SchemaFamily, text: &str) -> Option<String> {
    let (plan, validator) = (plan(schema, family).ok()?, validator(schema, family).ok()?);
    let mut checker = Checker::new(schema, family, &Limits::default()).ok()?;
    agreement(&validator, &mut Decoder::new(plan, PipelineKey::new([1; 16])), &mut checker, text).err()
}

/// Takes parts off a schema and a document for as long as they still disagree.
fn shrink(mut schema: Value, family: &SchemaFamily, mut doc: Doc) -> (Value, Doc) {
    loop {
        if let Some(smaller) =
            doc.smaller().into_iter().find(|doc| disagrees(&schema, family, &doc.plain()).is_some())
        {
            doc = smaller;
            continue;
        }
        let candidates = Doc::of(&schema).smaller().into_iter();
        let mut schemas =
            candidates.map(|candidate| serde_json::from_str::<Value>(&candidate.plain()).unwrap());
        match schemas.find(|schema| disagrees(schema, family, &doc.plain()).is_some()) {
            Some(smaller) => schema = smaller,
            None => return (schema, doc),
        }
    }
}

/// What a run over many schemas has met.
#[derive(Default)]
struct Met {
    schemas: usize,
    compiled: usize,
    /// Schemas that reach into a family, and how many of those are compiled fully.
    families: usize,
    compiled_families: usize,
    documents: usize,
    accepted: usize,
    refused: BTreeMap<String, usize>,
}

impl Met {
    /// Compares the plan with the crate over one schema.
    fn schema(&mut self, seed: usize) {
        let mut random = Random::new(seed as u64);
        let made = Made::new(&mut random);
        let (schema, family) = (&made.schema, &made.family.documents);
        let (plan, validator) = match (plan(schema, family), validator(schema, family)) {
            (Ok(plan), Ok(validator)) => (plan, validator),
            (Err(_), Err(_)) => return,
            (Err(error), Ok(_)) => panic!("seed {seed}: only the plan says {error}\n{}", made.text()),
            (Ok(_), Err(error)) => panic!("seed {seed}: only the crate says {error}\n{}", made.text()),
        };
        let compiled = *plan.coverage() == Coverage::Compiled;
        self.schemas += 1;
        self.compiled += usize::from(compiled);
        self.families += usize::from(!plan.documents().is_empty());
        self.compiled_families += usize::from(compiled && !plan.documents().is_empty());
        let mut checker = Checker::new(schema, family, &Limits::default()).unwrap();
        let mut decoder = Decoder::new(plan, PipelineKey::new([1; 16]));
        let mut accepted = Vec::new();
        let mut last: Option<Doc> = None;
        for _ in 0..DOCUMENTS_PER_SCHEMA {
            let (doc, text) = match last.take_if(|_| random.percent(50)) {
                Some(last) => {
                    let doc = Documents::new(&mut random, &made).alike(&last);
                    let text = doc.plain();
                    (doc, text)
                }
                None => {
                    let doc = Documents::new(&mut random, &made).document();
                    let text = doc.spelled(&mut random);
                    (doc, text)
                }
            };
            match agreement(&validator, &mut decoder, &mut checker, &text) {
                Ok(Some(keyword)) => *self.refused.entry(keyword).or_default() += 1,
                Ok(None) => {}
                Err(found) => {
                    let (schema, doc) = shrink(schema.clone(), family, doc);
                    let (shrunk, doc) = (disagrees(&schema, family, &doc.plain()), doc.plain());
                    panic!(
                        "seed {seed}: {found}\nin {text}\nor {shrunk:?}\nschema: {schema}\nfamily: {}\n\
                         document: {doc}",
                        made.text()
                    );
                }
            }
            self.documents += 1;
            if decoder.len() > accepted.len() {
                accepted.push(text);
                // However it is spelled, it is the same event.
                decoder.push(doc.plain().as_bytes()).unwrap();
                accepted.push(doc.plain());
                last = Some(doc);
            }
        }
        self.accepted += accepted.len();
        let decoded = decoder.finish();
        for (row, text) in accepted.iter().enumerate() {
            let restored = restore::restore(&decoded.columns, row);
            let original = serde_json::from_str(text).unwrap();
            assert!(
                restore::same(&original, &restored),
                "seed {seed}: {text}\ncame back as {restored}\n{schema}"
            );
            let first = row - row % 2;
            assert_eq!(decoded.contents[row], decoded.contents[first], "seed {seed}: {text}");
            assert_eq!(decoded.identities[row], decoded.identities[first], "seed {seed}: {text}");
        }
    }
}

#[test]
fn the_plan_and_the_crate_never_disagree() {
    let documents = setting("TRANSECT_DIFFERENTIAL_DOCUMENTS", 200_000);
    let start = setting("TRANSECT_DIFFERENTIAL_SEED", 1);
    let mut met = Met::default();
    for seed in start.. {
        met.schema(seed);
        if met.documents >= documents {
            break;
        }
        assert!(met.schemas * 100 >= (seed - start) * 95, "too few schemas are right");
    }
    let Met { schemas, compiled, families, compiled_families, documents, accepted, refused } = met;
    println!(
        "{schemas} schemas, {compiled} compiled fully; {families} with a family, {compiled_families} compiled fully; \
         {documents} documents; {accepted} rows; {refused:?}"
    );
    assert!(accepted * 100 >= documents * 20, "only {accepted} rows of {documents} documents");
    assert!(compiled * 100 >= schemas * 80, "{compiled} of {schemas} schemas compile fully");
    assert!(families * 100 >= schemas * 15, "only {families} of {schemas} schemas have a family");
    assert!(compiled_families * 100 >= families * 60, "{compiled_families} of {families} compile fully");
    let invalid: usize = refused.values().sum();
    assert!(
        (20..80).contains(&(invalid * 100 / documents)),
        "{invalid} of {documents} documents are invalid"
    );
    for keyword in [
        "additionalItems",
        "additionalProperties",
        "anyOf",
        "const",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "falseSchema",
        "format",
        "maximum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "minimum",
        "minItems",
        "minLength",
        "minProperties",
        "multipleOf",
        "oneOf",
        "pattern",
        "propertyNames",
        "required",
        "type",
        "uniqueItems",
        "not",
        "contains",
    ] {
        assert!(documents < 10_000 || refused.contains_key(keyword), "no document was refused by {keyword}");
    }
}
