//! Drives roles, each on a thread of its own, until their work is done or they are told to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::log::Log;
use crate::role::{Role, RoleError};

/// How long an idle role waits for a commit before it looks at the flags that others put up.
const WAIT: Duration = Duration::from_millis(10);

/// A flag that goes up once.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Puts it up.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is up.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// See the module.
pub struct Runner {
    log: Arc<dyn Log>,
    /// Goes up to end in good order: what is in the log is still worked off.
    end: Flag,
    /// Goes up when a role has failed: the others keep what they can and stop.
    abort: Flag,
    flush_interval: Duration,
    roles: Vec<Spawned>,
}

struct Spawned {
    name: String,
    done: Flag,
    thread: JoinHandle<Result<(), RoleError>>,
}

impl Runner {
    /// A runner whose roles flush what they hold at least so often.
    pub fn new(log: Arc<dyn Log>, end: Flag, flush_interval: Duration) -> Self {
        Self { log, end, abort: Flag::default(), flush_interval, roles: Vec::new() }
    }

    /// Starts a role. It is done when all it reads from is done and nothing is left to read; None for a role whose
    /// inputs are done only when the end is asked for. The flag that it returns tells those after it.
    pub fn spawn(&mut self, role: impl Role + 'static, after: Option<Vec<Flag>>) -> io::Result<Flag> {
        self.spawn_behind(Vec::new(), role, after)
    }

    /// As `spawn`, for a role that ends only when some others have, though it reads nothing of theirs.
    pub fn spawn_behind(
        &mut self,
        first: Vec<Flag>,
        role: impl Role + 'static,
        after: Option<Vec<Flag>>,
    ) -> io::Result<Flag> {
        let done = Flag::default();
        let name = role.name().to_owned();
        let drive = Drive {
            log: Arc::clone(&self.log),
            end: self.end.clone(),
            abort: self.abort.clone(),
            flush_interval: self.flush_interval,
            after,
            first,
            done: done.clone(),
        };
        let thread = thread::Builder::new().name(name.clone()).spawn(move || drive.run(role))?;
        self.roles.push(Spawned { name, done: done.clone(), thread });
        Ok(done)
    }

    /// Waits until all roles are done, one has failed, or the flag is up, which is looked at now and then.
    pub fn wait(&self, stop: &Flag) {
        loop {
            let seen = self.log.sequence();
            let done = self.roles.iter().all(|role| role.done.is_raised());
            if done || self.abort.is_raised() || stop.is_raised() {
                return;
            }
            self.log.wait(seen, WAIT);
        }
    }

    /// Tells all roles to keep what they can and stop; what they have not read is left.
    pub fn stop(&self) {
        self.abort.raise();
        self.log.wake();
    }

    /// Whether a role has failed.
    pub fn has_failed(&self) -> bool {
        self.abort.is_raised()
    }

    /// Waits for all roles. The first error is the cause; the others followed from it.
    pub fn join(self) -> Result<(), RoleError> {
        let mut outcome = Ok(());
        for Spawned { name, thread, .. } in self.roles {
            let ended = thread.join().unwrap_or_else(|_| {
                Err(format!(
                    "the {name} role has panicked; this is a bug in Transect: nothing committed is lost"
                )
                .into())
            });
            outcome = outcome.and(ended);
        }
        outcome
    }
}

struct Drive {
    log: Arc<dyn Log>,
    end: Flag,
    abort: Flag,
    flush_interval: Duration,
    /// Roles from which this one reads.
    after: Option<Vec<Flag>>,
    /// Roles that end before this one.
    first: Vec<Flag>,
    done: Flag,
}

/// Tells the others that this role has ended; stops them all if it ended badly, by an error or a panic.
struct TellOthers<'a>(&'a Drive);

impl Drop for TellOthers<'_> {
    fn drop(&mut self) {
        if !self.0.done.is_raised() {
            self.0.abort.raise();
        }
        self.0.log.wake();
    }
}

impl Drive {
    fn run(self, mut role: impl Role) -> Result<(), RoleError> {
        let _guard = TellOthers(&self);
        let mut flushed = Instant::now();
        let mut prepared = false;
        while !self.abort.is_raised() {
            let seen = self.log.sequence();
            // Asked before the step: what the others wrote until they were done is there to be read.
            let last = match &self.after {
                Some(after) => after.iter().all(Flag::is_raised),
                None => self.end.is_raised(),
            };
            let next = self.first.iter().all(Flag::is_raised);
            if role.step()? {
                continue;
            }
            if last && next {
                role.flush()?;
                self.done.raise();
                return Ok(());
            }
            if last && !prepared {
                role.prepare()?;
                prepared = true;
                continue;
            }
            if flushed.elapsed() >= self.flush_interval {
                role.flush()?;
                self.log.advance(role.name())?;
                flushed = Instant::now();
            }
            self.log.wait(seen, WAIT);
        }
        role.flush()
    }
}
