//! The log on Apache Kafka: one topic for each of [`Topic`], all with the pipeline's partitions, and a compacted one for
//! what groups have committed.
//!
//! ```text
//! <prefix>.raw, .ids, .clean …     the records; a partition of each is what a role sees, as a `Log` of its own
//! <prefix>.state                   by group, what it has committed: offsets and its own words
//! ```
//!
//! A process has one [`KafkaLog`]: one consumer that reads whatever its partitions ask for, one transactional producer on
//! a thread of its own. What the roles of several partitions commit at the same moment goes into one transaction.

mod context;
mod elsewhere;
mod member;
mod offsets;
mod outlet;
mod reader;
mod security;
mod settings;
mod settled;
mod state;
mod topics;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::elsewhere::Elsewhere;
pub use self::member::{Change, Member};
pub use self::outlet::Outlet;
use self::reader::{Cursor, Reader};
pub(crate) use self::security::Watched;
pub use self::settings::KafkaSettings;
pub(crate) use self::settings::PartitionConsumer;
use self::state::Groups;
pub use self::topics::{TopicSettings, create_topics};
use self::writer::{Submissions, Writer};
use super::{Committed, Log, LogError, Record, Share, Topic, Transaction};
use crate::metrics::PartitionMetrics;

/// How long an answer about the ends of a topic is good, where its end was not just read.
const END_FRESH: Duration = Duration::from_secs(1);

/// One process's way to a pipeline's topics.
pub struct KafkaLog {
    settings: KafkaSettings,
    reader: Arc<Reader>,
    writer: Writer,
    /// Partitions of each topic.
    partitions: u32,
    elsewhere: Arc<Elsewhere>,
}

impl KafkaLog {
    /// Connects, and fences whoever has written under the same transactional id. Commits are for the groups of these
    /// members.
    ///
    /// # Errors
    ///
    /// `Broker` if no broker of the cluster can be reached in time, or refuses.
    pub fn connect(settings: KafkaSettings, members: Vec<Arc<Member>>) -> Result<Self, LogError> {
        let reader = Arc::new(Reader::connect(&settings)?);
        let writer = Writer::connect(&settings, members)?;
        let partitions = reader.partitions()?;
        let elsewhere = Arc::new(Elsewhere::new(&settings));
        Ok(Self { settings, reader, writer, partitions, elsewhere })
    }

    /// Number of partitions of each topic.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Makes a transaction durable whose records say their partitions.
    fn commit(&self, transaction: Transaction) -> Result<(), LogError> {
        self.writer.submissions().commit(0, transaction)
    }

    /// A partition of all topics as a log, for the roles of some groups. What another process has begun for it is finished
    /// or fenced first, so that what the groups have committed is known for good.
    pub fn partition(&self, partition: u32, groups: &[&str]) -> Result<PartitionLog, LogError> {
        for group in groups {
            offsets::wait_until_stable(&self.settings, group, partition)?;
        }
        settled::wait_until_settled(&self.settings, &self.reader, partition)?;
        let measured =
            |group: &&str| ((*group).to_owned(), self.settings.metrics.of_partition(group, partition));
        let metrics = groups.iter().map(measured).collect();
        let groups = Groups::read(&self.reader, partition)?;
        let mut ends = [(0, 0); Topic::ALL.len()];
        for topic in Topic::ALL {
            ends[topic as usize] = self.reader.ends(topic, partition)?;
        }
        Ok(PartitionLog {
            share: Share { partition, of: self.partitions },
            elsewhere: Arc::clone(&self.elsewhere),
            reader: Arc::clone(&self.reader),
            submissions: self.writer.submissions(),
            metrics,
            cursors: Topic::ALL.map(|_| Mutex::default()),
            ends: Mutex::new(ends),
            state: Mutex::new(Shared { groups, sequence: 0 }),
            changed: Condvar::new(),
        })
    }
}

/// One partition of a pipeline's topics.
pub struct PartitionLog {
    share: Share,
    elsewhere: Arc<Elsewhere>,
    reader: Arc<Reader>,
    submissions: Submissions,
    /// By group.
    metrics: BTreeMap<String, PartitionMetrics>,
    /// By topic, in the order of `Topic::ALL`; none until it is first read.
    cursors: [Mutex<Option<Cursor>>; Topic::ALL.len()],
    /// By topic, the first offset and the one after the last, as the broker has said them last.
    ends: Mutex<[(u64, u64); Topic::ALL.len()]>,
    state: Mutex<Shared>,
    changed: Condvar,
}

struct Shared {
    groups: Groups,
    sequence: u64,
}

impl PartitionLog {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self, topic: Topic) -> MutexGuard<'_, Option<Cursor>> {
        self.cursors[topic as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves what is read next behind the marks that follow what was read last. A mark is no record, but it is kept as long
    /// as one: were it waited for, its removal would look like that of a record that nobody has read.
    fn pass_marks(&self, committed: &mut Committed) {
        for (topic, offset) in &mut committed.offsets {
            if let Some(cursor) = &*self.cursor(*topic) {
                *offset = cursor.behind_marks(*offset);
            }
        }
    }

    /// The first offset and the one after the last, as the broker says it. While it says nothing, they are as they were: no
    /// topic seems empty whose records a role is rebuilt from.
    fn ends(&self, topic: Topic) -> (u64, u64) {
        let asked = self.reader.ends(topic, self.share.partition);
        let mut known = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(ends) => known[topic as usize] = ends,
            Err(error) => tracing::warn!(%error, "the ends that were known before are taken"),
        }
        known[topic as usize]
    }
}

impl Log for PartitionLog {
    fn read(&self, topic: Topic, from: u64, bytes_max: usize) -> Result<Vec<Record>, LogError> {
        let mut cursor = self.cursor(topic);
        let cursor = match &mut *cursor {
            Some(cursor) => cursor,
            none => none.insert(Cursor::open(Arc::clone(&self.reader), topic, self.share.partition, from)?),
        };
        cursor.read(from, bytes_max)
    }

    /// Within a second, unless the end was read.
    fn end(&self, topic: Topic) -> u64 {
        let mut cursor = self.cursor(topic);
        match &mut *cursor {
            Some(cursor) => {
                if let Some(end) = cursor.end(Instant::now(), END_FRESH) {
                    return end;
                }
                let (_, end) = self.ends(topic);
                cursor.note_end(end, Instant::now())
            }
            None => self.ends(topic).1,
        }
    }

    fn start(&self, topic: Topic) -> u64 {
        self.ends(topic).0
    }

    fn committed(&self, group: &str) -> Option<Committed> {
        self.shared().groups.committed(group).cloned()
    }

    /// Records of other partitions go there. Topics are trimmed by their retention, not by this.
    fn commit(&self, mut transaction: Transaction) -> Result<(), LogError> {
        if let Some((_, committed)) = &mut transaction.progress {
            self.pass_marks(committed);
        }
        let progress = transaction.progress.clone();
        self.submissions.commit(self.share.partition, transaction)?;
        if let Some(metrics) = progress.as_ref().and_then(|(group, _)| self.metrics.get(group)) {
            metrics.has_committed();
        }
        let mut shared = self.shared();
        if let Some((group, committed)) = progress {
            shared.groups.set(group, committed);
        }
        shared.sequence += 1;
        drop(shared);
        self.changed.notify_all();
        Ok(())
    }

    fn sequence(&self) -> u64 {
        self.shared().sequence
    }

    /// Others' records come without notice: who waits looks again when the time is over.
    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let waited =
            self.changed.wait_timeout_while(self.shared(), timeout, |shared| shared.sequence <= seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.sequence
    }

    fn wake(&self) {
        self.shared().sequence += 1;
        self.changed.notify_all();
    }

    fn advance(&self, group: &str) -> Result<(), LogError> {
        let Some(before) = self.committed(group) else { return Ok(()) };
        let mut after = before.clone();
        self.pass_marks(&mut after);
        if after == before {
            return Ok(());
        }
        self.commit(Transaction { progress: Some((group.to_owned(), after)), ..Transaction::default() })
    }

    fn share(&self) -> Option<Share> {
        Some(self.share)
    }

    fn elsewhere(&self, group: &str) -> Result<BTreeMap<u32, Committed>, LogError> {
        self.elsewhere.committed(group, self.share.partition, self.share.of)
    }
}
