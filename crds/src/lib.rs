//! The two resources of Transect, `StudySchema` and `ResearchPipeline`: their types, the CRDs made of them, and the
//! strict reader of manifests.
//!
//! The types are the only source: [`crd`] makes the CRD YAML from them, and [`yaml`] checks manifests against that
//! same schema and its CEL rules, so that a manifest that is read here is one that the API server takes. No client and
//! no tokio.

pub mod cleanse;
pub mod common;
pub mod crd;
pub mod pipeline;
pub mod quality;
mod shape;
pub mod study_schema;
pub mod yaml;

pub use pipeline::{ResearchPipeline, ResearchPipelineSpec};
pub use study_schema::{StudySchema, StudySchemaSpec};
