//! What is committed in the partitions that a process may not have: a consumer of its own, from the first question on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::reader::Reader;
use super::settings::KafkaSettings;
use super::state::Following;
use crate::log::{Committed, LogError};

/// How long an answer is good: the partitions of a process ask at about the same time.
const FRESH: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Elsewhere {
    settings: KafkaSettings,
    followed: Mutex<Option<Followed>>,
}

struct Followed {
    /// By partition.
    partitions: Vec<Following>,
    read: Instant,
}

impl Elsewhere {
    pub(super) fn new(settings: &KafkaSettings) -> Self {
        Self { settings: settings.clone(), followed: Mutex::default() }
    }

    /// What a group has committed in all partitions but one.
    pub(super) fn committed(
        &self,
        group: &str,
        but: u32,
        partitions: u32,
    ) -> Result<BTreeMap<u32, Committed>, LogError> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = match &mut *followed {
            Some(followed) => followed,
            none => none.insert(self.follow(partitions)?),
        };
        if followed.read.elapsed() >= FRESH {
            followed.catch_up()?;
        }
        let others = (0..).zip(&followed.partitions).filter(|(partition, _)| *partition != but);
        let committed = others.filter_map(|(at, following)| Some((at, following.committed(group)?.clone())));
        Ok(committed.collect())
    }

    fn follow(&self, partitions: u32) -> Result<Followed, LogError> {
        let reader = Arc::new(Reader::connect(&self.settings)?);
        let partitions = (0..partitions).map(|partition| Following::begin(&reader, partition));
        let mut followed =
            Followed { partitions: partitions.collect::<Result<_, _>>()?, read: Instant::now() };
        followed.catch_up()?;
        Ok(followed)
    }
}

impl Followed {
    fn catch_up(&mut self) -> Result<(), LogError> {
        for partition in &mut self.partitions {
            partition.catch_up()?;
        }
        self.read = Instant::now();
        Ok(())
    }
}
