//! The simulated brokers: topics by partitions, transactional producers, consumer groups; and the count of steps, at each
//! of which the faults may strike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use transect_worker::log::{Committed, Record, Topic};

use crate::bugs::Bug;
use crate::clock::{self, SECOND};
use crate::faults::{Fault, Faults, Kind};
use crate::group::{Group, MemberId, Refusal};
use crate::setup::Job;
use crate::topic::{TopicPartition, TransactionNumber};
use crate::trace::Trace;

/// Where what groups have committed is kept, after the topics.
pub const STATE: usize = Topic::ALL.len();
/// A transaction that nobody ends is undone after so long, microseconds.
const TRANSACTION_TIMEOUT: i64 = 30 * SECOND;
/// How long topics are kept, microseconds.
const RETENTION: i64 = 240 * SECOND;
/// Whoever has read a record only just before its time was over needs some more to begin again behind its mark.
const MARKS_OLDER: i64 = 480 * SECOND;
/// `ids` are kept longer than `raw` by the dedup window of 5 minutes, and some.
const DEDUP_WINDOW: i64 = 320 * SECOND;
/// Where a deliberate bug lets them go early.
const IDS_RETENTION_SHORT: i64 = 60 * SECOND;

/// They are trimmed now and then.
const TRIMMED_EVERY: u64 = 32;

/// Everyone's view of the brokers. One thread works on it, by turns.
#[derive(Clone)]
pub struct Brokers(Arc<Mutex<World>>);

impl Brokers {
    /// Brokers with nothing in their topics.
    pub fn new(partitions: u32, faults: Faults, bug: Option<Bug>, trace: Trace) -> Self {
        let topics = (0..=STATE).map(|_| vec![TopicPartition::default(); partitions as usize]).collect();
        Self(Arc::new(Mutex::new(World {
            partitions,
            topics,
            producers: BTreeMap::new(),
            transactions: 0,
            groups: BTreeMap::new(),
            delayed: Vec::new(),
            steps: 0,
            faults,
            bug,
            trace,
            violations: Vec::new(),
            passed: 0,
        })))
    }

    /// The world itself, until the guard is dropped.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub struct World {
    /// Of each topic.
    pub partitions: u32,
    /// By topic and partition.
    topics: Vec<Vec<TopicPartition>>,
    producers: BTreeMap<String, Producer>,
    transactions: TransactionNumber,
    groups: BTreeMap<&'static str, Group>,
    /// What frozen processes were about to ask for.
    delayed: Vec<Delayed>,
    /// Steps so far.
    pub steps: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// The deliberate bug, if this is a test of the oracles.
    pub bug: Option<Bug>,
    /// What has happened.
    pub trace: Trace,
    /// Bounds that did not hold.
    pub violations: Vec<String>,
    /// Moments that have passed.
    passed: u64,
}

/// Who speaks to the brokers: a producer of an epoch, and a member of a group.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The process, for the trace; also its transactional id, and its name in the group.
    pub name: String,
    /// Of its producer.
    pub epoch: u32,
    /// Its group; empty for who has none.
    pub group: &'static str,
    /// Its membership.
    pub member: MemberId,
    /// The generation that it knows of.
    pub generation: u32,
}

/// One of the requests of which a transaction is made.
#[derive(Clone, Debug)]
pub enum Request {
    /// A record, the first of which begins the transaction.
    Append {
        /// The topic.
        slot: usize,
        /// Its partition.
        partition: u32,
        /// The record's key.
        key: String,
        /// The record.
        record: Record,
    },
    /// The group's offsets of a partition.
    Offsets {
        /// The partition.
        partition: u32,
    },
    /// The end: committed, or undone.
    End {
        /// Which of the two.
        commit: bool,
    },
}

/// Why brokers refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another session has the transactional id, or the transaction has timed out.
    Fenced,
    /// The group knows the member no more.
    NoMember,
    /// The group is a generation further.
    Outdated,
}

struct Producer {
    epoch: u32,
    open: Option<Transaction>,
}

struct Transaction {
    number: TransactionNumber,
    begun: i64,
    touched: BTreeSet<(usize, u32)>,
    /// Groups and partitions whose offsets it holds.
    pending: BTreeSet<(&'static str, u32)>,
}

struct Delayed {
    wake: i64,
    who: Identity,
    requests: Vec<Request>,
}

impl World {
    /// A partition of a topic.
    pub fn partition(&self, slot: usize, partition: u32) -> &TopicPartition {
        &self.topics[slot][partition as usize]
    }

    /// A consumer group.
    pub fn group(&mut self, name: &'static str) -> &mut Group {
        let partitions = self.partitions;
        self.groups.entry(name).or_insert_with(|| Group::new(partitions))
    }

    /// Counts a step, and says what goes wrong at it.
    pub fn step(&mut self, who: &str, kind: Kind, what: impl FnOnce() -> String) -> Option<Fault> {
        self.steps += 1;
        let fault = self.faults.strike(kind);
        self.trace.note(self.steps, || match fault {
            None => format!("{who}: {}", what()),
            Some(fault) => format!("{who}: {} ✗ {fault:?}", what()),
        });
        fault
    }

    /// Notes something that is no step.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        self.trace.note(self.steps, what);
    }

    /// Begins a session of a producer: whoever had its transactional id is fenced, and what it left open is undone.
    pub fn init_producer(&mut self, id: &str) -> u32 {
        if self.bug == Some(Bug::NoFencing) {
            return 0;
        }
        self.undo(id);
        let producer = self.producers.entry(id.to_owned()).or_insert(Producer { epoch: 0, open: None });
        producer.epoch += 1;
        producer.epoch
    }

    /// Does what is asked for, if whoever asks may.
    pub fn request(&mut self, who: &Identity, request: &Request) -> Result<(), Refused> {
        let fencing = self.bug != Some(Bug::NoFencing);
        let producer =
            self.producers.entry(who.name.clone()).or_insert(Producer { epoch: who.epoch, open: None });
        if fencing && producer.epoch != who.epoch {
            return Err(Refused::Fenced);
        }
        match request {
            Request::Append { slot, partition, key, record } => {
                let transactions = &mut self.transactions;
                let open = producer.open.get_or_insert_with(|| Transaction::begin(transactions));
                open.touched.insert((*slot, *partition));
                let (number, now) = (open.number, clock::now());
                self.topics[*slot][*partition as usize].append(number, key.clone(), record.clone(), now);
            }
            Request::Offsets { partition } => {
                let checked = self.group(who.group).check(&who.name, who.member, who.generation);
                match checked {
                    Err(Refusal::Unknown) if fencing => return Err(Refused::NoMember),
                    Err(Refusal::Outdated) if fencing => return Err(Refused::Outdated),
                    _ => {}
                }
                let transactions = &mut self.transactions;
                if let Some(producer) = self.producers.get_mut(&who.name) {
                    let open = producer.open.get_or_insert_with(|| Transaction::begin(transactions));
                    open.pending.insert((who.group, *partition));
                }
            }
            Request::End { commit } => self.end(&who.name, *commit),
        }
        Ok(())
    }

    fn end(&mut self, id: &str, commit: bool) {
        let open = self.producers.get_mut(id).and_then(|producer| producer.open.take());
        let Some(open) = open else { return };
        for (slot, partition) in open.touched {
            self.topics[slot][partition as usize].end(open.number, commit, clock::now());
        }
    }

    fn undo(&mut self, id: &str) {
        self.end(id, false);
    }

    /// Keeps for later what a frozen process was about to ask for.
    pub fn delay(&mut self, wake: i64, who: Identity, requests: Vec<Request>) {
        self.delayed.push(Delayed { wake, who, requests });
    }

    /// What happens by itself as time goes by.
    pub fn pass(&mut self) {
        let now = clock::now();
        for group in self.groups.values_mut() {
            group.expire(now);
        }
        let late = self.producers.iter_mut().filter(|(_, producer)| {
            producer.open.as_ref().is_some_and(|open| open.begun + TRANSACTION_TIMEOUT < now)
        });
        let late: Vec<String> = late.map(|(id, _)| id.clone()).collect();
        for id in late {
            self.note(|| format!("brokers: the transaction of {id} has timed out"));
            self.undo(&id);
            if let Some(producer) = self.producers.get_mut(&id) {
                producer.epoch += 1;
            }
        }
        let (due, waiting) = std::mem::take(&mut self.delayed).into_iter().partition(|d| d.wake <= now);
        self.delayed = waiting;
        let due: Vec<Delayed> = due;
        for Delayed { who, requests, .. } in due {
            for request in requests {
                let outcome = self.request(&who, &request);
                self.steps += 1;
                self.trace.note(self.steps, || format!("{} wakes: {request} → {outcome:?}", who.name));
                if outcome.is_err() {
                    break;
                }
            }
        }
        self.passed += 1;
        if self.passed.is_multiple_of(TRIMMED_EVERY) {
            self.trim(now);
        }
    }

    /// Topics are kept for a time, which is always longer than the way that their readers are behind.
    fn trim(&mut self, now: i64) {
        for partition in 0..self.partitions {
            let needed = Job::ALL.map(|job| {
                let committed = self.committed(job.group(), partition).unwrap_or_default();
                // Windows that are open are rebuilt from earlier partials.
                let state: serde_json::Value = serde_json::from_str(&committed.metadata).unwrap_or_default();
                let from = state["lowWater"].as_u64().unwrap_or(u64::MAX);
                (job.topic(), committed.offset(job.topic()).min(from))
            });
            let raw = self.partition(Topic::Raw as usize, partition);
            let unread = needed.iter().find(|(of, _)| *of == Topic::Raw).map_or(0, |(_, offset)| *offset);
            // `raw` that is kept because it is not read yet keeps `ids`.
            let oldest = raw.appended(unread).unwrap_or(now).min(now - RETENTION);
            for topic in Topic::ALL {
                let since = match topic {
                    Topic::Ids if self.bug == Some(Bug::IdsExpireFirst) => now - IDS_RETENTION_SHORT,
                    Topic::Ids => oldest - DEDUP_WINDOW,
                    _ => now - RETENTION,
                };
                let needed = needed.iter().filter(|(of, _)| *of == topic).map(|(_, offset)| *offset).min();
                let topic = &mut self.topics[topic as usize][partition as usize];
                topic.retain(since, needed.unwrap_or(u64::MAX), since - MARKS_OLDER);
            }
        }
    }

    /// Whether no open transaction holds offsets of a group's partition.
    pub fn is_stable(&self, group: &str, partition: u32) -> bool {
        let open = self.producers.values().filter_map(|producer| producer.open.as_ref());
        open.flat_map(|open| &open.pending).all(|pending| *pending != (group, partition))
    }

    /// What a group has committed last in a partition, as far as a reader of committed records sees it.
    pub fn committed(&self, group: &str, partition: u32) -> Option<Committed> {
        let state = self.partition(STATE, partition);
        let (_, record) = state.committed_from(0).rev().find(|(key, _)| *key == group)?;
        Some(from_record(record))
    }
}

impl Transaction {
    fn begin(numbers: &mut TransactionNumber) -> Self {
        *numbers += 1;
        let (touched, pending) = (BTreeSet::new(), BTreeSet::new());
        Self { number: *numbers, begun: clock::now(), touched, pending }
    }
}

/// A group's progress as a record of the state topic.
pub fn to_record(committed: &Committed) -> Record {
    let offsets = committed.offsets.iter().map(|(topic, at)| (topic.as_str().into(), at.to_string()));
    Record { offset: 0, headers: offsets.collect(), value: committed.metadata.clone().into() }
}

fn from_record(record: &Record) -> Committed {
    let topic = |name: &str| Topic::ALL.into_iter().find(|topic| topic.as_str() == name);
    let offsets = record.headers.iter().filter_map(|(name, at)| Some((topic(name)?, at.parse().ok()?)));
    Committed { offsets: offsets.collect(), metadata: String::from_utf8_lossy(&record.value).into_owned() }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Append { slot, partition, record, .. } => {
                let topic = Topic::ALL.get(*slot).map_or("state", |topic| topic.as_str());
                write!(f, "append to {topic}/{partition}, {} bytes", record.value.len())
            }
            Self::Offsets { partition } => write!(f, "offsets of partition {partition}"),
            Self::End { commit: true } => f.write_str("commit"),
            Self::End { commit: false } => f.write_str("undo"),
        }
    }
}
