//! What a rule costs one core: `cargo run --release -p transect-core --example rule_speed`.
//!
//! Each rule is judged over and over on batches of decoded events, once in its columnar form and once row by row: put into a
//! list and taken out again, a value has no columnar form.

#![allow(clippy::print_stdout, clippy::expect_used)]

mod flights;

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use transect_config::{Limits, Otherwise, RuleConfig};
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::Plan;
use transect_core::rules::{Rule, Rules};

const BATCH: usize = 8192;

/// What a rule does, and the rule in either form.
const RULES: [(&str, &str, &str); 6] = [
    ("one comparison", "event.air_time > 10", "[event.air_time][0] > 10"),
    (
        "a range",
        "event.air_time > 10 && event.air_time < 1000",
        "[event.air_time][0] > 10 && event.air_time < 1000",
    ),
    (
        "two fields, arithmetic",
        "event.departure.actual - event.departure.scheduled < 100",
        "[event.departure.actual][0] - event.departure.scheduled < 100",
    ),
    (
        "has, or",
        "!has(event.arrival.delay) || event.arrival.delay < 500",
        "!has(event.arrival.delay) || [event.arrival.delay][0] < 500",
    ),
    ("an enum in a list", "event.carrier in ['UA', 'AA']", "[event.carrier][0] in ['UA', 'AA']"),
    ("a pattern", "event.tailnum.matches('^N[0-9]')", "[event.tailnum][0].matches('^N[0-9]')"),
];

fn main() {
    let plan = Plan::compile(&flights::event_type(), &Limits::default()).expect("the schema is right");
    let mut decoder = Decoder::new(plan.clone(), PipelineKey::new([7; 16]));
    (0..BATCH).for_each(|at| decoder.push(flights::event(at).as_bytes()).expect("the event is right"));
    let events = decoder.finish().columns;
    println!("{:24} {:>14} {:>14}", "ns an event", "whole columns", "row by row");
    for (name, columnar, by_row) in RULES {
        let [columnar, by_row] = [(columnar, true), (by_row, false)].map(|(expression, is_columnar)| {
            let config = RuleConfig {
                name: name.to_owned(),
                expression: expression.to_owned(),
                otherwise: Otherwise::Reject,
                message: None,
            };
            let rules = Rules::compile(&[config], plan.arrow_schema()).expect("the rule is right");
            assert_eq!(rules.rejecting[0].is_columnar(), is_columnar);
            cost(&rules.rejecting[0], &events)
        });
        println!("{name:24} {columnar:14.2} {by_row:14.0}");
    }
}

/// Nanoseconds an event: the least of several rounds.
fn cost(rule: &Rule, events: &RecordBatch) -> f64 {
    let round = |_| {
        let (start, mut judged) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(100) {
            std::hint::black_box(rule.broken(std::hint::black_box(events)));
            judged += events.num_rows();
        }
        start.elapsed().as_secs_f64() * 1e9 / judged as f64
    };
    (0..5).map(round).fold(f64::INFINITY, f64::min)
}
