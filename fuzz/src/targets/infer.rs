//! Drafts of schemas: the strict reader takes them, and they take what they were made from.

use serde_json::Value;
use transect_config::{InputFormat, SchemaFamily};
use transect_core::check::Checker;
use transect_core::infer::{Asked, Inference};
use transect_crds::yaml::load_text;

use crate::common::{LIMITS, read};

/// A file of samples.
pub fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let format = [InputFormat::Json, InputFormat::Csv, InputFormat::CloudEvents, InputFormat::Avro];
    let format = format[usize::from(*which) % format.len()];
    let (batches, _) = read(data, Some(format), 1 << 20);
    let mut inference = Inference::new(u64::MAX, &LIMITS).unwrap();
    for batch in &batches {
        inference.take(batch.clone());
    }
    if inference.events() == inference.unread().count {
        return;
    }
    let draft = inference.draft(&Asked { name: "e", study: "s", files: &["f".to_owned()] });
    let loaded = load_text("draft.yaml", &draft.manifest);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{problems:#?}\n{}", draft.manifest);
    let spec = &loaded.schemas[0].value.spec;
    let schema: &Value = spec.versions[0].schema.as_ref().unwrap();
    let mut checker = Checker::new(schema, &SchemaFamily::default(), &LIMITS).unwrap();
    if format != InputFormat::Json || !spec.cleanse.is_empty() {
        return;
    }
    // What was read is taken.
    let mut refused = 0;
    for batch in &batches {
        let held = batch.events.iter().filter(|span| span.oversized == u32::MAX);
        refused += batch.events.iter().filter(|span| span.oversized != u32::MAX).count() as u64;
        refused += held.filter(|span| !checker.check(batch.event(**span)).is_empty()).count() as u64;
    }
    assert_eq!(refused, inference.unread().count, "{}", draft.manifest);
}
