//! Rules: what must hold across the fields of an event that fits its schema, in CEL.
//!
//! A rule is compiled once, against the columns of its event type: parsed by the `cel` crate, checked with the
//! kinds of values that the schema gives, and turned into columnar form. It is judged for whole batches; what has no
//! columnar form is evaluated row by row by the `cel` crate, with the same result. docs/rules.md says what rules mean.

mod calendar;
mod check;
mod columnar;
mod kind;
mod parse;
mod row;
#[cfg(test)]
mod tests;
mod truth;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, SchemaRef};
use cel::common::ast::IdedExpr;
use regex::Regex;
use serde_json::Value as Json;
use transect_config::{Otherwise, Pointer, RuleConfig};

use self::check::{Checker, Fault, Read, RequiredCell, fault};
use self::columnar::{Columnar, Flag, Scope};
use self::kind::Kind;
use self::row::{Evaluator, Verdict};
use self::value::{Values, object_of};
use crate::lookup::Lookups;
use crate::provenance;
use crate::reject::{Reject, RejectReason};

/// Why a rule can't be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {name}: {message}; {fix}")]
pub struct RuleError {
    /// Position among the rules.
    pub rule: usize,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it; empty where the message says all.
    pub fix: String,
}

/// The rules of an event type.
#[derive(Debug, Default)]
pub struct Rules {
    /// Those that reject, in the order of the manifest.
    pub rejecting: Vec<Rule>,
    /// Those that flag, in the order of the manifest.
    pub flagging: Vec<Rule>,
}

/// One rule, compiled.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    message: String,
    pointer: String,
    schema: SchemaRef,
    /// Of what must be there for the rule to be judged.
    required: Vec<Read>,
    /// Of what must be there of tables for it.
    cells: Vec<RequiredCell>,
    /// The columns that are read, as positions among those at the top, ascending.
    tops: Vec<usize>,
    patterns: Arc<[Regex]>,
    lookups: Lookups,
    row: IdedExpr,
    columnar: Option<Flag>,
}

impl Rules {
    /// Compiles the rules of an event type against the columns of its table. All that is wrong is collected.
    pub fn compile(rules: &[RuleConfig], schema: &SchemaRef) -> Result<Self, Vec<RuleError>> {
        Self::compile_with(rules, schema, Some(&Lookups::default()))
    }

    /// The same of rules that may look values up in these tables. None where it is not known which tables there are: then
    /// a rule may name any, and can be checked but not judged.
    pub fn compile_with(
        rules: &[RuleConfig],
        schema: &SchemaRef,
        lookups: Option<&Lookups>,
    ) -> Result<Self, Vec<RuleError>> {
        let (mut compiled, mut errors) = (Self::default(), Vec::new());
        for (at, config) in rules.iter().enumerate() {
            match Rule::compile(config, schema, lookups) {
                Ok(rule) => match config.otherwise {
                    Otherwise::Reject => compiled.rejecting.push(rule),
                    Otherwise::Flag => compiled.flagging.push(rule),
                },
                Err(Fault { message, fix }) => {
                    errors.push(RuleError { rule: at, name: config.name.clone(), message, fix });
                }
            }
        }
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rejecting.is_empty() && self.flagging.is_empty()
    }
}

impl Rule {
    fn compile(config: &RuleConfig, schema: &SchemaRef, lookups: Option<&Lookups>) -> Result<Self, Fault> {
        if config.otherwise == Otherwise::Flag && schema.column_with_name(provenance::FLAGS).is_some() {
            let message = format!("flags events, but the schema has a property `{}`", provenance::FLAGS);
            return fault(message, "rename the property: the column of the table has this name");
        }
        let mut checker = Checker::new(check::of_event(schema.fields()), lookups.cloned());
        let checked = checker.check(&parse::parse(&config.expression)?)?;
        if !checked.kind.may_be(&Kind::Bool) {
            let message = format!("is {}, but must be true or false", checked.kind.describe());
            return fault(message, "compare it with something");
        }
        let Some(first) = checker.named.first() else {
            return fault("reads no field of the event", "name one, such as event.value > 0");
        };
        let mut tops: Vec<usize> =
            checker.named.iter().filter_map(|read| read.path.first()).copied().collect();
        tops.sort_unstable();
        tops.dedup();
        let cells = if checker.uses_has || checker.asks_membership { Vec::new() } else { checker.cells };
        let columnar = match checked.columnar {
            Some(Columnar::Flag(flag)) if cells.iter().all(|cell| cell.columnar.is_some()) => Some(flag),
            _ => None,
        };
        Ok(Self {
            name: config.name.as_str().into(),
            message: config.message.clone().unwrap_or_else(|| config.expression.clone()),
            pointer: Pointer::from_steps(first.names.clone()).to_string(),
            schema: Arc::clone(schema),
            required: if checker.uses_has { Vec::new() } else { checker.reads },
            cells,
            tops,
            patterns: checker.patterns.into(),
            lookups: lookups.cloned().unwrap_or_default(),
            row: checked.row,
            columnar,
        })
    }

    /// Whether the rule is judged for whole columns.
    pub fn is_columnar(&self) -> bool {
        self.columnar.is_some()
    }

    /// Why an event is refused that breaks the rule.
    pub fn reject(&self) -> Reject {
        Reject {
            reason: RejectReason::Rule,
            pointer: self.pointer.clone(),
            keyword: self.name.to_string(),
            message: self.message.clone(),
            offset: None,
        }
    }

    /// The rows of events that break the rule; columns as the rule was compiled against.
    pub fn broken(&self, events: &RecordBatch) -> BooleanBuffer {
        let Some(flag) = &self.columnar else {
            let rows = BooleanBuffer::new_set(events.num_rows());
            return self.broken_by_row(events, &rows);
        };
        let scope = Scope { columns: events.columns(), rows: events.num_rows() };
        let judged = &scope.flag(flag).no & &self.all_there(&scope);
        let doubtful = self.doubtful(&scope);
        if doubtful.count_set_bits() == 0 {
            return judged;
        }
        &(&judged & &!&doubtful) | &self.broken_by_row(events, &doubtful)
    }

    /// The same, each event by itself: what whole columns are held against.
    pub fn broken_each(&self, events: &RecordBatch) -> BooleanBuffer {
        self.broken_by_row(events, &BooleanBuffer::new_set(events.num_rows()))
    }

    /// The rows that have everything that is required.
    fn all_there(&self, scope: &Scope<'_>) -> BooleanBuffer {
        let nulls = self.required.iter().filter_map(|read| scope.column(&read.path)?.1);
        let fields = nulls.fold(BooleanBuffer::new_set(scope.rows), |all, nulls| &all & nulls.inner());
        let cells = self.cells.iter().filter_map(|cell| cell.columnar.as_ref());
        cells.fold(fields, |all, cell| &all & &scope.has_cell(cell).yes)
    }

    /// The rows of which a value that the rule reads may not have fitted its column, and be in `extra`.
    fn doubtful(&self, scope: &Scope<'_>) -> BooleanBuffer {
        let none = BooleanBuffer::new_unset(scope.rows);
        let Some(extra) = scope.columns.last() else { return none };
        if extra.null_count() == extra.len() {
            return none;
        }
        let may_lack = self.tops.iter().filter_map(|top| scope.columns.get(*top));
        let lacking = may_lack.fold(none, |all, column| &all | &lacks(column));
        match extra.nulls() {
            Some(nulls) => &lacking & nulls.inner(),
            None => lacking,
        }
    }

    fn broken_by_row(&self, events: &RecordBatch, rows: &BooleanBuffer) -> BooleanBuffer {
        let mut evaluator = Evaluator::new(&self.patterns, &self.lookups);
        let judge =
            |row: usize| rows.value(row) && self.judge(&mut evaluator, events, row) == Verdict::Broken;
        BooleanBuffer::collect_bool(events.num_rows(), judge)
    }

    /// What the rule says of one event.
    fn judge(&self, evaluator: &mut Evaluator, events: &RecordBatch, row: usize) -> Verdict {
        let extra = extra(events, row);
        let mut values = Values::default();
        let mut members = HashMap::with_capacity(self.tops.len());
        for top in &self.tops {
            let (field, column) = (self.schema.field(*top), events.column(*top));
            let extra = extra.as_ref().and_then(|extra| extra.get(field.name()));
            if let Some(value) = values.read(field, column, row, extra) {
                members.insert(field.name().as_str().into(), value);
            }
        }
        let event = object_of(members);
        if !self.required.iter().all(|read| is_there(&event, &read.names)) {
            return Verdict::Unknown;
        }
        evaluator.judge(&self.row, &self.cells, event, values.weight)
    }
}

/// What an event has that its columns don't hold.
fn extra(events: &RecordBatch, row: usize) -> Option<Json> {
    let extra = events.columns().last()?;
    let texts = extra.as_any().downcast_ref::<arrow_array::StringArray>()?;
    if texts.is_null(row) {
        return None;
    }
    serde_json::from_str(texts.value(row)).ok()
}

fn is_there(event: &cel::Value, names: &[String]) -> bool {
    let mut value = event;
    for name in names {
        let cel::Value::Map(map) = value else { return false };
        let Some(member) = map.get(&cel::objects::KeyRef::String(name)) else { return false };
        value = member;
    }
    *value != cel::Value::Null
}

/// The rows in which a part is null that may be so because its column could not hold it.
fn lacks(column: &ArrayRef) -> BooleanBuffer {
    let none = || BooleanBuffer::new_unset(column.len());
    let missing = |nulls: Option<&NullBuffer>| nulls.map_or_else(none, |nulls| !nulls.inner());
    match column.data_type() {
        DataType::Int64 | DataType::Timestamp(..) => missing(column.nulls()),
        DataType::Struct(_) => match column.as_any().downcast_ref::<arrow_array::StructArray>() {
            Some(object) => object.columns().iter().fold(none(), |all, column| &all | &lacks(column)),
            None => none(),
        },
        // Which of the lists it is would cost more to find out than to judge them all.
        DataType::List(_) => match column.as_any().downcast_ref::<arrow_array::ListArray>() {
            Some(list) if lacks(list.values()).count_set_bits() > 0 => BooleanBuffer::new_set(column.len()),
            _ => none(),
        },
        _ => none(),
    }
}
