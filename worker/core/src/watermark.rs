//! Watermarks: up to where event time is taken to be complete.
//!
//! Kept by source: the greatest event time of its accepted events less the event type's delay. The pipeline's is the
//! least over the sources, and never falls. A bounded source counts until it is read through; one without an end
//! counts from its first event on. Everything is a function of the order of events in the log, never of a clock.

use serde::{Deserialize, Serialize};

/// No watermark yet: nothing is complete.
pub const NONE: i64 = i64::MIN;

/// The watermarks of a pipeline's sources, in microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermarks {
    sources: Vec<SourceMark>,
    current: i64,
}

/// One source's share. Part of the process role's commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceMark {
    /// Whether it has an end.
    bounded: bool,
    /// Whether it has been read through.
    done: bool,
    /// Greatest event time less delay.
    mark: i64,
    /// Received time of the newest event; what idleness is measured from.
    received: i64,
}

impl SourceMark {
    /// A source from which nothing has come.
    pub fn new(bounded: bool) -> Self {
        Self { bounded, done: false, mark: NONE, received: NONE }
    }
}

impl Watermarks {
    /// No marks yet. One flag a source: whether it is bounded.
    pub fn new(bounded: impl IntoIterator<Item = bool>) -> Self {
        Self { sources: bounded.into_iter().map(SourceMark::new).collect(), current: NONE }
    }

    /// Goes on from what was committed.
    pub fn restore(&mut self, current: i64, sources: Vec<SourceMark>) {
        self.sources = sources;
        self.current = current;
    }

    /// The sources' shares, for a commit.
    pub fn sources(&self) -> &[SourceMark] {
        &self.sources
    }

    /// The pipeline's watermark.
    pub fn current(&self) -> i64 {
        self.current
    }

    /// A source's own watermark.
    pub fn of(&self, source: usize) -> i64 {
        self.sources[source].mark
    }

    /// Whether a source is read through.
    pub fn is_done(&self, source: usize) -> bool {
        self.sources[source].done
    }

    /// Takes an accepted event in: its time less its type's delay.
    pub fn observe(&mut self, source: usize, mark: i64, received: i64) {
        let own = &mut self.sources[source];
        own.received = own.received.max(received);
        if mark > own.mark {
            own.mark = mark;
            self.refresh();
        }
    }

    /// A bounded source has been read through, or goes on after all because its file has grown.
    pub fn set_done(&mut self, source: usize, done: bool) {
        self.sources[source].done = done;
        self.refresh();
    }

    /// Nothing came from a source without an end until this moment: its event time moves on as the clock did since its
    /// newest event, so that windows close at the pace of the wall clock, whether the events are of today or of old.
    pub fn idle(&mut self, source: usize, now: i64) {
        let own = &mut self.sources[source];
        if own.mark != NONE && now > own.received {
            own.mark += now - own.received;
            own.received = now;
            self.refresh();
        }
    }

    /// Nothing came from a source without an end until this moment, and elsewhere events are further: it is as far as they are, and
    /// goes on from there.
    pub fn follow(&mut self, source: usize, mark: i64, now: i64) {
        let own = &mut self.sources[source];
        if own.mark != NONE {
            own.mark = own.mark.max(mark);
            own.received = own.received.max(now);
            self.refresh();
        }
        self.raise(mark);
    }

    /// Raises the pipeline's watermark at the very end, so that the last windows close.
    pub fn raise(&mut self, mark: i64) {
        self.current = self.current.max(mark);
    }

    fn refresh(&mut self) {
        let counting = self.sources.iter().filter(|s| if s.bounded { !s.done } else { s.mark != NONE });
        let least = counting.map(|s| s.mark).min();
        // With every source read through, nothing holds back the greatest of them.
        let mark = least.or_else(|| self.sources.iter().map(|s| s.mark).max());
        self.current = self.current.max(mark.unwrap_or(NONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_source_counts_and_the_mark_never_falls() {
        let mut marks = Watermarks::new([true, true]);
        marks.observe(0, 100, 0);
        assert_eq!(marks.current(), NONE, "the second file has not been read yet");
        marks.observe(1, 40, 0);
        assert_eq!(marks.current(), 40);
        marks.observe(1, 30, 0);
        assert_eq!(marks.current(), 40);
        marks.set_done(1, true);
        assert_eq!(marks.current(), 100);
        marks.set_done(0, true);
        assert_eq!(marks.current(), 100);
    }

    #[test]
    fn a_gateway_counts_from_its_first_event() {
        let mut marks = Watermarks::new([true, false]);
        marks.observe(0, 100, 0);
        assert_eq!(marks.current(), 100);
        marks.observe(1, 50, 0);
        assert_eq!(marks.current(), 100, "monotone");
        marks.observe(0, 300, 0);
        assert_eq!(marks.current(), 100, "held by the gateway");
        marks.observe(1, 200, 0);
        assert_eq!(marks.current(), 200);
    }

    #[test]
    fn silence_moves_event_time_at_the_pace_of_the_clock() {
        let mut marks = Watermarks::new([false]);
        marks.idle(0, 5_000);
        assert_eq!(marks.current(), NONE);
        marks.observe(0, 100, 10_000);
        marks.idle(0, 10_500);
        marks.idle(0, 11_000);
        assert_eq!(marks.current(), 1_100);
    }

    #[test]
    fn who_follows_goes_on_from_there() {
        let mut marks = Watermarks::new([false, false]);
        marks.observe(0, 100, 10_000);
        marks.follow(0, 5_000, 20_000);
        marks.follow(1, 5_000, 20_000);
        assert_eq!(marks.current(), 5_000, "not a moment more");
        marks.idle(0, 20_700);
        assert_eq!(marks.current(), 5_700);
        marks.observe(1, 50, 30_000);
        assert_eq!(marks.current(), 5_700, "monotone");
    }

    #[test]
    fn a_source_read_through_that_ends_lower_does_not_hold_others() {
        let mut marks = Watermarks::new([true, true]);
        marks.observe(0, 10, 0);
        marks.set_done(0, true);
        assert_eq!(marks.current(), NONE);
        marks.observe(1, 20, 0);
        assert_eq!(marks.current(), 20);
    }
}
