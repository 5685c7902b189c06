//! How far the inputs have been read, for a progress bar.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes as they lie on the disk, over all inputs. Cheap to clone; clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: AtomicU64,
    read: AtomicU64,
}

impl Progress {
    /// Bytes of all inputs.
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Counts files that will be read. A file that isn't there will be reported when it is opened.
    pub(super) fn expect(&self, paths: &[PathBuf]) {
        let sizes = paths.iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len());
        self.0.total.fetch_add(sizes.sum(), Ordering::Relaxed);
    }

    /// Counts bytes that have been read, or needn't be.
    pub(super) fn advance(&self, bytes: u64) {
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
    }
}
