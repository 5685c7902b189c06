//! Clients and a gateway: requests of some events, posted in no strict order, joined into few records of `raw`, tried again
//! after an error, and some repeated though they were acknowledged. Not the HTTP server, only what it makes of `raw`.

use std::collections::BTreeMap;
use std::sync::Arc;

use transect_worker::log::{NewRecord, Topic, Transaction};
use transect_worker::record;

use crate::clock::{self, SECOND};
use crate::faults::Kind;
use crate::log::Link;
use crate::random::Random;
use crate::world::{Brokers, Identity};

const STATIONS: u64 = 6;
/// How far behind the clock events are when they are posted first, microseconds at most.
const DISORDER: i64 = 5 * SECOND;
/// How long a client tries.
const PATIENCE: i64 = 20 * SECOND;
/// After how long a client repeats at most what was acknowledged: within the dedup window, however long all takes.
const REPEAT: i64 = 200 * SECOND;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its identity.
    pub id: String,
    /// Its key, and its group in windows.
    pub station: String,
    /// Milliseconds since 1970 UTC.
    pub time: i64,
    /// What is measured.
    pub value: i64,
    /// Whether it is as its schema says.
    pub valid: bool,
    /// It in JSON.
    pub line: String,
}

struct Posted {
    events: Vec<Event>,
    due: i64,
    gives_up: i64,
    acknowledged: bool,
}

/// See the module.
pub struct Gateway {
    name: String,
    brokers: Brokers,
    random: Random,
    /// By station.
    partitions: Vec<u32>,
    link: Option<Arc<Link>>,
    begins: i64,
    posted: Vec<Posted>,
    made: u64,
    /// Every event that was ever posted, by its line.
    pub events: BTreeMap<String, Event>,
    /// Those that were acknowledged.
    pub acknowledged: Vec<Event>,
}

impl Gateway {
    /// Nothing posted yet.
    pub fn new(number: u64, brokers: &Brokers, random: &mut Random) -> Self {
        let mut random = Random::new(random.next_u64());
        let partitions = u64::from(brokers.world().partitions);
        Self {
            name: format!("gateway-{number}"),
            brokers: brokers.clone(),
            partitions: (0..STATIONS).map(|_| random.below(partitions) as u32).collect(),
            random,
            link: None,
            begins: 0,
            posted: Vec::new(),
            made: number * 500_000,
            events: BTreeMap::new(),
            acknowledged: Vec::new(),
        }
    }

    /// A client makes a request.
    pub fn make_request(&mut self) {
        let events: Vec<Event> = (0..=self.random.below(5)).map(|_| self.make_event()).collect();
        self.events.extend(events.iter().map(|event| (event.line.clone(), event.clone())));
        let now = clock::now();
        self.posted.push(Posted { events, due: now, gives_up: now + PATIENCE, acknowledged: false });
    }

    fn make_event(&mut self) -> Event {
        let random = &mut self.random;
        self.made += 1;
        let (id, station) = (format!("e{:06}", self.made), random.below(STATIONS));
        let time = (clock::now() - random.between(0, DISORDER)) / 1000;
        let (value, valid) = (random.below(1000) as i64, !random.happens(500));
        let value = if valid { value } else { -1 - value };
        let line = format!(r#"{{"id":"{id}","station":"s{station}","time":{time},"value":{value}}}"#);
        Event { id, station: format!("s{station}"), time, value, valid, line }
    }

    /// Whether no client waits or will come again.
    pub fn is_done(&self) -> bool {
        self.posted.is_empty()
    }

    /// Does one small thing.
    pub fn tick(&mut self) {
        let now = clock::now();
        self.posted.retain(|posted| posted.acknowledged || now < posted.gives_up);
        let Some(link) = self.link.clone().filter(|link| !link.is_dead()) else {
            return self.begin();
        };
        // Group commit, in no strict order.
        let mut due: Vec<usize> = (0..self.posted.len()).filter(|at| self.posted[*at].due <= now).collect();
        let joined = 1 + self.random.below(3) as usize;
        while due.len() > joined {
            due.remove(self.random.below(due.len() as u64) as usize);
        }
        if due.is_empty() {
            return;
        }
        let records = self.records(&due);
        let committed = link.commit(0, &Transaction { records, ..Transaction::default() });
        let ids = |posted: &Posted| posted.events.iter().map(|e| e.id.clone()).collect::<Vec<_>>().join(" ");
        for at in due.into_iter().rev() {
            let mut posted = self.posted.swap_remove(at);
            if committed.is_err() {
                posted.due = now + self.random.between(SECOND / 2, 5 * SECOND);
                self.posted.push(posted);
                continue;
            }
            self.brokers.world().note(|| format!("{}: acknowledges {}", self.name, ids(&posted)));
            if !posted.acknowledged {
                self.acknowledged.extend(posted.events.iter().cloned());
                if self.random.happens(2500) {
                    let due = now + self.random.between(0, REPEAT);
                    self.posted.push(Posted { due, acknowledged: true, ..posted });
                }
            }
        }
        if committed.is_err() {
            // Who posts meanwhile waits.
            self.link = None;
            self.begins = now + self.random.between(SECOND / 10, 2 * SECOND);
        }
    }

    fn begin(&mut self) {
        if self.link.take().is_some() {
            self.begins = clock::now() + self.random.between(SECOND / 10, 2 * SECOND);
        }
        if clock::now() < self.begins {
            return;
        }
        let mut world = self.brokers.world();
        if world.step(&self.name, Kind::Request, || "begin a session".into()).is_none() {
            let epoch = world.init_producer(&self.name);
            let who = Identity { name: self.name.clone(), epoch, group: "", member: 0, generation: 0 };
            drop(world);
            self.link = Some(Link::new(self.brokers.clone(), who));
        }
    }

    /// The events of some requests, as records of the partitions of their keys.
    fn records(&self, requests: &[usize]) -> Vec<NewRecord> {
        let mut lines: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for event in requests.iter().flat_map(|at| &self.posted[*at].events) {
            let station: usize = event.station[1..].parse().unwrap_or_default();
            lines.entry(self.partitions[station]).or_default().push(&event.line);
        }
        let record = |(partition, lines): (u32, Vec<&str>)| {
            let headers = vec![
                (record::SOURCE.into(), "web".to_owned()),
                (record::RECEIVED.into(), clock::now().to_string()),
                (record::COUNT.into(), lines.len().to_string()),
                (record::CONTENT_TYPE.into(), record::NDJSON.to_owned()),
            ];
            NewRecord::new(Topic::Raw, headers, lines.join("\n") + "\n").to(Some(partition))
        };
        lines.into_iter().map(record).collect()
    }
}
