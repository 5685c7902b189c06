//! What groups have committed: the compacted topic `<prefix>.state`, a record a commit, in the transaction of the records
//! that belong to it. The group's offsets in Kafka have room for a few words only, and are forgotten when it idles.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reader::{Cursor, Reader};
use crate::log::{Committed, LogError, Topic};

const READ_BYTES: usize = 4 << 20;

/// What the groups of one partition have committed last.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<String, Committed>);

/// The value of a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    offsets: Vec<(Topic, u64)>,
    metadata: String,
}

impl Groups {
    /// Reads the topic's partition through.
    pub(super) fn read(reader: &Arc<Reader>, partition: u32) -> Result<Self, LogError> {
        let mut following = Following::begin(reader, partition)?;
        following.catch_up()?;
        Ok(following.groups)
    }

    pub(super) fn committed(&self, group: &str) -> Option<&Committed> {
        self.0.get(group)
    }

    pub(super) fn set(&mut self, group: String, committed: Committed) {
        self.0.insert(group, committed);
    }
}

/// A partition of the topic that is read again and again.
pub(super) struct Following {
    topic: String,
    partition: u32,
    cursor: Cursor,
    next: u64,
    groups: Groups,
}

impl Following {
    pub(super) fn begin(reader: &Arc<Reader>, partition: u32) -> Result<Self, LogError> {
        let (next, _) = reader.state_ends(partition)?;
        let cursor = Cursor::open_state(Arc::clone(reader), partition, next)?;
        let topic = reader.state_topic().to_owned();
        Ok(Self { topic, partition, cursor, next, groups: Groups::default() })
    }

    /// What a group has committed last, as of the last reading.
    pub(super) fn committed(&self, group: &str) -> Option<&Committed> {
        self.groups.committed(group)
    }

    /// Reads what is new.
    pub(super) fn catch_up(&mut self) -> Result<(), LogError> {
        loop {
            let records = self.cursor.read_keyed(self.next, READ_BYTES)?;
            let Some((_, last)) = records.last() else { return Ok(()) };
            self.next = last.offset + 1;
            for (key, record) in &records {
                let value: Value =
                    serde_json::from_slice(&record.value).map_err(|error| LogError::State {
                        topic: self.topic.clone(),
                        partition: self.partition,
                        offset: record.offset,
                        problem: error.to_string(),
                    })?;
                let Value { offsets, metadata } = value;
                self.groups.set(key.clone(), Committed { offsets, metadata });
            }
        }
    }
}

/// A commit as the value of a record, whose key is the group.
pub(super) fn value_of(committed: &Committed) -> Vec<u8> {
    let Committed { offsets, metadata } = committed.clone();
    // Strings and numbers only, so that this can't fail.
    serde_json::to_vec(&Value { offsets, metadata }).unwrap_or_default()
}
