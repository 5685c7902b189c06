//! The aggregate role's half: partials become windows, issued as the watermark passes.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use super::definition::WindowPlan;
use super::panes::Panes;
use super::partials::{Partials, PartialsError};
use super::rows::{self, Group, Row};
use super::sessions::OpenSessions;
use super::time::Cut;

/// The open windows of one definition. A window is issued when the watermark reaches its end, again whenever later
/// pieces change it, and a last time, as final, once nothing can change it any more.
pub struct Merge {
    plan: Arc<WindowPlan>,
    open: Open,
    watermark: i64,
}

/// A closed set, as the ways of cutting time are.
enum Open {
    Panes(Panes),
    Sessions(OpenSessions),
}

/// Why windows can't be issued.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Partials that don't fit together.
    #[error(transparent)]
    Partials(#[from] PartialsError),
    /// Rows that don't fit their columns, which is a bug.
    #[error("issue windows: {0}; this is a bug in Transect")]
    Arrow(#[from] ArrowError),
}

impl Merge {
    /// No open windows.
    pub fn new(plan: Arc<WindowPlan>) -> Self {
        let open = match plan.cut {
            Cut::Grid(grid) => Open::Panes(Panes::new(grid)),
            Cut::Sessions(sessions) => Open::Sessions(OpenSessions::new(sessions)),
        };
        Self { plan, open, watermark: i64::MIN }
    }

    /// Before a replay: what was final by this watermark is not opened again.
    pub fn restore(&mut self, watermark: i64) {
        self.watermark = watermark;
        if let Open::Panes(panes) = &mut self.open {
            panes.restore(watermark);
        }
    }

    /// After a replay: what was due by the watermark has been issued before.
    pub fn settle(&mut self) -> Result<(), MergeError> {
        self.advance_rows(self.watermark).map(drop)
    }

    /// Takes one record's partials in.
    pub fn merge(&mut self, offset: u64, partials: &[u8]) -> Result<(), PartialsError> {
        let mut partials = Partials::decode(partials, self.plan.aggregates.len())?;
        self.plan.widen(&mut partials);
        let Partials { groups, pieces } = partials;
        let groups: Vec<Group> = groups.into_iter().map(Group::from).collect();
        for piece in pieces {
            let (group, span) = (&groups[piece.group as usize], (piece.start, piece.end));
            match &mut self.open {
                Open::Panes(panes) => panes.merge(&self.plan, offset, span, group, piece.states)?,
                Open::Sessions(sessions) => sessions.merge(offset, span, group, piece.states)?,
            }
        }
        Ok(())
    }

    /// Moves the watermark on, and issues what that brings: by end, start and group.
    pub fn advance(&mut self, watermark: i64) -> Result<Option<RecordBatch>, MergeError> {
        let rows = self.advance_rows(watermark)?;
        Ok(rows::batch(rows, self.plan.output_schema(), self.plan.groups.len())?)
    }

    pub(super) fn advance_rows(&mut self, watermark: i64) -> Result<Vec<Row>, MergeError> {
        let mut rows = Vec::new();
        self.watermark = self.watermark.max(watermark);
        match &mut self.open {
            Open::Panes(panes) => panes.advance(&self.plan, self.watermark, &mut rows)?,
            Open::Sessions(sessions) => sessions.advance(&self.plan, self.watermark, &mut rows)?,
        }
        Ok(rows)
    }

    /// The least offset of partials that open windows need; None if none is open.
    pub fn low_water(&self) -> Option<u64> {
        match &self.open {
            Open::Panes(panes) => panes.low_water(),
            Open::Sessions(sessions) => sessions.low_water(),
        }
    }
}
