//! The plan and the `jsonschema` crate never disagree: over random schemas of all drafts, and random documents near
//! them, both call the same documents valid, and what the plan says is wrong is among what the crate says.
//!
//! `TRANSECT_DIFFERENTIAL_DOCUMENTS` sets the number of documents, `TRANSECT_DIFFERENTIAL_SEED` another start.

mod document;
mod documents;
mod random;
mod schemas;

use std::sync::Arc;

use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;
use transect_config::{EventFields, EventTypeConfig, Limits, Span, TimeFormat};
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::{Coverage, Plan, PlanError};
use transect_core::reject::{Reject, RejectReason};

use document::Doc;
use documents::Documents;
use random::Random;
use schemas::Schemas;

const DOCUMENTS_PER_SCHEMA: usize = 20;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn plan(schema: &Value) -> Result<Arc<Plan>, PlanError> {
    let event = EventFields {
        event_type: None,
        id: Vec::new(),
        time: "/time".parse().unwrap(),
        time_format: TimeFormat::UnixSeconds,
        key: Vec::new(),
        region: None,
        delay: Span::ZERO,
        max_ahead: None,
    };
    let event_type =
        EventTypeConfig { name: "doc".to_owned(), schema_version: 1, schema: schema.clone(), event };
    Plan::compile(&event_type, &Limits::default())
}

fn validator(schema: &Value) -> Option<Validator> {
    let draft = Draft::Draft202012.detect(schema);
    jsonschema::options().with_draft(draft).should_validate_formats(true).build(schema).ok()
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

/// What the crate and the plan disagree on, in words.
fn disagreement(validator: &Validator, decoder: &mut Decoder, text: &str) -> Option<String> {
    let refused = decoder.push(text.as_bytes()).err();
    let malformed = refused.as_ref().is_some_and(|reject| reject.reason == RejectReason::Malformed);
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return (!malformed).then(|| format!("malformed, but the plan says {refused:?}"));
    };
    if malformed {
        return Some(format!("well-formed, but the plan says {refused:?}"));
    }
    let violation = refused.filter(|reject| reject.reason == RejectReason::SchemaViolation);
    let errors: Vec<(String, String)> = validator
        .iter_errors(&value)
        .map(|error| (error.instance_path().to_string(), keyword(&error)))
        .collect();
    match violation {
        None if errors.is_empty() => None,
        None => Some(format!("the plan finds nothing, the crate {errors:?}")),
        Some(Reject { pointer, keyword, .. }) if errors.contains(&(pointer.clone(), keyword.clone())) => None,
        Some(reject) => Some(format!("the plan finds {reject:?}, the crate {errors:?}")),
    }
}

/// Whether a schema and a document disagree, from scratch.
fn disagrees(schema: &Value, text: &str) -> Option<String> {
    let (plan, validator) = (plan(schema).ok()?, validator(schema)?);
    disagreement(&validator, &mut Decoder::new(plan, PipelineKey::new([1; 16])), text)
}

/// Takes parts off a schema and a document for as long as they still disagree.
fn shrink(mut schema: Value, mut doc: Doc) -> (Value, Doc) {
    loop {
        if let Some(smaller) =
            doc.smaller().into_iter().find(|doc| disagrees(&schema, &doc.plain()).is_some())
        {
            doc = smaller;
            continue;
        }
        let candidates = Doc::of(&schema).smaller().into_iter();
        let mut schemas =
            candidates.map(|candidate| serde_json::from_str::<Value>(&candidate.plain()).unwrap());
        match schemas.find(|schema| disagrees(schema, &doc.plain()).is_some()) {
            Some(smaller) => schema = smaller,
            None => return (schema, doc),
        }
    }
}

#[test]
fn the_plan_and_the_crate_never_disagree() {
    let documents = setting("TRANSECT_DIFFERENTIAL_DOCUMENTS", 60_000);
    let start = setting("TRANSECT_DIFFERENTIAL_SEED", 1);
    let (mut compiled, mut valid, mut schemas) = (0, 0, 0);
    for seed in start..start + documents.div_ceil(DOCUMENTS_PER_SCHEMA) {
        let mut random = Random::new(seed as u64);
        let schema = Schemas::document(&mut random);
        let (plan, validator) = match (plan(&schema), validator(&schema)) {
            (Ok(plan), Some(validator)) => (plan, validator),
            (Err(_), None) => continue,
            (Err(error), Some(_)) => panic!("seed {seed}: {error}\n{schema}"),
            (Ok(_), None) => panic!("seed {seed}: the plan takes what the crate doesn't\n{schema}"),
        };
        schemas += 1;
        compiled += usize::from(*plan.coverage() == Coverage::Compiled);
        let mut decoder = Decoder::new(plan, PipelineKey::new([1; 16]));
        for _ in 0..DOCUMENTS_PER_SCHEMA {
            let doc = Documents::new(&mut random, &schema).document();
            let text = doc.spelled(&mut random);
            if let Some(found) = disagreement(&validator, &mut decoder, &text) {
                let (schema, doc) = shrink(schema, doc);
                let shrunk = disagrees(&schema, &doc.plain());
                let doc = doc.plain();
                panic!("seed {seed}: {found}\nin {text}\nor {shrunk:?}\nschema: {schema}\ndocument: {doc}");
            }
            valid += usize::from(validator.is_valid(&serde_json::from_str(&text).unwrap_or_default()));
        }
        decoder.finish();
    }
    println!("{schemas} schemas, {compiled} compiled fully, {valid} of {documents} documents valid");
    assert!(compiled * 100 >= schemas * 80, "{compiled} of {schemas} schemas compile fully");
    assert!(valid * 100 >= documents * 20, "{valid} of {documents} documents are valid");
    assert!(valid * 100 <= documents * 80, "{valid} of {documents} documents are valid");
    assert!(schemas * DOCUMENTS_PER_SCHEMA * 100 >= documents * 95, "only {schemas} schemas are right");
}
