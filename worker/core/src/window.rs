//! Event-time windows in two halves that only share bytes: the process role folds each epoch's events into *delta
//! partials* and forgets them; the aggregate role merges partials and issues windows as the watermark passes.
//!
//! Whether an event is late is judged by the fold, row by row, against the watermark that stood before the row. So the
//! last revision of every window is the same wherever epochs are cut and however often a role starts anew.

mod aggregate;
pub(crate) mod columns;
pub(crate) mod definition;
mod fold;
mod merge;
mod panes;
mod partials;
mod rows;
pub(crate) mod scalar;
mod sessions;
mod sketch;
#[cfg(test)]
mod tests;
mod time;
mod widen;

pub use self::definition::{FUNCTION, GROUP_OF, WindowError, WindowPlan};
pub use self::fold::Fold;
pub use self::merge::{Merge, MergeError};
pub use self::partials::PartialsError;
pub use self::sketch::{DISTINCT_RELATIVE_ERROR, QUANTILE_RANK_ERROR};
