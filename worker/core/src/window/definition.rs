//! A window definition resolved against the columns of its event type.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;
use sha2::{Digest, Sha256};
use transect_config::{Function, Pointer, WindowConfig, WindowKind};

use super::aggregate::State;
use super::columns::Kind;
use super::time::Cut;
use crate::privacy::Kept;

/// Metadata of a group's column: the JSON Pointer of its field. So that a file of windows says what its columns are.
pub const GROUP_OF: &str = "transect.group_of";
/// Metadata of an aggregate's column: its function, such as `Count`.
pub const FUNCTION: &str = "transect.function";

/// Why a definition can't be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("window {window}: {place}: {problem}")]
pub struct WindowError {
    /// Name of the definition.
    pub window: String,
    /// Where in it, such as `groupBy /station`.
    pub place: String,
    /// What is wrong and how to fix it.
    pub problem: String,
}

/// A column that a definition reads.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) path: Vec<usize>,
    pub(crate) kind: Kind,
}

/// An aggregate, resolved.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) function: Function,
    /// None for a count of events.
    pub(super) column: Option<Column>,
}

impl Aggregate {
    pub(super) fn state(&self) -> State {
        State::new(self.function, self.column.as_ref().is_some_and(|column| column.kind == Kind::Int))
    }

    fn output(&self) -> DataType {
        let own = self.column.as_ref().map_or(Kind::Int, |column| column.kind);
        match self.function {
            Function::Count | Function::Distinct => Kind::Int,
            Function::Mean | Function::StdDev | Function::Quantile { .. } => Kind::Float,
            Function::Sum | Function::Min | Function::Max | Function::First | Function::Last => own,
        }
        .data_type()
    }
}

/// A window definition, ready to fold and merge. Shared by both halves.
#[derive(Debug)]
pub struct WindowPlan {
    name: String,
    digest: u64,
    pub(super) cut: Cut,
    pub(super) lateness: i64,
    pub(super) groups: Vec<Column>,
    pub(super) aggregates: Vec<Aggregate>,
    output: SchemaRef,
}

impl WindowPlan {
    /// Resolves a definition against the columns that are kept of its event type.
    pub fn of(config: &WindowConfig, kept: Kept<'_>) -> Result<Arc<Self>, WindowError> {
        check_treatments(config, kept)?;
        let mut compiled = Self::new(config, kept.schema(), &|field| kept.column(field))?;
        let treatments: Vec<_> = fields(config).map(|field| kept.treatment(field)).collect();
        if treatments.iter().any(Option::is_some) {
            // Groups and values of another treatment are others, and must not be merged with these.
            compiled.digest = digest(&(config, treatments));
        }
        Ok(Arc::new(compiled))
    }

    /// Resolves a definition against columns; the resolver gives the path of child indexes, through structs, of the
    /// column that holds a field.
    pub fn compile(
        config: &WindowConfig,
        schema: &SchemaRef,
        resolve: &dyn Fn(&Pointer) -> Option<Vec<usize>>,
    ) -> Result<Arc<Self>, WindowError> {
        Ok(Arc::new(Self::new(config, schema, resolve)?))
    }

    fn new(
        config: &WindowConfig,
        schema: &SchemaRef,
        resolve: &dyn Fn(&Pointer) -> Option<Vec<usize>>,
    ) -> Result<Self, WindowError> {
        let fail = |place: String, problem: &str| WindowError {
            window: config.name.clone(),
            place,
            problem: problem.to_owned(),
        };
        check_times(config).map_err(|problem| fail("its times".into(), problem))?;
        let column = |field: &Pointer, place: String| {
            let path = resolve(field).ok_or_else(|| {
                fail(place.clone(), "no such field with a column of its own; name a property of the schema")
            })?;
            let kind = kind_of(schema, &path)
                .ok_or_else(|| fail(place, "the field is no string, number, boolean or time"))?;
            Ok(Column { path, kind })
        };
        let mut groups = Vec::with_capacity(config.group_by.len());
        for field in &config.group_by {
            groups.push(column(field, format!("groupBy {field}"))?);
        }
        let mut aggregates = Vec::with_capacity(config.aggregates.len());
        for aggregate in &config.aggregates {
            let place = format!("aggregate {}", aggregate.name);
            let column = aggregate
                .field
                .as_ref()
                .map(|field| column(field, format!("{place}, field {field}")))
                .transpose()?;
            check_function(aggregate.function, column.as_ref()).map_err(|problem| fail(place, problem))?;
            aggregates.push(Aggregate { function: aggregate.function, column });
        }
        let output = output_schema(config, &groups, &aggregates);
        if let Some(twice) = twice(&output) {
            return Err(fail(format!("column {twice}"), "two columns have this name; rename the aggregate"));
        }
        Ok(Self {
            name: config.name.clone(),
            digest: digest(config),
            cut: Cut::new(&config.kind),
            lateness: config.allowed_lateness.micros(),
            groups,
            aggregates,
            output,
        })
    }

    /// The definition's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same for the same definition in every build, and for no other.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The columns of issued windows: window_start, window_end, groups, aggregates, revision, final, and for sessions
    /// replaced_by: the start of the session that has taken the row's place, if one has.
    pub fn output_schema(&self) -> &SchemaRef {
        &self.output
    }

    /// The least watermark at which every window that holds an event of this time is final. Microseconds.
    pub fn closes(&self, time: i64) -> i64 {
        self.cut.closes(time, self.lateness)
    }

    /// How far behind the watermark that makes it final a window may end. Microseconds.
    pub fn trails(&self) -> i64 {
        self.cut.trails().saturating_add(self.lateness)
    }

    pub(super) fn states(&self) -> Vec<State> {
        self.aggregates.iter().map(Aggregate::state).collect()
    }
}

fn check_times(config: &WindowConfig) -> Result<(), &'static str> {
    let positive = match config.kind {
        WindowKind::Tumbling { size } => size.micros() > 0,
        WindowKind::Sliding { size, every } => size.micros() > 0 && every.micros() > 0,
        WindowKind::Session { gap, max } => gap.micros() > 0 && max >= gap,
    };
    if positive { Ok(()) } else { Err("size, every and gap must be more than 0s, and max at least gap") }
}

fn check_function(function: Function, column: Option<&Column>) -> Result<(), &'static str> {
    let Some(column) = column else {
        return if function == Function::Count {
            Ok(())
        } else {
            Err("field is missing; only Count does without one")
        };
    };
    let number = matches!(column.kind, Kind::Int | Kind::Float);
    match function {
        Function::Sum | Function::Mean | Function::StdDev | Function::Quantile { .. } if !number => Err(
            "the function needs a number or an integer; use Count, Distinct, First or Last for other fields",
        ),
        Function::Min | Function::Max if !number && column.kind != Kind::Time => {
            Err("Min and Max need a number, an integer or a date-time")
        }
        Function::Quantile { q } if !(0.0..=1.0).contains(&q) => Err("q must be between 0 and 1"),
        _ => Ok(()),
    }
}

/// What the column at a path holds; None if that is no scalar.
pub(crate) fn kind_of(schema: &Schema, path: &[usize]) -> Option<Kind> {
    let (first, rest) = path.split_first()?;
    let mut data_type = schema.fields().get(*first)?.data_type();
    for child in rest {
        let DataType::Struct(fields) = data_type else { return None };
        data_type = fields.get(*child)?.data_type();
    }
    Kind::of(data_type)
}

/// Group columns have the last step of their pointer for a name, or all steps where that would name two the same.
fn group_names(config: &WindowConfig) -> Vec<String> {
    let last = |field: &Pointer| field.steps().last().cloned().unwrap_or_default();
    let taken = |name: &str| {
        config.group_by.iter().filter(|field| last(field) == name).count() > 1
            || config.aggregates.iter().any(|aggregate| aggregate.name == name)
    };
    let name = |field: &Pointer| match last(field) {
        name if taken(&name) => field.steps().join("_"),
        name => name,
    };
    config.group_by.iter().map(name).collect()
}

fn output_schema(config: &WindowConfig, groups: &[Column], aggregates: &[Aggregate]) -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields =
        vec![Field::new("window_start", time.clone(), false), Field::new("window_end", time.clone(), false)];
    let told = |field: Field, key: &str, word: String| field.with_metadata([(key.to_owned(), word)].into());
    for ((name, group), pointer) in group_names(config).into_iter().zip(groups).zip(&config.group_by) {
        let field = Field::new(name, group.kind.data_type(), true);
        fields.push(told(field, GROUP_OF, pointer.to_string()));
    }
    for (named, aggregate) in config.aggregates.iter().zip(aggregates) {
        let field = Field::new(&named.name, aggregate.output(), true);
        fields.push(told(field, FUNCTION, format!("{:?}", aggregate.function)));
    }
    fields.push(Field::new("revision", DataType::Int64, false));
    fields.push(Field::new("final", DataType::Boolean, false));
    if matches!(config.kind, WindowKind::Session { .. }) {
        fields.push(Field::new("replaced_by", time, true));
    }
    Arc::new(Schema::new(fields))
}

fn twice(schema: &Schema) -> Option<&str> {
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// The fields that a definition reads.
fn fields(config: &WindowConfig) -> impl Iterator<Item = &Pointer> {
    config.group_by.iter().chain(config.aggregates.iter().filter_map(|aggregate| aggregate.field.as_ref()))
}

/// What is dropped or encrypted can't be gathered.
fn check_treatments(config: &WindowConfig, kept: Kept<'_>) -> Result<(), WindowError> {
    let of_groups = config.group_by.iter().map(|field| (format!("groupBy {field}"), field));
    let of_aggregates = config
        .aggregates
        .iter()
        .filter_map(|aggregate| Some((format!("aggregate {}", aggregate.name), aggregate.field.as_ref()?)));
    for (place, field) in of_groups.chain(of_aggregates) {
        if let Some(problem) = kept.unusable(field) {
            return Err(WindowError { window: config.name.clone(), place, problem: problem.to_owned() });
        }
    }
    Ok(())
}

/// The same for the same definition in every build, and for no other.
pub(crate) fn digest(definition: &impl Serialize) -> u64 {
    // Plain data always serialises, and the order of its fields is that of the type.
    let text = serde_json::to_vec(definition).unwrap_or_default();
    let hash = Sha256::digest(&text);
    u64::from_le_bytes(std::array::from_fn(|at| hash[at]))
}
