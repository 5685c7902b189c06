//! Metrics for Prometheus. Labels come from closed sets: outcomes, reject reasons, groups, partitions and the names in a manifest, never
//! content. What grows while nothing happens is told as the time at which it was last so: ages are up to who asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use transect_core::ledger::Ledger;
use transect_core::watermark;

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

/// A partition of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Place {
    group: String,
    partition: u32,
}

/// A number that may be a fraction.
type Seconds = Gauge<f64, AtomicU64>;

/// The counters of one pipeline.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: Family<Outcome, Counter>,
    late: Counter,
    alerts: Family<Detector, Counter>,
    requests: Family<Status, Counter>,
    request_seconds: Histogram,
    waiting_bytes: Gauge,
    transaction_seconds: Histogram,
    transaction_bytes: Histogram,
    commit_times: Family<Place, Seconds>,
    lags: Family<Place, Seconds>,
    watermarks: Family<Place, Seconds>,
    identities: Family<Place, Gauge>,
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
        let waiting_bytes = Gauge::default();
        let help = "Bytes of events that wait to be made durable";
        registry.register("gateway_waiting_bytes", help, waiting_bytes.clone());
        let transaction_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let help = "Time from a transaction's beginning to its end on the brokers";
        registry.register("transaction_seconds", help, transaction_seconds.clone());
        // From a kilobyte to 64 megabytes.
        let transaction_bytes = Histogram::new(exponential_buckets(1024.0, 4.0, 9));
        let help = "Bytes of the values of a transaction's records";
        registry.register("transaction_bytes", help, transaction_bytes.clone());
        let commit_times = Family::default();
        let help = "When a group last committed in a partition, seconds since 1970";
        registry.register("commit_timestamp_seconds", help, commit_times.clone());
        let lags = Family::default();
        let help = "How long ago what is read now was received; 0 where all is read";
        registry.register("lag_seconds", help, lags.clone());
        let watermarks = Family::default();
        let help = "The watermark of a partition, seconds since 1970";
        registry.register("watermark_timestamp_seconds", help, watermarks.clone());
        let identities = Family::default();
        let help = "Identities by which repeats are known";
        registry.register("dedup_identities", help, identities.clone());
        Self {
            registry,
            events,
            late,
            alerts,
            requests,
            request_seconds,
            waiting_bytes,
            transaction_seconds,
            transaction_bytes,
            commit_times,
            lags,
            watermarks,
            identities,
        }
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

    /// Notes how many bytes of events wait to be made durable.
    pub fn set_waiting_bytes(&self, bytes: usize) {
        self.waiting_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts a transaction on brokers that has become durable.
    pub fn count_transaction(&self, bytes: usize, took: Duration) {
        self.transaction_bytes.observe(bytes as f64);
        self.transaction_seconds.observe(took.as_secs_f64());
    }

    /// What is told of a partition of a group, as long as it is this process's.
    pub fn of_partition(self: &Arc<Self>, group: &str, partition: u32) -> PartitionMetrics {
        PartitionMetrics { metrics: Arc::clone(self), place: Place { group: group.to_owned(), partition } }
    }

    /// Counts alerts by detector.
    pub fn count_alerts(&self, alerts: &BTreeMap<String, u64>) {
        for (detector, count) in alerts {
            self.alerts.get_or_create(&Detector { detector: detector.clone() }).inc_by(*count);
        }
    }
}

/// What is told of a partition of a group, as long as there is this.
#[derive(Debug)]
pub struct PartitionMetrics {
    metrics: Arc<Metrics>,
    place: Place,
}

impl PartitionMetrics {
    /// Notes that the group has just committed.
    pub fn has_committed(&self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.metrics.commit_times.get_or_create(&self.place).set(now.as_secs_f64());
    }

    /// Notes how long ago what is read now was received, microseconds; 0 where all is read.
    pub fn set_lag(&self, micros: i64) {
        self.metrics.lags.get_or_create(&self.place).set(micros.max(0) as f64 / 1e6);
    }

    /// Notes the watermark, microseconds since 1970 UTC, if there is one.
    pub fn set_watermark(&self, micros: i64) {
        if micros != watermark::NONE {
            self.metrics.watermarks.get_or_create(&self.place).set(micros as f64 / 1e6);
        }
    }

    /// Notes by how many identities repeats are known.
    pub fn set_identities(&self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.identities.get_or_create(&self.place).set(count);
    }
}

impl Drop for PartitionMetrics {
    fn drop(&mut self) {
        let Self { metrics, place } = self;
        metrics.commit_times.remove(place);
        metrics.lags.remove(place);
        metrics.watermarks.remove(place);
        metrics.identities.remove(place);
    }
}
