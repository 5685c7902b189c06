//! What goes wrong: a plan drawn from the seed that says, at each numbered step, whether something does.

use crate::clock::SECOND;
use crate::random::Random;

/// What kind of step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request of a transaction, or one that begins a session.
    Request,
    /// A read of the log.
    Read,
    /// The beginning of a role's step or flush.
    Work,
}

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before it.
    Crash,
    /// The process is killed after it.
    CrashAfter,
    /// It fails, and has done nothing.
    Fail,
    /// It is done, but the answer is lost.
    Lost,
    /// The process stands still for so many microseconds.
    Freeze(i64),
    /// As `Freeze`, and another process takes its place under its name.
    Replace(i64),
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Faults {
    random: Random,
    /// In ten thousand steps of a kind.
    requests: u64,
    reads: u64,
    work: u64,
    /// How many may still come.
    left: u32,
}

impl Faults {
    /// A plan: some seeds have few faults, some many, some none.
    pub fn plan(random: &mut Random) -> Self {
        let strength = [0, 1, 2, 2, 4, 8][random.below(6) as usize];
        Self {
            random: Random::new(random.next_u64()),
            requests: 40 * strength,
            reads: 2 * strength,
            work: 8 * strength,
            left: 60,
        }
    }

    /// From now on nothing goes wrong.
    pub fn stop(&mut self) {
        self.left = 0;
    }

    /// How many records a fetch brings at most.
    pub fn fetch_size(&mut self) -> usize {
        match self.random.below(4) {
            0 => 1 + self.random.below(4) as usize,
            _ => usize::MAX,
        }
    }

    /// What goes wrong at the next step.
    pub fn strike(&mut self, kind: Kind) -> Option<Fault> {
        let often = match kind {
            Kind::Request => self.requests,
            Kind::Read => self.reads,
            Kind::Work => self.work,
        };
        if self.left == 0 || !self.random.happens(often) {
            return None;
        }
        self.left -= 1;
        let pause = self.random.between(SECOND, 40 * SECOND);
        let which = self.random.below(6);
        Some(match (kind, which) {
            (_, 0) => Fault::Crash,
            (Kind::Request, 1) => Fault::CrashAfter,
            (Kind::Request, 2) => Fault::Fail,
            (Kind::Request, 3) => Fault::Lost,
            (Kind::Read, _) => Fault::Fail,
            (Kind::Work, 1) => Fault::Fail,
            (Kind::Work, 2 | 3) => Fault::Replace(pause),
            _ => Fault::Freeze(pause),
        })
    }
}
