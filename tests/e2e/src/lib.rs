//! What the end-to-end tests share: the real binary, events with known faults, and the comparison of two runs.

pub mod command;
pub mod events;
pub mod outcome;
