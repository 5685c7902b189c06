//! What clients tell by themselves.

use rdkafka::client::ClientContext;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

/// Logs what goes wrong. Most of it passes: what does not comes back from a call as well.
pub(crate) struct Context;

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        log(&error, reason);
    }
}

/// As [`Context`] does, for clients with a context of their own.
pub(super) fn log(error: &KafkaError, reason: &str) {
    // The end of a partition is no error, but comes as one.
    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
        tracing::warn!(%error, reason, "Kafka");
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    /// A record that is not delivered fails its transaction.
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
