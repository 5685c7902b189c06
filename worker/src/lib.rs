//! The worker's edges: inputs, gateway, log and sinks, and the pipeline that wires them around the pure core.

pub mod aggregate;
pub mod assignment;
pub mod erase;
mod folder;
pub mod gateway;
pub mod housekeeping;
pub mod input;
pub mod keys;
mod lent;
pub mod log;
pub mod lookup;
pub mod metrics;
mod observations;
pub mod pipeline;
pub mod process;
pub mod record;
pub mod redrive;
pub mod report;
pub mod role;
pub mod runner;
pub mod secret;
pub mod sink;
pub mod summary;
pub mod verify;
