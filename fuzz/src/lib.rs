//! Fuzz targets: whatever is read from outside, held against what must hold of it. Each takes any bytes and panics where
//! something doesn't hold.
//!
//! `make fuzz` runs them for a time; `cargo test -p transect-fuzz` runs each over its corpus and over what was found
//! once.

// All of this is test code.
#![allow(clippy::panic, clippy::unwrap_used)]

pub mod common;
pub mod targets;

/// A target: its name, which is that of its binary and of its folder of seeds, and what is run.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 18] = [
    ("avro_container", targets::avro::container),
    ("avro_datum", targets::avro::datum),
    ("avro_resolve", targets::avro::resolve),
    ("body", targets::input::body),
    ("cleanse", targets::cleanse::run),
    ("cloud_events", targets::cloud_events::run),
    ("compat_avro", targets::compat::avro),
    ("compat_json", targets::compat::json),
    ("compressed", targets::input::compressed),
    ("csv", targets::csv::run),
    ("infer", targets::infer::run),
    ("json_event", targets::json::event),
    ("json_input", targets::input::json),
    ("json_schema", targets::json::schema),
    ("log", targets::log::run),
    ("manifests", targets::manifests::run),
    ("raw_record", targets::log::raw_record),
    ("rules", targets::rules::run),
];
