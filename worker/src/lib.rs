//! The worker's edges: inputs, gateway, log and sinks, and the pipeline that wires them around the pure core.

pub mod log;
pub mod record;
pub mod role;
pub mod sink;
