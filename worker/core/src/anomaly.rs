//! Anomalies: detectors look at accepted rows in the order of the log, and at final windows in the order of their ends,
//! judge each value against those that came before it, and raise alerts.
//!
//! What a detector remembers is a function of the rows within its look-back and nothing else, so that it is rebuilt from
//! what was observed and epochs may be cut anywhere. Memory is bounded: by group, and by detector.

mod alert;
mod detector;
mod detectors;
mod ewma;
mod history;
mod iqr;
mod memory;
mod observations;
mod plan;
mod robust;
mod silences;
#[cfg(test)]
mod tests;
mod threshold;
mod verdict;
mod z_score;

pub use self::alert::{Alert, AlertState, Origin};
pub use self::detector::{Observed, Rows};
pub use self::detectors::{Detectors, EpochAlerts, WindowDetectors};
pub use self::history::VALUES_OF_GROUP_MAX;
pub use self::memory::{GROUPS_MAX, VALUES_MAX};
pub use self::observations::ObservationsError;
pub use self::plan::{DetectorError, DetectorPlan};
