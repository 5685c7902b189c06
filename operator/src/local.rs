//! What `transect up` can't run yet is refused by name, never ignored in silence. What belongs to a cluster alone has no
//! effect in one process, and that is said.

use transect_crds::pipeline::{Source, TableFormat, TablePartition};
use transect_crds::study_schema::SchemaFormat;
use transect_crds::yaml::{Located, Problem};
use transect_crds::{ResearchPipeline, StudySchema};

use crate::resolve::Overrides;

/// The fields of a pipeline and its schemas that one process can't run.
pub fn unsupported(
    pipeline: &Located<ResearchPipeline>,
    schemas: &[Located<StudySchema>],
    overrides: &Overrides,
) -> Vec<Problem> {
    let mut problems = of_pipeline(pipeline);
    for (at, source) in pipeline.value.spec.sources.iter().enumerate() {
        if !overrides.contains_key(&source.name)
            && let Some(kind) = foreign_kind(source)
        {
            let fix = format!("feed files in its place with --input {}=FILE", source.name);
            problems.push(refuse(
                pipeline,
                &format!("spec.sources[{at}].{kind}"),
                &format!("sources.{kind}"),
                &fix,
            ));
        }
    }
    let used = |schema: &&Located<StudySchema>| {
        let name = schema.value.metadata.name.as_deref();
        pipeline.value.spec.schemas.iter().any(|reference| Some(reference.name.as_str()) == name)
    };
    for schema in schemas.iter().filter(used) {
        let spec = &schema.value.spec;
        let is_avro = spec.format == Some(SchemaFormat::Avro);
        for (is_set, field) in [
            (is_avro, "format"),
            (!spec.cleanse.is_empty(), "cleanse"),
            (!spec.rules.is_empty(), "rules"),
            (!spec.privacy.is_empty(), "privacy"),
        ] {
            if is_set {
                let name = if field == "format" { "format: Avro" } else { field };
                problems.push(refuse(schema, &format!("spec.{field}"), name, "remove it for now"));
            }
        }
    }
    problems
}

fn of_pipeline(pipeline: &Located<ResearchPipeline>) -> Vec<Problem> {
    let spec = &pipeline.value.spec;
    let storage = spec.storage.clone().unwrap_or_default();
    let cold = storage.cold.unwrap_or_default();
    let table = cold.table.clone().unwrap_or_default();
    let by_day = table.partition_by.is_empty() || table.partition_by == [TablePartition::Day];
    let is_remote = cold.url.as_deref().is_some_and(|url| !url.starts_with("file:"));
    let mut problems = Vec::new();
    for (is_set, field, name, fix) in [
        (!storage.hot.is_empty(), "storage.hot", "storage.hot", "remove it for now"),
        (is_remote, "storage.cold.url", "storage.cold.url beyond file:", "remove it: output goes to --out"),
        (
            table.format == Some(TableFormat::Iceberg),
            "storage.cold.table.format",
            "storage.cold.table.format: Iceberg",
            "write Parquet",
        ),
        (
            !by_day,
            "storage.cold.table.partitionBy",
            "storage.cold.table.partitionBy other than [day]",
            "write [day]",
        ),
        (!spec.anomalies.is_empty(), "anomalies", "anomalies", "remove it for now"),
        (!spec.lookups.is_empty(), "lookups", "lookups", "remove it for now"),
        (spec.paused, "paused", "paused: true", "write paused: false, or don't start it"),
    ] {
        if is_set {
            problems.push(refuse(pipeline, &format!("spec.{field}"), name, fix));
        }
    }
    problems
}

fn refuse<T>(object: &Located<T>, path: &str, name: &str, fix: &str) -> Problem {
    object.problem(path, format!("{name} is not supported by `transect up`"), fix)
}

/// The kind of a source that one process can't read.
fn foreign_kind(source: &Source) -> Option<&'static str> {
    let kinds = [
        (source.kafka.is_some(), "kafka"),
        (source.mqtt.is_some(), "mqtt"),
        (source.amqp.is_some(), "amqp"),
        (source.nats.is_some(), "nats"),
        (source.redis_stream.is_some(), "redisStream"),
        (source.object_store.is_some(), "objectStore"),
    ];
    kinds.into_iter().find(|(is_set, _)| *is_set).map(|(_, kind)| kind)
}

/// The fields that are set and only mean something on a cluster.
pub fn without_effect(pipeline: &ResearchPipeline) -> Vec<&'static str> {
    let spec = &pipeline.spec;
    let fields = [
        (spec.broker.as_ref().is_some_and(|broker| broker.kafka.is_some()), "broker.kafka"),
        (spec.gateway.is_some(), "gateway"),
        (spec.scaling.is_some(), "scaling"),
        (!spec.workers.is_empty(), "workers"),
        (spec.service_account.is_some(), "serviceAccount"),
        (spec.network_policy.is_some(), "networkPolicy"),
        (spec.deletion_policy.is_some(), "deletionPolicy"),
    ];
    fields.into_iter().filter(|(is_set, _)| *is_set).map(|(_, field)| field).collect()
}
