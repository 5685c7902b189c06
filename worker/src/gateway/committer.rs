//! Group commit: while one transaction is made durable, requests gather for the next. Many small posts become few
//! records, and none is answered before its commit.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use transect_core::input::Oversized;
use transect_core::privacy::KeyRing;

use super::Commit;
use crate::log::{Header, NewRecord, Topic, Transaction};
use crate::metrics::Metrics;
use crate::record;
use crate::record::sealed::seal_raw;

/// Bytes of events that may wait; beyond it requests are told to come back.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// One transaction takes no more than about this.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// The events of one request: one a line, every line with its end, rows under a head, or the blocks of an Avro container.
pub(super) struct Post {
    pub(super) source: String,
    pub(super) event_type: Option<String>,
    pub(super) schema_version: Option<u32>,
    pub(super) content_type: &'static str,
    pub(super) received: i64,
    pub(super) count: u64,
    /// What a record begins with, before the events of all its posts.
    pub(super) head: Bytes,
    pub(super) lines: Bytes,
    /// Of events of which only the beginning is there: which they are, and what is known of them.
    pub(super) oversized: Vec<(u64, Oversized)>,
    /// Whether other events may stand behind it in the same record.
    pub(super) is_whole: bool,
    /// Where to, where there are several.
    pub(super) partition: Option<u32>,
}

/// Why a post is not durable.
#[derive(Debug)]
pub(super) enum PostError {
    /// Too much is waiting.
    Full,
    /// The log refused; in its words.
    Log(String),
}

struct Waiting {
    /// The parts of a request, by partition.
    posts: Vec<Post>,
    answer: oneshot::Sender<Result<(), String>>,
    _room: OwnedSemaphorePermit,
}

/// See the module.
pub(super) struct Committer {
    queue: Sender<Waiting>,
    room: Arc<Room>,
}

/// Room for bytes that wait.
struct Room {
    left: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Room {
    fn tell(&self) {
        self.metrics.set_waiting_bytes(WAITING_BYTES_MAX.saturating_sub(self.left.available_permits()));
    }
}

impl Committer {
    pub(super) fn new(commit: Commit, keys: Option<Arc<KeyRing>>, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (queue, waiting) = channel();
        let room = Arc::new(Room { left: Arc::new(Semaphore::new(WAITING_BYTES_MAX)), metrics });
        let all = Arc::clone(&room);
        thread::Builder::new()
            .name("gateway-commit".into())
            .spawn(move || commit_all(&commit, keys.as_deref(), &waiting, &all))?;
        Ok(Self { queue, room })
    }

    /// Waits until all parts of a request are durable.
    pub(super) async fn commit(&self, posts: Vec<Post>) -> Result<(), PostError> {
        let bytes = u32::try_from(bytes(&posts).min(WAITING_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room.left);
        let room = room.try_acquire_many_owned(bytes).map_err(|_| PostError::Full)?;
        self.room.tell();
        let (answer, outcome) = oneshot::channel();
        let gone = || PostError::Log("the committing thread has died; this is a bug in Transect".to_owned());
        self.queue.send(Waiting { posts, answer, _room: room }).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?.map_err(PostError::Log)
    }
}

/// Bytes of events.
fn bytes(posts: &[Post]) -> usize {
    posts.iter().map(|post| post.lines.len()).sum()
}

fn commit_all(commit: &Commit, keys: Option<&KeyRing>, waiting: &Receiver<Waiting>, room: &Room) {
    while let Ok(first) = waiting.recv() {
        let mut all = bytes(&first.posts);
        let mut group = vec![first];
        while all < COMMIT_BYTES
            && let Ok(next) = waiting.try_recv()
        {
            all += bytes(&next.posts);
            group.push(next);
        }
        let records = records(group.iter().flat_map(|waiting| &waiting.posts), keys);
        let outcome = commit(Transaction { records, ..Transaction::default() });
        if let Err(error) = &outcome {
            tracing::error!(%error, "events could not be made durable; their senders were told");
        }
        let outcome = outcome.map_err(|error| error.to_string());
        for waiting in group {
            // A client that has gone away asks again; dedup makes that safe.
            let _ = waiting.answer.send(outcome.clone());
        }
        room.tell();
    }
}

/// Consecutive posts of one partition, source, type, version and content type become one record; its received time is the
/// first one's.
pub(super) fn records<'a>(posts: impl Iterator<Item = &'a Post>, keys: Option<&KeyRing>) -> Vec<NewRecord> {
    let mut records: Vec<(&Post, u64, BytesMut)> = Vec::new();
    for post in posts {
        let last = records.iter_mut().rfind(|(last, ..)| last.partition == post.partition);
        match last {
            Some((first, count, lines))
                if first.is_whole
                    && post.is_whole
                    && first.source == post.source
                    && first.event_type == post.event_type
                    && first.schema_version == post.schema_version
                    && first.content_type == post.content_type
                    && first.head == post.head =>
            {
                *count += post.count;
                lines.extend_from_slice(&post.lines);
            }
            _ => {
                let mut value = BytesMut::from(&post.head[..]);
                value.extend_from_slice(&post.lines);
                records.push((post, post.count, value));
            }
        }
    }
    let record = |(post, count, lines): (&Post, u64, BytesMut)| {
        let mut headers: Vec<Header> = vec![
            (record::SOURCE.into(), post.source.clone()),
            (record::RECEIVED.into(), post.received.to_string()),
            (record::COUNT.into(), count.to_string()),
            (record::CONTENT_TYPE.into(), post.content_type.to_owned()),
        ];
        headers.extend(post.event_type.clone().map(|event_type| (record::EVENT_TYPE.into(), event_type)));
        headers
            .extend(post.schema_version.map(|version| (record::SCHEMA_VERSION.into(), version.to_string())));
        if !post.oversized.is_empty() {
            headers.push((record::OVERSIZED.into(), record::write_oversized(&post.oversized)));
        }
        let record = NewRecord::new(Topic::Raw, headers, lines.freeze()).to(post.partition);
        match keys {
            Some(ring) => seal_raw(ring, record),
            None => record,
        }
    };
    records.into_iter().map(record).collect()
}
