//! One seed from its beginning to its verdict.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use transect_worker::log::Topic;
use transect_worker::process::ProcessState;
use transect_worker::record::COUNT;

use crate::bugs::Bug;
use crate::clock::{self, BEGINNING, SECOND};
use crate::faults::Faults;
use crate::gateway::Gateway;
use crate::oracles;
use crate::random::Random;
use crate::setup::{Job, PARTITIONS_MAX, Setup};
use crate::trace::Trace;
use crate::worker::Worker;
use crate::world::Brokers;

/// How long all may take to come to rest once nothing goes wrong any more, microseconds.
const PATIENCE: i64 = 1500 * SECOND;

/// Whoever has written nothing for so long is silent, microseconds.
const SILENCE: i64 = 90 * SECOND;

/// How a run has ended.
#[derive(Debug)]
pub struct Outcome {
    /// What failed; None if all holds.
    pub failure: Option<String>,
    /// What has happened, if that was kept.
    pub trace: String,
    /// Numbered steps.
    pub steps: u64,
    /// Events that were acknowledged.
    pub acknowledged: usize,
}

/// Runs a seed. Its files are written below `scratch`, and removed.
pub fn run(seed: u64, bug: Option<Bug>, traced: bool, scratch: &Path) -> Outcome {
    let mut random = Random::new(seed);
    clock::set(BEGINNING);
    let partitions = 1 + random.below(u64::from(PARTITIONS_MAX)) as u32;
    let faults = Faults::plan(&mut random);
    let brokers = Brokers::new(partitions, faults, bug, Trace::new(traced));
    let mut gateways: Vec<Gateway> =
        (0..=random.below(2)).map(|number| Gateway::new(number, &brokers, &mut random)).collect();
    let failure = attempt(&mut random, bug, &brokers, &mut gateways, scratch).err();
    let world = brokers.world();
    Outcome {
        failure: failure.map(|error| format!("{error:#}")),
        trace: world.trace.text().to_owned(),
        steps: world.steps,
        acknowledged: gateways.iter().map(|gateway| gateway.acknowledged.len()).sum(),
    }
}

fn attempt(
    random: &mut Random,
    bug: Option<Bug>,
    brokers: &Brokers,
    gateways: &mut [Gateway],
    scratch: &Path,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch).context("make a folder")?;
    let partitions = brokers.world().partitions;
    let out = folder.path().join("out");
    fs::create_dir(&out).context("make a folder")?;
    let mut workers = Vec::new();
    for job in Job::ALL {
        let number = if job == Job::Process { 1 + random.below(3) } else { 1 + random.below(2) };
        workers.extend((0..number as usize).map(|number| Worker::new(job, number, brokers, random)));
    }
    let mut run = Run {
        setup: Setup::new(partitions, &out, bug)?,
        store: Store { out, away_until: None },
        brokers,
        gateways,
        workers,
        random: Random::new(random.next_u64()),
        posting: true,
    };
    run.with_faults();
    run.settle()?;
    run.fall_silent()?;
    oracles::check(brokers, run.gateways, &run.setup.out)
}

/// The sinks' folder, which is not always there.
struct Store {
    out: PathBuf,
    away_until: Option<i64>,
}

impl Store {
    /// Where the folder was is a file, so that nothing can be made below it.
    fn goes(&mut self, until: i64) {
        if self.away_until.is_none() && fs::rename(&self.out, self.out.with_extension("away")).is_ok() {
            let _ = fs::write(&self.out, "");
            self.away_until = Some(until);
        }
    }

    fn returns(&mut self) {
        if self.away_until.take().is_some() {
            let _ = fs::remove_file(&self.out);
            let _ = fs::rename(self.out.with_extension("away"), &self.out);
        }
    }
}

struct Run<'a> {
    setup: Setup,
    store: Store,
    brokers: &'a Brokers,
    gateways: &'a mut [Gateway],
    workers: Vec<Worker>,
    random: Random,
    posting: bool,
}

impl Run<'_> {
    /// The time in which things go wrong: bursts of events, and silence between them.
    fn with_faults(&mut self) {
        let until = BEGINNING + self.random.between(60, 900) * SECOND;
        let often = 50 + self.random.below(500);
        let (stops, outages) = (self.random.below(12), self.random.below(4));
        let mut turns = BEGINNING;
        while clock::now() < until {
            if clock::now() >= turns {
                self.posting = self.random.below(4) != 0;
                turns = clock::now() + self.random.between(5, 80) * SECOND;
            }
            let longest = if self.posting { SECOND / 2 } else { 2 * SECOND };
            self.tick(longest);
            if self.posting && self.random.happens(often) {
                let at = self.random.below(self.gateways.len() as u64) as usize;
                self.gateways[at].make_request();
            }
            if self.random.happens(stops) {
                let at = self.random.below(self.workers.len() as u64) as usize;
                self.workers[at].stop();
            }
            if self.random.happens(outages) {
                self.brokers.world().note(|| "the store goes away".into());
                self.store.goes(clock::now() + self.random.between(5, 90) * SECOND);
            }
        }
        self.store.returns();
        self.brokers.world().faults.stop();
    }

    /// Nothing goes wrong any more: all is worked off, and the last windows close.
    fn settle(&mut self) -> anyhow::Result<()> {
        self.brokers.world().note(|| "nothing goes wrong any more".into());
        let until = clock::now() + PATIENCE;
        let mut ticks = 0_u64;
        loop {
            self.tick(SECOND);
            ticks += 1;
            if ticks.is_multiple_of(64) {
                let Some(waits) = self.waits_for()? else { return Ok(()) };
                if clock::now() > until {
                    let workers: Vec<String> = self.workers.iter().map(Worker::status).collect();
                    bail!("it does not come to rest: {waits}\n{}", workers.join("\n"));
                }
            }
        }
    }

    /// Nothing comes any more: after a while nobody writes anything to `raw`, since there is nothing left to wait for.
    fn fall_silent(&mut self) -> anyhow::Result<()> {
        let raw_ends = |brokers: &Brokers| -> Vec<u64> {
            let world = brokers.world();
            (0..world.partitions)
                .map(|of| world.partition(Topic::Raw as usize, of).high_watermark())
                .collect()
        };
        let until = clock::now() + PATIENCE;
        let (mut ends, mut since) = (raw_ends(self.brokers), clock::now());
        while clock::now() < since + SILENCE {
            ensure!(clock::now() < until, "idle records go on and on");
            self.tick(SECOND);
            let now = raw_ends(self.brokers);
            if now != ends {
                (ends, since) = (now, clock::now());
            }
        }
        Ok(())
    }

    /// A moment passes, and someone does something.
    fn tick(&mut self, longest: i64) {
        clock::set(clock::now() + self.random.between(SECOND / 100, longest));
        self.brokers.world().pass();
        if self.store.away_until.is_some_and(|until| until <= clock::now()) {
            self.brokers.world().note(|| "the store is back".into());
            self.store.returns();
        }
        let at = self.random.below((self.workers.len() + self.gateways.len()) as u64) as usize;
        match self.workers.get_mut(at) {
            Some(worker) => worker.tick(&self.setup),
            None => self.gateways[at - self.workers.len()].tick(),
        }
        // Whoever is not frozen is heard of.
        self.workers.iter().for_each(Worker::heartbeat);
    }

    /// What is not done yet; None once all is.
    fn waits_for(&self) -> anyhow::Result<Option<String>> {
        if !self.gateways.iter().all(Gateway::is_done) {
            return Ok(Some("a client waits".into()));
        }
        let world = self.brokers.world();
        let mut states = Vec::new();
        for partition in 0..world.partitions {
            for job in Job::ALL {
                let committed = world.committed(job.group(), partition).unwrap_or_default();
                let all = world.partition(job.topic() as usize, partition);
                // Silence goes on for ever.
                let mut events = all.all().rev().filter(|(_, record)| record.header(COUNT) != Some("0"));
                let end = events.next().map_or(0, |(_, record)| record.offset + 1);
                if committed.offset(job.topic()) < end {
                    let at = committed.offset(job.topic());
                    return Ok(Some(format!("{}: partition {partition} is at {at} of {end}", job.group())));
                }
                // Whoever was killed after its commit has left its files for the next to publish.
                if !self.workers.iter().any(|worker| worker.works_on(job, partition)) {
                    return Ok(Some(format!("{}: nobody works on partition {partition}", job.group())));
                }
            }
            states.push(match world.committed(Job::Process.group(), partition) {
                Some(committed) => serde_json::from_str(&committed.metadata)?,
                None => ProcessState::default(),
            });
        }
        let closing = states.iter().map(|state| state.closing).max();
        let open = states.iter().position(|state| Some(state.watermark) < closing);
        if let Some(partition) = open {
            return Ok(Some(format!("the watermark of partition {partition}")));
        }
        Ok(None)
    }
}
