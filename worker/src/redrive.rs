//! Takes refused events back in: as new events of the raw topic that say which reject each corrects. The next run reads them;
//! those that are accepted, or repeat what was, close their reject, others become new rejects.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use transect_core::privacy::KeyRing;
use transect_core::reject::RejectReason;

use crate::keys::{self, KeysError};
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, LogError, NewRecord, Topic, Transaction};
use crate::record::sealed::{open_reject, seal_raw};
use crate::record::{self, RejectedEvent};

/// Bytes of events in one record, about.
const RECORD_BYTES: usize = 1024 * 1024;
/// Events in one record at most: their numbers are one header.
const RECORD_EVENTS: usize = 10_000;

/// Why an event can't be taken back in as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its original is not whole.
    #[error("only the beginning of it was kept; send it again from its source, or give a corrected event")]
    Cut,
    /// It is no event.
    #[error("it is not one event that could be read again; give a corrected event")]
    Unreadable,
    /// Its original was destroyed.
    #[error("it was erased with its participant")]
    Erased,
    /// It can't be opened.
    #[error("it can't be opened: {0}; give the folder of keys with --keys")]
    Sealed(String),
}

/// Why nothing can be taken back in.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// See the module. What was pushed is durable after `finish`.
pub struct Redrive {
    log: EmbeddedLog,
    ring: Option<Arc<KeyRing>>,
    /// What tells the events of the open record from others.
    like: Like,
    numbers: Vec<u64>,
    lines: Vec<u8>,
    written: u64,
}

/// What all events of a record share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Like {
    source: String,
    event_type: Option<String>,
    schema_version: Option<u32>,
}

impl Redrive {
    /// Opens the log of a pipeline that is not running, and its keys if it has some.
    pub fn open(state: &Path, keys: &Path) -> Result<Self, RedriveError> {
        let log = EmbeddedLog::open(&state.join("log"))?;
        let ring = if keys::are_noted(&log) { Some(Arc::new(keys::ring(keys)?)) } else { None };
        Ok(Self { log, ring, like: Like::default(), numbers: Vec::new(), lines: Vec::new(), written: 0 })
    }

    /// Takes one reject back in, by its number: as it came, or as it was corrected.
    pub fn push(
        &mut self,
        number: u64,
        reject: &RejectedEvent,
        corrected: Option<&str>,
    ) -> Result<Result<(), Unfit>, RedriveError> {
        let opened;
        let event = match corrected {
            Some(corrected) => corrected,
            None => match self.original(reject) {
                Ok(original) => {
                    opened = original;
                    &opened
                }
                Err(unfit) => return Ok(Err(unfit)),
            },
        };
        let like = Like {
            source: reject.source.clone(),
            event_type: reject.event_type.clone(),
            // A corrected event may be of another one.
            schema_version: reject.schema_version.filter(|_| corrected.is_none()),
        };
        let full = self.lines.len() + event.len() > RECORD_BYTES || self.numbers.len() >= RECORD_EVENTS;
        if like != self.like || full {
            self.write()?;
            self.like = like;
        }
        self.numbers.push(number);
        // Between the parts of a JSON value they are white space.
        self.lines.extend(event.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
        self.lines.push(b'\n');
        Ok(Ok(()))
    }

    /// Makes all durable; how many events there were.
    pub fn finish(mut self) -> Result<u64, RedriveError> {
        self.write()?;
        Ok(self.written)
    }

    /// A refused event as JSON, if it can be read again.
    fn original(&self, reject: &RejectedEvent) -> Result<String, Unfit> {
        if reject.erased {
            return Err(Unfit::Erased);
        }
        let opened = match (&reject.sealed, &self.ring) {
            (None, _) => reject.clone(),
            (Some(_), None) => return Err(Unfit::Sealed("there are no keys".to_owned())),
            (Some(_), Some(ring)) => {
                open_reject(ring, reject.clone()).map_err(|error| Unfit::Sealed(error.to_string()))?
            }
        };
        if opened.reason == RejectReason::Malformed {
            return Err(Unfit::Unreadable);
        }
        if opened.json.is_some() {
            return opened.json.ok_or(Unfit::Unreadable);
        }
        if opened.sha256.is_some() {
            return Err(Unfit::Cut);
        }
        match opened.original {
            Some(original) if opened.format.is_none() => Ok(original),
            _ => Err(Unfit::Unreadable),
        }
    }

    fn write(&mut self) -> Result<(), RedriveError> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        let (numbers, lines) = (mem::take(&mut self.numbers), mem::take(&mut self.lines));
        let like = mem::take(&mut self.like);
        let list: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let mut headers = vec![
            (record::SOURCE.into(), like.source),
            (record::RECEIVED.into(), Timestamp::now().as_microsecond().to_string()),
            (record::COUNT.into(), numbers.len().to_string()),
            (record::CONTENT_TYPE.into(), record::NDJSON.to_owned()),
            (record::REDRIVE_OF.into(), list.join(",")),
        ];
        headers.extend(like.event_type.map(|name| (record::EVENT_TYPE.into(), name)));
        headers.extend(like.schema_version.map(|number| (record::SCHEMA_VERSION.into(), number.to_string())));
        let new = NewRecord::new(Topic::Raw, headers, lines);
        let new = match &self.ring {
            Some(ring) => seal_raw(ring, new),
            None => new,
        };
        self.log.commit(Transaction { records: vec![new], ..Transaction::default() })?;
        self.written += numbers.len() as u64;
        Ok(())
    }
}
