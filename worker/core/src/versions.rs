//! All versions of an event type at once: each event is checked by its own version's plan, and the rows of all versions go to
//! one table.
//!
//! The table has the columns of every version, by their newest names; a column holds what all versions can say there.
//! Each plan is [fitted](crate::plan) to it, so that values are decoded straight into columns of the table; afterwards
//! rows of other versions only get the columns that they lack, all null. Where there is one version, its columns are the
//! table's, and nothing is done to them.

mod choose;
mod names;
mod rows;
mod table;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use transect_config::{CleanseStep, EventFields, EventTypeConfig, Limits, OlderVersion, Pointer};

use crate::cleanse::{CleanseError, CleansePlan};
use crate::plan::{Plan, PlanError};

pub use self::names::RenameError;
pub(crate) use self::names::{Names, all_names};
pub use self::rows::RowVersions;
pub(crate) use self::rows::{VersionRows, merge};
pub use self::table::Table;

/// The versions of an event type, ready to run. Shared by all threads.
#[derive(Debug)]
pub struct Versions {
    /// The newest first.
    all: Vec<Version>,
    table: Table,
    /// The field that says an event's version.
    field: Option<Pointer>,
}

/// One version.
#[derive(Debug)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// What events of this version must be, and how they become rows of the table.
    pub plan: Arc<Plan>,
    /// The repairs before that; None where events are decoded as they come.
    pub cleanse: Option<Arc<CleansePlan>>,
}

/// Why versions can't be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionsError {
    /// One of the schemas is wrong, or goes not with the fields of `event`.
    #[error("version {version}: {error}")]
    Plan {
        /// Whose.
        version: u32,
        /// What is wrong.
        error: PlanError,
    },
    /// A step of cleansing is wrong.
    #[error(transparent)]
    Cleanse(#[from] CleanseError),
    /// Fields were renamed to what can't be.
    #[error(transparent)]
    Rename(#[from] RenameError),
}

impl Versions {
    /// Compiles the versions of an event type. All that is wrong is collected, of each version the first.
    ///
    /// This, and the operator's compiler of schemas, is where schemas of another kind come in: whatever gives plans with
    /// columns can be a version.
    pub fn compile(config: &EventTypeConfig, limits: &Limits) -> Result<Arc<Self>, Vec<VersionsError>> {
        let mut errors = Vec::new();
        let (mut drafts, mut cleansing) = (Vec::new(), Vec::new());
        for (version, as_of) in all(config) {
            let plan = match Plan::draft(&as_of, limits) {
                Ok(plan) => plan,
                Err(error) => {
                    errors.push(VersionsError::Plan { version, error });
                    continue;
                }
            };
            let names = Names::since(version, &config.renamed);
            match cleansing_of(&names.cleanse(&config.cleanse, &plan, version == config.schema_version)) {
                Ok(plan) => cleansing.push(plan),
                // The steps are the same for all versions, but for names.
                Err(wrong) if version == config.schema_version => {
                    errors.extend(wrong.into_iter().map(VersionsError::from));
                }
                Err(_) => {}
            }
            drafts.push((version, plan));
        }
        if errors.is_empty() {
            let wrong = names::check(config, &drafts);
            errors.extend(wrong.into_iter().map(VersionsError::from));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let table = table::fit(config, &mut drafts).map_err(|error| vec![error.into()])?;
        let version = |((number, plan), cleanse)| Version { number, plan: Arc::new(plan), cleanse };
        let all = drafts.into_iter().zip(cleansing).map(version).collect();
        Ok(Arc::new(Self { all, table, field: config.event.version.clone() }))
    }

    /// A plan without versions, cleansing or fields with a meaning, for events that are only converted.
    pub(crate) fn of(plan: Arc<Plan>) -> Arc<Self> {
        let table = Table::of(&plan);
        Arc::new(Self { all: vec![Version { number: 1, plan, cleanse: None }], table, field: None })
    }

    /// All versions, the newest first; there is at least one.
    pub fn all(&self) -> &[Version] {
        &self.all
    }

    /// The newest version.
    pub fn newest(&self) -> &Version {
        // Compiled from a list that begins with the newest.
        &self.all[0]
    }

    /// The table to which the rows of all versions go.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The columns of an event in the table, without provenance.
    pub fn schema(&self) -> &SchemaRef {
        self.table.schema()
    }
}

/// Each version as an event type of its own, the newest first.
fn all(config: &EventTypeConfig) -> Vec<(u32, EventTypeConfig)> {
    let older = config.older.iter().rev().map(|older| (older.version, as_of(config, older)));
    std::iter::once((config.schema_version, config.clone())).chain(older).collect()
}

/// The fields with a meaning to the pipeline by their names in one of the versions.
pub fn event_in(config: &EventTypeConfig, version: u32) -> EventFields {
    let names = Names::since(version, &config.renamed);
    let mut event = config.event.clone();
    event.time = names.in_version(&config.event.time);
    for field in event.id.iter_mut().chain(&mut event.key) {
        *field = names.in_version(field);
    }
    event
}

/// An event type with the schema of an older version, and the fields with a meaning by their names there.
fn as_of(config: &EventTypeConfig, older: &OlderVersion) -> EventTypeConfig {
    EventTypeConfig {
        schema_version: older.version,
        schema: older.schema.clone(),
        family: older.family.clone(),
        event: event_in(config, older.version),
        ..config.clone()
    }
}

fn cleansing_of(steps: &[CleanseStep]) -> Result<Option<Arc<CleansePlan>>, Vec<CleanseError>> {
    if steps.is_empty() { Ok(None) } else { CleansePlan::compile(steps).map(|plan| Some(Arc::new(plan))) }
}
