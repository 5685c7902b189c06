//! Alerts by detector: when there were any, and the farthest from what was expected.

use std::collections::BTreeMap;
use std::path::Path;

use transect_core::anomaly::{Alert, AlertState};

use super::{SummaryError, files};

/// Times that are kept of a detector; what is drawn has fewer points.
const TIMES_MAX: usize = 100_000;
/// Alerts that are kept of a detector.
const KEPT: usize = 20;

/// What detectors found.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    /// By name.
    pub detectors: BTreeMap<String, Detector>,
    /// Whether all were read; otherwise the first of very many.
    pub is_whole: bool,
    /// Lines that are no alert.
    pub unreadable: u64,
}

/// What one detector found.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    /// How it works.
    pub method: String,
    /// Alerts that say that something is odd.
    pub raised: u64,
    /// Alerts that say that a silence is over.
    pub ended: u64,
    /// Event times of those that say that something is odd, microseconds since 1970 UTC; the first of very many.
    pub times: Vec<i64>,
    /// Those that lie farthest from what was expected, by time.
    pub farthest: Vec<Alert>,
}

impl Alerts {
    /// Reads `alerts/`.
    pub(super) fn read(out: &Path) -> Result<Self, SummaryError> {
        let mut alerts = Self::default();
        alerts.is_whole = files::for_each_line(&out.join("alerts"), files::LINES_BYTES_MAX, |_, line| {
            match serde_json::from_slice(line) {
                Ok(alert) => alerts.add(alert),
                Err(_) => alerts.unreadable += 1,
            }
        })?;
        for detector in alerts.detectors.values_mut() {
            detector.keep_farthest();
            detector.farthest.sort_by(|a, b| a.time.cmp(&b.time));
        }
        Ok(alerts)
    }

    fn add(&mut self, alert: Alert) {
        let detector = self.detectors.entry(alert.detector.clone()).or_default();
        if alert.state == AlertState::Ended {
            detector.ended += 1;
            return;
        }
        detector.raised += 1;
        detector.method.clone_from(&alert.method);
        if let Some(time) = micros(&alert.time).filter(|_| detector.times.len() < TIMES_MAX) {
            detector.times.push(time);
        }
        detector.farthest.push(alert);
        if detector.farthest.len() >= 50 * KEPT {
            detector.keep_farthest();
        }
    }
}

impl Detector {
    fn keep_farthest(&mut self) {
        // Equal ones in the order in which they were written.
        self.farthest.sort_by(|a, b| b.distance.abs().total_cmp(&a.distance.abs()));
        self.farthest.truncate(KEPT);
    }
}

fn micros(time: &str) -> Option<i64> {
    Some(time.parse::<jiff::Timestamp>().ok()?.as_microsecond())
}
