//! A consumer group's coordinator: who is a member, which generation it is, who has which partition. Cooperative: a
//! partition goes to another member once the one that has it says that it has ended with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use transect_worker::log::kafka::Change;

/// A member that has not been heard of for so long is out, microseconds.
pub const SESSION_TIMEOUT: i64 = 6_000_000;

/// One membership: a name gets another with each session.
pub type MemberId = u64;

#[derive(Clone, Debug)]
struct Member {
    id: MemberId,
    heard: i64,
    changes: VecDeque<Change>,
    /// Partitions that it is asked to give back.
    leaving: BTreeSet<u32>,
}

/// Why offsets are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Who asks is no member any more.
    Unknown,
    /// It has not heard of the present generation yet.
    Outdated,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Group {
    generation: u32,
    ids: MemberId,
    /// By their own names, which stay.
    members: BTreeMap<String, Member>,
    /// By partition, the name of who has it.
    owners: Vec<Option<String>>,
}

impl Group {
    /// Nobody yet.
    pub fn new(partitions: u32) -> Self {
        Self { generation: 0, ids: 0, members: BTreeMap::new(), owners: vec![None; partitions as usize] }
    }

    /// The present generation.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Takes a member in. One that comes back under its name gets what it had, and whoever else has that name is out.
    pub fn join(&mut self, name: &str, now: i64) -> MemberId {
        self.ids += 1;
        let leaving = self.members.remove(name).map(|before| before.leaving).unwrap_or_default();
        for partition in leaving {
            self.owners[partition as usize] = None;
        }
        let owned = self.owned_by(name);
        let changes = if owned.is_empty() { VecDeque::new() } else { [Change::Given(owned)].into() };
        let member = Member { id: self.ids, heard: now, changes, leaving: BTreeSet::new() };
        self.members.insert(name.to_owned(), member);
        self.rebalance();
        self.ids
    }

    /// Lets a member go that has ended its work.
    pub fn leave(&mut self, name: &str, id: MemberId) {
        if self.is_member(name, id) {
            self.remove(name);
            self.rebalance();
        }
    }

    /// Lets those go that were not heard of for too long.
    pub fn expire(&mut self, now: i64) {
        let silent = self.members.iter().filter(|(_, member)| member.heard + SESSION_TIMEOUT < now);
        let silent: Vec<String> = silent.map(|(name, _)| name.clone()).collect();
        if !silent.is_empty() {
            silent.iter().for_each(|name| self.remove(name));
            self.rebalance();
        }
    }

    /// Whether a session is the member of its name.
    pub fn is_member(&self, name: &str, id: MemberId) -> bool {
        self.members.get(name).is_some_and(|member| member.id == id)
    }

    /// Whether someone has a name.
    pub fn is_name_taken(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Notes a sign of life; the generation, if it is a member.
    pub fn heartbeat(&mut self, name: &str, id: MemberId, now: i64) -> Option<u32> {
        let member = self.members.get_mut(name).filter(|member| member.id == id)?;
        member.heard = now;
        Some(self.generation)
    }

    /// The next change for a member.
    pub fn next_change(&mut self, name: &str, id: MemberId) -> Option<Change> {
        self.members.get_mut(name).filter(|member| member.id == id)?.changes.pop_front()
    }

    /// Notes that a member has ended with partitions that were taken from it.
    pub fn give_back(&mut self, name: &str, id: MemberId, partitions: &[u32]) {
        let Some(member) = self.members.get_mut(name).filter(|member| member.id == id) else { return };
        for partition in partitions {
            member.leaving.remove(partition);
            self.owners[*partition as usize] = None;
        }
        self.rebalance();
    }

    /// Whether someone may commit offsets.
    pub fn check(&self, name: &str, id: MemberId, generation: u32) -> Result<(), Refusal> {
        if !self.is_member(name, id) {
            return Err(Refusal::Unknown);
        }
        if generation == self.generation { Ok(()) } else { Err(Refusal::Outdated) }
    }

    fn owned_by(&self, name: &str) -> Vec<u32> {
        let all = (0..).zip(&self.owners);
        all.filter(|(_, owner)| owner.as_deref() == Some(name)).map(|(partition, _)| partition).collect()
    }

    fn remove(&mut self, name: &str) {
        self.members.remove(name);
        for owner in self.owners.iter_mut().filter(|owner| owner.as_deref() == Some(name)) {
            *owner = None;
        }
    }

    /// Gives what nobody has to those who have least, and asks those who have too much for one.
    fn rebalance(&mut self) {
        self.generation += 1;
        let mut loads: BTreeMap<String, usize> =
            self.members.keys().map(|name| (name.clone(), self.owned_by(name).len())).collect();
        for partition in 0..self.owners.len() {
            if self.owners[partition].is_some() {
                continue;
            }
            let Some((name, load)) = loads.iter_mut().min_by_key(|(_, load)| **load) else { return };
            *load += 1;
            self.owners[partition] = Some(name.clone());
            let name = name.clone();
            if let Some(member) = self.members.get_mut(&name) {
                member.changes.push_back(Change::Given(vec![partition as u32]));
            }
        }
        let least = loads.values().min().copied().unwrap_or_default();
        for (name, load) in loads {
            let owned = self.owned_by(&name);
            let Some(member) = self.members.get_mut(&name) else { continue };
            if load > least + 1 && member.leaving.is_empty() {
                member.leaving.extend(owned.last());
                member.changes.extend(owned.last().map(|partition| Change::Taken(vec![*partition])));
            }
        }
    }
}
