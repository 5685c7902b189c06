//! Seeds without a bug: none may fail. `TRANSECT_SIM_SEED` runs one, and shows its steps; `TRANSECT_SIM_SEEDS` says how many.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use transect_sim::run;
use transect_sim::seeds::{self, Sum};

const SEEDS: u64 = 2_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn whatever_goes_wrong_each_event_ends_once() {
    if let Some(seed) = number("TRANSECT_SIM_SEED") {
        let outcome = run::run(seed, None, true, &seeds::scratch());
        println!("{}", outcome.trace);
        if let Some(failure) = outcome.failure {
            panic!("seed {seed}: {failure}");
        }
        return;
    }
    let begun = Instant::now();
    let Sum { seeds, steps, acknowledged, failed } =
        seeds::run_all(0, number("TRANSECT_SIM_SEEDS").unwrap_or(SEEDS), None);
    println!("{seeds} seeds, {steps} steps, {acknowledged} events acknowledged, {:?}", begun.elapsed());
    if let Some((seed, failure)) = failed {
        let again = format!("TRANSECT_SIM_SEED={seed} cargo test -p transect-sim --test sim -- --nocapture");
        panic!("seed {seed}: {failure}\nSee its steps by: {again}");
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
    for seed in 0..5 {
        let runs = [0, 1].map(|_| run::run(seed, None, true, &seeds::scratch()).trace);
        let first = runs[0].lines().zip(runs[1].lines()).find(|(one, other)| one != other);
        assert!(!runs[0].is_empty() && runs[0] == runs[1], "seed {seed} has two ways to run: {first:?}");
    }
}
