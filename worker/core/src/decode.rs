//! JSON bytes to checked Arrow columns in one pass, by a [`Plan`].

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::identity::PipelineKey;
use crate::plan::Plan;
use crate::reject::Reject;

/// The accepted events of one type: columns, and what the pipeline needs of each row.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// One row an event, in the order pushed; `Plan::arrow_schema`.
    pub columns: RecordBatch,
    /// MAC of (event type, key, event id), or of (event type, content) where the schema has no id.
    pub identities: Vec<u128>,
    /// 64-bit hash of the content; a repeat with another one is a conflict. Independent of white space and of the
    /// order of members.
    pub contents: Vec<u64>,
    /// MAC of the key, cut to 64 bits; picks the partition.
    pub keys: Vec<u64>,
    /// Event time, microseconds since 1970 UTC.
    pub times: Vec<i64>,
}

/// Fills columns from events, one `push` each. Reusable after `finish`.
pub struct Decoder {
    plan: Arc<Plan>,
    key: PipelineKey,
}

impl Decoder {
    /// A decoder for one event type; identities are under the key.
    pub fn new(plan: Arc<Plan>, key: PipelineKey) -> Self {
        Self { plan, key }
    }

    /// Reads and checks one event (one JSON value, surrounding white space allowed). An error leaves the columns as
    /// they were.
    pub fn push(&mut self, event: &[u8]) -> Result<(), Reject> {
        let _ = (event, &self.plan, &self.key);
        unimplemented!()
    }

    /// Number of rows since the last `finish`.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the rows.
    pub fn finish(&mut self) -> Decoded {
        unimplemented!()
    }
}
