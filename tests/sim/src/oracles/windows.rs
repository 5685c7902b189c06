//! The windows of the accepted events, worked out by hand, against the last revisions of those that were issued.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};

use super::files;
use crate::clock::SECOND;
use crate::gateway::Event;

const MINUTE: i64 = 60 * SECOND;

/// Name, start, and group, if there is one.
type Key = (&'static str, i64, Option<String>);

/// Count and sum, least and greatest where asked for.
type Values = Vec<i64>;

/// A window as it was issued: its revision, and whether that is final.
type Issued = (Key, (i64, bool), Values);

/// Every window is there, final, and says what the events do.
pub(super) fn same<'a>(out: &Path, accepted: impl Iterator<Item = &'a Event>) -> anyhow::Result<()> {
    let mut due: BTreeMap<Key, Values> = BTreeMap::new();
    for event in accepted {
        let minute = (event.time * 1000).div_euclid(MINUTE) * MINUTE;
        let value = event.value;
        let entry = due.entry(("by-station", minute, Some(event.station.clone())));
        let values = entry.or_insert_with(|| vec![0, 0, i64::MAX, i64::MIN]);
        *values = vec![values[0] + 1, values[1] + value, values[2].min(value), values[3].max(value)];
        for start in [minute - MINUTE, minute] {
            let values = due.entry(("rolling", start, None)).or_insert_with(|| vec![0, 0]);
            *values = vec![values[0] + 1, values[1] + value];
        }
    }
    let found = last_revisions(out)?;
    for (key, values) in &due {
        let found = found.get(key).with_context(|| format!("{key:?} is missing"))?;
        ensure!(found == values, "{key:?} is {found:?}, not {values:?}");
    }
    let other = found.keys().find(|key| !due.contains_key(key));
    ensure!(other.is_none(), "{other:?} has no events");
    Ok(())
}

fn last_revisions(out: &Path) -> anyhow::Result<BTreeMap<Key, Values>> {
    let mut last: BTreeMap<Key, ((i64, bool), Values)> = BTreeMap::new();
    for (name, columns) in [
        ("by-station", ["readings", "total", "least", "greatest"].as_slice()),
        ("rolling", &["readings", "total"]),
    ] {
        for path in files::files(&out.join("windows").join(name), "parquet")? {
            for batch in files::batches(&path)? {
                for (key, revision, values) in rows_of(&batch, name, columns)? {
                    let known = last.get(&key).is_some_and(|(known, _)| *known > revision);
                    if !known {
                        last.insert(key, (revision, values));
                    }
                }
            }
        }
    }
    for (key, ((_, is_final), _)) in &last {
        ensure!(is_final, "{key:?} is not final");
    }
    Ok(last.into_iter().map(|(key, (_, values))| (key, values)).collect())
}

fn rows_of(batch: &RecordBatch, name: &'static str, columns: &[&str]) -> anyhow::Result<Vec<Issued>> {
    let column = |name: &str| batch.column_by_name(name).with_context(|| format!("no column {name}"));
    let starts = column("window_start")?.as_primitive::<TimestampMicrosecondType>();
    let revisions = column("revision")?.as_primitive::<Int64Type>();
    let finals = column("final")?.as_boolean();
    let stations = batch.column_by_name("station").map(|column| column.as_string::<i32>());
    let mut numbers = Vec::new();
    for name in columns {
        numbers.push(column(name)?.as_primitive::<Int64Type>());
    }
    let row = |at: usize| {
        let station = stations.map(|stations| stations.value(at).to_owned());
        let values = numbers.iter().map(|numbers| numbers.value(at)).collect();
        ((name, starts.value(at), station), (revisions.value(at), finals.value(at)), values)
    };
    Ok((0..batch.num_rows()).map(row).collect())
}
