//! What a part of the pipeline looks like to the loop that drives it.

/// Any error that ends a role. It says what, where and how to fix it, and holds no event content.
pub type RoleError = Box<dyn std::error::Error + Send + Sync>;

/// A part of the pipeline: it reads the log or an input, and writes to the log or to files. Driven by one thread.
pub trait Role: Send {
    /// Its name in logs and metrics.
    fn name(&self) -> &str;

    /// Does a bounded amount of work; false where there was none.
    fn step(&mut self) -> Result<bool, RoleError>;

    /// Does what of `flush` needs no commit. Called at most once, when nothing more will come and the role has to let
    /// others end first.
    fn prepare(&mut self) -> Result<(), RoleError> {
        Ok(())
    }

    /// Makes durable whatever `step` still holds in memory. Called when the role has been idle or the oldest held
    /// event has waited for the flush interval, and at the end.
    fn flush(&mut self) -> Result<(), RoleError>;
}

impl<R: Role + ?Sized> Role for Box<R> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn step(&mut self) -> Result<bool, RoleError> {
        (**self).step()
    }

    fn prepare(&mut self) -> Result<(), RoleError> {
        (**self).prepare()
    }

    fn flush(&mut self) -> Result<(), RoleError> {
        (**self).flush()
    }
}
