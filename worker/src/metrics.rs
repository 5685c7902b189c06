//! Counters for Prometheus. Labels come from closed sets: outcomes, reject reasons and the names in a manifest, never content.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use transect_core::ledger::Ledger;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    source: String,
    outcome: &'static str,
    reason: &'static str,
}

/// Which detector raised an alert; as many as the manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Detector {
    detector: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// The counters of one pipeline.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: Family<Outcome, Counter>,
    late: Counter,
    alerts: Family<Detector, Counter>,
    requests: Family<Status, Counter>,
    request_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("transect");
        let events = Family::default();
        registry.register("events", "Events by source, outcome and reject reason", events.clone());
        let late = Counter::default();
        registry.register("late_events", "Accepted events too late for one of their windows", late.clone());
        let alerts = Family::default();
        registry.register("alerts", "Alerts by detector", alerts.clone());
        let requests = Family::default();
        registry.register("gateway_requests", "Requests to the gateway by status", requests.clone());
        // From a millisecond to half a minute.
        let request_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let help = "Time from a request's head to its answer";
        registry.register("gateway_request_seconds", help, request_seconds.clone());
        Self { registry, events, late, alerts, requests, request_seconds }
    }
}

impl Metrics {
    /// Everything that is registered, for `/metrics`.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// For others to register what they count.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Counts an epoch's ledger.
    pub fn count(&self, ledger: &Ledger) {
        for (source, tally) in &ledger.sources {
            let count = |outcome, reason, n| {
                let labels = Outcome { source: source.clone(), outcome, reason };
                self.events.get_or_create(&labels).inc_by(n);
            };
            count("accepted", "", tally.accepted);
            count("duplicate", "", tally.duplicate);
            for (reason, n) in &tally.reasons {
                count("rejected", reason.as_str(), *n);
            }
            self.late.inc_by(tally.late);
        }
        self.count_alerts(&ledger.alerts);
    }

    /// Counts a request to the gateway.
    pub fn count_request(&self, status: u16, took: Duration) {
        self.requests.get_or_create(&Status { status }).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// Counts alerts by detector.
    pub fn count_alerts(&self, alerts: &BTreeMap<String, u64>) {
        for (detector, count) in alerts {
            self.alerts.get_or_create(&Detector { detector: detector.clone() }).inc_by(*count);
        }
    }
}
