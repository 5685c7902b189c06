//! Readers of committed records see a topic's end before the first record of a transaction that is still open, whosesoever
//! it is: what others have committed behind it is out of sight. Who goes on from what was committed waits for it.

use std::thread;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::Context;
use super::reader::{Reader, ends_of};
use super::settings::KafkaSettings;
use crate::log::{LogError, Topic};

/// From these, roles are rebuilt; all but their own `partials`, which are older than what they have committed.
const REBUILT_FROM: [Topic; 3] = [Topic::Ids, Topic::Observations, Topic::WindowObservations];
/// Between two looks: most transactions take milliseconds, one of a process that was killed until it times out.
const DELAY: Duration = Duration::from_millis(50);

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
    let patience = settings.patience();
    let topics = REBUILT_FROM.into_iter().map(|topic| settings.topic(topic));
    for topic in topics.chain([settings.state_topic()]) {
        let failed = LogError::broker("ask for the ends of", topic.clone());
        let (_, written) = ends_of(&consumer, &topic, partition, &patience)?;
        while reader.ends_of(&topic, partition)?.1 < written {
            if patience.is_over() {
                return Err(failed(KafkaError::OffsetFetch(RDKafkaErrorCode::OperationTimedOut)));
            }
            thread::sleep(DELAY);
        }
    }
    Ok(())
}
