//! Reading, decoding and treating on several threads. Who takes a batch from an input decodes it at once, while it is in that
//! core's cache; tickets keep the order of the input.
//!
//! The caller is one of the threads: while it waits for a batch it decodes others. With as many threads as cores none
//! of them is left without a core, nor a core without work.

use std::sync::{Arc, Mutex};
use std::thread;
use std::{io, mem};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use transect_core::events::{EventDecoder, EventType};
use transect_core::identity::PipelineKey;
use transect_core::input::EventBatch;
use transect_core::privacy::{PrivacyKeys, TreatError, TreatedBatch, Treater};

use crate::input::{FileSource, InputError, SourcePosition};

/// Each takes one batch of an input.
type Job = Arc<Mutex<Reader>>;

/// Decodes batches.
pub(super) struct DecodePool {
    jobs: Sender<Job>,
    queue: Receiver<Job>,
    /// The caller's.
    reader: BatchReader,
    /// Of the threads that are yet to be started.
    idle: Vec<BatchReader>,
    ahead: usize,
}

/// An input that is read by whoever has time.
pub(super) struct Input {
    reader: Arc<Mutex<Reader>>,
    orders: Sender<Sender<Piece>>,
}

/// From a batch of bytes to what may be kept of it. Each thread has its own.
pub(super) struct BatchReader {
    decoder: EventDecoder,
    treater: Treater,
}

impl BatchReader {
    /// For a pipeline's event types, with the keys of their personal fields if they have some.
    pub(super) fn new(types: Arc<[EventType]>, key: &PipelineKey, privacy: Option<PrivacyKeys>) -> Self {
        Self { decoder: EventDecoder::new(Arc::clone(&types), key), treater: Treater::new(types, privacy) }
    }

    /// Decodes a batch, and treats its personal fields.
    pub(super) fn read(&mut self, batch: EventBatch) -> Result<TreatedBatch, TreatError> {
        let decoded = self.decoder.decode(batch);
        self.treater.treat(decoded)
    }
}

/// A batch on its way.
pub(super) struct Ticket(Receiver<Piece>);

/// What came of an order.
pub(super) struct Piece {
    /// None at the end of the input; an error is its end too.
    pub(super) outcome: Result<Option<Result<TreatedBatch, TreatError>>, InputError>,
    /// Where the input stands after it.
    pub(super) position: SourcePosition,
}

struct Reader {
    source: FileSource,
    /// Taken one by one with the batches, under the same lock, so that both have one order.
    orders: Receiver<Sender<Piece>>,
    ended: bool,
}

impl DecodePool {
    /// A pool of so many threads, the caller's among them, for so many inputs; each thread has a decoder of its own.
    pub(super) fn new(threads: usize, inputs: usize, reader: impl Fn() -> BatchReader) -> Self {
        let (jobs, queue) = unbounded();
        let ahead = ahead(threads, inputs);
        let idle = (1..threads).map(|_| reader()).collect();
        Self { jobs, queue, reader: reader(), idle, ahead }
    }

    /// How many batches an input may have under way.
    pub(super) fn ahead(&self) -> usize {
        self.ahead
    }

    /// Orders the next batch of an input.
    pub(super) fn order(&self, input: &Input) -> Result<Ticket, PoolError> {
        let (reply, ticket) = bounded(1);
        input.orders.send(reply).map_err(|_| PoolError::Gone)?;
        self.jobs.send(Arc::clone(&input.reader)).map_err(|_| PoolError::Gone)?;
        Ok(Ticket(ticket))
    }

    /// Waits for what was ordered, and works on orders until it is there.
    pub(super) fn wait(&mut self, ticket: &Ticket) -> Result<Piece, PoolError> {
        self.start_threads()?;
        loop {
            match ticket.0.try_recv() {
                Ok(piece) => return Ok(piece),
                Err(TryRecvError::Disconnected) => return Err(PoolError::Gone),
                Err(TryRecvError::Empty) => {}
            }
            match self.queue.try_recv() {
                Ok(job) => work(&job, &mut self.reader),
                Err(_) => return ticket.0.recv().map_err(|_| PoolError::Gone),
            }
        }
    }

    /// Starts the other threads, once there is work for them: the system gives a new thread that stays busy an idle
    /// core, but wakes one that slept on the core of the thread that woke it, and leaves it there for a while.
    fn start_threads(&mut self) -> io::Result<()> {
        for (n, mut reader) in mem::take(&mut self.idle).into_iter().enumerate() {
            let queue = self.queue.clone();
            // They end when the pool, and with it the only sender, is dropped.
            thread::Builder::new().name(format!("decode-{}", n + 1)).spawn(move || {
                for job in queue {
                    work(&job, &mut reader);
                }
            })?;
        }
        Ok(())
    }
}

impl Input {
    /// An input of which nothing has been ordered.
    pub(super) fn new(source: FileSource) -> Self {
        let (orders, queue) = unbounded();
        Self { reader: Arc::new(Mutex::new(Reader { source, orders: queue, ended: false })), orders }
    }
}

/// How many batches each input may have under way. In all two for each thread, and a dozen for the others to take up
/// while the caller, who alone orders more, has lost its core to a sink for some milliseconds: a thread that runs out of
/// work sleeps, and on a virtual machine may be woken on a busy core. With four, a core was idle for a twentieth of a
/// run. Many inputs share these, so that memory stays bounded, but one that is read alone still keeps some threads busy.
/// The caller alone takes only what it waits for.
fn ahead(threads: usize, inputs: usize) -> usize {
    match threads {
        0 | 1 => 1,
        _ => ((2 * threads + 12) / inputs.max(1)).max(4.min(threads + 1)),
    }
}

/// Takes a batch for the oldest order, and decodes it.
fn work(job: &Mutex<Reader>, reader: &mut BatchReader) {
    // Where a thread has died while it read, its ticket says so before any later one is waited for.
    let Ok(mut input) = job.lock() else { return };
    let Ok(reply) = input.orders.try_recv() else { return };
    let batch = if input.ended { Ok(None) } else { input.source.next_batch() };
    input.ended = !matches!(batch, Ok(Some(_)));
    let position = input.source.position();
    drop(input);
    let outcome = batch.map(|batch| batch.map(|batch| reader.read(batch)));
    // Beyond the end nobody waits.
    let _ = reply.send(Piece { outcome, position });
}

/// Why there is no next batch.
#[derive(Debug, thiserror::Error)]
pub(super) enum PoolError {
    /// The system refused a thread.
    #[error("start a decoding thread: {0}; give fewer --threads, or raise the limit on processes")]
    Start(#[from] io::Error),
    /// Personal fields could not be treated.
    #[error(transparent)]
    Treat(#[from] TreatError),
    /// A decoding thread has ended by a panic, which is a bug.
    #[error(
        "a decoding thread has died; this is a bug in Transect: nothing of the open epoch was kept, start again"
    )]
    Gone,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;
    use transect_config::{EventFields, EventTypeConfig, Limits, Span, TimeFormat};
    use transect_core::events::DecodedBatch;
    use transect_core::input::Place;
    use transect_core::versions::Versions;

    use super::*;
    use crate::input::Progress;

    const LIMITS: Limits = Limits { event_bytes: 1 << 20, depth: 32 };

    fn reader() -> BatchReader {
        let fields = EventFields {
            event_type: None,
            id: vec!["/id".parse().unwrap()],
            time: "/time".parse().unwrap(),
            time_format: TimeFormat::UnixSeconds,
            key: Vec::new(),
            region: None,
            version: None,
            participant: None,
            delay: Span::ZERO,
            max_ahead: None,
        };
        let schema = json!({"properties": {"id": {"type": "integer"}, "time": {"type": "integer"}}});
        let config = EventTypeConfig {
            name: "e".into(),
            schema_version: 1,
            format: Default::default(),
            schema,
            family: Default::default(),
            event: fields,
            cleanse: Vec::new(),
            older: Vec::new(),
            renamed: Vec::new(),
            rules: Vec::new(),
            privacy: Vec::new(),
        };
        let event_type = EventType {
            name: "e".into(),
            versions: Versions::compile(&config, &LIMITS).unwrap(),
            type_field: None,
            time_field: config.event.time,
            delay: Span::ZERO,
            max_ahead: None,
            rules: Default::default(),
            privacy: None,
        };
        BatchReader::new(vec![event_type].into(), &PipelineKey::new([7; 16]), None)
    }

    /// The lines at which an input's batches begin, up to its end; all inputs are waited for by turns.
    fn lines(threads: usize, inputs: &[Input]) -> Vec<Vec<u64>> {
        let mut pool = DecodePool::new(threads, inputs.len(), reader);
        let mut ahead: Vec<Vec<Ticket>> = inputs.iter().map(|_| Vec::new()).collect();
        let mut lines = vec![Vec::new(); inputs.len()];
        let mut ended = vec![false; inputs.len()];
        while ended.contains(&false) {
            for (at, input) in inputs.iter().enumerate() {
                while ahead[at].len() < pool.ahead() {
                    ahead[at].push(pool.order(input).unwrap());
                }
                match pool.wait(&ahead[at].remove(0)).unwrap().outcome.unwrap() {
                    Some(treated) => {
                        let treated = treated.unwrap();
                        let DecodedBatch { batch, rows, .. } = treated.decoded();
                        assert!(!ended[at], "nothing comes after the end");
                        assert_eq!(rows[0].events.len(), batch.events.len());
                        let Place::File { line, .. } = &batch.place else { panic!("a file's batch") };
                        lines[at].push(*line);
                    }
                    None => ended[at] = true,
                }
            }
        }
        lines
    }

    #[test]
    fn batches_come_in_the_order_of_each_input_whoever_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let inputs = || -> Vec<Input> {
            let input = |events: u64| {
                let path = dir.path().join(format!("{events}.ndjson"));
                let text: Vec<String> =
                    (0..events).map(|n| format!("{{\"id\":{n},\"time\":{n}}}\n")).collect();
                fs::write(&path, text.concat()).unwrap();
                let source = FileSource::new(&[path], "s", None, LIMITS, None, Progress::default());
                Input::new(source.chunks_of(500))
            };
            vec![input(3000), input(100), input(0)]
        };
        let alone = lines(1, &inputs());
        assert!(alone[0].len() > 100 && alone[0].is_sorted() && alone[2].is_empty(), "{alone:?}");
        for threads in [2, 3, 8] {
            assert_eq!(lines(threads, &inputs()), alone, "with {threads} threads");
        }
    }

    #[test]
    fn many_inputs_share_what_is_under_way() {
        assert_eq!([ahead(1, 1), ahead(1, 20)], [1, 1]);
        assert_eq!([ahead(2, 0), ahead(2, 1), ahead(2, 2), ahead(2, 20)], [16, 16, 8, 3]);
        assert_eq!([ahead(16, 1), ahead(16, 4), ahead(16, 20)], [44, 11, 4]);
    }
}
