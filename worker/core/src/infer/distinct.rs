//! How many different values a field has, as far as memory is spent on finding out.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

/// So many values of all fields together are remembered, by a hash each: about 32 MiB.
const VALUES_MAX: usize = 1 << 20;
/// So many places in events are followed.
const PLACES_MAX: usize = 4096;
/// So many values of a field are remembered as they are.
pub(super) const FEW_MAX: usize = 16;
/// And none that is longer.
const FEW_BYTES_MAX: usize = 64;

/// What may still be spent, by all fields together.
#[derive(Debug)]
pub(super) struct Budget {
    values: usize,
    /// How many arrays are around what is looked at: of their items no one is an id.
    pub(super) arrays: usize,
    /// Places in events that are followed.
    pub(super) places: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { values: VALUES_MAX, arrays: 0, places: PLACES_MAX }
    }
}

/// The different values of one field.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    hashes: HashSet<u64>,
    /// Values that were there before.
    pub(super) repeats: u64,
    /// Whether some values could not be remembered.
    overflown: bool,
}

impl Distinct {
    pub(super) fn take(&mut self, value: &[u8], budget: &mut Budget) {
        if budget.arrays > 0 {
            self.overflown = true;
            return;
        }
        let hash = xxh3_64(value);
        if self.hashes.contains(&hash) {
            self.repeats += 1;
        } else if budget.values == 0 {
            self.overflown = true;
        } else {
            budget.values -= 1;
            self.hashes.insert(hash);
        }
    }

    /// The number of different values, if it is known.
    pub(super) fn count(&self) -> Option<usize> {
        (!self.overflown).then_some(self.hashes.len())
    }
}

/// The values themselves, as long as they are few; in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Few {
    values: Vec<String>,
    are_many: bool,
}

impl Few {
    pub(super) fn take(&mut self, value: &str) {
        if self.are_many || self.values.iter().any(|known| known == value) {
            return;
        }
        if self.values.len() == FEW_MAX || value.len() > FEW_BYTES_MAX {
            self.are_many = true;
            self.values = Vec::new();
        } else {
            self.values.push(value.to_owned());
        }
    }

    /// All values, if they are few.
    pub(super) fn values(&self) -> Option<&[String]> {
        (!self.are_many).then_some(&self.values)
    }
}
