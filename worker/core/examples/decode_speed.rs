//! How fast one core decodes: `cargo run --release -p transect-core --example decode_speed [EVENTS]`.
//!
//! Nested events of about 285 bytes, like those of the benchmark, are decoded over and over in batches, all in memory:
//! reading, checking, filling columns, identity, content hash and event time.

#![allow(clippy::print_stdout, clippy::expect_used)]

mod flights;

use std::time::Instant;

use transect_config::Limits;
use transect_core::decode::Decoder;
use transect_core::identity::PipelineKey;
use transect_core::plan::Plan;

const BATCH: usize = 8192;

fn main() {
    let events: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let plan = Plan::compile(&flights::event_type(), &Limits::default()).expect("the schema is right");
    let samples: Vec<String> = (0..BATCH).map(flights::event).collect();
    let bytes: usize = samples.iter().map(String::len).sum();
    println!("{:?}, {} bytes an event, e.g. {}", plan.coverage(), bytes / BATCH, samples[1]);
    let mut decoder = Decoder::new(plan, PipelineKey::new([7; 16]));
    for round in 0..3 {
        let start = Instant::now();
        let mut rows = 0;
        while rows < events {
            for sample in &samples {
                decoder.push(sample.as_bytes()).expect("the event is right");
            }
            rows += std::hint::black_box(decoder.finish()).columns.num_rows();
        }
        let seconds = start.elapsed().as_secs_f64();
        let rate = rows as f64 / seconds;
        let megabytes = rate * (bytes as f64 / BATCH as f64) / 1e6;
        println!("round {round}: {:.3} s a million events, {megabytes:.0} MB/s", 1e6 / rate);
    }
}
