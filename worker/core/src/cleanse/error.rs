//! What is wrong with a step of cleansing, found before any event is read.

/// Why a step can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step} of cleanse, at {part}: {message}; {fix}")]
pub struct CleanseError {
    /// Position of the step, from 0.
    pub step: usize,
    /// The part of the step, as the manifest has it: `field`, `convert.from`, `parseTime.formats[0]`.
    pub part: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

impl CleanseError {
    pub(super) fn new(
        step: usize,
        part: impl Into<String>,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { step, part: part.into(), message: message.into(), fix: fix.into() }
    }
}
