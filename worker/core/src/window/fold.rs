//! The process role's half: an epoch's accepted rows become one piece by pane (or session) and group.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bytes::Bytes;
use siphasher::sip::SipHasher13;
use transect_config::Function;

use super::aggregate::State;
use super::columns::View;
use super::definition::WindowPlan;
use super::partials::{Partials, Piece};
use super::scalar::Scalar;
use super::time::{Cut, Grid, Sessions};

/// The slot of a row that is in no window that still takes it.
const NONE: u32 = u32::MAX;

/// The open epoch's share in one definition. Empty again after `finish`.
pub struct Fold {
    plan: Arc<WindowPlan>,
    groups: Groups,
    slots: Slots,
    /// By aggregate, then by slot.
    states: Vec<Vec<State>>,
    /// Of the last epoch's partials.
    encoded_bytes: usize,
}

impl Fold {
    /// An empty epoch.
    pub fn new(plan: Arc<WindowPlan>) -> Self {
        let states = plan.aggregates.iter().map(|_| Vec::new()).collect();
        Self { plan, groups: Groups::default(), slots: Slots::default(), states, encoded_bytes: 0 }
    }

    /// Takes accepted rows in. By row: event time, the watermark that stood before it (microseconds since 1970 UTC) and
    /// its position in the log, ascending. Marks the rows that came too late for at least one of their windows, and
    /// returns how many those are.
    pub fn add(
        &mut self,
        batch: &RecordBatch,
        times: &[i64],
        watermarks: &[i64],
        positions: &[u64],
        late: &mut [bool],
    ) -> Result<usize, ArrowError> {
        let plan = Arc::clone(&self.plan);
        let views =
            plan.groups.iter().map(|column| View::of(batch, &column.path)).collect::<Result<Vec<_>, _>>()?;
        let mut rows = Vec::with_capacity(times.len());
        let mut lates = 0;
        for row in 0..times.len() {
            // The watermark at which a window closes: ends up to this are closed.
            let closed = watermarks[row].saturating_sub(plan.lateness);
            let group = self.groups.of(&views, row);
            let (slot, is_late) = match plan.cut {
                Cut::Grid(grid) => self.slots.in_grid(grid, times[row], closed, group),
                Cut::Sessions(sessions) => self.in_session(sessions, times[row], closed, group)?,
            };
            late[row] |= is_late;
            lates += usize::from(is_late);
            rows.push(slot);
        }
        for (aggregate, states) in plan.aggregates.iter().zip(&mut self.states) {
            states.resize_with(self.slots.all.len(), || aggregate.state());
            let target = |slot: u32| self.slots.resolve(slot);
            let view = aggregate.column.as_ref().map(|column| View::of(batch, &column.path)).transpose()?;
            update(aggregate.function, view.as_ref(), &rows, target, states, times, positions);
        }
        Ok(lates)
    }

    /// The slot of a row in its session; two slots that the row joins become one.
    fn in_session(
        &mut self,
        cut: Sessions,
        time: i64,
        closed: i64,
        group: u32,
    ) -> Result<(u32, bool), ArrowError> {
        if time.saturating_add(cut.gap) <= closed {
            return Ok((NONE, true));
        }
        let (slot, joined) = self.slots.in_session(cut, time, group);
        if let Some(joined) = joined {
            let damaged = |_| ArrowError::ComputeError("two states of one aggregate do not fit".into());
            for (aggregate, states) in self.plan.aggregates.iter().zip(&mut self.states) {
                states.resize_with(self.slots.all.len(), || aggregate.state());
                let from = std::mem::replace(&mut states[joined as usize], aggregate.state());
                states[slot as usize].merge(&from).map_err(damaged)?;
            }
        }
        Ok((slot, false))
    }

    /// The epoch's partials, for `Merge`; None if no row was taken in.
    pub fn finish(&mut self) -> Result<Option<Bytes>, ArrowError> {
        let slots = std::mem::take(&mut self.slots);
        let groups = std::mem::take(&mut self.groups);
        let mut states: Vec<_> =
            self.states.iter_mut().map(|states| std::mem::take(states).into_iter()).collect();
        let mut pieces = Vec::with_capacity(slots.all.len());
        for slot in &slots.all {
            let states: Vec<State> = states.iter_mut().filter_map(Iterator::next).collect();
            if slot.forward == NONE {
                pieces.push(Piece { start: slot.start, end: slot.end, group: slot.group, states });
            }
        }
        Ok((!pieces.is_empty())
            .then(|| Partials { groups: groups.keys, pieces }.encode(&mut self.encoded_bytes)))
    }
}

/// Takes the rows' values into their slots' states; one loop by aggregate, chosen outside of it.
fn update(
    function: Function,
    view: Option<&View<'_>>,
    rows: &[u32],
    target: impl Fn(u32) -> u32,
    states: &mut [State],
    times: &[i64],
    positions: &[u64],
) {
    let nulls = view.is_some_and(View::has_nulls);
    let kept = rows
        .iter()
        .enumerate()
        .filter(|(row, slot)| **slot != NONE && !(nulls && view.is_some_and(|view| view.is_null(*row))));
    let kept = kept.map(|(row, slot)| (row, target(*slot) as usize));
    match (function, view) {
        (Function::Count, _) | (_, None) => kept.for_each(|(_, slot)| states[slot].count_one()),
        (Function::Sum | Function::Mean | Function::StdDev | Function::Quantile { .. }, Some(view)) => {
            match view {
                View::Float(array) => kept.for_each(|(row, slot)| states[slot].add_number(array.value(row))),
                View::Int(array) => kept.for_each(|(row, slot)| states[slot].add_integer(array.value(row))),
                // Definitions are refused that ask for other columns.
                _ => {}
            }
        }
        (_, Some(view)) => {
            kept.for_each(|(row, slot)| states[slot].add(times[row], positions[row], &view.scalar(row)))
        }
    }
}

/// The groups of an epoch, numbered in the order of their first row.
#[derive(Default)]
struct Groups {
    numbers: HashMap<Vec<u8>, u32, BuildHasherDefault<SipHasher13>>,
    keys: Vec<Vec<Scalar>>,
    /// The key of the row before: neighbours are often alike.
    last: Option<(Vec<u8>, u32)>,
    key: Vec<u8>,
}

impl Groups {
    fn of(&mut self, views: &[View<'_>], row: usize) -> u32 {
        self.key.clear();
        views.iter().for_each(|view| view.write_key(row, &mut self.key));
        if let Some((key, number)) = &self.last
            && *key == self.key
        {
            return *number;
        }
        let number = match self.numbers.get(&self.key) {
            Some(number) => *number,
            None => {
                let number = self.keys.len() as u32;
                self.numbers.insert(self.key.clone(), number);
                self.keys.push(views.iter().map(|view| view.scalar(row)).collect());
                number
            }
        };
        match &mut self.last {
            Some((key, last)) => {
                key.clone_from(&self.key);
                *last = number;
            }
            none => *none = Some((self.key.clone(), number)),
        }
        number
    }
}

/// A piece in the making.
#[derive(Clone, Copy)]
struct Slot {
    start: i64,
    end: i64,
    group: u32,
    /// The slot that this one has been joined to.
    forward: u32,
}

/// The pieces of an epoch.
#[derive(Default)]
struct Slots {
    all: Vec<Slot>,
    /// By pane, first end and group.
    grid: HashMap<(i64, i64, u32), u32, BuildHasherDefault<SipHasher13>>,
    /// By group: the slot of its last row that was in time for all its windows.
    last: Vec<u32>,
    /// By group: session slots by their beginnings.
    sessions: Vec<BTreeMap<i64, u32>>,
}

impl Slots {
    fn push(&mut self, start: i64, end: i64, group: u32) -> u32 {
        let number = self.all.len() as u32;
        self.all.push(Slot { start, end, group, forward: NONE });
        number
    }

    fn resolve(&self, mut slot: u32) -> u32 {
        while self.all[slot as usize].forward != NONE {
            slot = self.all[slot as usize].forward;
        }
        slot
    }

    /// The slot of a time, and whether it is late for one of its windows. Windows that end up to `closed` are closed.
    fn in_grid(&mut self, grid: Grid, time: i64, closed: i64, group: u32) -> (u32, bool) {
        if self.last.len() <= group as usize {
            self.last.resize(group as usize + 1, NONE);
        }
        // Most rows fall where the group's last one did, and are in time for all windows.
        if let Some(slot) = self.all.get(self.last[group as usize] as usize)
            && (slot.start..slot.start + grid.pane).contains(&time)
            && slot.end > closed
        {
            return (self.last[group as usize], false);
        }
        let pane = grid.pane_of(time);
        let (first, last) = (grid.first_end(pane), grid.last_end(pane));
        if last < first {
            return (NONE, false);
        }
        let is_late = first <= closed;
        let end = if is_late { grid.first_end_beyond(pane, closed) } else { first };
        if end > last {
            return (NONE, true);
        }
        let slot = match self.grid.get(&(pane, end, group)) {
            Some(slot) => *slot,
            None => {
                let slot = self.push(pane, end, group);
                self.grid.insert((pane, end, group), slot);
                slot
            }
        };
        if !is_late {
            self.last[group as usize] = slot;
        }
        (slot, is_late)
    }

    /// The slot of a time in its session, and the slot that was joined to it.
    fn in_session(&mut self, cut: Sessions, time: i64, group: u32) -> (u32, Option<u32>) {
        if self.sessions.len() <= group as usize {
            self.sessions.resize_with(group as usize + 1, BTreeMap::new);
        }
        let alike = |slot: &Slot| cut.stretch(slot.start) == cut.stretch(time);
        let starts = &self.sessions[group as usize];
        let before = starts.range(..=time).next_back().map(|(_, slot)| *slot);
        let before =
            before.filter(|slot| self.all[*slot as usize].end > time && alike(&self.all[*slot as usize]));
        let after = starts.range(time + 1..).next().map(|(_, slot)| *slot);
        let after = after.filter(|slot| {
            self.all[*slot as usize].start < time + cut.gap && alike(&self.all[*slot as usize])
        });
        let end = time + cut.gap;
        match (before, after) {
            (None, None) => {
                let slot = self.push(time, end, group);
                self.sessions[group as usize].insert(time, slot);
                (slot, None)
            }
            (Some(slot), None) => {
                let own = &mut self.all[slot as usize];
                own.end = own.end.max(end);
                (slot, None)
            }
            (None, Some(slot)) => {
                let starts = &mut self.sessions[group as usize];
                let own = &mut self.all[slot as usize];
                starts.remove(&own.start);
                own.start = time;
                starts.insert(time, slot);
                (slot, None)
            }
            (Some(slot), Some(joined)) => {
                let Slot { start, end: last, .. } = self.all[joined as usize];
                self.sessions[group as usize].remove(&start);
                self.all[joined as usize].forward = slot;
                let own = &mut self.all[slot as usize];
                own.end = own.end.max(last).max(end);
                (slot, Some(joined))
            }
        }
    }
}
