//! CSV: a record ends where it ends, wherever chunks are cut, and becomes sound JSON.

use transect_config::InputFormat;

use super::input::whatever_the_chunks;
use super::json::types;
use crate::common::{decode, decoder_of};

/// A file with a header line.
pub fn run(data: &[u8]) {
    let batches = whatever_the_chunks(data, Some(InputFormat::Csv));
    for types in types() {
        let mut decoder = decoder_of(types);
        for batch in &batches {
            decode(&mut decoder, batch.clone());
        }
    }
}
