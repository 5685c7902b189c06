//! From manifests on disk to the configuration of one pipeline, with every problem named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use transect_config::PipelineConfig;

pub fn pipeline(
    _files: &[PathBuf],
    _name: Option<&str>,
    _inputs: &[(String, PathBuf)],
) -> anyhow::Result<PipelineConfig> {
    let _: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    anyhow::bail!("to be wired")
}
