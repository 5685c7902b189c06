//! The group's offsets in Kafka itself: what other tools see of a pipeline's progress, and what a transaction that is still
//! open holds on to.

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::context::Context;
use super::settings::KafkaSettings;
use crate::log::{Committed, LogError, Topic};

/// Waits until no transaction is open any more that commits a group's offsets in a partition. After that nobody without
/// part in the group can commit for it.
pub(super) fn wait_until_stable(
    settings: &KafkaSettings,
    group: &str,
    partition: u32,
) -> Result<(), LogError> {
    let failed = LogError::broker("ask for the offsets of", settings.group(group));
    let consumer: BaseConsumer<Context> =
        settings.consumer(group)?.create_with_context(Context).map_err(&failed)?;
    let mut asked = TopicPartitionList::new();
    for topic in Topic::ALL {
        asked.add_partition(&settings.topic(topic), partition as i32);
    }
    let patience = settings.patience();
    loop {
        match consumer.committed_offsets(asked.clone(), patience.answer) {
            Ok(_) => return Ok(()),
            Err(error) if !is_timeout(&error) || patience.is_over() => return Err(failed(error)),
            Err(_) => {}
        }
    }
}

fn is_timeout(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut)
}

/// Progress as offsets of a partition.
pub(super) fn of(
    settings: &KafkaSettings,
    partition: u32,
    committed: &Committed,
    into: &mut TopicPartitionList,
) -> KafkaResult<()> {
    for (topic, offset) in &committed.offsets {
        let offset = Offset::Offset(*offset as i64);
        into.add_partition_offset(&settings.topic(*topic), partition as i32, offset)?;
    }
    Ok(())
}
