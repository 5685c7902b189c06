//! What has happened, by numbered steps; kept only where someone will read it.

use std::fmt::Write as _;

use crate::clock::{self, BEGINNING};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<String>);

impl Trace {
    /// One that keeps what it is told, or not.
    pub fn new(kept: bool) -> Self {
        Self(kept.then(String::new))
    }

    /// Notes what happens at a step.
    pub fn note(&mut self, step: u64, what: impl FnOnce() -> String) {
        if let Some(text) = &mut self.0 {
            let seconds = (clock::now() - BEGINNING) as f64 / 1e6;
            // Writing to a string can't fail.
            let _ = writeln!(text, "{step:>6} {seconds:>9.3}s {}", what());
        }
    }

    /// All of it.
    pub fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}
