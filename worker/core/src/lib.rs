//! The pure core: what happens to events, without clock, network, disk or threads of its own.
//!
//! Data takes one way: [`input::EventBatch`] (bytes as received) → [`decode`] (columns, checked) → [`rules`] → [`privacy`] →
//! [`process`] (dedup, lateness, provenance, ledger) → [`window`] (fold to partials; merge to windows), [`anomaly`] (alerts). The same input gives the
//! same output, wherever batches are cut and on however many threads.

pub mod anomaly;
mod avro;
pub mod check;
pub mod cleanse;
pub mod compat;
pub mod decode;
pub mod dedup;
pub mod events;
pub mod format;
pub mod identity;
pub mod infer;
pub mod input;
pub mod ledger;
pub mod lookup;
pub mod plan;
pub mod privacy;
pub mod process;
pub mod provenance;
pub mod reject;
pub mod rules;
pub mod versions;
pub mod watermark;
pub mod window;
