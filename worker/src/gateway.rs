//! The front door: events over HTTP into the raw topic. An answer of 2xx means that every event of the request is
//! durable, and says for each whether it satisfies its schema. The verdict that counts is the process role's.

mod access;
mod avro;
mod body;
mod bridge;
mod check;
mod cloudevents;
mod committer;
mod document;
mod drain;
mod encoding;
mod events;
mod files;
mod idempotency;
mod in_flight;
mod limits;
mod observe;
mod parts;
mod problem;
mod recent;
mod routes;
mod senders;
mod server;
mod verdict;

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Semaphore;
use transect_config::{GatewayConfig, SourceConfig};
use transect_core::events::EventType;
use transect_core::identity::PipelineKey;
use transect_core::privacy::KeyRing;

use self::access::Access;
pub use self::bridge::Bridge;
use self::check::Checker;
use self::committer::Committer;
pub use self::files::{Files, FilesOf};
use self::idempotency::Answers;
use self::limits::Rate;
use self::recent::Recent;
pub use self::senders::{NewSender, SendersError};
use crate::health;
use crate::log::{LogError, Transaction};
use crate::metrics::Metrics;
use crate::role::RoleError;
use crate::runner::Flag;

/// A source that the gateway feeds.
#[derive(Clone, Debug)]
pub struct GatewaySource {
    /// Its name.
    pub name: String,
    /// The event type that its manifest says.
    pub event_type: Option<String>,
    /// The schema version that its manifest says.
    pub schema_version: Option<u32>,
}

impl GatewaySource {
    /// As its manifest says.
    pub(crate) fn of(source: &SourceConfig) -> Self {
        Self {
            name: source.name.clone(),
            event_type: source.event_type.clone(),
            schema_version: source.schema_version,
        }
    }
}

/// Makes a transaction durable, or leaves everything as it was, as far as is known.
pub type Commit = Box<dyn Fn(Transaction) -> Result<(), LogError> + Send>;

/// What the gateway is made of.
pub struct GatewayParts {
    /// Makes events durable.
    pub commit: Commit,
    /// Number of partitions that events are shared out to by their keys; None for a log that is in one piece.
    pub partitions: Option<u32>,
    /// The study whose events it takes.
    pub study: String,
    /// The sources that it feeds.
    pub sources: Vec<GatewaySource>,
    /// The event types.
    pub types: Arc<[EventType]>,
    /// The secret of identities.
    pub key: PipelineKey,
    /// With what posts are sealed, if any event type has personal fields.
    pub keys: Option<Arc<KeyRing>>,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Whether health and metrics are served at the same address.
    pub shows_health: bool,
    /// Ends it when it goes up.
    pub stop: Flag,
    /// Microseconds since 1970 UTC: the received time.
    pub clock: fn() -> i64,
}

/// What all requests share.
pub(crate) struct Gateway {
    study: String,
    partitions: Option<u32>,
    sources: Vec<GatewaySource>,
    types: Arc<[EventType]>,
    checker: Checker,
    committer: Committer,
    access: Access,
    answers: Answers,
    recent: Recent,
    /// Of the study.
    rate: Option<Rate>,
    body_bytes: usize,
    /// Of requests that are served at a time.
    places: Semaphore,
    /// For a body to come in.
    timeout: Duration,
    metrics: Arc<Metrics>,
    clock: fn() -> i64,
}

/// A gateway that is listening.
pub struct Serving {
    thread: JoinHandle<Result<(), RoleError>>,
}

impl Serving {
    /// Waits until the gateway has ended, its last requests answered.
    pub fn join(self) -> Result<(), RoleError> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err("the gateway has panicked; this is a bug in Transect".into()))
    }
}

/// Listens, on threads of its own. The function is told the address that was bound.
pub fn serve(
    config: &GatewayConfig,
    parts: GatewayParts,
    listening: Option<fn(SocketAddr)>,
) -> Result<Serving, RoleError> {
    let (address, tls, stop) = (config.listen, config.tls.clone(), parts.stop.clone());
    let health = parts.shows_health.then(|| health::router(Arc::clone(&parts.metrics), Vec::new()));
    let gateway = Arc::new(Gateway {
        checker: Checker::new(Arc::clone(&parts.types), parts.key),
        committer: Committer::new(parts.commit, parts.keys, Arc::clone(&parts.metrics))?,
        partitions: parts.partitions,
        study: parts.study,
        sources: parts.sources,
        types: parts.types,
        access: Access::open(config.api_keys.clone())?,
        answers: Answers::default(),
        recent: Recent::default(),
        rate: config.events_per_second.and_then(NonZeroU32::new).map(Rate::per_second),
        body_bytes: config.body_bytes,
        places: Semaphore::new(config.requests_in_flight.min(Semaphore::MAX_PERMITS)),
        timeout: Duration::from_micros(config.timeout.micros().unsigned_abs()),
        metrics: parts.metrics,
        clock: parts.clock,
    });
    let listener = TcpListener::bind(address)
        .map_err(|error| format!("listen on {address}: {error}; give another --listen address"))?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("gateway")
        .enable_all()
        .build()?;
    let server = server::open(listener, tls)?;
    if let Some(listening) = listening {
        listening(bound);
    }
    let thread = thread::Builder::new().name("gateway".into()).spawn(move || {
        let router = routes::router(&gateway).merge(health.unwrap_or_default());
        runtime.spawn(refresh(gateway));
        runtime.block_on(server.run(router, stop))
    })?;
    Ok(Serving { thread })
}

/// Reads the API keys again and again.
async fn refresh(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(server::REFRESH).await;
        gateway.access.refresh();
    }
}
