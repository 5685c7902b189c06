//! `transect rejected`: refused events, from the files of an output folder.

mod redrive;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use transect_worker::keys;
use transect_worker::record::{RedrivenEvent, RejectedEvent, sealed};

use crate::args::{Format, RejectedArgs, RejectedCommand};
use crate::{lines, output};

pub(crate) fn run(args: &RejectedArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        RejectedCommand::List { out, reason, each, all, output } => {
            let wanted = Wanted { reason: reason.as_deref(), closed: closed(out, *all)? };
            if *each { list(out, &wanted, *output)? } else { summarise(out, &wanted, *output)? }
        }
        RejectedCommand::Redrive { .. } => return redrive::run(&args.command),
        RejectedCommand::Show { number, keys, out, output } => show(out, *number, keys.as_deref(), *output)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Which refusals are wanted.
struct Wanted<'a> {
    reason: Option<&'a str>,
    /// Those that are not, by number.
    closed: HashSet<u64>,
}

impl Wanted<'_> {
    fn has(&self, number: usize, event: &RejectedEvent) -> bool {
        let reason = self.reason.is_none_or(|reason| reason == event.reason.as_str());
        reason && !self.closed.contains(&(number as u64))
    }
}

/// The rejects that are not open any more: taken back in, or refused again, which is another reject. None if `all` are wanted.
fn closed(out: &Path, all: bool) -> anyhow::Result<HashSet<u64>> {
    let mut closed = HashSet::new();
    if !all {
        for_each(out, |_, event| {
            closed.extend(event.redrive_of);
            Ok(true)
        })?;
        lines::for_each(out, "redriven", |_, event: RedrivenEvent| {
            closed.insert(event.number);
            Ok(true)
        })?;
    }
    Ok(closed)
}

/// Refusals that have the same cause.
#[derive(Serialize)]
struct Group {
    reason: String,
    keyword: String,
    pointer: String,
    events: u64,
    /// The number of one of them, for `show`.
    example: usize,
    message: String,
}

/// One refusal among the others.
#[derive(Serialize)]
struct Numbered {
    number: usize,
    #[serde(flatten)]
    event: RejectedEvent,
}

fn summarise(out: &Path, wanted: &Wanted<'_>, format: Format) -> anyhow::Result<()> {
    let mut groups: BTreeMap<(String, String, String), Group> = BTreeMap::new();
    for_each(out, |number, event| {
        let word = event.reason.to_string();
        if wanted.has(number, &event) {
            let pointer = without_indexes(&event.pointer);
            let key = (word.clone(), event.keyword.clone(), pointer.clone());
            let group = groups.entry(key).or_insert(Group {
                message: told(&event),
                reason: word,
                keyword: event.keyword,
                pointer,
                events: 0,
                example: number,
            });
            group.events += 1;
        }
        Ok(true)
    })?;
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.events));
    output::print(format, &groups, || {
        let rows = groups.iter().map(|g| {
            let (pointer, example) = (shown(&g.pointer), g.example.to_string());
            [
                g.reason.clone(),
                g.keyword.clone(),
                pointer,
                output::count(g.events),
                example,
                g.message.clone(),
            ]
        });
        output::table(["reason", "keyword", "pointer", "events", "example", "such as"], rows)
    })
}

fn list(out: &Path, wanted: &Wanted<'_>, format: Format) -> anyhow::Result<()> {
    let mut events = Vec::new();
    for_each(out, |number, event| {
        if wanted.has(number, &event) {
            events.push(Numbered { number, event });
        }
        Ok(true)
    })?;
    output::print(format, &events, || {
        let rows = events.iter().map(|Numbered { number, event: e }| {
            let number = number.to_string();
            [number, place(e), e.reason.to_string(), e.keyword.clone(), shown(&e.pointer), told(e)]
        });
        output::table(["number", "place", "reason", "keyword", "pointer", "message"], rows)
    })
}

fn show(out: &Path, number: usize, keys: Option<&Path>, format: Format) -> anyhow::Result<()> {
    let mut found = None;
    let mut count = 0;
    for_each(out, |at, event| {
        count = at;
        if at == number {
            found = Some(event);
        }
        Ok(found.is_none())
    })?;
    let Some(event) = found.map(|event| opened(event, keys, out)).transpose()? else {
        bail!("there is no reject number {number} in {}: it has {count}", out.display());
    };
    output::print(format, &event, || {
        let mut text = format!("{} at {}\n{}\n", event.reason, place(&event), event.message);
        if !event.pointer.is_empty() || !event.keyword.is_empty() {
            text.push_str(&format!("field {}, keyword {}\n", shown(&event.pointer), event.keyword));
        }
        text.push_str(&format!("received {} from {}\n\n", event.received, event.source));
        if event.sealed.is_some() {
            text.push_str("(sealed; give the folder of keys with --keys to see it)");
        }
        match (&event.original, &event.original_base64) {
            (Some(original), _) => text.push_str(original),
            (_, Some(base64)) => text.push_str(&format!("(not UTF-8, in base64) {base64}")),
            _ => {}
        }
        text
    })
}

/// Opens a refused event, if it is sealed and there are keys.
fn opened(event: RejectedEvent, keys: Option<&Path>, out: &Path) -> anyhow::Result<RejectedEvent> {
    let usual = out.join(".state/keys");
    let folder = keys.unwrap_or(&usual);
    if event.sealed.is_none() || (keys.is_none() && !usual.is_dir()) {
        return Ok(event);
    }
    let ring = keys::ring(folder)?;
    sealed::open_reject(&ring, event)
        .with_context(|| format!("open it with the keys in {}", folder.display()))
}

/// Calls the function with each refused event and its number, from 1, until it says false.
fn for_each(out: &Path, f: impl FnMut(usize, RejectedEvent) -> anyhow::Result<bool>) -> anyhow::Result<()> {
    lines::for_each(out, "rejected", f)
}

/// What was wrong with an event, as far as that may be said without its keys.
fn told(event: &RejectedEvent) -> String {
    if event.sealed.is_some() && event.message.is_empty() {
        return "(sealed; see: transect rejected show)".to_owned();
    }
    event.message.clone()
}

/// Where the event stands in its input.
fn place(event: &RejectedEvent) -> String {
    match (&event.file, event.line, event.offset, event.index) {
        (Some(file), Some(line), ..) => format!("{file}:{line}"),
        (_, _, Some(offset), Some(index)) => format!("raw {offset}, event {index}"),
        _ => event.source.clone(),
    }
}

fn shown(pointer: &str) -> String {
    if pointer.is_empty() { "(the whole event)".to_owned() } else { pointer.to_owned() }
}

/// Elements of arrays share their cause.
fn without_indexes(pointer: &str) -> String {
    let step = |step: &str| {
        if !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) { "*" } else { step }.to_owned()
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}
