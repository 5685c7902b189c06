//! Each deliberate bug is found: the oracles can fail.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use transect_sim::bugs::Bug;
use transect_sim::seeds;

const SEEDS: u64 = 2_000;

#[test]
fn each_bug_is_found() {
    let missed: Vec<Bug> = Bug::ALL.into_iter().filter(|bug| !is_found(*bug)).collect();
    assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:?}");
}

fn is_found(bug: Bug) -> bool {
    let failed = seeds::run_all(0, SEEDS, Some(bug)).failed;
    if let Some((seed, failure)) = &failed {
        println!("{bug:?}: seed {seed}: {}", failure.lines().next().unwrap_or_default());
    }
    failed.is_some()
}
