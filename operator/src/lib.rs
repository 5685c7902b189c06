//! What stands between manifests and workers. Pure: objects in, a checked [`transect_config::PipelineConfig`] or
//! problems out; no client, no files, no clock.

pub mod local;
pub mod resolve;
