//! CSV: a record ends where it ends, wherever chunks are cut, and becomes sound JSON.

use transect_config::InputFormat;

use super::input::whatever_the_chunks;
use super::json::schemas;
use crate::common::{config, decode, decoder, event_type};

/// A file with a header line.
pub fn run(data: &[u8]) {
    let batches = whatever_the_chunks(data, Some(InputFormat::Csv));
    for schema in schemas() {
        let mut decoder = decoder(event_type(&config(schema, Vec::new(), Vec::new())));
        for batch in &batches {
            decode(&mut decoder, batch.clone());
        }
    }
}
