//! Readers of committed records see a topic's end before the first record of a transaction that is still open, whosesoever
//! it is: what others have committed behind it is out of sight. Who goes on from what was committed waits for it.

use std::time::Duration;

use backon::{BlockingRetryable, ExponentialBuilder};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::Context;
use super::reader::Reader;
use super::settings::KafkaSettings;
use crate::log::{LogError, Topic};

/// From these, roles are rebuilt; all but their own `partials`, which are older than what they have committed.
const REBUILT_FROM: [Topic; 3] = [Topic::Ids, Topic::Observations, Topic::WindowObservations];
/// Between two looks: most transactions take milliseconds, one of a process that was killed until it times out.
const DELAY: Duration = Duration::from_millis(10);
const DELAY_MAX: Duration = Duration::from_millis(500);

/// Waits until everything that has been written up to now to a partition of the state and of what roles are rebuilt from is
/// committed or undone.
pub(super) fn wait_until_settled(
    settings: &KafkaSettings,
    reader: &Reader,
    partition: u32,
) -> Result<(), LogError> {
    let mut config = settings.consumer("readers")?;
    config.set("isolation.level", "read_uncommitted");
    let name = settings.bootstrap_servers.clone();
    let consumer: BaseConsumer<Context> =
        config.create_with_context(Context).map_err(LogError::broker("connect to", name))?;
    let topics = REBUILT_FROM.into_iter().map(|topic| settings.topic(topic));
    for topic in topics.chain([settings.state_topic()]) {
        let failed = LogError::broker("ask for the ends of", topic.clone());
        let ends = consumer.fetch_watermarks(&topic, partition as i32, settings.timeout);
        let (_, written) = ends.map_err(&failed)?;
        let settled = || {
            let (_, stable) = reader.ends_of(&topic, partition)?;
            let timed_out = KafkaError::OffsetFetch(RDKafkaErrorCode::OperationTimedOut);
            if stable >= written.max(0) as u64 { Ok(()) } else { Err(failed(timed_out)) }
        };
        let delays = ExponentialBuilder::default().with_min_delay(DELAY).with_max_delay(DELAY_MAX);
        settled.retry(delays.with_total_delay(Some(settings.timeout)).without_max_times()).call()?;
    }
    Ok(())
}
