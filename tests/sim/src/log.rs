//! One partition of all topics as a process sees it: what `log/kafka` is on real brokers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use transect_worker::log::{Committed, Log, LogError, Record, Share, Topic, Transaction};

use crate::bounds;
use crate::bugs::Bug;
use crate::clock;
use crate::faults::{Fault, Kind};
use crate::world::{Brokers, Identity, Refused, Request, STATE, to_record};

/// What is read when a partition is opened, and when its roles are rebuilt.
const REBUILT_FROM: [usize; 4] =
    [STATE, Topic::Ids as usize, Topic::Observations as usize, Topic::WindowObservations as usize];
/// Tries to commit while a group's generations overtake each other.
const TRIES: u32 = 5;

/// What a process has of the brokers for one session: a producer, a membership, and whether it still lives.
pub struct Link {
    brokers: Brokers,
    state: Mutex<LinkState>,
}

struct LinkState {
    who: Identity,
    /// Killed or frozen: nothing it asks for reaches the brokers, and nothing it does counts.
    dead: bool,
    /// A transaction has failed: nothing more is committed in this session.
    closed: bool,
    /// A partition is being given back.
    draining: bool,
}

impl Link {
    /// For a producer whose session has begun.
    pub fn new(brokers: Brokers, who: Identity) -> Arc<Self> {
        let state = LinkState { who, dead: false, closed: false, draining: false };
        Arc::new(Self { brokers, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The brokers.
    pub fn brokers(&self) -> &Brokers {
        &self.brokers
    }

    /// Who speaks.
    pub fn who(&self) -> Identity {
        self.state().who.clone()
    }

    /// Changes who speaks: another membership, or a generation further.
    pub fn change(&self, change: impl FnOnce(&mut Identity)) {
        change(&mut self.state().who);
    }

    /// Whether the process was killed or stands still.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Kills it.
    pub fn kill(&self) {
        self.state().dead = true;
    }

    /// Notes whether a partition is being given back.
    pub fn set_draining(&self, draining: bool) {
        self.state().draining = draining;
    }

    /// Whether a partition is being given back.
    pub fn is_draining(&self) -> bool {
        self.state().draining
    }

    /// Counts a step, at which the process may be killed or the step may fail.
    pub fn step(&self, kind: Kind, what: impl FnOnce() -> String) -> Result<(), LogError> {
        if self.is_dead() {
            return Err(error("the process is dead"));
        }
        let name = self.who().name;
        match self.brokers.world().step(&name, kind, what) {
            None => Ok(()),
            Some(Fault::Crash | Fault::CrashAfter | Fault::Freeze(_) | Fault::Replace(_)) => {
                self.kill();
                Err(error("the process is dead"))
            }
            Some(Fault::Fail | Fault::Lost) => Err(error("it was told to fail")),
        }
    }

    /// Commits a transaction of a partition. After an error it may have happened or not, and the session is over.
    pub fn commit(&self, partition: u32, transaction: &Transaction) -> Result<(), LogError> {
        let requests = requests(partition, transaction);
        for _ in 0..TRIES {
            if self.state().closed {
                return Err(error("an earlier transaction has failed"));
            }
            match self.attempt(&requests) {
                Ok(()) => return Ok(()),
                Err(Failure::Refused(Refused::Outdated)) => {
                    self.undo()?;
                    self.hear();
                }
                Err(Failure::Unknown) if self.brokers.world().bug == Some(Bug::UnknownIsFailed) => {}
                Err(failure) => {
                    self.state().closed = true;
                    // If it can't be undone here, the next session sees to that.
                    let _ = self.undo();
                    return Err(error(failure.word()));
                }
            }
        }
        self.state().closed = true;
        Err(error("the group goes on and on"))
    }

    /// Tells the group that the process lives.
    pub fn live(&self) {
        let who = self.who();
        self.brokers.world().group(who.group).heartbeat(&who.name, who.member, clock::now());
    }

    /// Hears of the group's present generation.
    pub fn hear(&self) {
        let mut state = self.state();
        let who = &mut state.who;
        let heard = self.brokers.world().group(who.group).heartbeat(&who.name, who.member, clock::now());
        who.generation = heard.unwrap_or(who.generation);
    }

    fn undo(&self) -> Result<(), LogError> {
        self.step(Kind::Request, || "undo".into())?;
        // Refused where there is nothing to undo any more.
        let _ = self.brokers.world().request(&self.who(), &Request::End { commit: false });
        Ok(())
    }

    fn attempt(&self, requests: &[Request]) -> Result<(), Failure> {
        if self.is_dead() {
            return Err(Failure::Dead);
        }
        let who = self.who();
        for (at, request) in requests.iter().enumerate() {
            let mut world = self.brokers.world();
            let fault = world.step(&who.name, Kind::Request, || request.to_string());
            match fault {
                None => world.request(&who, request).map_err(Failure::Refused)?,
                Some(Fault::Fail) => return Err(Failure::Failed),
                Some(Fault::Lost) => {
                    world.request(&who, request).map_err(Failure::Refused)?;
                    let applied = matches!(request, Request::End { .. });
                    return Err(if applied { Failure::Unknown } else { Failure::Failed });
                }
                Some(Fault::Crash) => {
                    self.kill();
                    return Err(Failure::Dead);
                }
                Some(Fault::CrashAfter) => {
                    let _ = world.request(&who, request);
                    self.kill();
                    return Err(Failure::Dead);
                }
                Some(Fault::Freeze(time) | Fault::Replace(time)) => {
                    world.delay(clock::now() + time, who.clone(), requests[at..].to_vec());
                    self.kill();
                    return Err(Failure::Dead);
                }
            }
        }
        Ok(())
    }
}

/// Why an attempt to commit has ended.
enum Failure {
    Refused(Refused),
    /// It has not happened.
    Failed,
    /// It may have happened.
    Unknown,
    Dead,
}

impl Failure {
    fn word(&self) -> &'static str {
        match self {
            Self::Refused(Refused::Fenced) => "fenced",
            Self::Refused(Refused::NoMember) => "no member any more",
            Self::Refused(Refused::Outdated) => "outdated",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Dead => "the process is dead",
        }
    }
}

/// An error as a broker's.
pub fn error(problem: &str) -> LogError {
    LogError::Closed { path: "the simulated topics".into(), problem: problem.into() }
}

/// A transaction as requests: records, then progress, then its offsets, then the end.
fn requests(partition: u32, transaction: &Transaction) -> Vec<Request> {
    let append = |slot: usize, partition: u32, key: &str, record: Record| Request::Append {
        slot,
        partition,
        key: key.to_owned(),
        record,
    };
    let mut requests = Vec::new();
    for new in &transaction.records {
        let record = Record { offset: 0, headers: new.headers.clone(), value: new.value.clone() };
        requests.push(append(new.topic as usize, new.partition.unwrap_or(partition), "", record));
    }
    if let Some((group, committed)) = &transaction.progress {
        requests.push(append(STATE, partition, group, to_record(committed)));
        requests.push(Request::Offsets { partition });
    }
    requests.push(Request::End { commit: true });
    requests
}

/// See the module.
pub struct SimLog {
    link: Arc<Link>,
    partition: u32,
    groups: Mutex<BTreeMap<String, Committed>>,
    /// By topic, where the reading stands at the end, if it does.
    at_end: Mutex<BTreeMap<Topic, u64>>,
    /// By topic, the offset after the last record that was read, and the one after the marks behind it, once they have been
    /// passed: not before the next fetch.
    marks: Mutex<BTreeMap<Topic, (u64, u64)>>,
}

impl SimLog {
    /// Opens a partition for a group; None while what another has begun for it is not finished.
    pub fn open(link: &Arc<Link>, partition: u32) -> Result<Option<Self>, LogError> {
        let group = link.who().group;
        link.step(Kind::Read, || format!("open partition {partition}"))?;
        let mut world = link.brokers().world();
        let settled = |slot: &usize| world.partition(*slot, partition).is_settled();
        // Behind the records of an open transaction there may be others that are committed.
        let settled = world.bug == Some(Bug::OpensUnsettled) || REBUILT_FROM.iter().all(settled);
        if !settled || !world.is_stable(group, partition) {
            return Ok(None);
        }
        let committed = world.committed(group, partition);
        let (name, offsets) = (link.who().name, committed.as_ref().map(|committed| &committed.offsets));
        world.note(|| format!("{name}: has partition {partition} from {offsets:?}"));
        drop(world);
        let groups = committed.map(|committed| (group.to_owned(), committed));
        Ok(Some(Self {
            link: Arc::clone(link),
            partition,
            groups: Mutex::new(groups.into_iter().collect()),
            at_end: Mutex::default(),
            marks: Mutex::default(),
        }))
    }

    /// What the process has of the brokers.
    pub fn link(&self) -> &Link {
        &self.link
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<String, Committed>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_marks(&self, committed: &mut Committed) {
        for (topic, offset) in &mut committed.offsets {
            *offset = self.behind_marks(*topic, *offset);
        }
    }

    fn behind_marks(&self, topic: Topic, next: u64) -> u64 {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.get(&topic).filter(|(last, _)| *last <= next).map_or(next, |(_, behind)| next.max(*behind))
    }

    fn check_bounds(&self, transaction: &Transaction) {
        let Some((group, after)) = &transaction.progress else { return };
        let before = self.groups().get(group).cloned().unwrap_or_default();
        let mut world = self.link.brokers().world();
        let exceeded = bounds::exceeded(&world, group, self.partition, &before, after);
        world.violations.extend(exceeded);
    }

    fn at_end(&self) -> MutexGuard<'_, BTreeMap<Topic, u64>> {
        self.at_end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for SimLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        self.link.step(Kind::Read, || format!("read {}/{} from {from}", topic.as_str(), self.partition))?;
        let mut world = self.link.brokers().world();
        // A fetch may bring less than there is.
        let records_max = world.faults.fetch_size();
        let bug = world.bug;
        let part = world.partition(topic as usize, self.partition);
        // Whoever has passed marks does not ask for them again.
        let asked = from;
        let from = self.behind_marks(topic, from);
        if from < part.start() {
            return Err(LogError::Trimmed { topic: topic.as_str(), asked: from, start: part.start() });
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        let mut rest = part.committed_from(from);
        let mut more = false;
        for (_, record) in rest.by_ref() {
            if bytes >= bytes_max || taken.len() >= records_max {
                more = true;
                break;
            }
            bytes += record.value.len();
            taken.push(record.clone());
        }
        let next = taken.last().map_or(asked, |last| last.offset + 1);
        let passes = taken.is_empty() && bug != Some(Bug::WaitsAtMarks);
        let behind = if passes { part.last_stable().max(next) } else { next };
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert(topic, (next, behind));
        match more {
            true => self.at_end().remove(&topic),
            false => self.at_end().insert(topic, next),
        };
        Ok(taken)
    }

    fn end(&self, topic: Topic) -> u64 {
        if let Some(next) = self.at_end().get(&topic) {
            return *next;
        }
        self.link.brokers().world().partition(topic as usize, self.partition).last_stable()
    }

    fn start(&self, topic: Topic) -> u64 {
        self.link.brokers().world().partition(topic as usize, self.partition).start()
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        self.groups().get(group).cloned()
    }

    fn commit(&self, mut transaction: Transaction) -> Result<(), LogError> {
        if let Some((_, committed)) = &mut transaction.progress {
            self.pass_marks(committed);
        }
        self.check_bounds(&transaction);
        self.link.commit(self.partition, &transaction)?;
        self.groups().extend(transaction.progress);
        Ok(())
    }

    fn advance(&self, group: &str) -> Result<(), LogError> {
        let Some(before) = self.committed(group) else { return Ok(()) };
        let mut after = before.clone();
        self.pass_marks(&mut after);
        if after == before {
            return Ok(());
        }
        self.commit(Transaction { progress: Some((group.to_owned(), after)), ..Transaction::default() })
    }

    fn sequence(&self) -> u64 {
        0
    }

    fn wait(&self, _: u64, _: Duration) -> u64 {
        0
    }

    fn share(&self) -> Option<Share> {
        Some(Share { partition: self.partition, of: self.link.brokers().world().partitions })
    }

    fn elsewhere(&self, group: &str) -> Result<BTreeMap<u32, Committed>, LogError> {
        self.link.step(Kind::Read, || format!("read what {group} has committed elsewhere"))?;
        let world = self.link.brokers().world();
        let others = (0..world.partitions).filter(|partition| *partition != self.partition);
        Ok(others.filter_map(|other| Some((other, world.committed(group, other)?))).collect())
    }
}
