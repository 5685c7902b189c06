//! Each target over its seeds, over what was found once, and over seeds that are spoiled here and there: what a machine
//! without the time for `make fuzz` sees to.

// All of this is test code.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use transect_fuzz::{TARGETS, Target};

/// So many times each seed is spoiled, unless `TRANSECT_FUZZ_SPOILED` says otherwise.
const SPOILED: u64 = 20;

fn folder(of: &str, target: &str) -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join(of).join(target)
}

fn inputs(of: &str, target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(of, target)).into_iter().flatten();
    let mut inputs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}

#[test]
fn what_must_hold_holds_of_seeds_and_old_findings() {
    let mut failed = Vec::new();
    for (name, run) in TARGETS {
        let seeds = inputs("corpus", name);
        assert!(!seeds.is_empty(), "fuzz/corpus/{name} has no seeds");
        for path in seeds.into_iter().chain(inputs("regressions", name)) {
            let data = fs::read(&path).unwrap();
            if catch_unwind(|| run(&data)).is_err() {
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn what_must_hold_holds_of_spoiled_seeds() {
    let times = std::env::var("TRANSECT_FUZZ_SPOILED").map_or(SPOILED, |times| times.parse().unwrap());
    let only = std::env::var("TRANSECT_FUZZ_TARGET").ok();
    for target in TARGETS.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name)) {
        spoil_all(target, times);
    }
}

/// Runs a target over its seeds, each spoiled so many times.
fn spoil_all((name, run): &Target, times: u64) {
    let seeds: Vec<Vec<u8>> = inputs("corpus", name).iter().map(|path| fs::read(path).unwrap()).collect();
    let mut random = Random(0);
    for (at, seed) in seeds.iter().enumerate() {
        for _ in 0..times {
            let mut data = seed.clone();
            for _ in 0..1 + random.below(4) {
                spoil(&mut data, &seeds[(at + random.below(2)) % seeds.len()], &mut random);
            }
            if catch_unwind(|| run(&data)).is_err() {
                let path = std::env::temp_dir().join(format!("transect-fuzz-{name}"));
                fs::write(&path, &data).unwrap();
                panic!("{name} fails on a spoiled seed: see {}", path.display());
            }
        }
    }
}

/// Changes some bytes, or brings in some of another input.
fn spoil(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(data.len() + 1);
    let end = (at + random.below(8)).min(data.len());
    match random.below(6) {
        0 => drop(data.splice(at..end, [])),
        1 => data.truncate(at),
        2 => drop(data.splice(at..at, [random.below(256) as u8])),
        3 => {
            let signs = b"\0\n\r\t \"\\{}[]:,.-+eE019antf'/~#&*|>%()=<!";
            drop(data.splice(at..end.min(at + 1), [signs[random.below(signs.len())]]));
        }
        4 => data[at..end].iter_mut().for_each(|byte| *byte ^= 1 << random.below(8)),
        _ => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(32)).min(other.len());
            drop(data.splice(at..end, other[from..to].iter().copied()));
        }
    }
}

/// Small, and the same everywhere: SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}
