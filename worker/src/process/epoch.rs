//! One epoch of the process role: what it will write to the log, all at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::ArrowError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use transect_core::dedup::{ENTRY_BYTES, IdEntry};
use transect_core::events::{EventType, RejectedRow};
use transect_core::format::Format;
use transect_core::input::{EventBatch, Place};
use transect_core::privacy::KeyRing;
use transect_core::process::{EpochEnd, Processed};
use transect_core::reject::RejectReason;
use transect_core::window::WindowPlan;

use crate::lent::Lent;
use crate::log::{Committed, Header, NewRecord, Share, Topic, Transaction};
use crate::placement;
use crate::record::sealed::seal_reject;
use crate::record::{self, RedrivenEvent, RejectedEvent};

/// Originals beyond this are cut to their head.
const ORIGINAL_BYTES_MAX: usize = 256 * 1024;
const HEAD_BYTES: usize = 4096;

/// The records of the open epoch.
#[derive(Default)]
pub(super) struct Epoch {
    /// Of `clean`; the other topics' are made at the end.
    records: Vec<NewRecord>,
    rejected: Vec<u8>,
    rejected_count: u64,
    /// Rejects that were taken back in.
    redriven: Vec<u8>,
    redriven_count: u64,
    /// Bytes of events taken in.
    bytes: usize,
    /// Whether anything has come in, be it only an idle record.
    touched: bool,
}

impl Epoch {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records for `clean`, and their bytes.
    pub(super) fn clean(&self) -> (u64, u64) {
        (self.records.len() as u64, self.records.iter().map(|record| record.value.len() as u64).sum())
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.touched
    }

    /// Notes that there is something to commit, though it has no records.
    pub(super) fn touch(&mut self) {
        self.touched = true;
    }

    /// Takes a batch's outcome in. `redrive_of` is empty or has the number of the reject that each event corrects. Rejects
    /// are sealed if there is a ring. Its rows go into memory that is back, where there is some.
    pub(super) fn add(
        &mut self,
        types: &[EventType],
        processed: Processed,
        redrive_of: &[u64],
        ring: Option<&KeyRing>,
        memory: &mut Lent,
    ) -> Result<(), ArrowError> {
        self.touched = true;
        self.bytes += processed.batch.bytes.len();
        for table in &processed.tables {
            let event_type = &types[table.event_type];
            let headers = vec![
                header(record::EVENT_TYPE, &event_type.name),
                header(record::SCHEMA_VERSION, event_type.versions.newest().number),
                header(record::COUNT, table.rows.num_rows()),
            ];
            let value = record::encode_batch_into(&table.rows, memory.take_back().unwrap_or_default())?;
            memory.lend(&value);
            self.records.push(NewRecord::new(Topic::Clean, headers, value));
        }
        for row in &processed.rejects {
            self.rejected_count += 1;
            let mut event = rejected_event(types, &processed.batch, row);
            event.redrive_of = redrive_of.get(row.event as usize).copied();
            if let Some(ring) = ring {
                event = seal_reject(ring, event, described(types, row));
            }
            // Every field is a string or a number, so that this can't fail.
            if serde_json::to_writer(&mut self.rejected, &event).is_ok() {
                self.rejected.push(b'\n');
            }
        }
        if !redrive_of.is_empty() {
            self.close_rejects(&processed, redrive_of);
        }
        Ok(())
    }

    /// Notes which rejects were taken back in.
    fn close_rejects(&mut self, processed: &Processed, redrive_of: &[u64]) {
        let received = Timestamp::from_microsecond(processed.batch.received).unwrap_or_default().to_string();
        let mut refused = processed.rejects.iter().map(|row| row.event).peekable();
        for (event, number) in (0_u32..).zip(redrive_of) {
            if refused.next_if_eq(&event).is_some() {
                continue;
            }
            let line = RedrivenEvent { number: *number, received: received.clone() };
            if serde_json::to_writer(&mut self.redriven, &line).is_ok() {
                self.redriven.push(b'\n');
                self.redriven_count += 1;
            }
        }
    }

    /// The epoch as one transaction. Identities come with the names of their sources.
    pub(super) fn into_transaction(
        self,
        end: EpochEnd,
        sources: &[(String, bool)],
        windows: &[(usize, Arc<WindowPlan>)],
        progress: (String, Committed),
        share: Option<Share>,
    ) -> Transaction {
        let mut records = self.records;
        if self.rejected_count > 0 {
            let headers = vec![header(record::COUNT, self.rejected_count)];
            records.push(NewRecord::new(Topic::Rejected, headers, self.rejected));
        }
        if self.redriven_count > 0 {
            let headers = vec![header(record::COUNT, self.redriven_count)];
            records.push(NewRecord::new(Topic::Redriven, headers, self.redriven));
        }
        for (ids, (source, _)) in end.ids.into_iter().zip(sources).filter(|(ids, _)| !ids.is_empty()) {
            let headers = vec![header(record::SOURCE, source), header(record::COUNT, ids.len())];
            records.push(NewRecord::new(Topic::Ids, headers, ids.into_bytes()));
        }
        let home = |name: &str| share.map(|share| placement::of_window(name, share));
        for (at, value) in end.partials {
            let window = &windows[at].1;
            let headers =
                vec![header(record::WINDOW, window.name()), header(record::DIGEST, window.digest())];
            records.push(NewRecord::new(Topic::Partials, headers, value).to(home(window.name())));
        }
        // After the pieces that it covers, to wherever there are any.
        let homes: BTreeSet<Option<u32>> = windows.iter().map(|(_, window)| home(window.name())).collect();
        for partition in homes {
            let mut headers = vec![header(record::WATERMARK, end.watermark)];
            headers.extend(share.map(|share| header(record::PARTITION, share.partition)));
            records.push(NewRecord::new(Topic::Partials, headers, Bytes::new()).to(partition));
        }
        if let Ok(ledger) = serde_json::to_vec(&end.ledger) {
            records.push(NewRecord::new(Topic::Audit, Vec::new(), ledger));
        }
        Transaction { records, progress: Some(progress), trim: Vec::new() }
    }
}

pub(super) fn header(name: &'static str, value: impl ToString) -> Header {
    (name.into(), value.to_string())
}

/// The entries of an ids record; None if its length is wrong.
pub(super) fn decode_ids(value: &[u8]) -> Option<impl Iterator<Item = IdEntry>> {
    let (entries, rest) = value.as_chunks::<ENTRY_BYTES>();
    rest.is_empty().then(|| entries.iter().map(IdEntry::from_bytes))
}

fn rejected_event(types: &[EventType], batch: &EventBatch, row: &RejectedRow) -> RejectedEvent {
    let span = batch.events[row.event as usize];
    let bytes = batch.event(span);
    let oversized = batch.oversized.get(span.oversized as usize);
    let length = oversized.map_or(bytes.len() as u64, |o| o.length);
    let cut = oversized.is_some() || bytes.len() > ORIGINAL_BYTES_MAX;
    let kept = if cut { &bytes[..bytes.len().min(HEAD_BYTES)] } else { bytes };
    let (original, original_base64) = match str::from_utf8(kept) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(BASE64_STANDARD.encode(kept))),
    };
    let sha256 = cut.then(|| match oversized {
        Some(oversized) => hex::encode(oversized.sha256),
        None => hex::encode(sha2::Sha256::digest(bytes)),
    });
    let (file, line, offset, index) = match &batch.place {
        Place::File { file, line } => {
            (Some(file.to_string()), Some(line + u64::from(span.index)), None, None)
        }
        Place::Record { offset, .. } => (None, None, Some(*offset), Some(span.index)),
    };
    RejectedEvent {
        reason: row.reject.reason,
        pointer: row.reject.pointer.clone(),
        keyword: row.reject.keyword.clone(),
        message: row.reject.message.clone(),
        at: row.reject.offset,
        event_type: row.event_type.map(|at| types[at].name.to_string()),
        source: batch.source.to_string(),
        received: Timestamp::from_microsecond(batch.received).unwrap_or_default().to_string(),
        file,
        line,
        offset,
        index,
        length,
        original,
        original_base64,
        sha256,
        json: row.json.clone().filter(|json| json.len() <= ORIGINAL_BYTES_MAX),
        format: written_as(&batch.format).map(str::to_owned),
        schema_version: row.version.or(batch.schema_version),
        redrive_of: None,
        sealed: None,
        erased: false,
    }
}

/// The word for a format; None for JSON.
fn written_as(format: &Format) -> Option<&'static str> {
    match format {
        Format::Json => None,
        Format::Csv(_) => Some("csv"),
        Format::CloudEvents => Some("cloudevents"),
        Format::Avro(_) => Some("avro"),
    }
}

/// As much of a reject's pointer as may be kept in the clear.
fn described(types: &[EventType], row: &RejectedRow) -> String {
    let pointer = &row.reject.pointer;
    match row.event_type.map(|at| &types[at]) {
        Some(EventType { privacy: Some(privacy), .. }) => privacy.described(pointer),
        Some(_) => pointer.clone(),
        // Where the type isn't known, only the field that says it, and an envelope's attributes, are known to be no data.
        None if row.reject.reason == RejectReason::UnknownEventType
            || row.reject.reason == RejectReason::InvalidEnvelope =>
        {
            pointer.clone()
        }
        None => String::new(),
    }
}

use sha2::Digest as _;
