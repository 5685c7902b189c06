//! A stream of events for the manifests `fault`, in requests: in the order of their times but for some that come late, with
//! repeats, and with some that are invalid. Late ones are so by little or by far, so that it does not matter where the watermark
//! stands exactly; no two have the same time, so that it does not matter which comes first.

use jiff::{SignedDuration, Timestamp};

use crate::events::Random;

/// Event time between two events.
const STEP: SignedDuration = SignedDuration::from_secs(4);
const LITTLE: SignedDuration = SignedDuration::from_secs(30 * 60 - 1);
const FAR: SignedDuration = SignedDuration::from_secs(7 * 24 * 60 * 60 - 2);
/// The last event comes so long after those before it that nothing of theirs is open then.
const LAST: SignedDuration = SignedDuration::from_hours(24 * 15);
const STATIONS: u64 = 20;
/// Events are repeated of so many before.
const RECENT: usize = 2000;

/// See the module.
pub struct Stream {
    random: Random,
    number: u64,
    recent: Vec<String>,
    /// Event time at its beginning.
    start: Timestamp,
}

impl Stream {
    /// A stream by its seed.
    pub fn new(seed: u64) -> Self {
        let start = Timestamp::from_second(1_767_571_200).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { random: Random::new(seed), number: 0, recent: Vec::new(), start }
    }

    /// The next events, a line each.
    pub fn request(&mut self, events: u64) -> String {
        let mut body = String::new();
        for _ in 0..events {
            let dice = self.random.below(1000);
            let line = match dice {
                0..20 => self.event(SignedDuration::ZERO).replace("\"value\"", "\"vlaue\""),
                20..120 if !self.recent.is_empty() => {
                    let at = self.random.below(self.recent.len() as u64) as usize;
                    self.recent[at].clone()
                }
                120..130 => self.valid(LITTLE),
                // Only once it is late for every window.
                130..135 if self.now() > self.start + FAR => self.valid(FAR),
                _ => self.valid(SignedDuration::ZERO),
            };
            body.push_str(&line);
        }
        body
    }

    /// The event that closes what is open, and its time. Always of the same station: where there are several sources, each has to
    /// bring one, in the same partition, so that nothing holds its watermark back.
    pub fn last(&mut self) -> (String, Timestamp) {
        let time = self.now() + LAST;
        self.number += 1;
        (self.line(time, 0), time)
    }

    fn now(&self) -> Timestamp {
        self.start + STEP * i32::try_from(self.number).unwrap_or(i32::MAX)
    }

    fn valid(&mut self, late: SignedDuration) -> String {
        let line = self.event(late);
        match self.recent.len() {
            RECENT => {
                let at = self.random.below(RECENT as u64) as usize;
                self.recent[at].clone_from(&line);
            }
            _ => self.recent.push(line.clone()),
        }
        line
    }

    fn event(&mut self, late: SignedDuration) -> String {
        self.number += 1;
        let station = self.random.below(STATIONS);
        self.line(self.now() - late, station)
    }

    fn line(&mut self, time: Timestamp, station: u64) -> String {
        let number = self.number;
        format!(
            "{{\"id\":\"e{number:08}\",\"station\":{{\"name\":\"s{station:02}\",\"kind\":\"{kind}\"}},\"time\":\"{time}\",\
             \"value\":{value},\"count\":{count}}}\n",
            kind = if station % 3 == 0 { "mobile" } else { "fixed" },
            value = self.random.below(1_000_000) as f64 / 1000.0,
            count = number % 7,
        )
    }
}
