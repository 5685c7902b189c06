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
use transect_config::{EventFields, EventTypeConfig, Limits, Pointer};

use crate::avro::AvroSchema;
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
    /// Its schema, where that is in Avro.
    pub(crate) avro: Option<Arc<AvroSchema>>,
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
    /// Compiles the versions of an event type. What is wrong is collected: in the schemas, of each the
    /// first; if they are right, in the names; then in the fields of `event`; then in the steps of cleansing.
    pub fn compile(config: &EventTypeConfig, limits: &Limits) -> Result<Arc<Self>, Vec<VersionsError>> {
        let mut plans = draft(config, limits)?;
        some(names::check(config, &plans))?;
        let mut errors = Vec::new();
        for (version, plan) in &mut plans {
            let located = plan.locate(&event_in(config, *version));
            errors.extend(located.err().map(|error| VersionsError::Plan { version: *version, error }));
        }
        some(errors)?;
        let cleanse = cleansing(config, &plans)?;
        let table = table::fit(config, &mut plans).map_err(|error| vec![error.into()])?;
        let version = |((number, mut plan), cleanse): ((u32, Plan), _)| {
            let avro = plan.avro.take().map(Arc::new);
            Version { number, plan: Arc::new(plan), cleanse, avro }
        };
        let all = plans.into_iter().zip(cleanse).map(version).collect();
        Ok(Arc::new(Self { all, table, field: config.event.version.clone() }))
    }

    /// A plan without versions, cleansing or fields with a meaning, for events that are only converted.
    pub(crate) fn of(plan: Arc<Plan>, avro: Option<Arc<AvroSchema>>) -> Arc<Self> {
        let table = Table::of(&plan);
        Arc::new(Self { all: vec![Version { number: 1, plan, cleanse: None, avro }], table, field: None })
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

/// The plan of each version, the newest first.
fn draft(config: &EventTypeConfig, limits: &Limits) -> Result<Vec<(u32, Plan)>, Vec<VersionsError>> {
    let older = config.older.iter().rev().map(|older| EventTypeConfig {
        schema_version: older.version,
        schema: older.schema.clone(),
        family: older.family.clone(),
        ..config.clone()
    });
    let (mut plans, mut errors) = (Vec::new(), Vec::new());
    for as_of in std::iter::once(config.clone()).chain(older) {
        let version = as_of.schema_version;
        match Plan::draft(&as_of, limits) {
            Ok(plan) => plans.push((version, plan)),
            Err(error) => errors.push(VersionsError::Plan { version, error }),
        }
    }
    if errors.is_empty() { Ok(plans) } else { Err(errors) }
}

/// The cleansing of each version, which is the same but for names.
fn cleansing(
    config: &EventTypeConfig,
    plans: &[(u32, Plan)],
) -> Result<Vec<Option<Arc<CleansePlan>>>, Vec<VersionsError>> {
    let of = |(version, plan): &(u32, Plan)| {
        let names = Names::since(*version, &config.renamed);
        let steps = names.cleanse(&config.cleanse, plan, *version == config.schema_version);
        if steps.is_empty() {
            return Ok(None);
        }
        let compiled = CleansePlan::compile(&steps).map(|plan| Some(Arc::new(plan)));
        compiled.map_err(|errors| errors.into_iter().map(VersionsError::from).collect())
    };
    plans.iter().map(of).collect()
}

/// An error, if there are errors.
fn some<E: Into<VersionsError>>(errors: Vec<E>) -> Result<(), Vec<VersionsError>> {
    if errors.is_empty() { Ok(()) } else { Err(errors.into_iter().map(Into::into).collect()) }
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
