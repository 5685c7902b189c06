//! Tumbling and sliding windows while they are open: pieces by pane, combined when a window is issued.

use std::collections::{BTreeMap, BTreeSet};

use super::aggregate::State;
use super::definition::WindowPlan;
use super::partials::PartialsError;
use super::rows::{Group, Row};
use super::time::Grid;

/// See the module.
pub(super) struct Panes {
    grid: Grid,
    panes: BTreeMap<i64, Pane>,
    /// The groups of each window that isn't final yet, by the windows' ends.
    windows: BTreeMap<i64, BTreeSet<Group>>,
    /// What is new or changed since it was last issued.
    dirty: BTreeSet<(i64, Group)>,
    /// Windows whose end and lateness lie up to here are final and gone.
    closed: i64,
}

#[derive(Default)]
struct Pane {
    /// Least offset of the partials in it.
    first: u64,
    groups: BTreeMap<Group, Vec<Entry>>,
}

/// Pieces that count for the windows from one end on.
struct Entry {
    from: i64,
    /// Greatest offset of the partials in it.
    last: u64,
    states: Vec<State>,
}

impl Panes {
    pub(super) fn new(grid: Grid) -> Self {
        Self {
            grid,
            panes: BTreeMap::new(),
            windows: BTreeMap::new(),
            dirty: BTreeSet::new(),
            closed: i64::MIN,
        }
    }

    pub(super) fn restore(&mut self, watermark: i64) {
        self.closed = watermark;
    }

    /// Takes a piece in: of a pane, for windows from an end on.
    pub(super) fn merge(
        &mut self,
        plan: &WindowPlan,
        offset: u64,
        (pane, from): (i64, i64),
        group: &Group,
        states: Vec<State>,
    ) -> Result<(), PartialsError> {
        let mut open = false;
        for end in self.grid.ends(pane, from) {
            // Only in a replay: the window was final when the role stopped.
            if end.saturating_add(plan.lateness) <= self.closed {
                continue;
            }
            open = true;
            self.windows.entry(end).or_default().insert(group.clone());
            self.dirty.insert((end, group.clone()));
        }
        if !open {
            return Ok(());
        }
        let own = self.panes.entry(pane).or_insert_with(|| Pane { first: offset, ..Pane::default() });
        own.first = own.first.min(offset);
        let entries = own.groups.entry(group.clone()).or_default();
        match entries.iter_mut().find(|entry| entry.from == from) {
            Some(entry) => {
                entry.last = entry.last.max(offset);
                for (state, other) in entry.states.iter_mut().zip(&states) {
                    state.merge(other)?;
                }
            }
            None => entries.push(Entry { from, last: offset, states }),
        }
        Ok(())
    }

    /// The rows that a watermark brings: final windows, then those that are new or changed.
    pub(super) fn advance(
        &mut self,
        plan: &WindowPlan,
        watermark: i64,
        rows: &mut Vec<Row>,
    ) -> Result<(), PartialsError> {
        while let Some(first) = self.windows.first_entry()
            && first.key().saturating_add(plan.lateness) <= watermark
        {
            let (end, groups) = first.remove_entry();
            for group in groups {
                rows.push(self.row(plan, end, &group, true)?);
                self.dirty.remove(&(end, group));
            }
        }
        while let Some((end, group)) = self.dirty.pop_first() {
            if end > watermark {
                self.dirty.insert((end, group));
                break;
            }
            rows.push(self.row(plan, end, &group, false)?);
        }
        while let Some(first) = self.panes.first_entry()
            && self.grid.last_end(*first.key()).saturating_add(plan.lateness) <= watermark
        {
            first.remove();
        }
        self.closed = self.closed.max(watermark);
        Ok(())
    }

    fn row(&self, plan: &WindowPlan, end: i64, group: &Group, is_final: bool) -> Result<Row, PartialsError> {
        let start = end - self.grid.size;
        let mut states = plan.states();
        let mut last = 0;
        let panes = self.panes.range(start..end).filter_map(|(_, pane)| pane.groups.get(group));
        for entry in panes.flatten().filter(|entry| entry.from <= end) {
            last = last.max(entry.last);
            for (state, other) in states.iter_mut().zip(&entry.states) {
                state.merge(other)?;
            }
        }
        let values =
            states.iter().zip(&plan.aggregates).map(|(state, aggregate)| state.value(aggregate.function));
        let (values, group) = (values.collect(), group.clone());
        Ok(Row { start, end, group, values, revision: 1 + last, is_final, replaced_by: None })
    }

    pub(super) fn low_water(&self) -> Option<u64> {
        self.panes.values().map(|pane| pane.first).min()
    }
}
