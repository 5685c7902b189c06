//! Avro: containers as they come, and data by a schema that comes with them.

use serde_json::json;
use transect_config::{EventTypeConfig, InputFormat, SchemaFormat};
use transect_core::input::EventBatch;
use transect_core::versions::Versions;

use super::input::whatever_the_chunks;
use super::json::schemas;
use crate::common::{LIMITS, config, decode, decoder, event_type, of_versions, read, two};

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
    let (batches, _) = read(&file_of(schema, data), Some(InputFormat::Avro), 1 << 20);
    let mut decoder = decoder(event_type(&config(json!({}), Vec::new(), Vec::new())));
    for batch in batches {
        decode(&mut decoder, batch);
    }
}

/// The schema of who wrote, a zero byte, that of a version, a zero byte, and the data of a block, which are also tried as a
/// single object. What is read with the schema that it was written with is never refused for want of resolution.
pub fn resolve(data: &[u8]) {
    let Some((writer, rest)) = two(data) else { return };
    let Some((reader, data)) = two(rest) else { return };
    let Ok(schema) = serde_json::from_slice(reader) else { return };
    let config = EventTypeConfig { format: SchemaFormat::Avro, ..config(schema, Vec::new(), Vec::new()) };
    let Ok(versions) = Versions::compile(&config, &LIMITS) else { return };
    let mut decoder = decoder(of_versions(&config, versions));
    let (batches, _) = read(&file_of(writer, data), Some(InputFormat::Avro), 1 << 20);
    for batch in batches {
        let decoded = decode(&mut decoder, batch);
        let unresolved = decoded.rejects.iter().find(|rejected| rejected.reject.keyword == "resolution");
        assert!(writer != reader || unresolved.is_none(), "{unresolved:?}");
    }
    if let Ok(batch) = EventBatch::of_single_object(data) {
        decode(&mut decoder, batch);
    }
}

/// A container of one block, which says that it has three data.
fn file_of(schema: &[u8], data: &[u8]) -> Vec<u8> {
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
    file
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
