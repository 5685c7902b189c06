//! Methods against values computed by other means, and whole detectors against an oracle that has all events at once: random
//! events, random cuts into epochs, random restarts.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use transect_config::{DetectorConfig, Judge, Method, Side, Span, Watched};

use super::alert::{AlertState, Origin};
use super::detector::{Detector, Observed, Rows};
use super::history::{History, VALUES_OF_GROUP_MAX};
use super::plan::DetectorPlan;
use super::verdict::{self, Verdict};
use super::*;
use crate::watermark::NONE;
use crate::window::columns::View;

const A: &[f64] = &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
const B: &[f64] = &[10.1, 9.8, 10.0, 10.3, 9.9, 10.2, 10.0];
const CONSTANT: &[f64] = &[1.0; 5];
const D: &[f64] = &[-3.5, 0.0, 2.25, 100.0, 7.0];
const E20: Method = Method::Ewma { alpha: 0.2 };
const E50: Method = Method::Ewma { alpha: 0.5 };

/// Method, values by event time, the value that is judged, and what is expected with the distance from it.
type Measured = (Method, &'static [f64], f64, Option<(f64, f64)>);

/// By Python's `statistics` (mean and stdev; median and inv_cdf; quantiles, inclusive), and for EWMA
/// by a sum over explicit weights.
#[rustfmt::skip]
const MEASURED: &[Measured] = &[
    (Method::ZScore, A, 12.0, Some((5.0, 3.273_950_213_427_198_7))),
    (Method::ZScore, B, -40.5, Some((10.042_857_142_857_143, -294.153_209_397_889_27))),
    (Method::ZScore, D, -40.5, Some((21.15, -1.393_447_194_587_164_5))),
    (Method::ZScore, CONSTANT, 12.0, None),
    (Method::RobustZScore, A, 12.0, Some((4.5, 10.117_346_252_941_225))),
    (Method::RobustZScore, B, 12.0, Some((10.0, 13.489_795_003_921_682))),
    (Method::RobustZScore, D, -40.5, Some((2.25, -6.070_407_751_764_735))),
    (Method::RobustZScore, CONSTANT, 12.0, None),
    (Method::Iqr, A, 12.0, Some((5.5, 4.333_333_333_333_333))),
    (Method::Iqr, A, -40.5, Some((4.0, -29.666_666_666_666_668))),
    (Method::Iqr, A, 5.0, None),
    (Method::Iqr, B, 12.0, Some((10.15, 9.25))),
    (Method::Iqr, D, 12.0, Some((7.0, 0.714_285_714_285_714_3))),
    (Method::Iqr, CONSTANT, 12.0, None),
    (E20, A, 12.0, Some((5.290_969_6, 2.775_584_899_762_399))),
    (E20, D, -40.5, Some((16.254_4, -1.543_938_735_625_424_6))),
    (E50, B, 12.0, Some((10.054_687_5, 16.063_513_235_475_302))),
    (E50, CONSTANT, 12.0, None),
];

fn judge(method: Method, threshold: f64, side: Side, min_count: u32) -> Judge {
    Judge { method, threshold, side, min_count }
}

fn history(values: &[f64]) -> History {
    let mut history = History::new(true);
    // In another order than that of their times.
    for at in (0..values.len()).step_by(2).chain((1..values.len()).step_by(2)) {
        history.insert(at as i64, values[at]);
    }
    history
}

#[test]
fn methods_measure_what_others_compute() {
    for (method, values, value, expected) in MEASURED {
        let found = verdict::judge(&judge(*method, 1e-9, Side::Both, 2), &history(values), *value);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0) * 100.0;
        match (found, expected) {
            (Some(Verdict { expected, distance }), Some((e, d))) => {
                assert!(
                    close(expected, *e) && close(distance, *d),
                    "{method:?} {values:?} {value}: {found:?}"
                );
            }
            (found, expected) => {
                assert_eq!(found.is_some(), expected.is_some(), "{method:?} {values:?} {value}")
            }
        }
    }
}

#[test]
fn the_median_deviation_is_found_wherever_the_values_lie() {
    let mut random = Random(3);
    for n in 1..60 {
        // Some equal, some far off to one side.
        let mut values: Vec<f64> = (0..n).map(|_| random.below(1 + n) as f64).map(|x| x * x / 7.0).collect();
        values.sort_by(f64::total_cmp);
        let middle = |sorted: &[f64]| (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        let median = middle(&values);
        let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let spread = middle(&distances) * 1.482_602_218_505_602;
        match verdict::judge(&judge(Method::RobustZScore, 1e-9, Side::Both, 1), &history(&values), 1e6) {
            Some(found) => {
                assert!((found.distance * spread / (1e6 - median) - 1.0).abs() < 1e-12, "{values:?}")
            }
            None => assert!(spread == 0.0, "{values:?}"),
        }
    }
}

#[test]
fn sides_and_thresholds_are_taken_as_written() {
    for (threshold, side, value, distance) in [
        (100.0, Side::Above, 100.0, Some(0.0)),
        (100.0, Side::Above, 99.0, None),
        (-5.0, Side::Above, -4.0, Some(1.0)),
        (0.0, Side::Below, -1.5, Some(-1.5)),
        (0.0, Side::Below, 0.5, None),
        (10.0, Side::Both, -12.0, Some(-2.0)),
        (10.0, Side::Both, 9.0, None),
    ] {
        let judge = judge(Method::Threshold, threshold, side, 10);
        let found = verdict::judge(&judge, &History::default(), value);
        assert_eq!(found.map(|found| found.distance), distance, "{threshold} {side:?} {value}");
    }
    let found =
        |side, value| verdict::judge(&judge(Method::ZScore, 3.0, side, 8), &history(A), value).is_some();
    assert!(found(Side::Above, 12.0) && !found(Side::Below, 12.0) && found(Side::Both, 12.0));
    assert!(!found(Side::Above, -12.0) && found(Side::Below, -12.0) && found(Side::Both, -12.0));
    assert!(verdict::judge(&judge(Method::ZScore, 3.0, Side::Both, 9), &history(A), 12.0).is_none());
}

#[test]
fn a_group_keeps_its_newest_values() {
    let mut history = History::new(true);
    for at in 0..VALUES_OF_GROUP_MAX as i64 + 10 {
        history.insert(at * 7 % 2063, at as f64);
    }
    assert_eq!((history.len(), history.sorted().len()), (VALUES_OF_GROUP_MAX, VALUES_OF_GROUP_MAX));
    assert!(history.sorted().is_sorted());
    assert!(history.oldest() >= Some(10));
    history.forget(2050);
    assert_eq!((history.oldest(), history.len()), (Some(2051), history.sorted().len()));
}

/// One accepted event, in the order of the log.
#[derive(Clone, Copy, Debug)]
struct Event {
    time: i64,
    group: u64,
    value: Option<f64>,
    /// The watermark that stood before it, and after it.
    watermark: i64,
    after: i64,
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

/// Groups come and go; some events are late.
fn events(random: &mut Random, n: u64) -> Vec<Event> {
    let (delay, spread) = (random.below(20) as i64, 1 + random.below(40));
    let (mut now, mut watermark, mut made) = (1000i64, NONE, Vec::new());
    let mut groups = (0, 3);
    for _ in 0..n {
        now += random.below(4) as i64;
        if random.below(30) == 0 {
            groups = (random.below(3), 1 + random.below(3));
            now += random.below(120) as i64;
        }
        let late = if random.below(10) == 0 { 100 } else { 0 };
        let time = now - random.below(spread) as i64 - late;
        let value = (random.below(20) > 0).then(|| {
            let outlier = if random.below(15) == 0 { 60.0 } else { 0.0 };
            random.below(30) as f64 / 4.0 + outlier
        });
        let after = watermark.max(time - delay);
        made.push(Event { time, group: groups.0 + random.below(groups.1), value, watermark, after });
        watermark = after;
    }
    made
}

fn plan(watched: Watched, over: i64) -> Arc<DetectorPlan> {
    let fields = [("station", DataType::Utf8), ("value", DataType::Float64)];
    let schema = fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec();
    let by = vec!["/station".parse().unwrap()];
    let config = DetectorConfig { name: "d".into(), watched, by: by.clone(), over: Span::from_micros(over) };
    let resolve = |field: &transect_config::Pointer| match field.to_string().as_str() {
        "/station" => Some(vec![0]),
        "/value" => Some(vec![1]),
        _ => None,
    };
    DetectorPlan::compile(&config, &Arc::new(Schema::new(schema)), &resolve, &by).unwrap()
}

fn field(judge: Judge, over: i64) -> Arc<DetectorPlan> {
    plan(Watched::Field { event_type: "t".into(), field: "/value".parse().unwrap(), judge }, over)
}

fn batch(events: &[Event]) -> RecordBatch {
    let stations: StringArray = events.iter().map(|e| Some(format!("s{}", e.group))).collect();
    let values: Float64Array = events.iter().map(|e| e.value).collect();
    let columns = [("station", Arc::new(stations) as ArrayRef), ("value", Arc::new(values))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

fn add(detector: &mut Detector, first: usize, events: &[Event]) {
    let times: Vec<i64> = events.iter().map(|e| e.time).collect();
    let watermarks: Vec<i64> = events.iter().map(|e| e.watermark).collect();
    let origin = |row: usize| Origin { line: Some((first + row) as u64), ..Origin::default() };
    let rows = Rows { columns: &batch(events), times: &times, watermarks: &watermarks, origin: &origin };
    detector.add(&rows).unwrap();
}

/// Runs a detector over events, cut into epochs after about so many, some of them followed by a restart.
fn run(
    plan: &Arc<DetectorPlan>,
    events: &[Event],
    values_max: usize,
    mut cuts: Option<(&mut Random, u64)>,
) -> Vec<Alert> {
    let mut detector = Detector::new(Arc::clone(plan), values_max);
    let mut log: Vec<Observed> = Vec::new();
    let (mut alerts, mut first) = (Vec::new(), 0);
    while first < events.len() {
        let size = cuts.as_mut().map_or(events.len(), |(random, n)| 1 + random.below(*n) as usize);
        let end = events.len().min(first + size);
        // An epoch has several batches.
        let middle = (first + end) / 2;
        add(&mut detector, first, &events[first..middle]);
        add(&mut detector, middle, &events[middle..end]);
        let watermark = events[end - 1].after;
        log.extend(detector.finish(watermark));
        alerts.append(&mut detector.alerts);
        log.retain(|observed| observed.keep_until > watermark);
        if cuts.as_mut().is_some_and(|(random, _)| random.below(3) == 0) {
            detector = Detector::new(Arc::clone(plan), values_max);
            for observed in &log {
                detector.restore(&observed.bytes, observed.keep_until).unwrap();
            }
            detector.settle(watermark);
        }
        first = end;
    }
    alerts.sort_by_key(|alert| serde_json::to_string(alert).unwrap());
    alerts
}

const METHODS: [Method; 5] = [Method::Threshold, Method::ZScore, Method::RobustZScore, E20, Method::Iqr];

#[test]
fn alerts_are_the_same_wherever_epochs_are_cut_and_however_often_a_detector_is_rebuilt() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let events = events(&mut random, 400);
        let over = 20 + random.below(200) as i64;
        // A third of the time memory is too small.
        let values_max = if random.below(3) == 0 { 15 } else { 1 << 20 };
        let mut plans: Vec<_> =
            METHODS.iter().map(|method| field(judge(*method, 2.5, Side::Both, 3), over)).collect();
        plans.push(plan(Watched::Silence { event_type: "t".into() }, over.min(60)));
        for plan in &plans {
            let whole = run(plan, &events, values_max, None);
            for n in [1, 7, 50] {
                let cut = run(plan, &events, values_max, Some((&mut random, n)));
                assert_eq!(cut, whole, "seed {seed}, {:?}, epochs of up to {n}", plan.config().watched);
            }
        }
    }
}

/// The rows of anomalous values, by a look at all events before each.
fn oracle(events: &[Event], over: i64, threshold: f64, method: Method) -> Vec<(u64, f64)> {
    let mut remembered: Vec<Event> = Vec::new();
    let mut found = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let Some(value) = event.value else { continue };
        let own: Vec<Event> = remembered.iter().filter(|e| e.group == event.group).copied().collect();
        let newest = own.iter().map(|e| e.time).max().unwrap_or(NONE).max(event.time).max(event.watermark);
        if event.time <= newest.saturating_sub(over) {
            continue;
        }
        let mut values: Vec<f64> =
            own.iter().filter(|e| e.time > newest.saturating_sub(over)).filter_map(|e| e.value).collect();
        remembered.push(*event);
        if values.len() < 3 {
            continue;
        }
        values.sort_by(f64::total_cmp);
        let middle = |sorted: &[f64]| (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        let (expected, spread) = if method == Method::ZScore {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            (mean, (squares / (values.len() - 1) as f64).sqrt())
        } else {
            let median = middle(&values);
            let mut distances: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
            distances.sort_by(f64::total_cmp);
            (median, middle(&distances) * 1.482_602_218_505_602)
        };
        let distance = (value - expected) / spread;
        if spread > 0.0 && distance.abs() >= threshold {
            found.push((at as u64, distance));
        }
    }
    found
}

#[test]
fn values_are_judged_against_those_of_their_group_within_the_look_back() {
    let mut all = 0;
    for seed in 200..230 {
        let mut random = Random(seed);
        let events = events(&mut random, 300);
        let over = 20 + random.below(200) as i64;
        for method in [Method::ZScore, Method::RobustZScore] {
            let plan = field(judge(method, 2.5, Side::Both, 3), over);
            let mut found: Vec<_> = run(&plan, &events, 1 << 20, None)
                .iter()
                .map(|alert| (alert.origin.line.unwrap(), alert.distance))
                .collect();
            found.sort_by_key(|(row, _)| *row);
            let expected = oracle(&events, over, 2.5, method);
            let same =
                |((a, x), (b, y)): (&(u64, f64), &(u64, f64))| a == b && (x - y).abs() < 1e-9 * y.abs();
            assert!(
                found.len() == expected.len() && found.iter().zip(&expected).all(same),
                "seed {seed} {method:?}: {found:?} {expected:?}"
            );
            all += found.len();
        }
    }
    assert!(all > 200, "only {all} anomalies, so that little was tried");
}

#[test]
fn a_silence_is_told_when_it_is_too_long_and_when_it_is_over() {
    let event = |time, group, after| Event { time, group, value: None, watermark: 0, after };
    let mut events = vec![
        event(100, 0, 100),
        event(101, 1, 101),
        event(150, 1, 150),
        event(200, 1, 200),
        event(210, 0, 210),
    ];
    for at in 1..events.len() {
        events[at].watermark = events[at - 1].after;
    }
    let plan = plan(Watched::Silence { event_type: "t".into() }, 60);
    let alerts = run(&plan, &events, 1, Some((&mut Random(1), 1)));
    // In the order of their lines.
    let [ended, raised] = alerts.as_slice() else { panic!("{alerts:?}") };
    let told = |a: &Alert| {
        (a.state, a.time.clone(), (a.value * 1e6).round(), (a.distance * 1e6).round(), a.origin.line)
    };
    let (raised_at, ended_at) =
        ("1970-01-01T00:00:00.00016Z".to_owned(), "1970-01-01T00:00:00.00021Z".to_owned());
    assert_eq!(told(raised), (AlertState::Raised, raised_at, 60.0, 0.0, None));
    assert_eq!(told(ended), (AlertState::Ended, ended_at, 110.0, 50.0, Some(4)));
    for alert in &alerts {
        assert_eq!(alert.group["/station"], "s0");
        assert_eq!(alert.since.as_deref(), Some("1970-01-01T00:00:00.0001Z"));
    }
}

#[test]
fn keys_of_columns_and_of_restored_groups_are_the_same() {
    let events = [
        Event { time: 1, group: 7, value: Some(-0.0), watermark: NONE, after: 1 },
        Event { time: 1, group: 8, value: None, watermark: NONE, after: 1 },
    ];
    let batch = batch(&events);
    for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let view = View::of(&batch, &[column]).unwrap();
        let (mut of_view, mut of_scalar) = (Vec::new(), Vec::new());
        view.write_key(row, &mut of_view);
        view.scalar(row).write_key(&mut of_scalar);
        assert_eq!(of_view, of_scalar);
    }
}

#[test]
fn damaged_observations_are_refused() {
    let plan = field(judge(Method::ZScore, 3.0, Side::Both, 3), 10);
    let mut detector = Detector::new(plan, 10);
    assert_eq!(detector.restore(&[], 0), Err(ObservationsError::Damaged));
    assert_eq!(detector.restore(&[9], 0), Err(ObservationsError::Format(9)));
    assert_eq!(detector.restore(&[1, 0, 1, 5, 2, 0], 0), Err(ObservationsError::Damaged));
}
