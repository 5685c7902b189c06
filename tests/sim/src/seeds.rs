//! Many seeds, on some threads; each on one of them.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::bugs::Bug;
use crate::run::{self, Outcome};

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Sum {
    /// Seeds that were run.
    pub seeds: u64,
    /// Numbered steps.
    pub steps: u64,
    /// Acknowledged events.
    pub acknowledged: u64,
    /// The least seed that failed of those that were run, and how.
    pub failed: Option<(u64, String)>,
}

/// Runs seeds from one to before another, until one fails.
pub fn run_all(from: u64, to: u64, bug: Option<Bug>) -> Sum {
    let (next, sum) = (AtomicU64::new(from), Mutex::new(Sum::default()));
    let sum_of = || sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to || sum_of().failed.is_some() {
                return;
            }
            let Outcome { failure, steps, acknowledged, .. } = run::run(seed, bug, false, &scratch());
            let mut sum = sum_of();
            sum.seeds += 1;
            sum.steps += steps;
            sum.acknowledged += acknowledged as u64;
            let earlier = sum.failed.as_ref().is_none_or(|(failed, _)| seed < *failed);
            if let Some(failure) = failure.filter(|_| earlier) {
                sum.failed = Some((seed, failure));
            }
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// In memory, where there is such a folder: sinks sync what they write.
pub fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}
