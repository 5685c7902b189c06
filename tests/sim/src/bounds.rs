//! What roles may hold in memory: what they have read and not committed is bounded by settings, not by what there is to read.

use transect_worker::log::Committed;

use crate::setup::{EPOCH_BYTES, HELD_BYTES_MAX, Job};
use crate::world::World;

/// A commit that carries more than its role may hold, in words.
pub fn exceeded(
    world: &World,
    group: &str,
    partition: u32,
    before: &Committed,
    after: &Committed,
) -> Option<String> {
    let job = Job::ALL.into_iter().find(|job| job.group() == group)?;
    let bound = match job {
        Job::Process => EPOCH_BYTES,
        Job::Table => HELD_BYTES_MAX + HELD_BYTES_MAX / 2,
        Job::Aggregate | Job::Windows | Job::Rejected => return None,
    };
    let (from, to) = (before.offset(job.topic()), after.offset(job.topic()));
    let records = world.partition(job.topic() as usize, partition).committed_from(from);
    let sizes = records.filter(|(_, record)| record.offset < to).map(|(_, record)| record.value.len());
    let (sum, largest) = sizes.fold((0, 0), |(sum, largest), size| (sum + size, size.max(largest)));
    // The last record is taken in before the bound is looked at.
    let is_too_much = sum > bound + largest;
    is_too_much.then(|| format!("{group} held {sum} bytes of partition {partition}; its bound is {bound}"))
}
