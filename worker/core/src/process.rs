//! The state of the process role: dedup, watermarks, windows' deltas and the ledger of the open epoch.
//!
//! Takes treated batches in the order of their inputs, one at a time, and gives back tables. `end_epoch` hands out
//! what the epoch adds to the log beside them. A row's fate depends on the rows before it and nothing else, so epochs
//! may be cut anywhere.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;

use crate::anomaly::{DetectorPlan, Detectors, EpochAlerts, Origin, Rows as DetectorRows};
use crate::dedup::{Dedup, IdEntry, Ids, Seen};
use crate::events::{DecodedBatch, EventType, RejectedRow, TypedRows};
use crate::input::EventBatch;
use crate::ledger::{Ledger, Tally};
use crate::lookup::Lookups;
use crate::privacy::TreatedBatch;
use crate::provenance::{self, Rows};
use crate::reject::RejectReason;
use crate::watermark::Watermarks;
use crate::window::{Fold, WindowPlan};

/// A source as the process role knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSource {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it has an end; then its dedup clock is its watermark, else received time.
    pub bounded: bool,
}

/// The accepted rows of one event type in one batch, provenance included.
#[derive(Debug)]
pub struct TableRows {
    /// Position in the pipeline's event types.
    pub event_type: usize,
    /// The rows; `provenance::table_schema`.
    pub rows: RecordBatch,
}

/// What one batch came to.
#[derive(Debug)]
pub struct Processed {
    /// The batch.
    pub batch: EventBatch,
    /// Rows for `clean`.
    pub tables: Vec<TableRows>,
    /// The refused.
    pub rejects: Vec<RejectedRow>,
}

/// What an epoch adds to the log beside its tables and rejects.
#[derive(Debug)]
pub struct EpochEnd {
    /// Accepted identities, by source in the pipeline's order.
    pub ids: Vec<Ids>,
    /// Delta partials by position in the pipeline's windows; only those that have any.
    pub partials: Vec<(usize, Bytes)>,
    /// Alerts, and what the detectors observed.
    pub anomalies: EpochAlerts,
    /// What became of the epoch's events.
    pub ledger: Ledger,
    /// The watermark at the epoch's end, after all its pieces.
    pub watermark: i64,
}

/// See the module.
pub struct Processor {
    types: Arc<[EventType]>,
    schemas: Vec<SchemaRef>,
    sources: Vec<ProcessSource>,
    partitions: u64,
    generation: u64,
    dedup: Dedup,
    watermarks: Watermarks,
    /// Accepted events so far: the order that First and Last break ties by.
    position: u64,
    /// The windows of each event type, as positions in `folds`.
    windows_of: Vec<Vec<usize>>,
    folds: Vec<Fold>,
    plans: Vec<Arc<WindowPlan>>,
    detectors: Detectors,
    lookups: Lookups,
    /// The least watermark that closes every window that any accepted event is in.
    closing: i64,
    ids: Vec<Ids>,
    ledger: Ledger,
}

impl Processor {
    /// A processor without memory. Windows come with the position of their event type.
    pub fn new(
        types: Arc<[EventType]>,
        sources: Vec<ProcessSource>,
        windows: Vec<(usize, Arc<WindowPlan>)>,
        partitions: u32,
        generation: u64,
        dedup_window_micros: i64,
    ) -> Self {
        let mut windows_of = vec![Vec::new(); types.len()];
        for (at, (event_type, _)) in windows.iter().enumerate() {
            windows_of[*event_type].push(at);
        }
        Self {
            schemas: types.iter().map(table_schema).collect(),
            dedup: Dedup::new(sources.len(), dedup_window_micros),
            watermarks: Watermarks::new(sources.iter().map(|source| source.bounded)),
            ids: vec![Ids::default(); sources.len()],
            folds: windows.iter().map(|(_, plan)| Fold::new(Arc::clone(plan))).collect(),
            plans: windows.into_iter().map(|(_, plan)| plan).collect(),
            detectors: Detectors::new(types.len(), Vec::new()),
            lookups: Lookups::default(),
            partitions: u64::from(partitions.max(1)),
            ledger: Ledger::default(),
            closing: crate::watermark::NONE,
            position: 0,
            windows_of,
            generation,
            sources,
            types,
        }
    }

    /// With detectors of anomalies that remember nothing, each with the position of its event type.
    pub fn with_detectors(self, plans: Vec<(usize, Arc<DetectorPlan>)>) -> Self {
        Self { detectors: Detectors::new(self.types.len(), plans), ..self }
    }

    /// With the tables that the event types' rules look values up in, so that the ledger says which they were.
    pub fn with_lookups(self, lookups: Lookups) -> Self {
        Self { lookups, ..self }
    }

    /// Goes on from what an epoch committed; watermarks and identities are restored through their own parts.
    pub fn restore(&mut self, position: u64, closing: i64) {
        self.position = position;
        self.closing = closing;
    }

    /// The watermarks.
    pub fn watermarks(&mut self) -> &mut Watermarks {
        &mut self.watermarks
    }

    /// The dedup index.
    pub fn dedup(&mut self) -> &mut Dedup {
        &mut self.dedup
    }

    /// The detectors of anomalies.
    pub fn detectors(&mut self) -> &mut Detectors {
        &mut self.detectors
    }

    /// Accepted events so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The least watermark that closes every window that any accepted event is in.
    pub fn closing(&self) -> i64 {
        self.closing
    }

    /// The watermark up to which there is something to tell without new events: windows to close, silences to find.
    pub fn due(&self) -> i64 {
        self.closing.max(self.detectors.due())
    }

    /// Takes one batch of a source in.
    pub fn accept(&mut self, source: usize, treated: TreatedBatch) -> Result<Processed, ArrowError> {
        let TreatedBatch(DecodedBatch { batch, rows, rejects }) = treated;
        let mut tally = Tally { read: batch.events.len() as u64, ..Tally::default() };
        for RejectedRow { event_type, reject, .. } in &rejects {
            tally.reject(reject.reason);
            if let (RejectReason::Rule, Some(event_type)) = (reject.reason, event_type) {
                self.ledger.rule(&self.types[*event_type].name, &reject.keyword).rejected += 1;
            }
        }
        for table in self.lookups.tables() {
            self.ledger.lookup(table.name(), table.digest(), tally.read);
        }
        if !self.sources[source].bounded {
            self.dedup.advance(source, batch.received);
        }
        let kept = self.keep_new(source, &batch, &rows, &mut tally);
        let mut tables = Vec::with_capacity(rows.len());
        for (typed, kept) in rows.into_iter().zip(kept) {
            if kept.rows.is_empty() {
                continue;
            }
            let event_type = typed.event_type;
            tally.accepted += kept.rows.len() as u64;
            *self.ledger.accepted.entry(self.types[event_type].name.to_string()).or_default() +=
                kept.rows.len() as u64;
            let rows = self.table(&batch, typed, kept, &mut tally)?;
            tables.push(TableRows { event_type, rows });
        }
        *self.ledger.sources.entry(self.sources[source].name.to_string()).or_default() += &tally;
        Ok(Processed { batch, tables, rejects })
    }

    /// Decides for each row, in the order of the batch, whether it is new; new ones move the watermark on.
    fn keep_new(
        &mut self,
        source: usize,
        batch: &EventBatch,
        rows: &[TypedRows],
        tally: &mut Tally,
    ) -> Vec<Kept> {
        let mut kept: Vec<Kept> = rows.iter().map(|typed| Kept::with_capacity(typed.events.len())).collect();
        let bounded = self.sources[source].bounded;
        for (at, row) in in_order(rows) {
            let TypedRows { event_type, decoded, .. } = &rows[at];
            let mark = decoded.times[row].saturating_sub(self.types[*event_type].delay.micros());
            let clock = if bounded { mark.max(self.watermarks.of(source)) } else { batch.received };
            let entry = IdEntry::new(decoded.identities[row], decoded.contents[row], clock);
            match self.dedup.check(source, entry) {
                Seen::New => {}
                seen => {
                    tally.duplicate += 1;
                    tally.conflicting += u64::from(seen == Seen::Conflicting);
                    continue;
                }
            }
            self.ids[source].push(entry);
            kept[at].push(row as u32, self.watermarks.current(), self.position);
            self.position += 1;
            self.watermarks.observe(source, mark, batch.received);
            if bounded {
                self.dedup.advance(source, clock);
            }
        }
        kept
    }

    /// Folds the kept rows into windows and gives them their provenance.
    fn table(
        &mut self,
        batch: &EventBatch,
        mut typed: TypedRows,
        kept: Kept,
        tally: &mut Tally,
    ) -> Result<RecordBatch, ArrowError> {
        if kept.rows.len() < typed.events.len() {
            typed.keep(&kept.rows);
        }
        let TypedRows { event_type, decoded, versions, events, flags } = typed;
        let mut late = vec![false; events.len()];
        for &window in &self.windows_of[event_type] {
            let fold = &mut self.folds[window];
            fold.add(&decoded.columns, &decoded.times, &kept.watermarks, &kept.positions, &mut late)?;
            if let Some(newest) = decoded.times.iter().max() {
                self.closing = self.closing.max(self.plans[window].closes(*newest));
            }
        }
        tally.late += late.iter().filter(|late| **late).count() as u64;
        let origin = |row: usize| Origin::of_event(batch, events[row]);
        self.detectors.add(event_type, || DetectorRows {
            columns: &decoded.columns,
            times: &decoded.times,
            watermarks: &kept.watermarks,
            origin: &origin,
        })?;
        let partitions = decoded.keys.iter().map(|key| (key % self.partitions) as i32).collect();
        let rules = self.types[event_type].rules.flagging.iter().map(|rule| &*rule.name);
        let flags: Vec<_> = rules.zip(&flags).collect();
        tally.flagged += self.ledger.flag(&self.types[event_type].name, &flags);
        let rows = Rows {
            batch,
            events: &events,
            times: &decoded.times,
            partitions,
            late,
            flags,
            versions,
            generation: self.generation,
        };
        provenance::append(decoded.columns, Arc::clone(&self.schemas[event_type]), rows)
    }

    /// Ends the epoch: what it adds to the log. The next one begins.
    pub fn end_epoch(&mut self) -> Result<EpochEnd, ArrowError> {
        let mut partials = Vec::new();
        for (at, fold) in self.folds.iter_mut().enumerate() {
            if let Some(bytes) = fold.finish()? {
                partials.push((at, bytes));
            }
        }
        // The next epoch will have about as many.
        let renew = |ids: &mut Ids| std::mem::replace(ids, Ids::with_capacity(ids.len()));
        let ids = self.ids.iter_mut().map(renew).collect();
        let watermark = self.watermarks.current();
        let anomalies = self.detectors.end_epoch(watermark);
        let mut ledger = std::mem::take(&mut self.ledger);
        for alert in &anomalies.alerts {
            ledger.alert(&alert.detector);
        }
        Ok(EpochEnd { ids, partials, anomalies, ledger, watermark })
    }
}

fn table_schema(event_type: &EventType) -> SchemaRef {
    provenance::table_schema(event_type.kept().schema(), !event_type.rules.flagging.is_empty())
}

/// The new rows of one event type in one batch.
struct Kept {
    rows: Vec<u32>,
    watermarks: Vec<i64>,
    positions: Vec<u64>,
}

impl Kept {
    fn with_capacity(n: usize) -> Self {
        Self {
            rows: Vec::with_capacity(n),
            watermarks: Vec::with_capacity(n),
            positions: Vec::with_capacity(n),
        }
    }

    fn push(&mut self, row: u32, watermark: i64, position: u64) {
        self.rows.push(row);
        self.watermarks.push(watermark);
        self.positions.push(position);
    }
}

/// The rows of all event types in the order of the batch, as (position in `rows`, row).
fn in_order(rows: &[TypedRows]) -> Vec<(usize, usize)> {
    let all = rows.iter().enumerate();
    let mut order: Vec<_> =
        all.flat_map(|(at, typed)| (0..typed.events.len()).map(move |row| (at, row))).collect();
    if rows.len() > 1 {
        order.sort_by_key(|(at, row)| rows[*at].events[*row]);
    }
    order
}
