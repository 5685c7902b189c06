//! The worker's roles over a simulated log and clock, on one thread, by a seed: the same seed gives the same run, byte for
//! byte. Faults strike at numbered steps; at the end oracles look at all that was written.

pub mod bounds;
pub mod bugs;
pub mod clock;
pub mod faults;
pub mod gateway;
pub mod group;
pub mod log;
pub mod oracles;
pub mod random;
pub mod run;
pub mod seeds;
pub mod setup;
pub mod topic;
pub mod trace;
pub mod worker;
pub mod world;
