//! Runs the roles of whatever partitions a process is assigned, on Kafka.
//!
//! A session is one membership of the group and one writer. Each partition's roles begin when it is given and end when it
//! is taken: the open epoch is committed first. Whatever fails ends the session with all its roles; the next one reads what
//! was committed, and goes on from there. So a role never has to undo anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::log::kafka::{Change, KafkaLog, KafkaSettings, Member, Watched};
use crate::log::{Log, advance_at_first};
use crate::role::{Role, RoleError};
use crate::runner::{Flag, Runner};

/// How long to wait for news at a time.
const WAIT: Duration = Duration::from_millis(50);
/// How long leaving the group may take.
const LEAVING: Duration = Duration::from_secs(2);
/// Between two sessions, at first and at most: partitions wait meanwhile.
const DELAY_MIN: Duration = Duration::from_millis(200);
const DELAY_MAX: Duration = Duration::from_secs(3);
/// A session that lasted so long was a good one: the next begins at once.
const GOOD: Duration = Duration::from_secs(60);

/// The role of a partition, and the log that it works on.
pub type Begun = (Arc<dyn Log>, Box<dyn Role>);

/// Begins the work on a partition, in one session; None where there is none to do.
pub type Begin<'a> = Box<dyn Fn(u32) -> Result<Option<Begun>, RoleError> + 'a>;

/// What a process does in a group.
pub struct Assignment<'a> {
    /// The cluster of the group.
    pub settings: KafkaSettings,
    /// The group.
    pub group: &'a str,
    /// The topic whose partitions are shared out, by its whole name.
    pub topic: String,
    /// Roles hold what they have at most so long.
    pub flush_interval: Duration,
    /// Begins a session: connects to whatever its roles write to.
    pub session: &'a dyn Fn(Arc<Member>) -> Result<Begin<'a>, RoleError>,
    /// Goes up once the process has had its first word from the group.
    pub joined: Flag,
    /// Ends it in good order when it goes up.
    pub stop: Flag,
}

/// Begins the work on a partition of a pipeline's own topics: from its log, which is opened for the group.
pub fn of_partitions<'a>(
    settings: &KafkaSettings,
    group: &'a str,
    member: Arc<Member>,
    role: &'a dyn Fn(Arc<dyn Log>) -> Result<Box<dyn Role>, RoleError>,
) -> Result<Begin<'a>, RoleError> {
    let log = KafkaLog::connect(settings.clone(), vec![member])?;
    Ok(Box::new(move |partition| {
        let log: Arc<dyn Log> = Arc::new(log.partition(partition, &[group])?);
        advance_at_first(&*log, group)?;
        let role = role(Arc::clone(&log))?;
        Ok(Some((log, role)))
    }))
}

/// Works until it is told to stop. An error only for what no later session can do better.
pub fn run(assignment: &Assignment<'_>) -> Result<(), RoleError> {
    let delays = ExponentialBuilder::default()
        .with_min_delay(DELAY_MIN)
        .with_max_delay(DELAY_MAX)
        .with_jitter()
        .without_max_times();
    let mut waits = delays.build();
    while !assignment.stop.is_raised() {
        let begun = Instant::now();
        match session(assignment) {
            // To stop, or to log in anew.
            Ok(()) => continue,
            Err(error) => tracing::warn!(group = assignment.group, %error, "begins again"),
        }
        if begun.elapsed() >= GOOD {
            waits = delays.build();
        }
        let until = Instant::now() + waits.next().unwrap_or(GOOD);
        while Instant::now() < until && !assignment.stop.is_raised() {
            std::thread::park_timeout(WAIT);
        }
    }
    Ok(())
}

fn session(assignment: &Assignment<'_>) -> Result<(), RoleError> {
    let Assignment { settings, group, topic, .. } = assignment;
    let watched = Watched::begin(&settings.security);
    let member = Member::join_topic(settings, group, topic.clone())?;
    let begin = (assignment.session)(Arc::clone(&member))?;
    let mut working = Working { assignment, begin, partitions: BTreeMap::new() };
    let worked = working.work(&member, watched);
    // However it ended: what can be committed is.
    let ended = working.end_all();
    let left = member.leave(LEAVING);
    worked.and(ended)?;
    Ok(left?)
}

struct Working<'w, 'a> {
    assignment: &'w Assignment<'a>,
    begin: Begin<'a>,
    partitions: BTreeMap<u32, Runner>,
}

impl Working<'_, '_> {
    /// Until it has to stop, a role has failed, or the secrets that it has logged in with have changed.
    fn work(&mut self, member: &Member, mut watched: Watched) -> Result<(), RoleError> {
        while !self.assignment.stop.is_raised() && !watched.has_changed() {
            if self.partitions.values().any(Runner::has_failed) {
                return Ok(());
            }
            let Some(change) = member.next(WAIT)? else { continue };
            self.assignment.joined.raise();
            match &change {
                Change::Given(partitions) => {
                    for partition in partitions {
                        if self.assignment.stop.is_raised() {
                            return Ok(());
                        }
                        self.begin(*partition)?;
                    }
                }
                Change::Taken(partitions) => {
                    partitions.iter().try_for_each(|partition| self.end(*partition))?;
                }
                Change::Lost(partitions) => {
                    for partition in partitions {
                        // What it had not committed is another's now.
                        let _ = self.end(*partition);
                    }
                }
            }
            member.done(&change)?;
        }
        Ok(())
    }

    fn begin(&mut self, partition: u32) -> Result<(), RoleError> {
        let Assignment { group, flush_interval, .. } = self.assignment;
        let Some((log, role)) = (self.begin)(partition)? else { return Ok(()) };
        let mut runner = Runner::new(log, Flag::default(), *flush_interval);
        runner.spawn(role, None)?;
        tracing::info!(group, partition, "begins");
        self.partitions.insert(partition, runner);
        Ok(())
    }

    fn end(&mut self, partition: u32) -> Result<(), RoleError> {
        let Some(runner) = self.partitions.remove(&partition) else { return Ok(()) };
        runner.stop();
        let ended = runner.join();
        tracing::info!(group = self.assignment.group, partition, "has ended");
        ended
    }

    /// Ends them side by side; the first error.
    fn end_all(&mut self) -> Result<(), RoleError> {
        self.partitions.values().for_each(Runner::stop);
        let mut outcome = Ok(());
        while let Some((partition, _)) = self.partitions.first_key_value() {
            let ended = self.end(*partition);
            outcome = outcome.and(ended);
        }
        outcome
    }
}
