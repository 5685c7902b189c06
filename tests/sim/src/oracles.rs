//! What must hold at the end, whatever has gone wrong. What is expected is worked out from what the brokers have of `raw` and
//! from the events as they were made, by the simplest means there are.

mod files;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;
use transect_core::ledger::Ledger;
use transect_worker::log::{Record, Topic};
use transect_worker::process::ProcessState;
use transect_worker::record::COUNT;

use self::files::Row;
use crate::gateway::{Event, Gateway};
use crate::setup::Job;
use crate::world::{Brokers, World};

/// Where an event is in `raw`: the offset of its record, and its index there.
type Place = (u64, u32);

/// What must become of the events of one partition.
#[derive(Default)]
struct Expected<'a> {
    accepted: Vec<(Place, &'a Event)>,
    rejected: Vec<(Place, &'a Event)>,
    duplicate: u64,
}

/// Looks at all that was written; an error says what does not hold.
pub fn check(brokers: &Brokers, gateways: &[Gateway], out: &Path) -> anyhow::Result<()> {
    let world = brokers.world();
    ensure!(world.violations.is_empty(), "{}", world.violations.join("\n"));
    let events: BTreeMap<&str, &Event> =
        gateways.iter().flat_map(|gateway| &gateway.events).map(|(line, event)| (&**line, event)).collect();
    let partitions = 0..world.partitions;
    let expected =
        partitions.map(|partition| expected(&world, partition, &events)).collect::<Result<Vec<_>, _>>()?;
    acknowledged_is_stored(gateways, &expected)?;
    let mut clean = Vec::new();
    for (partition, expected) in (0..).zip(&expected) {
        let rows = clean_rows(&world, partition)?;
        same_rows(&rows, expected).with_context(|| format!("clean, partition {partition}"))?;
        same_rejects(&world, partition, expected)
            .with_context(|| format!("rejected, partition {partition}"))?;
        ledger_adds_up(&world, partition, expected)
            .with_context(|| format!("the ledger of partition {partition}"))?;
        clean.extend(rows);
    }
    files::same_table(out, clean).context("the table")?;
    files::same_lines(out, all_lines(&world)?).context("the files of rejects")?;
    let accepted = expected.iter().flat_map(|expected| &expected.accepted).map(|(_, event)| *event);
    windows::same(out, accepted).context("the windows")
}

/// The events of a partition of `raw`, in their order: the first of each identity is accepted.
fn expected<'a>(
    world: &World,
    partition: u32,
    events: &BTreeMap<&str, &'a Event>,
) -> anyhow::Result<Expected<'a>> {
    let (mut expected, mut seen) = (Expected::default(), BTreeSet::new());
    for (_, record) in world.partition(Topic::Raw as usize, partition).all() {
        for (index, line) in (0..).zip(text(record)?.lines()) {
            let event = *events.get(line).with_context(|| format!("nobody has posted {line}"))?;
            let place = (record.offset, index);
            if !event.valid {
                expected.rejected.push((place, event));
            } else if seen.insert(&event.id) {
                expected.accepted.push((place, event));
            } else {
                expected.duplicate += 1;
            }
        }
    }
    Ok(expected)
}

/// What was acknowledged has ended: accepted once, or refused.
fn acknowledged_is_stored(gateways: &[Gateway], expected: &[Expected<'_>]) -> anyhow::Result<()> {
    let all = |of: fn(&Expected<'_>) -> Vec<String>| expected.iter().flat_map(of).collect::<BTreeSet<_>>();
    let accepted = all(|e| e.accepted.iter().map(|(_, event)| event.line.clone()).collect());
    let rejected = all(|e| e.rejected.iter().map(|(_, event)| event.line.clone()).collect());
    for event in gateways.iter().flat_map(|gateway| &gateway.acknowledged) {
        let stored = if event.valid { &accepted } else { &rejected };
        ensure!(stored.contains(&event.line), "acknowledged, but nowhere to be found: {}", event.line);
    }
    Ok(())
}

fn clean_rows(world: &World, partition: u32) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (_, record) in world.partition(Topic::Clean as usize, partition).all() {
        rows.extend(files::rows_of_stream(&record.value)?);
    }
    Ok(rows)
}

/// Once each, in the order of `raw`, and none late: events come at most so late as windows wait.
fn same_rows(rows: &[Row], expected: &Expected<'_>) -> anyhow::Result<()> {
    for (row, (place, event)) in rows.iter().zip(&expected.accepted) {
        ensure!(row.place == *place && row.id == event.id, "{row:?} where {} is due", event.line);
        ensure!(row.station == event.station && row.value == event.value, "{row:?} of {}", event.line);
        ensure!(!row.late, "{row:?} is called late");
    }
    ensure!(rows.len() == expected.accepted.len(), "{} rows of {}", rows.len(), expected.accepted.len());
    Ok(())
}

fn same_rejects(world: &World, partition: u32, expected: &Expected<'_>) -> anyhow::Result<()> {
    let mut rejects = Vec::new();
    for (_, record) in world.partition(Topic::Rejected as usize, partition).all() {
        for line in text(record)?.lines() {
            let reject: Value = serde_json::from_str(line)?;
            let number = |name: &str| reject[name].as_u64().unwrap_or(u64::MAX);
            let original = reject["original"].as_str().unwrap_or_default().to_owned();
            rejects.push(((number("offset"), number("index") as u32), original));
        }
    }
    let due: Vec<_> = expected.rejected.iter().map(|(place, event)| (*place, event.line.clone())).collect();
    ensure!(rejects == due, "{rejects:?} where {due:?} are due");
    Ok(())
}

fn ledger_adds_up(world: &World, partition: u32, expected: &Expected<'_>) -> anyhow::Result<()> {
    let committed = world.committed(Job::Process.group(), partition).unwrap_or_default();
    let state: ProcessState = match committed.metadata.as_str() {
        "" => ProcessState::default(),
        metadata => serde_json::from_str(metadata)?,
    };
    let mut sum = Ledger::default();
    for (_, record) in world.partition(Topic::Audit as usize, partition).all() {
        sum += &serde_json::from_slice::<Ledger>(&record.value)?;
    }
    ensure!(sum == state.ledger, "epochs sum up to {sum:?}, but the state has {:?}", state.ledger);
    let total = state.ledger.total();
    ensure!(state.ledger.adds_up(), "{total:?}");
    let (accepted, rejected) = (expected.accepted.len() as u64, expected.rejected.len() as u64);
    let found = (total.accepted, total.rejected, total.duplicate);
    let due = (accepted, rejected, expected.duplicate);
    ensure!(found == due, "accepted, rejected and duplicate are {found:?}, not {due:?}");
    Ok(())
}

/// The lines of `rejected` in all partitions, sorted.
fn all_lines(world: &World) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for partition in 0..world.partitions {
        for (_, record) in world.partition(Topic::Rejected as usize, partition).all() {
            lines.extend(text(record)?.lines().map(str::to_owned));
            ensure!(record.header(COUNT).is_some(), "a record without a count");
        }
    }
    lines.sort_unstable();
    Ok(lines)
}

fn text(record: &Record) -> anyhow::Result<&str> {
    Ok(std::str::from_utf8(&record.value)?)
}
