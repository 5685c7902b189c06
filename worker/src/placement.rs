//! Which partition something goes to, where a pipeline has several. The same for every process and for good: a change here
//! would tear windows and identities apart.

use crate::log::Share;

/// The partition in whose `partials` a window is gathered: the pieces of all partitions come together there.
pub(crate) fn of_window(name: &str, share: Share) -> u32 {
    crc32fast::hash(name.as_bytes()) % share.of.max(1)
}

/// The partition of the events of a key, by its hash, which does not depend on the pipeline's secret.
pub(crate) fn of_key(key: u64, partitions: u32) -> u32 {
    // Less than a u32, as the divisor is.
    (key % u64::from(partitions.max(1))) as u32
}

/// The partition of an event that has no key, since it could not be read: any, but the same for the same bytes.
pub(crate) fn of_bytes(event: &[u8], partitions: u32) -> u32 {
    crc32fast::hash(event) % partitions.max(1)
}
