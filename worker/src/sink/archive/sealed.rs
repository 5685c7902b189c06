//! The archive of a pipeline with personal fields: `*.sealed.avro`, an Avro container whose data are sealed pieces. Each
//! holds the events that one batch has of one participant, compressed, and sealed with the participant's key. What names
//! no participant, or can't be read, is sealed with the pipeline's.
//!
//! Opened and put together, the pieces of one participant are what was received of them, in its order.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use transect_core::events::{EventDecoder, EventType};
use transect_core::format::Format;
use transect_core::format::avro::Head;
use transect_core::identity::PipelineKey;
use transect_core::input::EventBatch;
use transect_core::privacy::{DataKey, KeyRing, Treater};

use super::{push_line, whole};
use crate::keys::Keys;
use crate::role::RoleError;

/// What the pieces are sealed for.
const PURPOSE: &str = "archive";
/// Data without any mark between them.
pub const BINARY: &str = "avro/binary";
const LEVEL: i32 = 3;
/// Stands between the blocks of each container: readers find their way by it.
const SYNC: [u8; 16] = *b"transect-archive";

const SCHEMA: &str = r#"{"type":"record","name":"Sealed","namespace":"dev.transect.archive","fields":[
{"name":"participant","type":["null","string"],"doc":"MAC of the participant; null where the pipeline's key has sealed it"},
{"name":"count","type":"long","doc":"Events that end in this piece"},
{"name":"content_type","type":"string","doc":"How they are written"},
{"name":"head","type":"bytes","doc":"What stands before them in a file: a header line, or the head of a container"},
{"name":"sealed","type":"bytes","doc":"zstd, then AES-256-GCM-SIV; empty where the participant was erased"}]}"#;

static PARSED: LazyLock<Option<Schema>> = LazyLock::new(|| Schema::parse_str(SCHEMA).ok());

/// Seals what the archive keeps.
pub struct SealedArchive {
    decoder: EventDecoder,
    treater: Treater,
    keys: Keys,
}

/// A block of a container.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) events: u64,
}

/// A sealed piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whose key has sealed it; None for the pipeline's.
    pub participant: Option<u128>,
    /// Events that end in it.
    pub count: u64,
    /// How they are written.
    pub content_type: String,
    /// What stands before them in a file.
    pub head: Vec<u8>,
    /// Empty where the participant was erased.
    pub sealed: Vec<u8>,
}

/// What came of opening a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// The events, as they came.
    Events(Vec<u8>),
    /// The key was destroyed.
    Erased,
}

impl SealedArchive {
    /// For a pipeline's events; it decodes them to know whom they are about.
    pub fn new(types: &Arc<[EventType]>, key: &PipelineKey, keys: Keys) -> Self {
        let decoder = EventDecoder::new(Arc::clone(types), key);
        Self { decoder, treater: Treater::new(Arc::clone(types), Some(keys.privacy.clone())), keys }
    }

    /// The keys.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A batch as blocks; and whether its only event is not in it, because it was spilled.
    pub(super) fn seal(&mut self, batch: &EventBatch) -> Result<(Vec<Block>, bool), RoleError> {
        let decoded = self.decoder.decode(batch.clone());
        let mut whose = vec![None; decoded.batch.events.len()];
        for (rows, found) in decoded.rows.iter().zip(self.treater.participants(&decoded)?) {
            for (event, participant) in rows.events.iter().zip(found) {
                whose[*event as usize] = participant;
            }
        }
        let mut pieces: BTreeMap<Option<u128>, (u64, Vec<u8>)> = BTreeMap::new();
        let mut spilled = false;
        for (span, participant) in decoded.batch.events.iter().zip(whose) {
            let Some(event) = whole(&decoded.batch, *span) else {
                spilled = true;
                continue;
            };
            let (count, plain) = pieces.entry(participant).or_default();
            *count += 1;
            match &batch.format {
                Format::Avro(head) => head.write_datum(event, plain),
                format => push_line(plain, event, format),
            }
        }
        let blocks = pieces.into_iter().map(|(whose, (count, plain))| {
            Ok(Block { bytes: self.block(whose, count, &batch.format, &plain)?, events: count })
        });
        Ok((blocks.collect::<Result<_, RoleError>>()?, spilled))
    }

    /// A part of an event that is too large to hold, as a block; no event ends in it but with the last.
    pub(super) fn part(&self, format: &Format, plain: &[u8], last: bool) -> Result<Block, RoleError> {
        let events = u64::from(last);
        Ok(Block { bytes: self.block(None, events, format, plain)?, events })
    }

    fn block(
        &self,
        whose: Option<u128>,
        count: u64,
        format: &Format,
        plain: &[u8],
    ) -> Result<Vec<u8>, RoleError> {
        let packed = zstd::bulk::compress(plain, LEVEL)?;
        let privacy = &self.keys.privacy;
        let sealed = match whose {
            None => privacy.ring.seal(PURPOSE, &packed),
            // Of the erased nothing is kept but that there was something.
            Some(whose) => {
                privacy.participants.key(whose)?.map_or_else(Vec::new, |key| key.seal(PURPOSE, &packed))
            }
        };
        let (content_type, head) = match format {
            Format::Json => (crate::record::NDJSON, Vec::new()),
            Format::CloudEvents => (crate::record::CLOUD_EVENTS, Vec::new()),
            Format::Csv(head) if head.delimiter() == b'\t' => {
                ("text/tab-separated-values", head.line().to_vec())
            }
            Format::Csv(head) => ("text/csv", head.line().to_vec()),
            Format::Avro(head) => (BINARY, head.bytes().to_vec()),
        };
        block(&[Piece { participant: whose, count, content_type: content_type.to_owned(), head, sealed }])
    }
}

impl Piece {
    /// Opens it with the pipeline's keys, or with its participant's own, if there still is one.
    pub fn open(&self, ring: &KeyRing, own: Option<&DataKey>) -> Result<Opened, RoleError> {
        if self.sealed.is_empty() {
            return Ok(Opened::Erased);
        }
        let packed = match self.participant {
            None => ring.open(PURPOSE, &self.sealed)?,
            Some(_) => match own {
                None => return Ok(Opened::Erased),
                Some(key) => key
                    .open(PURPOSE, &self.sealed)
                    .ok_or("a piece is sealed with another key, or was changed")?,
            },
        };
        Ok(Opened::Events(zstd::stream::decode_all(&packed[..])?))
    }

    /// Whether a participant's key opens it.
    pub(crate) fn opens_with(&self, key: &DataKey) -> bool {
        key.open(PURPOSE, &self.sealed).is_some()
    }

    /// The same piece with other events, sealed with the pipeline's key.
    pub(crate) fn resealed(&self, ring: &KeyRing, plain: &[u8]) -> Result<Self, RoleError> {
        let sealed = ring.seal(PURPOSE, &zstd::bulk::compress(plain, LEVEL)?);
        Ok(Self { sealed, ..self.clone() })
    }

    fn value(&self) -> Value {
        let participant = match self.participant {
            None => Value::Union(0, Box::new(Value::Null)),
            Some(mac) => Value::Union(1, Box::new(Value::String(format!("{mac:032x}")))),
        };
        Value::Record(vec![
            ("participant".into(), participant),
            ("count".into(), Value::Long(self.count as i64)),
            ("content_type".into(), Value::String(self.content_type.clone())),
            ("head".into(), Value::Bytes(self.head.clone())),
            ("sealed".into(), Value::Bytes(self.sealed.clone())),
        ])
    }

    fn of(value: Value) -> Option<Self> {
        let Value::Record(fields) = value else { return None };
        let mut fields = fields.into_iter().map(|(_, value)| value);
        let Value::Union(_, participant) = fields.next()? else { return None };
        let participant = match *participant {
            Value::String(mac) => Some(u128::from_str_radix(&mac, 16).ok()?),
            _ => None,
        };
        let (Value::Long(count), Value::String(content_type), Value::Bytes(head), Value::Bytes(sealed)) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?)
        else {
            return None;
        };
        Some(Self { participant, count: count as u64, content_type, head, sealed })
    }
}

/// What stands before the events of a piece in a file of their own.
pub fn head_of(piece: &Piece) -> Result<Vec<u8>, RoleError> {
    if piece.content_type == BINARY {
        return Ok(container_of(piece)?.bytes().to_vec());
    }
    let mut head = piece.head.clone();
    if !head.is_empty() {
        head.push(b'\n');
    }
    Ok(head)
}

/// The events of a piece, opened, as they stand in a file behind that.
pub fn body_of(piece: &Piece, events: Vec<u8>) -> Result<Vec<u8>, RoleError> {
    if piece.content_type != BINARY || events.is_empty() {
        return Ok(events);
    }
    let mut block = Vec::with_capacity(events.len() + 32);
    container_of(piece)?.write_block(piece.count as usize, &events, &mut block);
    Ok(block)
}

/// The head of a container of a piece's data, which are not compressed.
fn container_of(piece: &Piece) -> Result<Head, RoleError> {
    let (head, _) = Head::parse(&piece.head)?.ok_or("the head of its container is cut")?;
    Ok(head.plain()?)
}

/// Begins a container: magic, the schema and codec as a map, the marker.
pub(super) fn head() -> Vec<u8> {
    let mut bytes = b"Obj\x01".to_vec();
    long(&mut bytes, 2);
    for (name, value) in [("avro.schema", SCHEMA), ("avro.codec", "null")] {
        for text in [name, value] {
            long(&mut bytes, text.len() as i64);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    long(&mut bytes, 0);
    bytes.extend_from_slice(&SYNC);
    bytes
}

/// A container of some pieces.
pub(crate) fn container(pieces: &[Piece]) -> Result<Vec<u8>, RoleError> {
    let mut bytes = head();
    for piece in pieces {
        bytes.extend(block(std::slice::from_ref(piece))?);
    }
    Ok(bytes)
}

/// The pieces of a container.
pub fn read(bytes: &[u8]) -> Result<Vec<Piece>, RoleError> {
    let reader = apache_avro::Reader::new(bytes)?;
    reader.map(|value| Piece::of(value?).ok_or_else(|| "it is no sealed archive".into())).collect()
}

fn block(pieces: &[Piece]) -> Result<Vec<u8>, RoleError> {
    let schema =
        PARSED.as_ref().ok_or("the archive's own schema can't be read; this is a bug in Transect")?;
    let mut data = Vec::new();
    for piece in pieces {
        data.extend(GenericDatumWriter::builder(schema).build()?.write_value_to_vec(piece.value())?);
    }
    let mut bytes = Vec::with_capacity(data.len() + 32);
    long(&mut bytes, pieces.len() as i64);
    long(&mut bytes, data.len() as i64);
    bytes.extend(data);
    bytes.extend_from_slice(&SYNC);
    Ok(bytes)
}

/// A long as Avro has it: zigzag, seven bits a byte, the lowest first.
fn long(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_read_back_by_the_avro_crate() {
        let piece = |participant, n: u8| Piece {
            participant,
            count: 300,
            content_type: "text/csv".into(),
            head: b"a,b".to_vec(),
            sealed: vec![n; 200 * usize::from(n)],
        };
        let pieces = [piece(Some(7 << 100), 1), piece(None, 0), piece(Some(1), 90)];
        assert_eq!(read(&container(&pieces).unwrap()).unwrap(), pieces);
    }
}
