//! What the end-to-end tests share: the real binary, its gateway, events with known faults, and the comparison of two
//! runs.

pub mod agreement;
pub mod authority;
pub mod browser;
pub mod canary;
pub mod command;
pub mod events;
pub mod formats;
pub mod kafka;
pub mod outcome;
pub mod serving;
pub mod stream;
pub mod topic;
pub mod workers;
