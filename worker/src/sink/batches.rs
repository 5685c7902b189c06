//! Arrow batches as sinks take them from records and hold them until a flush.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::ArrowError;

use super::SinkError;
use super::publish::FileName;
use crate::log::{Record, Topic};
use crate::record;

/// Batches of one schema in the order of their records, and what these records say of them.
#[derive(Debug)]
pub(super) struct Batches {
    pub(super) topic: Topic,
    pub(super) all: Vec<RecordBatch>,
    /// Offset of the first record.
    pub(super) first: u64,
    /// Offset of the last record.
    pub(super) last: u64,
    /// Sum of the count headers.
    pub(super) counted: u64,
}

impl Batches {
    /// None yet, of a topic.
    pub(super) fn new(topic: Topic, first: u64) -> Self {
        Self { topic, all: Vec::new(), first, last: first, counted: 0 }
    }

    /// Whether a batch has the columns of the others.
    pub(super) fn fit(&self, batch: &RecordBatch) -> bool {
        self.all.first().is_none_or(|first| first.schema_ref() == batch.schema_ref())
    }

    /// Adds the batch of a record.
    pub(super) fn push(&mut self, record: &Record, batch: RecordBatch) -> Result<(), SinkError> {
        self.counted += count(self.topic, record)?;
        self.last = record.offset;
        self.all.push(batch);
        Ok(())
    }

    /// The largest, from which most can be learnt.
    pub(super) fn largest(&self) -> Option<&RecordBatch> {
        self.all.iter().max_by_key(|batch| batch.num_rows())
    }

    /// Holds the rows that were written against the records' own word.
    pub(super) fn check(&self, written: u64, path: &Path) -> Result<(), SinkError> {
        if written == self.counted {
            return Ok(());
        }
        let (path, topic) = (path.to_owned(), self.topic.as_str());
        Err(SinkError::Count { path, topic, written, counted: self.counted })
    }

    /// What a file with rows of these batches is called. No other batches of the same kind share its first offset.
    pub(super) fn file_name(&self, partition: Option<u32>) -> FileName<'static> {
        let Self { first, last, .. } = *self;
        FileName { stem: self.topic.as_str(), partition, first, last, extension: "parquet" }
    }
}

/// The batch in a record. Its columns are slices of the record's bytes: batches are held by the million rows, and
/// copies would cost as much as encoding them.
pub(super) fn decode(topic: Topic, record: &Record) -> Result<RecordBatch, SinkError> {
    decode_stream(record.value.clone().into()).map_err(|error| refuse(topic, record, error.to_string()))
}

fn decode_stream(mut stream: Buffer) -> Result<RecordBatch, ArrowError> {
    let mut decoder = StreamDecoder::new();
    match decoder.decode(&mut stream)? {
        Some(batch) => Ok(batch),
        None => Err(ArrowError::IpcError("the record holds no whole batch".to_owned())),
    }
}

/// A header that the topic's records have.
pub(super) fn header<'a>(topic: Topic, record: &'a Record, name: &str) -> Result<&'a str, SinkError> {
    record.header(name).ok_or_else(|| refuse(topic, record, format!("it has no header {name:?}")))
}

/// The number of events in a record by its header.
pub(super) fn count(topic: Topic, record: &Record) -> Result<u64, SinkError> {
    let text = header(topic, record, record::COUNT)?;
    text.parse()
        .map_err(|_| refuse(topic, record, format!("its header {:?} is no number: {text:?}", record::COUNT)))
}

/// A record that breaks its format.
pub(super) fn refuse(topic: Topic, record: &Record, problem: String) -> SinkError {
    SinkError::Record { topic: topic.as_str(), offset: record.offset, problem }
}
