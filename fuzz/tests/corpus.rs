//! Each target over its seeds, and over what was found once.

// All of this is test code.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use transect_fuzz::TARGETS;

fn inputs(folder: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join(folder).join(target);
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
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
