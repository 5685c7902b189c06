//! The targets, by what is read.

pub mod avro;
pub mod cleanse;
pub mod cloud_events;
pub mod compat;
pub mod csv;
pub mod infer;
pub mod input;
pub mod json;
pub mod log;
pub mod manifests;
pub mod rules;
