//! The simulated clock: one a thread, since a seed runs on one, and roles ask for the time by a plain function.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// When every simulation begins: noon of 1 January 2026, in microseconds since 1970 UTC.
pub const BEGINNING: i64 = 1_767_268_800_000_000;
/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(BEGINNING) };
}

/// The time, microseconds since 1970 UTC.
pub fn now() -> i64 {
    NOW.get()
}

/// The same as an instant.
pub fn instant() -> Instant {
    static ZERO: OnceLock<Instant> = OnceLock::new();
    let zero = *ZERO.get_or_init(Instant::now);
    zero + Duration::from_micros(now().saturating_sub(BEGINNING).unsigned_abs())
}

/// Sets the clock of this thread.
pub fn set(now: i64) {
    NOW.set(now);
}
