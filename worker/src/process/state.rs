//! What the process role commits beside its records, and how it goes on from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transect_core::ledger::Ledger;
use transect_core::process::Processor;
use transect_core::watermark::{self, SourceMark};

use crate::input::SourcePosition;

/// The metadata of the process role's commits. By name, so that sources may be added to a manifest or reordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessState {
    /// The pipeline's watermark, microseconds since 1970 UTC; `i64::MIN` before the first event.
    pub watermark: i64,
    /// Accepted events so far.
    pub position: u64,
    /// The watermark that closes every window of any accepted event.
    pub closing: i64,
    /// By name of the source.
    pub sources: BTreeMap<String, SourceState>,
    /// The ledger in sum.
    pub ledger: Ledger,
    /// Whether nothing has come for a while, so that other partitions need not wait for this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
}

/// One source within [`ProcessState`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceState {
    /// How far a bounded source has been read.
    pub input: Option<SourcePosition>,
    /// Its share in the watermark.
    pub mark: SourceMark,
    /// Its dedup clock.
    pub dedup_clock: u32,
}

impl Default for ProcessState {
    fn default() -> Self {
        Self {
            watermark: watermark::NONE,
            position: 0,
            closing: watermark::NONE,
            sources: BTreeMap::new(),
            ledger: Ledger::default(),
            idle: false,
        }
    }
}

impl ProcessState {
    /// Sets a processor without memory to this state. Sources by the pipeline's order.
    pub(super) fn restore(&self, processor: &mut Processor, sources: &[(String, bool)]) {
        processor.restore(self.position, self.closing);
        let known = |name: &str| self.sources.get(name);
        let marks = sources
            .iter()
            .map(|(name, bounded)| known(name).map_or_else(|| SourceMark::new(*bounded), |s| s.mark.clone()));
        processor.watermarks().restore(self.watermark, marks.collect());
        for (at, (name, _)) in sources.iter().enumerate() {
            if let Some(source) = known(name) {
                processor.dedup().restore_clock(at, source.dedup_clock);
            }
        }
    }

    /// Takes over a processor's state. Sources that the manifest no longer names are kept as they were.
    pub(super) fn update(&mut self, processor: &mut Processor, sources: &[(String, bool)]) {
        self.position = processor.position();
        self.closing = processor.closing();
        self.watermark = processor.watermarks().current();
        for (at, (name, _)) in sources.iter().enumerate() {
            let mark = processor.watermarks().sources()[at].clone();
            let dedup_clock = processor.dedup().clock(at);
            let input = self.sources.get_mut(name).and_then(|source| source.input.take());
            self.sources.insert(name.clone(), SourceState { input, mark, dedup_clock });
        }
    }

    /// Notes how far a bounded source has been read.
    pub(super) fn set_input(&mut self, source: &str, position: SourcePosition) {
        if let Some(state) = self.sources.get_mut(source) {
            state.input = Some(position);
        }
    }
}
