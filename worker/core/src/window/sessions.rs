//! Sessions while they are open.
//!
//! Pieces of a group that overlap make a chain. A chain that spans at most `max` is one session. A longer one is cut at
//! every multiple of `max` within it, and each part is a session; since pieces never cross such a multiple, and a chain
//! only grows, this depends neither on the order of events nor on where epochs were cut.
//!
//! An event in time may join a session until a gap beyond its end (lateness is judged by the event's own end), so a
//! session is final a gap later than a window would be. Parts of a chain that goes on are kept for twice `max`, so that
//! the chain's span is known wherever it matters.

use std::collections::{BTreeMap, BTreeSet};

use super::aggregate::State;
use super::definition::WindowPlan;
use super::partials::PartialsError;
use super::rows::{Group, Row};
use super::time::Sessions;

/// See the module.
pub(super) struct OpenSessions {
    cut: Sessions,
    groups: BTreeMap<Group, Chains>,
    /// Groups with new pieces since the last watermark.
    dirty: BTreeSet<Group>,
    /// When something is next due for a group.
    due: BTreeSet<(i64, Group)>,
}

#[derive(Default)]
struct Chains {
    /// By their beginnings; disjoint within a stretch.
    pieces: BTreeMap<i64, Piece>,
    /// What stands issued, by start and end: revision, and whether it is final.
    issued: BTreeMap<(i64, i64), (u64, bool)>,
}

struct Piece {
    end: i64,
    first: u64,
    last: u64,
    states: Vec<State>,
}

/// One session as the pieces say now.
struct Session {
    start: i64,
    end: i64,
    /// Beginnings of its pieces.
    pieces: Vec<i64>,
    /// End of the chain that it is part of.
    chain_end: i64,
    /// Greatest offset of the partials in that chain: a session that is cut out of a longer one is then newer than what
    /// it replaces.
    last: u64,
}

impl OpenSessions {
    pub(super) fn new(cut: Sessions) -> Self {
        Self { cut, groups: BTreeMap::new(), dirty: BTreeSet::new(), due: BTreeSet::new() }
    }

    /// Takes a piece in: from its first event to a gap beyond its last.
    pub(super) fn merge(
        &mut self,
        offset: u64,
        (mut start, mut end): (i64, i64),
        group: &Group,
        mut states: Vec<State>,
    ) -> Result<(), PartialsError> {
        let (mut first, mut last) = (offset, offset);
        let chains = self.groups.entry(group.clone()).or_default();
        let stretch = self.cut.stretch(start);
        while let Some(other) = chains.overlapping(start, end, |other| self.cut.stretch(other) == stretch) {
            let Some(piece) = chains.pieces.remove(&other) else { break };
            (start, end) = (start.min(other), end.max(piece.end));
            (first, last) = (first.min(piece.first), last.max(piece.last));
            for (state, other) in states.iter_mut().zip(&piece.states) {
                state.merge(other)?;
            }
        }
        chains.pieces.insert(start, Piece { end, first, last, states });
        self.dirty.insert(group.clone());
        Ok(())
    }

    /// The rows that a watermark brings.
    pub(super) fn advance(
        &mut self,
        plan: &WindowPlan,
        watermark: i64,
        rows: &mut Vec<Row>,
    ) -> Result<(), PartialsError> {
        let mut visit = std::mem::take(&mut self.dirty);
        while let Some((when, group)) = self.due.pop_first() {
            if when > watermark {
                self.due.insert((when, group));
                break;
            }
            visit.insert(group);
        }
        for group in visit {
            let Some(chains) = self.groups.get_mut(&group) else { continue };
            match chains.advance(plan, self.cut, watermark, &group, rows)? {
                Some(next) => {
                    self.due.insert((next, group));
                }
                None => {
                    self.groups.remove(&group);
                }
            }
        }
        Ok(())
    }

    pub(super) fn low_water(&self) -> Option<u64> {
        self.groups.values().flat_map(|chains| chains.pieces.values()).map(|piece| piece.first).min()
    }
}

impl Chains {
    /// The beginning of a piece that overlaps a time span and is in the same stretch.
    fn overlapping(&self, start: i64, end: i64, alike: impl Fn(i64) -> bool) -> Option<i64> {
        let before = self.pieces.range(..end).rev();
        // Pieces of one stretch are disjoint: beyond the first that ends too early there is none.
        let mut near = before.take_while(|(other, _)| alike(**other) || **other >= start);
        near.find(|(other, piece)| alike(**other) && piece.end > start).map(|(other, _)| *other)
    }

    /// The sessions that the pieces make.
    fn sessions(&self, cut: Sessions) -> Vec<Session> {
        let mut sessions = Vec::new();
        let mut chain: Vec<(i64, &Piece)> = Vec::new();
        let mut chain_end = i64::MIN;
        for (&start, piece) in &self.pieces {
            if start >= chain_end {
                close(&mut sessions, &chain, chain_end, cut);
                chain.clear();
            }
            chain_end = if chain.is_empty() { piece.end } else { chain_end.max(piece.end) };
            chain.push((start, piece));
        }
        close(&mut sessions, &chain, chain_end, cut);
        sessions
    }

    /// Issues what is due; when to look again, or None if nothing is left.
    fn advance(
        &mut self,
        plan: &WindowPlan,
        cut: Sessions,
        watermark: i64,
        group: &Group,
        rows: &mut Vec<Row>,
    ) -> Result<Option<i64>, PartialsError> {
        let sessions = self.sessions(cut);
        let kept = cut.gap.saturating_add(plan.lateness);
        self.replace(&sessions, group, rows);
        let mut next = i64::MAX;
        for session in &sessions {
            let final_at = session.end.saturating_add(kept);
            // A session that isn't cut ends its chain, so nothing can change it once it is final.
            let is_final = final_at <= watermark;
            if session.end > watermark {
                next = next.min(session.end);
                continue;
            }
            let revision = 1 + session.last;
            let issued = self.issued.get(&(session.start, session.end)).copied();
            if issued.is_none_or(|(known, was_final)| !was_final && (known != revision || is_final)) {
                rows.push(self.row(plan, session, group, revision, is_final)?);
                self.issued.insert((session.start, session.end), (revision, is_final));
            }
            let gone_at = session.chain_end.saturating_add(kept).min(final_at.saturating_add(2 * cut.max));
            if gone_at <= watermark {
                session.pieces.iter().for_each(|start| drop(self.pieces.remove(start)));
                self.issued.remove(&(session.start, session.end));
            } else {
                next = next.min(if is_final { gone_at } else { final_at });
            }
        }
        Ok((!self.pieces.is_empty()).then_some(next))
    }

    /// Marks issued sessions that are no more: another has taken them in, or they were cut.
    fn replace(&mut self, sessions: &[Session], group: &Group, rows: &mut Vec<Row>) {
        let now: BTreeMap<i64, &Session> = sessions.iter().map(|session| (session.start, session)).collect();
        let is_gone = |&(start, end): &(i64, i64)| now.get(&start).is_none_or(|session| session.end != end);
        let gone: Vec<(i64, i64)> = self
            .issued
            .iter()
            .filter(|(key, (_, is_final))| !is_final && is_gone(key))
            .map(|(key, _)| *key)
            .collect();
        for (start, end) in gone {
            self.issued.remove(&(start, end));
            let Some((_, by)) = now.range(..=start).next_back() else { continue };
            let revision = 1 + by.last;
            let (group, values, replaced_by) = (group.clone(), Vec::new(), Some(by.start));
            rows.push(Row { start, end, group, values, revision, is_final: true, replaced_by });
        }
    }

    fn row(
        &self,
        plan: &WindowPlan,
        session: &Session,
        group: &Group,
        revision: u64,
        is_final: bool,
    ) -> Result<Row, PartialsError> {
        let mut states = plan.states();
        for piece in session.pieces.iter().filter_map(|start| self.pieces.get(start)) {
            for (state, other) in states.iter_mut().zip(&piece.states) {
                state.merge(other)?;
            }
        }
        let values =
            states.iter().zip(&plan.aggregates).map(|(state, aggregate)| state.value(aggregate.function));
        let (values, group) = (values.collect(), group.clone());
        let (start, end) = (session.start, session.end);
        Ok(Row { start, end, group, values, revision, is_final, replaced_by: None })
    }
}

/// Makes the sessions of one chain of pieces.
fn close(sessions: &mut Vec<Session>, chain: &[(i64, &Piece)], chain_end: i64, cut: Sessions) {
    let Some(&(chain_start, _)) = chain.first() else { return };
    let is_long = chain_end - cut.gap - chain_start > cut.max;
    let last = chain.iter().map(|(_, piece)| piece.last).max().unwrap_or(0);
    let mut part: Option<Session> = None;
    for &(start, Piece { end, .. }) in chain {
        match &mut part {
            Some(own) if !is_long || cut.stretch(own.start) == cut.stretch(start) => {
                own.end = own.end.max(*end);
                own.pieces.push(start);
            }
            _ => sessions.extend(part.replace(Session {
                start,
                end: *end,
                pieces: vec![start],
                chain_end,
                last,
            })),
        }
    }
    sessions.extend(part);
}
