//! What must hold at the end, whatever has gone wrong.

use anyhow::ensure;
use std::path::Path;

use crate::gateway::Gateway;
use crate::world::Brokers;

/// Looks at all that was written.
pub fn check(brokers: &Brokers, _gateways: &[Gateway], _out: &Path) -> anyhow::Result<()> {
    let world = brokers.world();
    ensure!(world.violations.is_empty(), "{}", world.violations.join("\n"));
    Ok(())
}
