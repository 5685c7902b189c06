//! The NDJSON files of an output folder, such as `rejected/` and `alerts/`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

/// Calls the function with each line of a folder and its number, from 1, until it says false.
pub(crate) fn for_each<T: DeserializeOwned>(
    out: &Path,
    folder: &str,
    mut f: impl FnMut(usize, T) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let folder = out.join(folder);
    if !folder.is_dir() {
        if out.join("ledger.json").is_file() {
            return Ok(());
        }
        bail!("{} is not the output folder of a pipeline; give it with --out", out.display());
    }
    let entries = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ndjson"));
    files.sort();
    let mut number = 0;
    for path in files {
        let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let place = || format!("{} line {}", path.display(), at + 1);
            let line = serde_json::from_str(&line.with_context(place)?).with_context(place)?;
            number += 1;
            if !f(number, line)? {
                return Ok(());
            }
        }
    }
    Ok(())
}
