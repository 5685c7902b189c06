//! From manifests on disk to the configuration of one pipeline, with every problem named.

use std::path::PathBuf;

use anyhow::bail;
use transect_config::{LookupConfig, LookupPlace, PipelineConfig};
use transect_crds::ResearchPipeline;
use transect_crds::yaml::{self, Loaded, Located, Problem};
use transect_operator::local;
use transect_operator::resolve::{Overrides, Resolved, resolve};

use crate::output;

/// What is known of one pipeline of the manifests.
pub(crate) struct Checked {
    /// Its name.
    pub(crate) name: String,
    /// What a worker would read, or why none can.
    pub(crate) outcome: Result<Resolved, Vec<Problem>>,
    /// Fields that are set and have no effect in one process.
    pub(crate) without_effect: Vec<&'static str>,
}

/// Reads manifests and checks each of their pipelines.
pub(crate) fn check(files: &[PathBuf], overrides: &Overrides) -> (Loaded, Vec<Checked>) {
    let loaded = yaml::load(files);
    let check = |pipeline: &Located<ResearchPipeline>| {
        let mut problems = local::unsupported(pipeline, overrides);
        let outcome = match resolve(&loaded.schemas, &loaded.config_maps, pipeline, overrides) {
            Ok(resolved) if problems.is_empty() => match tables(pipeline, &resolved.config) {
                none if none.is_empty() => Ok(resolved),
                problems => Err(problems),
            },
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        };
        Checked {
            name: pipeline.value.metadata.name.clone().unwrap_or_default(),
            outcome,
            without_effect: local::without_effect(&pipeline.value),
        }
    };
    let checked = loaded.pipelines.iter().map(check).collect();
    (loaded, checked)
}

/// What is wrong with the tables that are in files.
fn tables(pipeline: &Located<ResearchPipeline>, config: &PipelineConfig) -> Vec<Problem> {
    let problem = |(at, lookup): (usize, &LookupConfig)| {
        let error = transect_worker::lookup::read(lookup).err()?;
        let field =
            if pipeline.value.spec.lookups[at].file.is_some() { "file.path" } else { "objectStore.url" };
        Some(pipeline.problem(&format!("spec.lookups[{at}].{field}"), error.told(), error.fix))
    };
    let files =
        config.lookups.iter().enumerate().filter(|(_, lookup)| matches!(lookup.place, LookupPlace::File(_)));
    files.filter_map(problem).collect()
}

/// The configuration of the one pipeline to run. Problems are printed, one a line.
pub(crate) fn pipeline(
    files: &[PathBuf],
    name: Option<&str>,
    inputs: &[(String, PathBuf)],
) -> anyhow::Result<PipelineConfig> {
    let mut overrides = Overrides::new();
    for (source, file) in inputs {
        overrides.entry(source.clone()).or_default().push(file.clone());
    }
    let (loaded, mut checked) = check(files, &overrides);
    if !loaded.problems.is_empty() {
        return refuse(&loaded.problems);
    }
    let names = checked.iter().map(|checked| checked.name.clone()).collect::<Vec<_>>().join(", ");
    checked.retain(|checked| name.is_none_or(|name| name == checked.name));
    let checked = match (checked.pop(), checked.is_empty()) {
        (Some(only), true) => only,
        (Some(_), false) => bail!("the manifests hold several pipelines; say which with --pipeline: {names}"),
        (None, _) if names.is_empty() => {
            bail!("the manifests hold no ResearchPipeline; add one, or give its file with -f")
        }
        (None, _) => bail!("the manifests hold no pipeline of that name; they have: {names}"),
    };
    if !checked.without_effect.is_empty() {
        tracing::info!(
            fields = checked.without_effect.join(", "),
            "these fields have no effect in one process"
        );
    }
    match checked.outcome {
        Ok(resolved) => {
            for note in &resolved.notes {
                tracing::info!("{note}");
            }
            Ok(resolved.config)
        }
        Err(problems) => refuse(&problems),
    }
}

fn refuse<T>(problems: &[Problem]) -> anyhow::Result<T> {
    for problem in problems {
        output::note(&problem.to_string());
    }
    let plural = if problems.len() == 1 { "" } else { "s" };
    bail!("{} problem{plural} in the manifests; nothing was run", problems.len())
}
