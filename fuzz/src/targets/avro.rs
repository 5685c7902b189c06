//! Avro: containers as they come, and data by a schema that comes with them.

use serde_json::json;
use transect_config::InputFormat;

use super::input::whatever_the_chunks;
use super::json::schemas;
use crate::common::{config, decode, decoder, event_type, read, two};

/// A container.
pub fn container(data: &[u8]) {
    let batches = whatever_the_chunks(data, Some(InputFormat::Avro));
    for schema in [json!({}), schemas().swap_remove(0)] {
        let mut decoder = decoder(event_type(&config(schema, Vec::new(), Vec::new())));
        for batch in &batches {
            decode(&mut decoder, batch.clone());
        }
    }
}

/// A schema, a zero byte, and the data of a block.
pub fn datum(data: &[u8]) {
    let Some((schema, data)) = two(data) else { return };
    let mut file = b"Obj\x01".to_vec();
    long(2, &mut file);
    for (key, value) in [("avro.schema", schema), ("avro.codec", b"null")] {
        for bytes in [key.as_bytes(), value] {
            long(bytes.len() as i64, &mut file);
            file.extend_from_slice(bytes);
        }
    }
    long(0, &mut file);
    file.extend_from_slice(&[7; 16]);
    long(3, &mut file);
    long(data.len() as i64, &mut file);
    file.extend_from_slice(data);
    file.extend_from_slice(&[7; 16]);
    let (batches, _) = read(&file, Some(InputFormat::Avro), 1 << 20);
    let mut decoder = decoder(event_type(&config(json!({}), Vec::new(), Vec::new())));
    for batch in batches {
        decode(&mut decoder, batch);
    }
}

/// Appends a `long`: zigzag, of variable length.
fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
