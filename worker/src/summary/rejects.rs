//! Refused events by cause, with a few samples of each, and which of them have been taken back in.
//!
//! What is sealed stays so: neither message nor original of a sealed or erased event is ever held here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{SummaryError, files};

/// Causes that are told apart; hostile events can have as many as they like.
const CAUSES_MAX: usize = 1000;
/// Samples of a cause.
const SAMPLES: usize = 3;
/// Characters of an original that a sample keeps.
const ORIGINAL_CHARS: usize = 800;

/// The refused events of an output folder.
#[derive(Clone, Debug, Default)]
pub struct Rejects {
    /// All of them.
    pub events: u64,
    /// Those that nobody has corrected yet.
    pub open: u64,
    /// Those whose correction was accepted, or is a repeat.
    pub taken_back: u64,
    /// Those whose correction was refused again: that is another of the events, and open.
    pub refused_again: u64,
    /// By cause, the most frequent first.
    pub causes: Vec<Cause>,
    /// Events of causes beyond the number that are told apart.
    pub others: u64,
    /// Whether all were read; otherwise the first of very many.
    pub is_whole: bool,
    /// Lines that are no refused event.
    pub unreadable: u64,
}

/// Refused events that have the same cause.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The reject reason.
    pub reason: String,
    /// The JSON Schema keyword, rule or step, or empty.
    pub keyword: String,
    /// JSON Pointer to the field, with `*` for indexes of arrays; empty for the whole event.
    pub pointer: String,
    /// How many.
    pub events: u64,
    /// How many of them nobody has corrected yet.
    pub open: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// One refused event.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its number, as `transect rejected show` takes it.
    pub number: u64,
    /// What may be shown of it.
    pub content: Content,
}

/// What may be shown of a refused event.
#[derive(Clone, Debug)]
pub enum Content {
    /// All.
    Open {
        /// Where it stands in its input.
        place: String,
        /// What was expected and found.
        message: String,
        /// The beginning of the original bytes as text; None where they are no text.
        original: Option<String>,
        /// Length of the whole in bytes.
        length: u64,
    },
    /// Nothing without the keys.
    Sealed,
    /// Nothing any more.
    Erased,
}

/// A line of `rejected/`: what this reads of it, and no more.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    reason: Cow<'a, str>,
    #[serde(borrow, default)]
    pointer: Cow<'a, str>,
    #[serde(borrow, default)]
    keyword: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    file: Option<Cow<'a, str>>,
    line: Option<u64>,
    offset: Option<u64>,
    index: Option<u64>,
    #[serde(default)]
    length: u64,
    #[serde(borrow, default)]
    original: Option<Cow<'a, str>>,
    redrive_of: Option<u64>,
    sealed: Option<IgnoredAny>,
    #[serde(default)]
    erased: bool,
}

#[derive(Deserialize)]
struct Redriven {
    number: u64,
}

impl Rejects {
    /// Reads `rejected/` and, if it is there, `redriven/`.
    pub(super) fn read(out: &Path, bytes_max: u64) -> Result<Self, SummaryError> {
        let mut taken_back = BTreeSet::new();
        files::for_each_line(&out.join("redriven"), u64::MAX, |_, line| {
            taken_back.extend(serde_json::from_slice(line).map(|Redriven { number }| number));
        })?;
        let (mut rejects, refused_again) = Self::pass(out, bytes_max, &taken_back)?;
        rejects.taken_back = taken_back.len() as u64;
        let refused_again: BTreeSet<u64> = refused_again.difference(&taken_back).copied().collect();
        if !refused_again.is_empty() {
            // Which are not open any more, is only known once all are read.
            let closed = taken_back.union(&refused_again).copied().collect();
            let (again, _) = Self::pass(out, bytes_max, &closed)?;
            rejects = Self { taken_back: rejects.taken_back, ..again };
        }
        rejects.refused_again = refused_again.len() as u64;
        Ok(rejects)
    }

    /// Counts all; with the numbers of those whose correction is among them.
    fn pass(
        out: &Path,
        bytes_max: u64,
        closed: &BTreeSet<u64>,
    ) -> Result<(Self, BTreeSet<u64>), SummaryError> {
        let mut rejects = Self::default();
        let mut causes = BTreeMap::new();
        let mut refused_again = BTreeSet::new();
        let is_whole =
            files::for_each_line(
                &out.join("rejected"),
                bytes_max,
                |number, line| match serde_json::from_slice::<Line<'_>>(line) {
                    Ok(line) => {
                        refused_again.extend(line.redrive_of);
                        rejects.add(&mut causes, number, &line, !closed.contains(&number));
                    }
                    Err(_) => rejects.unreadable += 1,
                },
            )?;
        rejects.is_whole = is_whole;
        rejects.causes = causes.into_values().collect();
        rejects.causes.sort_by_key(|cause| std::cmp::Reverse(cause.events));
        Ok((rejects, refused_again))
    }

    fn add(
        &mut self,
        causes: &mut BTreeMap<(String, String, String), Cause>,
        number: u64,
        line: &Line<'_>,
        open: bool,
    ) {
        self.events += 1;
        self.open += u64::from(open);
        let key = (line.reason.to_string(), line.keyword.to_string(), without_indexes(&line.pointer));
        if causes.len() >= CAUSES_MAX && !causes.contains_key(&key) {
            self.others += 1;
            return;
        }
        let (reason, keyword, pointer) = key.clone();
        let cause = causes.entry(key).or_insert_with(|| Cause {
            reason,
            keyword,
            pointer,
            events: 0,
            open: 0,
            samples: Vec::new(),
        });
        cause.events += 1;
        cause.open += u64::from(open);
        if cause.samples.len() < SAMPLES {
            cause.samples.push(Sample { number, content: content(line) });
        }
    }
}

fn content(line: &Line<'_>) -> Content {
    if line.erased {
        return Content::Erased;
    }
    if line.sealed.is_some() {
        return Content::Sealed;
    }
    let place = match (&line.file, line.line, line.offset, line.index) {
        (Some(file), Some(line), ..) => format!("{file}:{line}"),
        (_, _, Some(offset), Some(index)) => format!("raw {offset}, event {index}"),
        _ => line.source.to_string(),
    };
    Content::Open {
        place,
        message: line.message.to_string(),
        original: line.original.as_ref().map(|text| text.chars().take(ORIGINAL_CHARS).collect()),
        length: line.length,
    }
}

/// Elements of arrays share their cause.
fn without_indexes(pointer: &str) -> String {
    let step = |step: &str| {
        if !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) { "*" } else { step }.to_owned()
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
