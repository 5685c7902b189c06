//! What `transect up` can't run yet is refused by name, never ignored in silence. What belongs to a cluster alone has
//! no effect in one process, and that is said.

use transect_crds::ResearchPipeline;
use transect_crds::pipeline::{ObjectStoreSource, Source, TableFormat, TablePartition};
use transect_crds::yaml::{Located, Problem};

use crate::resolve::Overrides;
use crate::resolve::source::{declared, input_format};

/// The fields of a pipeline that one process can't run.
pub fn unsupported(pipeline: &Located<ResearchPipeline>, overrides: &Overrides) -> Vec<Problem> {
    let mut problems = of_pipeline(pipeline);
    for (at, source) in pipeline.value.spec.sources.iter().enumerate() {
        problems.extend(of_format(pipeline, at, source));
        if overrides.contains_key(&source.name) {
            continue;
        }
        if let Some((field, name)) = of_source(source) {
            let fix = format!("feed files in its place with --input {}=FILE", source.name);
            problems.push(refuse(pipeline, &format!("spec.sources[{at}].{field}"), name, &fix));
        }
    }
    problems.extend(of_lookups(pipeline));
    problems
}

fn of_pipeline(pipeline: &Located<ResearchPipeline>) -> Vec<Problem> {
    let spec = &pipeline.value.spec;
    let hot = spec.storage.as_ref().is_some_and(|storage| !storage.hot.is_empty());
    let cold = spec.storage.as_ref().and_then(|storage| storage.cold.as_ref());
    let table = cold.and_then(|cold| cold.table.as_ref());
    let by_day = table
        .is_none_or(|table| table.partition_by.is_empty() || table.partition_by == [TablePartition::Day]);
    let is_remote = cold.and_then(|cold| cold.url.as_deref()).is_some_and(|url| !url.starts_with("file:"));
    let is_iceberg = table.is_some_and(|table| table.format == Some(TableFormat::Iceberg));
    let registry = spec.broker.as_ref().is_some_and(|broker| broker.schema_registry.is_some());
    let later = "remove it for now";
    [
        (registry, "broker.schemaRegistry", "broker.schemaRegistry", later),
        (is_remote, "storage.cold.url", "storage.cold.url beyond file:", "remove it: output goes to --out"),
        (is_iceberg, "storage.cold.table.format", "storage.cold.table.format: Iceberg", "write Parquet"),
        (
            !by_day,
            "storage.cold.table.partitionBy",
            "storage.cold.table.partitionBy other than [day]",
            "write [day]",
        ),
        (hot, "storage.hot", "storage.hot", later),
        (spec.paused, "paused", "paused: true", "write paused: false, or don't start it"),
    ]
    .into_iter()
    .filter(|(is_set, ..)| *is_set)
    .map(|(_, field, name, fix)| refuse(pipeline, &format!("spec.{field}"), name, fix))
    .collect()
}

/// The tables that one process can't read, or of which it would have to do more than to let rules read them.
fn of_lookups(pipeline: &Located<ResearchPipeline>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, lookup) in pipeline.value.spec.lookups.iter().enumerate() {
        let remote = lookup.object_store.as_ref().is_some_and(|store| !store.url.starts_with("file:"));
        if remote {
            let path = format!("spec.lookups[{at}].objectStore.url");
            let fix = "write file: {path: FILE}, with a copy of the table";
            problems.push(refuse(pipeline, &path, "lookups.objectStore beyond file:", fix));
        }
        if lookup.field.is_some() {
            let path = format!("spec.lookups[{at}].field");
            let fix = "remove it for now: rules read the table without";
            problems.push(refuse(pipeline, &path, "lookups.field", fix));
        }
    }
    problems
}

/// What one process can't read of a source: the field, and its name in the message.
fn of_source(source: &Source) -> Option<(&'static str, &'static str)> {
    if let Some(store) = &source.object_store {
        return of_files(store);
    }
    [
        (source.kafka.is_some(), "kafka", "sources.kafka"),
        (source.mqtt.is_some(), "mqtt", "sources.mqtt"),
        (source.amqp.is_some(), "amqp", "sources.amqp"),
        (source.nats.is_some(), "nats", "sources.nats"),
        (source.redis_stream.is_some(), "redisStream", "sources.redisStream"),
    ]
    .into_iter()
    .find(|(is_set, ..)| *is_set)
    .map(|(_, field, name)| (field, name))
}

/// The format of a source's files, if no worker reads it; files that are fed in its place are read by it too.
fn of_format(pipeline: &Located<ResearchPipeline>, at: usize, source: &Source) -> Option<Problem> {
    let format = declared(source).filter(|format| input_format(*format).is_none())?;
    let kind = if source.object_store.is_some() { "objectStore" } else { "files" };
    let name = format!("sources.{kind}.format: {format:?}");
    Some(refuse(
        pipeline,
        &format!("spec.sources[{at}].{kind}.format"),
        &name,
        "write the files as Csv, Avro or Json",
    ))
}

/// A file on this machine is read; nothing else of an object store is.
fn of_files(store: &ObjectStoreSource) -> Option<(&'static str, &'static str)> {
    [
        (!store.url.starts_with("file:"), "objectStore.url", "sources.objectStore beyond file:"),
        (store.url.ends_with('/'), "objectStore.url", "sources.objectStore of a whole folder"),
        (store.poll.is_some(), "objectStore.poll", "sources.objectStore.poll"),
    ]
    .into_iter()
    .find(|(is_set, ..)| *is_set)
    .map(|(_, field, name)| (field, name))
}

fn refuse<T>(object: &Located<T>, path: &str, name: &str, fix: &str) -> Problem {
    object.problem(path, format!("{name} is not supported by `transect up`"), fix)
}

/// The fields that are set and only mean something on a cluster.
pub fn without_effect(pipeline: &ResearchPipeline) -> Vec<&'static str> {
    let spec = &pipeline.spec;
    let broker = spec.broker.as_ref();
    let cold = spec.storage.as_ref().and_then(|storage| storage.cold.as_ref());
    let store = spec.sources.iter().filter_map(|source| source.object_store.as_ref());
    let access = |has: &[bool]| has.contains(&true);
    let fields = [
        (
            store.into_iter().any(|store| {
                access(&[store.secret_ref.is_some(), store.endpoint.is_some(), store.region.is_some()])
            }),
            "sources.objectStore's secretRef, endpoint and region",
        ),
        (broker.is_some_and(|broker| broker.kafka.is_some()), "broker.kafka"),
        (broker.is_some_and(|broker| broker.retention.is_some()), "broker.retention"),
        (cold.is_some_and(|cold| cold.url.is_some()), "storage.cold.url (output goes to --out)"),
        (
            cold.is_some_and(|cold| {
                access(&[cold.secret_ref.is_some(), cold.endpoint.is_some(), cold.region.is_some()])
            }),
            "storage.cold's secretRef, endpoint and region",
        ),
        (spec.gateway.is_some(), "gateway"),
        (spec.scaling.is_some(), "scaling"),
        (!spec.workers.is_empty(), "workers"),
        (spec.service_account.is_some(), "serviceAccount"),
        (spec.network_policy.is_some(), "networkPolicy"),
        (spec.deletion_policy.is_some(), "deletionPolicy"),
    ];
    fields.into_iter().filter(|(is_set, _)| *is_set).map(|(_, field)| field).collect()
}
