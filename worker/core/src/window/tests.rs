//! Fold and merge against an oracle that has all events at once: random events, random cuts into epochs, random
//! restarts of the aggregate role. The last revisions must be the oracle's.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use transect_config::{AggregateConfig, Function, Pointer, Span, WindowConfig, WindowKind};

use super::definition::WindowPlan;
use super::rows::Row;
use super::scalar::Scalar;
use super::{Fold, Merge};

/// One accepted event, in the order of the log.
#[derive(Clone, Copy, Debug)]
struct Event {
    time: i64,
    group: u64,
    value: i64,
    /// The watermark that stood before it.
    watermark: i64,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn events(random: &mut Random, n: u64, delay: i64, spread: u64) -> Vec<Event> {
    let (mut now, mut newest, mut made) = (0i64, i64::MIN, Vec::new());
    for _ in 0..n {
        now += random.below(4) as i64;
        let time = now - random.below(spread) as i64;
        let watermark = newest.saturating_sub(delay);
        made.push(Event { time, group: random.below(2), value: random.below(50) as i64, watermark });
        newest = newest.max(time);
    }
    made
}

fn plan(kind: WindowKind, lateness: i64) -> Arc<WindowPlan> {
    let field = Some("/value".parse::<Pointer>().unwrap());
    let aggregate = |name: &str, function, field: &Option<Pointer>| AggregateConfig {
        name: name.into(),
        function,
        field: field.clone(),
    };
    let config = WindowConfig {
        name: "w".into(),
        event_type: "e".into(),
        kind,
        group_by: vec!["/group".parse().unwrap()],
        allowed_lateness: Span::from_micros(lateness),
        aggregates: vec![
            aggregate("count", Function::Count, &None),
            aggregate("sum", Function::Sum, &field),
            aggregate("least", Function::Min, &field),
            aggregate("greatest", Function::Max, &field),
            aggregate("median", Function::Quantile { q: 0.5 }, &field),
            aggregate("different", Function::Distinct, &field),
            aggregate("first", Function::First, &field),
            aggregate("last", Function::Last, &field),
        ],
    };
    let schema = Arc::new(batch(&[]).schema().as_ref().clone());
    WindowPlan::compile(&config, &schema, &|field| Some(vec![usize::from(field.steps() == ["value"])]))
        .unwrap()
}

fn batch(events: &[Event]) -> RecordBatch {
    let groups: ArrayRef =
        Arc::new(StringArray::from_iter_values(events.iter().map(|e| format!("g{}", e.group))));
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(events.iter().map(|e| e.value)));
    let field = |name, data_type| Field::new(name, data_type, true);
    let schema = Schema::new(vec![field("group", DataType::Utf8), field("value", DataType::Int64)]);
    RecordBatch::try_new(Arc::new(schema), vec![groups, values]).unwrap()
}

type Key = (i64, i64, u64);

/// What the windows hold, from all events at once.
fn aggregates(held: &[(usize, Event)]) -> Vec<Scalar> {
    let mut values: Vec<i64> = held.iter().map(|(_, e)| e.value).collect();
    values.sort_unstable();
    let median = values[(values.len().div_ceil(2)) - 1] as f64;
    let by_place = |(at, e): &&(usize, Event)| (e.time, *at);
    let first = held.iter().min_by_key(by_place).unwrap().1.value;
    let last = held.iter().max_by_key(by_place).unwrap().1.value;
    let (sum, least, greatest) = (values.iter().sum(), values[0], values[values.len() - 1]);
    let count = values.len() as i64;
    values.dedup();
    let int = Scalar::Int;
    let median = Scalar::Float(super::scalar::Float::new(median));
    vec![
        int(count),
        int(sum),
        int(least),
        int(greatest),
        median,
        int(values.len() as i64),
        int(first),
        int(last),
    ]
}

fn grid_oracle(
    events: &[Event],
    size: i64,
    every: i64,
    lateness: i64,
) -> (BTreeMap<Key, Vec<Scalar>>, usize) {
    let mut windows: BTreeMap<Key, Vec<(usize, Event)>> = BTreeMap::new();
    let mut late = 0;
    for (at, event) in events.iter().enumerate() {
        let newest = event.time.div_euclid(every) * every;
        let starts = (0..).map(|k| newest - k * every).take_while(|start| start + size > event.time);
        let mut is_late = false;
        for start in starts {
            if start + size + lateness <= event.watermark {
                is_late = true;
            } else {
                windows.entry((start, start + size, event.group)).or_default().push((at, *event));
            }
        }
        late += usize::from(is_late);
    }
    (windows.iter().map(|(key, held)| (*key, aggregates(held))).collect(), late)
}

fn session_oracle(
    events: &[Event],
    gap: i64,
    max: i64,
    lateness: i64,
) -> (BTreeMap<Key, Vec<Scalar>>, usize) {
    let in_time = |event: &Event| event.time + gap + lateness > event.watermark;
    let late = events.iter().filter(|event| !in_time(event)).count();
    let mut sessions = BTreeMap::new();
    for group in 0..2 {
        let mut held: Vec<(usize, Event)> =
            events.iter().copied().enumerate().filter(|(_, e)| e.group == group && in_time(e)).collect();
        held.sort_by_key(|(at, e)| (e.time, *at));
        for chain in held.chunk_by(|(_, a), (_, b)| b.time - a.time < gap) {
            let is_long = chain[chain.len() - 1].1.time - chain[0].1.time > max;
            let alike = |(_, a): &(usize, Event), (_, b): &(usize, Event)| {
                !is_long || a.time.div_euclid(max) == b.time.div_euclid(max)
            };
            for part in chain.chunk_by(alike) {
                let key = (part[0].1.time, part[part.len() - 1].1.time + gap, group);
                sessions.insert(key, aggregates(part));
            }
        }
    }
    (sessions, late)
}

/// The log's partials topic: pieces, then the watermark that covers them.
enum Entry {
    Pieces(Bytes),
    Watermark(i64),
}

/// Folds the events in epochs of random length.
fn fold(random: &mut Random, plan: &Arc<WindowPlan>, events: &[Event], delay: i64) -> (Vec<Entry>, usize) {
    let (mut log, mut late, mut at, mut closing) = (Vec::new(), 0, 0, i64::MIN);
    let mut fold = Fold::new(Arc::clone(plan));
    while at < events.len() {
        // An epoch of one to three batches.
        for _ in 0..=random.below(3) {
            let end = (at + 1 + random.below(40) as usize).min(events.len());
            let part = &events[at..end];
            let times: Vec<i64> = part.iter().map(|e| e.time).collect();
            let watermarks: Vec<i64> = part.iter().map(|e| e.watermark).collect();
            let positions: Vec<u64> = (at as u64..end as u64).collect();
            let mut marks = vec![false; part.len()];
            late += fold.add(&batch(part), &times, &watermarks, &positions, &mut marks).unwrap();
            closing = times.iter().map(|time| plan.closes(*time)).fold(closing, i64::max);
            at = end;
        }
        log.extend(fold.finish().unwrap().map(Entry::Pieces));
        let newest = events[..at].iter().map(|e| e.time).max().unwrap();
        log.push(Entry::Watermark(newest - delay));
    }
    log.push(Entry::Watermark(closing));
    (log, late)
}

/// Merges the log, starting anew at random watermarks, and keeps the last revision of each window.
fn merge(random: &mut Random, plan: &Arc<WindowPlan>, log: &[Entry]) -> BTreeMap<Key, Row> {
    let mut merge = Merge::new(Arc::clone(plan));
    let mut last: BTreeMap<Key, Row> = BTreeMap::new();
    for (offset, entry) in log.iter().enumerate() {
        match entry {
            Entry::Pieces(bytes) => merge.merge(offset as u64, bytes).unwrap(),
            Entry::Watermark(watermark) => {
                for row in merge.advance_rows(*watermark).unwrap() {
                    let group = if row.group[0] == Scalar::Text("g0".into()) { 0 } else { 1 };
                    let key = (row.start, row.end, group);
                    if let Some(known) = last.get(&key) {
                        assert!(
                            !known.is_final || known.replaced_by.is_some(),
                            "{known:?} was final, then {row:?}"
                        );
                        assert!(row.revision >= known.revision, "{known:?} then {row:?}");
                    }
                    last.insert(key, row);
                }
                if random.below(4) == 0 {
                    merge = restart(plan, log, offset + 1, merge.low_water(), *watermark);
                }
            }
        }
    }
    assert_eq!(merge.low_water(), None, "everything is closed at the end");
    last.retain(|_, row| row.replaced_by.is_none());
    last
}

fn restart(
    plan: &Arc<WindowPlan>,
    log: &[Entry],
    end: usize,
    low_water: Option<u64>,
    watermark: i64,
) -> Merge {
    let mut merge = Merge::new(Arc::clone(plan));
    merge.restore(watermark);
    for (offset, entry) in log[..end].iter().enumerate().skip(low_water.unwrap_or(end as u64) as usize) {
        if let Entry::Pieces(bytes) = entry {
            merge.merge(offset as u64, bytes).unwrap();
        }
    }
    merge.settle().unwrap();
    merge
}

#[track_caller]
fn check(kind: WindowKind, oracle: impl Fn(&[Event], i64) -> (BTreeMap<Key, Vec<Scalar>>, usize)) {
    for seed in 0..60 {
        let mut random = Random(seed);
        let (delay, lateness) = (random.below(30) as i64, random.below(40) as i64);
        let spread = 1 + random.below(80);
        let events = events(&mut random, 400, delay, spread);
        let plan = plan(kind, lateness);
        let (expected, expected_late) = oracle(&events, lateness);
        let (log, late) = fold(&mut random, &plan, &events, delay);
        assert_eq!(late, expected_late, "late events, seed {seed}");
        let found = merge(&mut random, &plan, &log);
        let values: BTreeMap<Key, Vec<Scalar>> =
            found.iter().map(|(key, row)| (*key, row.values.clone())).collect();
        assert_eq!(values, expected, "seed {seed}");
        assert!(found.values().all(|row| row.is_final), "seed {seed}");
    }
}

fn span(micros: i64) -> Span {
    Span::from_micros(micros)
}

#[test]
fn tumbling_windows_equal_the_oracle() {
    check(WindowKind::Tumbling { size: span(20) }, |events, lateness| grid_oracle(events, 20, 20, lateness));
}

#[test]
fn sliding_windows_equal_the_oracle() {
    for (size, every) in [(30, 10), (30, 20), (25, 10), (10, 15)] {
        check(WindowKind::Sliding { size: span(size), every: span(every) }, |events, lateness| {
            grid_oracle(events, size, every, lateness)
        });
    }
}

#[test]
fn sessions_equal_the_oracle_long_ones_cut_at_multiples_of_max() {
    for (gap, max) in [(3, 1000), (5, 40), (9, 25), (4, 4)] {
        check(WindowKind::Session { gap: span(gap), max: span(max) }, |events, lateness| {
            session_oracle(events, gap, max, lateness)
        });
    }
}

#[test]
fn a_window_is_issued_again_when_a_late_event_changes_it_and_once_as_final() {
    let plan = plan(WindowKind::Tumbling { size: span(10) }, 20);
    let mut fold = Fold::new(Arc::clone(&plan));
    let mut piece = |time, watermark| {
        let event = Event { time, group: 0, value: 1, watermark };
        let mut late = [false];
        fold.add(&batch(&[event]), &[time], &[watermark], &[0], &mut late).unwrap();
        (fold.finish().unwrap(), late[0])
    };
    let mut merge = Merge::new(Arc::clone(&plan));
    let issued = |merge: &mut Merge, watermark| {
        let rows = merge.advance_rows(watermark).unwrap();
        rows.iter().map(|row| (row.values[0].clone(), row.revision, row.is_final)).collect::<Vec<_>>()
    };
    merge.merge(5, &piece(3, 0).0.unwrap()).unwrap();
    assert_eq!(issued(&mut merge, 9), []);
    assert_eq!(issued(&mut merge, 10), [(Scalar::Int(1), 6, false)]);
    assert_eq!(issued(&mut merge, 20), [], "nothing has changed");
    merge.merge(7, &piece(4, 20).0.unwrap()).unwrap();
    assert_eq!(issued(&mut merge, 21), [(Scalar::Int(2), 8, false)]);
    assert_eq!(issued(&mut merge, 30), [(Scalar::Int(2), 8, true)]);
    assert_eq!(piece(5, 30), (None, true), "the window is closed");
}

#[test]
fn damaged_partials_are_an_error() {
    let plan = plan(WindowKind::Tumbling { size: span(10) }, 0);
    let mut fold = Fold::new(Arc::clone(&plan));
    let event = Event { time: 1, group: 0, value: 1, watermark: 0 };
    fold.add(&batch(&[event]), &[1], &[0], &[0], &mut [false]).unwrap();
    let bytes = fold.finish().unwrap().unwrap();
    let mut merge = Merge::new(plan);
    for cut in 0..bytes.len() {
        assert!(merge.merge(0, &bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert!(merge.merge(0, &[9, 0, 0]).unwrap_err().to_string().contains("format 9"));
}
