//! What all seeds share: the pipeline, compiled once; and what one seed's roles are made with.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, anyhow};
use transect_config::PipelineConfig;
use transect_core::identity::PipelineKey;
use transect_crds::yaml;
use transect_operator::resolve::{Overrides, resolve};
use transect_worker::log::{Log, Topic};
use transect_worker::roles::{Made, RoleMaker};

use crate::bugs::{self, Bug};
use crate::clock;

/// An epoch ends at so many bytes of events: small, so that epochs end in the middle of what was read.
pub const EPOCH_BYTES: usize = 1500;
/// The table holds so many bytes of batches.
pub const HELD_BYTES_MAX: usize = 24_000;
/// Partitions of a pipeline at most.
pub const PARTITIONS_MAX: u32 = 4;

/// What a simulated process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Judges events.
    Process,
    /// Gathers windows.
    Aggregate,
    /// Writes the table.
    Table,
    /// Writes the windows.
    Windows,
    /// Writes the rejects.
    Rejected,
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 5] = [Self::Process, Self::Aggregate, Self::Table, Self::Windows, Self::Rejected];

    /// The group that does it.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Process => transect_worker::process::GROUP,
            Self::Aggregate => transect_worker::aggregate::GROUP,
            Self::Table => "table",
            Self::Windows => "windows",
            Self::Rejected => "rejected",
        }
    }

    /// The topic that it reads.
    pub const fn topic(self) -> Topic {
        match self {
            Self::Process => Topic::Raw,
            Self::Aggregate => Topic::Partials,
            Self::Table => Topic::Clean,
            Self::Windows => Topic::Windows,
            Self::Rejected => Topic::Rejected,
        }
    }
}

/// What one seed's roles are made with.
pub struct Setup {
    maker: Arc<RoleMaker>,
    /// The sinks' folder.
    pub out: PathBuf,
    /// The deliberate bug, if this is a test of the oracles.
    pub bug: Option<Bug>,
    /// What a deliberate bug keeps from session to session: identities by partition.
    pub kept: bugs::Kept,
}

impl Setup {
    /// For a number of partitions and a folder.
    pub fn new(partitions: u32, out: &Path, bug: Option<Bug>) -> anyhow::Result<Self> {
        Ok(Self { maker: maker(partitions)?, out: out.to_owned(), bug, kept: bugs::Kept::default() })
    }

    /// Makes a role, as processes on Kafka do.
    pub fn make(&self, job: Job, log: Arc<dyn Log>) -> Made {
        match job {
            Job::Process => self.maker.process(log),
            Job::Aggregate => self.maker.aggregate(log),
            Job::Table if self.bug == Some(Bug::FileNamedByTime) => bugs::table_named_by_time(log, &self.out),
            Job::Table => self.maker.table(log, &self.out),
            Job::Windows => self.maker.windows(log, &self.out),
            Job::Rejected => self.maker.lines(log, Topic::Rejected, &self.out),
        }
    }
}

/// Plans are compiled once for each number of partitions.
fn maker(partitions: u32) -> anyhow::Result<Arc<RoleMaker>> {
    static MAKERS: OnceLock<Mutex<Vec<Option<Arc<RoleMaker>>>>> = OnceLock::new();
    let makers = MAKERS.get_or_init(|| Mutex::new(vec![None; PARTITIONS_MAX as usize + 1]));
    let mut makers = makers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(maker) = &makers[partitions as usize] {
        return Ok(Arc::clone(maker));
    }
    let config = PipelineConfig { partitions, ..pipeline()? };
    let mut maker =
        RoleMaker::new(config, PipelineKey::new([7; 16]), 0).map_err(|error| anyhow!("{error}"))?;
    (maker.epoch_bytes, maker.held_bytes_max) = (EPOCH_BYTES, Some(HELD_BYTES_MAX));
    (maker.clock, maker.instant) = (clock::now, clock::instant);
    let maker = Arc::new(maker);
    makers[partitions as usize] = Some(Arc::clone(&maker));
    Ok(maker)
}

fn pipeline() -> anyhow::Result<PipelineConfig> {
    // Asked for as the tests run: another checkout may have built them, in a target folder that both share.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let loaded = yaml::load(&[Path::new(&here).join("manifests")]);
    let pipeline = loaded.pipelines.first().with_context(|| format!("{:?}", loaded.problems))?;
    let resolved = resolve(&loaded.schemas, &loaded.config_maps, pipeline, &Overrides::new());
    Ok(resolved.map_err(|problems| anyhow!("{problems:?}"))?.config)
}
