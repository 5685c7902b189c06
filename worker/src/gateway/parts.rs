//! The events of a request, a message or a file as they stand in raw records: set apart by the partition that each belongs to,
//! each with the bytes that came.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use transect_core::format::Format;
use transect_core::format::avro::Head;
use transect_core::format::csv;
use transect_core::input::{EventSpan, Oversized};

use super::body::Body;
use super::check::Checked;
use super::committer::Post;
use crate::record;

/// Whose events they are, and what is said of all of them.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) source: String,
    pub(super) event_type: Option<String>,
    pub(super) schema_version: Option<u32>,
    /// Microseconds since 1970 UTC.
    pub(super) received: i64,
}

impl Sender {
    fn post(&self, format: &Format, partition: Option<u32>, count: u64, events: Bytes) -> Post {
        let Self { source, event_type, schema_version, received } = self.clone();
        Post {
            source,
            event_type,
            schema_version,
            content_type: record::content_type(format),
            received,
            count,
            head: record::head(format),
            lines: events,
            oversized: Vec::new(),
            is_whole: true,
            partition,
        }
    }
}

/// All events of a body in one post.
pub(super) fn together(sender: &Sender, body: &Body) -> Post {
    let Body { bytes, events, format } = body;
    if matches!(format, Format::Avro(_)) {
        return sender.post(format, None, events.len() as u64, bytes.clone());
    }
    let mut lines = BytesMut::with_capacity(bytes.len() + events.len() + 1);
    events.iter().for_each(|range| push_line(&mut lines, &bytes[range.clone()]));
    sender.post(format, None, events.len() as u64, lines.freeze())
}

/// The events of a batch by partition, in their order.
pub(super) fn by_partition(sender: &Sender, checked: &Checked) -> Vec<Post> {
    match &checked.batch.format {
        Format::Avro(head) => containers(sender, checked, head),
        Format::Csv(head) => rows(sender, checked, head),
        Format::Json | Format::CloudEvents => lines(sender, checked),
    }
}

fn lines(sender: &Sender, Checked { batch, partitions, .. }: &Checked) -> Vec<Post> {
    let mut posts = BTreeMap::<u32, (u64, BytesMut, Vec<(u64, Oversized)>)>::new();
    for (span, partition) in batch.events.iter().zip(partitions) {
        let (count, lines, oversized) = posts.entry(*partition).or_default();
        oversized.extend(oversized_of(&batch.oversized, span).map(|of| (*count, of)));
        *count += 1;
        push_line(lines, batch.event(*span));
    }
    let post = |(partition, (count, lines, oversized)): (u32, (u64, BytesMut, Vec<_>))| {
        let is_whole = oversized.is_empty();
        let post = sender.post(&batch.format, Some(partition), count, lines.freeze());
        Post { oversized, is_whole, ..post }
    };
    posts.into_iter().map(post).collect()
}

/// Appends an event's own bytes as a line. A line end within it becomes a tab, which is white space just where a line end
/// is: between the parts of an event, and not in a text.
fn push_line(lines: &mut BytesMut, event: &[u8]) {
    let start = lines.len();
    lines.extend_from_slice(event);
    for byte in &mut lines[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b'\t';
        }
    }
    lines.extend_from_slice(b"\n");
}

/// A row whose quotes do not close would take in those behind it: none is behind it.
fn rows(sender: &Sender, Checked { batch, partitions, .. }: &Checked, head: &csv::Head) -> Vec<Post> {
    let mut open = BTreeMap::<u32, (u64, BytesMut, Vec<(u64, Oversized)>)>::new();
    let mut posts = Vec::new();
    let mut close = |partition: u32, (count, rows, oversized): (u64, BytesMut, Vec<_>)| {
        let post = sender.post(&batch.format, Some(partition), count, rows.freeze());
        posts.push(Post { oversized, is_whole: false, ..post });
    };
    for (span, partition) in batch.events.iter().zip(partitions) {
        let (count, rows, oversized) = open.entry(*partition).or_default();
        oversized.extend(oversized_of(&batch.oversized, span).map(|of| (*count, of)));
        *count += 1;
        let start = rows.len();
        rows.extend_from_slice(batch.event(*span));
        rows.extend_from_slice(b"\n");
        let closes = csv::Scan::new(head.delimiter()).end(&rows[start..]) == Some(rows.len() - start - 1);
        if !closes && let Some((count, mut rows, oversized)) = open.remove(partition) {
            // A line end would be within it.
            rows.truncate(rows.len() - 1);
            close(*partition, (count, rows, oversized));
        }
    }
    open.into_iter().for_each(|(partition, all)| close(partition, all));
    posts
}

fn oversized_of(all: &[Oversized], span: &EventSpan) -> Option<Oversized> {
    all.get(span.oversized as usize).cloned()
}

/// The data of a partition, on their way into blocks.
#[derive(Default)]
struct Data {
    count: u64,
    blocks: Vec<u8>,
    /// Of the block that is open.
    in_block: usize,
    data: Vec<u8>,
    /// Whether the last datum may not say where it ends.
    is_broken: bool,
}

impl Data {
    fn end_block(&mut self, head: &Head) {
        if self.in_block > 0 {
            head.write_block(self.in_block, &self.data, &mut self.blocks);
        }
        (self.in_block, self.is_broken) = (0, false);
        self.data.clear();
    }
}

/// A datum that can't be read is the last of its block, but for those that came behind it: they stay with it, since nobody knows
/// where they begin.
fn containers(sender: &Sender, checked: &Checked, head: &Head) -> Vec<Post> {
    let Checked { batch, refused, partitions, blocks, .. } = checked;
    let mut is_refused = vec![false; batch.events.len()];
    refused.iter().for_each(|row| is_refused[row.event as usize] = true);
    let mut parts = BTreeMap::<u32, Data>::new();
    let (mut last, mut first) = (0, 0);
    for (at, span) in batch.events.iter().enumerate() {
        if blocks[at] != blocks[first] {
            first = at;
        }
        let follows =
            at > first && is_refused[at] && span.len == 0 && span.start == batch.events[first].start;
        let partition = if follows { last } else { partitions[at] };
        let part = parts.entry(partition).or_default();
        if part.is_broken && !follows {
            part.end_block(head);
        }
        if !follows {
            head.write_datum(batch.event(*span), &mut part.data);
        }
        part.in_block += 1;
        part.count += 1;
        part.is_broken = is_refused[at];
        last = partition;
    }
    let post = |(partition, mut part): (u32, Data)| {
        part.end_block(head);
        sender.post(&batch.format, Some(partition), part.count, part.blocks.into())
    };
    parts.into_iter().map(post).collect()
}

#[cfg(test)]
mod tests;
