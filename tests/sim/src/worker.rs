//! A simulated process: it works in one group, begins a session, runs the roles of the partitions that it is given, and
//! begins again when something fails. It does what `transect_worker::assignment` does, one small step at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use transect_worker::log::kafka::Change;
use transect_worker::log::{Log, advance_at_first};
use transect_worker::role::Role;

use crate::bugs;
use crate::clock::{self, SECOND};
use crate::faults::{Fault, Kind};
use crate::group::MemberId;
use crate::log::{Link, SimLog};
use crate::random::Random;
use crate::setup::{Job, Setup};
use crate::world::{Brokers, Identity};

/// Roles hold what they have at most so long, microseconds.
const FLUSH_INTERVAL: i64 = 25 * SECOND;
/// The longest that a process is away: less than topics are kept.
const AWAY_MAX: i64 = 100 * SECOND;

/// See the module.
pub struct Worker {
    job: Job,
    name: String,
    brokers: Brokers,
    random: Random,
    session: Option<Session>,
    /// When the next session begins, if there is none.
    begins: i64,
    /// Sessions that stand still while others have taken their place.
    zombies: Vec<Session>,
    /// Why the last session has ended.
    problem: String,
}

struct Session {
    link: Arc<Link>,
    seats: BTreeMap<u32, Seat>,
    /// A change that can't be done yet.
    change: Option<Change>,
    frozen_until: i64,
    /// The partition that worked last.
    last: u32,
    ticks: u64,
}

struct Seat {
    log: Arc<dyn Log>,
    role: Box<dyn Role>,
    flushed: i64,
}

/// How a session goes on.
enum Next {
    Goes,
    Dead,
    Failed(String),
    /// It stands still, and another takes its place.
    Replaced,
}

impl Worker {
    /// One that is yet to begin.
    pub fn new(job: Job, number: usize, brokers: &Brokers, random: &mut Random) -> Self {
        Self {
            name: format!("{}-{number}", job.group()),
            job,
            brokers: brokers.clone(),
            random: Random::new(random.next_u64()),
            session: None,
            begins: clock::now() + random.between(0, 10 * SECOND),
            zombies: Vec::new(),
            problem: String::new(),
        }
    }

    /// How it is, for a report.
    pub fn status(&self) -> String {
        let state = if self.session.is_some() { "works" } else { "is away" };
        format!("{} {state}; its last problem: {}", self.name, self.problem)
    }

    /// Whether it does so for certain: nobody who might still commit something for that partition comes before it.
    pub fn works_on(&self, job: Job, partition: u32) -> bool {
        let seated = |session: &Session| !session.link.is_dead() && session.seats.contains_key(&partition);
        self.job == job && self.session.as_ref().is_some_and(seated)
    }

    /// The client tells the group in the background that the process lives.
    pub fn heartbeat(&self) {
        let sessions = self.session.iter().chain(&self.zombies);
        for session in sessions.filter(|session| session.frozen_until <= clock::now()) {
            if !session.link.is_dead() {
                session.link.live();
            }
        }
    }

    /// Does one small thing.
    pub fn tick(&mut self, setup: &Setup) {
        for mut zombie in std::mem::take(&mut self.zombies) {
            if matches!(zombie.tick(self.job, setup), Next::Goes) {
                self.zombies.push(zombie);
            }
        }
        let Some(session) = &mut self.session else {
            if clock::now() >= self.begins {
                self.begin();
            }
            return;
        };
        match session.tick(self.job, setup) {
            Next::Goes => {}
            Next::Dead => self.end("it was killed".into()),
            Next::Replaced => {
                self.zombies.extend(self.session.take());
                self.end("it stands still".into());
            }
            Next::Failed(problem) => {
                // However it ended: what can be committed is.
                let _ = session.end_all();
                self.end(problem);
            }
        }
    }

    /// Ends in good order, as at a SIGTERM.
    pub fn stop(&mut self) {
        let Some(session) = &mut self.session else { return };
        if session.frozen_until > clock::now() {
            return;
        }
        let outcome = session.end_all();
        if outcome.is_ok() && !session.link.is_dead() {
            let Identity { name, group, member, .. } = session.link.who();
            let mut world = self.brokers.world();
            world.note(|| format!("{name} leaves"));
            world.group(group).leave(&name, member);
        }
        self.end("it was stopped".into());
    }

    fn begin(&mut self) {
        let (name, group) = (self.name.clone(), self.job.group());
        let mut world = self.brokers.world();
        if world.step(&name, Kind::Request, || "begin a session".into()).is_some() {
            drop(world);
            return self.end("it could not begin".into());
        }
        let member = world.group(group).join(&name, clock::now());
        let epoch = world.init_producer(&name);
        let generation = world.group(group).generation();
        drop(world);
        let link = Link::new(self.brokers.clone(), Identity { name, epoch, group, member, generation });
        self.session =
            Some(Session { link, seats: BTreeMap::new(), change: None, frozen_until: 0, last: 0, ticks: 0 });
    }

    fn end(&mut self, problem: String) {
        // Without the names of files, which are others each time.
        let words = problem.split(" /").next().unwrap_or_default();
        self.brokers.world().note(|| format!("{} ends: {words}", self.name));
        self.problem = problem;
        self.session = None;
        let longest = if self.random.below(8) == 0 { AWAY_MAX } else { 8 * SECOND };
        self.begins = clock::now() + self.random.between(SECOND / 5, longest);
    }
}

impl Session {
    fn tick(&mut self, job: Job, setup: &Setup) -> Next {
        if self.link.is_dead() {
            return Next::Dead;
        }
        if self.frozen_until > clock::now() {
            return Next::Goes;
        }
        // The client hears of a new generation now and then: a commit may come before.
        self.ticks += 1;
        if self.ticks.is_multiple_of(4) {
            self.link.hear();
        }
        match self.go_on(job, setup) {
            // Whatever a killed process says of it.
            _ if self.link.is_dead() => Next::Dead,
            Ok(next) => next,
            Err(problem) => Next::Failed(problem),
        }
    }

    fn go_on(&mut self, job: Job, setup: &Setup) -> Result<Next, String> {
        let Identity { name, group, member, .. } = self.link.who();
        if !self.link.brokers().world().group(group).is_member(&name, member) {
            self.change = None;
            let partitions = self.seats.keys().copied().collect();
            self.lose(Change::Lost(partitions))?;
            return Ok(Next::Goes);
        }
        let next = || self.link.brokers().world().group(group).next_change(&name, member);
        match self.change.take().or_else(next) {
            Some(change) => self.do_change(&change, member, job, setup)?,
            None => return self.work(&name),
        }
        Ok(Next::Goes)
    }

    /// Others have everything already: what was not committed is theirs.
    fn lose(&mut self, change: Change) -> Result<(), String> {
        let Identity { name, group, .. } = self.link.who();
        self.link.brokers().world().note(|| format!("{name}: {change:?}"));
        let _ = self.end_all();
        let mut world = self.link.brokers().world();
        if world.group(group).is_name_taken(&name) {
            return Err("another has its name".into());
        }
        let member = world.group(group).join(&name, clock::now());
        let generation = world.group(group).generation();
        drop(world);
        self.link.change(|who| (who.member, who.generation) = (member, generation));
        Ok(())
    }

    fn do_change(
        &mut self,
        change: &Change,
        member: MemberId,
        job: Job,
        setup: &Setup,
    ) -> Result<(), String> {
        let Identity { name, group, .. } = self.link.who();
        self.link.brokers().world().note(|| format!("{name}: {change:?}"));
        match change {
            Change::Given(partitions) => {
                for (at, partition) in partitions.iter().enumerate() {
                    let log = SimLog::open(&self.link, *partition).map_err(|error| error.to_string())?;
                    let Some(log) = log else {
                        self.change = Some(Change::Given(partitions[at..].to_vec()));
                        return Ok(());
                    };
                    let log: Arc<dyn Log> = bugs::with_bug(log, setup);
                    advance_at_first(&*log, group).map_err(|error| error.to_string())?;
                    let role = setup.make(job, Arc::clone(&log)).map_err(|error| error.to_string())?;
                    self.seats.insert(*partition, Seat { log, role, flushed: clock::now() });
                }
            }
            Change::Taken(partitions) => {
                for partition in partitions {
                    self.end_one(*partition)?;
                }
                self.link.brokers().world().group(group).give_back(&name, member, partitions);
            }
            Change::Lost(_) => {}
        }
        Ok(())
    }

    /// One step of one role, by turns.
    fn work(&mut self, name: &str) -> Result<Next, String> {
        let after = self.seats.range(self.last + 1..).next().or_else(|| self.seats.iter().next());
        let Some((&partition, _)) = after else { return Ok(Next::Goes) };
        self.last = partition;
        let Some(seat) = self.seats.get_mut(&partition) else { return Ok(Next::Goes) };
        let due = clock::now() - seat.flushed >= FLUSH_INTERVAL;
        let fault =
            self.link.brokers().world().step(name, Kind::Work, || format!("works on partition {partition}"));
        match fault {
            None => {}
            Some(Fault::Freeze(time)) => {
                self.frozen_until = clock::now() + time;
                return Ok(Next::Goes);
            }
            Some(Fault::Replace(time)) => {
                self.frozen_until = clock::now() + time;
                return Ok(Next::Replaced);
            }
            Some(Fault::Fail | Fault::Lost) => return Err("its store fails".into()),
            Some(Fault::Crash | Fault::CrashAfter) => {
                self.link.kill();
                return Ok(Next::Dead);
            }
        }
        let worked = seat.role.step().map_err(|error| error.to_string())?;
        if !worked && due {
            seat.role.flush().map_err(|error| error.to_string())?;
            seat.log.advance(seat.role.name()).map_err(|error| error.to_string())?;
            seat.flushed = clock::now();
        }
        Ok(Next::Goes)
    }

    /// Ends a partition's role: what it holds is committed first.
    fn end_one(&mut self, partition: u32) -> Result<(), String> {
        let Some(mut seat) = self.seats.remove(&partition) else { return Ok(()) };
        let name = self.link.who().name;
        self.link.brokers().world().note(|| format!("{name}: ends partition {partition}"));
        self.link.set_draining(true);
        let flushed = seat.role.flush().map_err(|error| error.to_string());
        self.link.set_draining(false);
        flushed
    }

    fn end_all(&mut self) -> Result<(), String> {
        let mut outcome = Ok(());
        while let Some((&partition, _)) = self.seats.first_key_value() {
            let ended = self.end_one(partition);
            outcome = outcome.and(ended);
        }
        outcome
    }
}
