//! Avro containers: blocks of events, each with its length and a marker at its end. A block is not looked into here: until
//! it is decoded, the span of each of its events is the block.

use transect_core::format::avro::Head;
use transect_core::input::EventSpan;

use super::file::Found;

/// The whole blocks at the beginning of a buffer, and what is wrong with the one behind them. Events are counted as lines.
pub(super) fn find(buffer: &[u8], head: &Head) -> (Found, Option<String>) {
    let mut found = Found::default();
    loop {
        let block = match head.block(&buffer[found.consumed..]) {
            Ok(Some(block)) => block,
            Ok(None) => return (found, None),
            Err(problem) => return (found, Some(problem)),
        };
        for _ in 0..block.count {
            found.events.push(EventSpan {
                start: found.consumed as u32,
                len: block.length as u32,
                index: found.lines as u32,
                oversized: u32::MAX,
            });
            found.lines += 1;
        }
        found.consumed += block.length;
    }
}

/// The events of blocks that are all there.
pub(crate) fn events(blocks: &[u8], head: &Head) -> Result<Vec<EventSpan>, String> {
    match find(blocks, head) {
        (found, None) if found.consumed == blocks.len() => Ok(found.events),
        (_, Some(problem)) => Err(problem),
        _ => Err("its last block is not whole".to_owned()),
    }
}
