//! Events with known faults: of every hundred about ten are repeats, two are invalid and five come late.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// What a file of events holds, by construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Lines.
    pub read: u64,
    /// Repeats of earlier valid events.
    pub duplicate: u64,
    /// Those of the repeats whose content differs.
    pub conflicting: u64,
    /// Lines that must be refused.
    pub rejected: u64,
}

/// Small, fast and the same everywhere: SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence by its seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, evenly enough for tests.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next_u64() % n
    }
}

/// One valid event: number, station, seconds since 2026-01-01 and a value in thousandths.
#[derive(Clone, Copy)]
struct Event {
    number: u64,
    station: u64,
    second: u64,
    value: u64,
}

impl Event {
    fn write(self, line: &mut String) {
        let (day, rest) = (self.second / 86_400 + 1, self.second % 86_400);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        // Days beyond January are not needed: see `write_file`.
        let _ = write!(
            line,
            r#"{{"id":"e{:08}","station":{{"name":"s{:02}","kind":"{}"}},"time":"2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z","value":{}.{:03},"count":{}}}"#,
            self.number,
            self.station,
            ["fixed", "mobile"][(self.station % 2) as usize],
            self.value / 1000,
            self.value % 1000,
            self.value % 7,
        );
    }
}

/// Writes a file of `n` lines, the same for the same seed. Event time moves over 28 days, whatever `n`; an event comes
/// late by two to four days.
pub fn write_file(path: &Path, n: u64, seed: u64) -> std::io::Result<Made> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut random = Random::new(seed);
    let mut made = Made::default();
    let mut recent: Vec<Event> = Vec::with_capacity(4096);
    let mut line = String::with_capacity(256);
    for number in 0..n {
        line.clear();
        made.read += 1;
        let now = number * 28 * 86_400 / n;
        let dice = random.below(100);
        if dice < 10 && !recent.is_empty() {
            let mut event = recent[random.below(recent.len() as u64) as usize];
            if random.below(10) == 0 {
                event.value = (event.value + 1) % 1_000_000;
                made.conflicting += 1;
            }
            event.write(&mut line);
            made.duplicate += 1;
        } else {
            let late = if (10..15).contains(&dice) { 2 * 86_400 + random.below(2 * 86_400) } else { 0 };
            let event = Event {
                number,
                station: random.below(20),
                second: now.saturating_sub(late + random.below(60)),
                value: random.below(1_000_000),
            };
            event.write(&mut line);
            if (15..17).contains(&dice) {
                spoil(&mut line, random.below(6));
                made.rejected += 1;
            } else if recent.len() < 4096 {
                recent.push(event);
            } else {
                let at = random.below(4096) as usize;
                recent[at] = event;
            }
        }
        line.push('\n');
        file.write_all(line.as_bytes())?;
    }
    file.flush()?;
    Ok(made)
}

/// Makes a valid line invalid, each way for another reason.
fn spoil(line: &mut String, way: u64) {
    let (from, to) = match way {
        0 => ("\"value\":", "\"value\":-"),
        1 => ("fixed", "flying"),
        2 => ("\"id\":\"e", "\"id\":\"x"),
        3 => ("}", ""),
        4 => ("\"time\":\"2026", "\"time\":\"soon"),
        _ => ("\"count\":", "\"weight\":"),
    };
    *line = line.replacen(if way == 1 && line.contains("mobile") { "mobile" } else { from }, to, 1);
    if way == 0 {
        // Minus zero is zero, and zero is allowed.
        *line = line.replace("-0.000", "-0.001");
    }
}
