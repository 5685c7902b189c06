//! Where windows begin and end: arithmetic on microseconds since 1970 UTC, and nothing else.

use transect_config::WindowKind;

/// Windows of one size, one beginning at every multiple of `every`; tumbling where the two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) size: i64,
    every: i64,
    /// Greatest common divisor of both: every window is a run of whole panes.
    pub(super) pane: i64,
}

impl Grid {
    pub(super) fn new(size: i64, every: i64) -> Self {
        Self { size, every, pane: gcd(size, every) }
    }

    /// The beginning of the pane that holds a time.
    pub(super) fn pane_of(self, time: i64) -> i64 {
        time.div_euclid(self.pane) * self.pane
    }

    /// The end of the earliest window that holds a pane.
    pub(super) fn first_end(self, pane: i64) -> i64 {
        // The least multiple of `every` beyond `pane - size`.
        ((pane - self.size).div_euclid(self.every) + 1) * self.every + self.size
    }

    /// The end of the latest window that holds a pane; less than `first_end` where windows leave gaps.
    pub(super) fn last_end(self, pane: i64) -> i64 {
        pane.div_euclid(self.every) * self.every + self.size
    }

    /// The end of the earliest window that holds a pane and ends beyond a time.
    pub(super) fn first_end_beyond(self, pane: i64, time: i64) -> i64 {
        let first = self.first_end(pane);
        if first > time { first } else { first + ((time - first).div_euclid(self.every) + 1) * self.every }
    }

    /// The ends of the windows that hold a pane, from one of them on.
    pub(super) fn ends(self, pane: i64, from: i64) -> impl Iterator<Item = i64> {
        let every = usize::try_from(self.every).unwrap_or(usize::MAX);
        (from..=self.last_end(pane)).step_by(every)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The silence that ends a session, and the longest that one may span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sessions {
    pub(super) gap: i64,
    pub(super) max: i64,
}

impl Sessions {
    /// The stretch of time, aligned to multiples of `max`, beyond which a session's piece never reaches.
    pub(super) fn stretch(self, time: i64) -> i64 {
        time.div_euclid(self.max)
    }
}

/// How a definition cuts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Grid(Grid),
    Sessions(Sessions),
}

impl Cut {
    pub(super) fn new(kind: &WindowKind) -> Self {
        match kind {
            WindowKind::Tumbling { size } => Self::Grid(Grid::new(size.micros(), size.micros())),
            WindowKind::Sliding { size, every } => Self::Grid(Grid::new(size.micros(), every.micros())),
            WindowKind::Session { gap, max } => {
                Self::Sessions(Sessions { gap: gap.micros(), max: max.micros() })
            }
        }
    }

    /// The least watermark at which every window that holds an event of this time is final.
    pub(super) fn closes(self, time: i64, lateness: i64) -> i64 {
        match self {
            Self::Grid(grid) => grid.last_end(grid.pane_of(time)).saturating_add(lateness),
            // An event in time may still join a session until a gap after its end.
            Self::Sessions(sessions) => time.saturating_add(2 * sessions.gap).saturating_add(lateness),
        }
    }

    /// How far behind the watermark that makes it final a window may end, beside the lateness.
    pub(super) fn trails(self) -> i64 {
        match self {
            Self::Grid(_) => 0,
            // Parts of a chain that goes on may be cut anew for that long.
            Self::Sessions(sessions) => sessions.gap.saturating_add(sessions.max.saturating_mul(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows that hold a time, by trying them all.
    fn brute(size: i64, every: i64, time: i64) -> Vec<i64> {
        let starts = (-20..40).map(|k| k * every);
        starts.filter(|start| (*start..start + size).contains(&time)).map(|start| start + size).collect()
    }

    #[test]
    fn the_windows_of_a_time_are_those_that_hold_it() {
        for (size, every) in [(10, 10), (10, 5), (10, 4), (10, 3), (7, 2), (6, 10)] {
            let grid = Grid::new(size, every);
            for time in -30..30 {
                let pane = grid.pane_of(time);
                let ends: Vec<i64> = grid.ends(pane, grid.first_end(pane)).collect();
                assert_eq!(ends, brute(size, every, time), "{size}/{every} at {time}");
                for beyond in -40..60 {
                    let rest: Vec<i64> = grid.ends(pane, grid.first_end_beyond(pane, beyond)).collect();
                    let expected: Vec<i64> = ends.iter().copied().filter(|end| *end > beyond).collect();
                    assert_eq!(rest, expected, "{size}/{every} at {time} beyond {beyond}");
                }
            }
        }
    }
}
