//! The privacy rules of an event type, resolved against its columns.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, Schema, SchemaRef};
use transect_config::{EventTypeConfig, Pointer, PrivacyRule, Treatment};

use super::column::{self, Sealing, TreatedField};
use super::extra;
use crate::plan::JSON_COLUMN;
use crate::versions::all_names;

/// Why a rule can't be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("privacy[{rule}].{part}: {message}; {fix}")]
pub struct PrivacyError {
    /// Position of the rule.
    pub rule: usize,
    /// The part of it that is wrong: `field`, `treatment` or `generalise`.
    pub part: &'static str,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

/// What becomes of each column of an event type.
#[derive(Debug)]
pub struct PrivacyPlan {
    /// Of columns and their parts; all others stay.
    branches: Vec<(usize, Branch)>,
    /// Path of child indexes of the participant.
    pub(super) participant: Option<Vec<usize>>,
    /// Whether any field is encrypted.
    pub(super) encrypts: bool,
    /// The fields of all rules, by their names in every version.
    fields: Vec<Pointer>,
    /// The columns before, without `extra`.
    named: Fields,
    after: SchemaRef,
}

/// What becomes of a column.
#[derive(Debug)]
enum Branch {
    Treat(TreatedField),
    /// Of a struct, by index of the part.
    Parts(Vec<(usize, Branch)>),
    /// Of each item of a list.
    Items(Box<Branch>),
}

impl PrivacyPlan {
    /// Resolves the rules of an event type against its columns, of which the last is `extra`.
    pub fn compile(config: &EventTypeConfig, columns: &SchemaRef) -> Result<Self, Vec<PrivacyError>> {
        let (rules, participant) = (&config.privacy, config.event.participant.as_ref());
        let (mut branches, mut errors) = (Vec::new(), Vec::new());
        let named: Fields = columns.fields().iter().take(columns.fields().len() - 1).cloned().collect();
        for (at, rule) in rules.iter().enumerate() {
            if let Err((part, message, fix)) = plant(&mut branches, &named, rule.field.steps(), rule) {
                errors.push(PrivacyError { rule: at, part, message, fix: fix.to_owned() });
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let fields = kept_fields(columns.fields(), &branches);
        Ok(Self {
            participant: participant.and_then(|participant| path(&named, participant.steps())),
            encrypts: rules.iter().any(|rule| rule.treatment == Treatment::Encrypt {}),
            fields: rules.iter().flat_map(|rule| all_names(&rule.field, &config.renamed)).collect(),
            after: Arc::new(Schema::new_with_metadata(fields, columns.metadata().clone())),
            named,
            branches,
        })
    }

    /// The columns that are kept.
    pub fn kept(&self) -> &SchemaRef {
        &self.after
    }

    /// Where a column is kept, as the path of child indexes through structs; None if it goes. From its path before.
    pub fn kept_path(&self, path: &[usize]) -> Option<Vec<usize>> {
        let mut kept = Vec::with_capacity(path.len());
        let mut branches: &[(usize, Branch)] = &self.branches;
        for step in path {
            let gone = branches.iter().filter(|(index, branch)| index < step && branch.drops()).count();
            kept.push(step - gone);
            branches = match branches.iter().find(|(index, _)| index == step) {
                Some((_, branch)) if branch.drops() => return None,
                Some((_, Branch::Parts(parts))) => parts,
                _ => &[],
            };
        }
        Some(kept)
    }

    /// What is done to a field, as a rule names it or one around it.
    pub fn treatment(&self, field: &Pointer) -> Option<Treatment> {
        let mut branches: &[(usize, Branch)] = &self.branches;
        for index in path(&self.named, field.steps())? {
            match branches.iter().find(|(at, _)| *at == index)? {
                (_, Branch::Treat(treated)) => return Some(treated.treatment),
                (_, Branch::Parts(parts)) => branches = parts,
                (_, Branch::Items(_)) => return None,
            }
        }
        None
    }

    /// As much of a pointer as the columns name: what follows is of the event, and may be personal.
    pub fn described(&self, pointer: &str) -> String {
        let Ok(pointer) = pointer.parse::<Pointer>() else { return String::new() };
        let (mut known, mut fields) = (Pointer::default(), &self.named);
        let mut item: Option<&DataType> = None;
        for step in pointer.steps() {
            let data_type = match item {
                Some(data_type) if step.bytes().all(|byte| byte.is_ascii_digit()) => data_type,
                Some(_) => break,
                None => match fields.iter().find(|field| field.name() == step) {
                    Some(field) => field.data_type(),
                    None => break,
                },
            };
            known = known.child(step);
            static NONE: std::sync::LazyLock<Fields> = std::sync::LazyLock::new(Fields::empty);
            (fields, item) = match data_type {
                DataType::Struct(fields) => (fields, None),
                DataType::List(inner) => (&*NONE, Some(inner.data_type())),
                _ => (&*NONE, None),
            };
        }
        known.to_string()
    }

    /// The columns, treated.
    pub(super) fn apply(
        &self,
        columns: &RecordBatch,
        sealing: &Sealing<'_>,
    ) -> Result<RecordBatch, ArrowError> {
        let mut kept = treat_all(columns.columns(), &self.branches, sealing)?;
        if let Some(last) = kept.last_mut()
            && let Some(extra) = last.as_any().downcast_ref::<StringArray>()
            && extra.len() > extra.null_count()
        {
            *last = Arc::new(extra::without(extra, &self.fields));
        }
        RecordBatch::try_new(Arc::clone(&self.after), kept)
    }
}

impl Branch {
    fn drops(&self) -> bool {
        matches!(self, Self::Treat(TreatedField { treatment: Treatment::Drop {}, .. }))
    }

    /// The field as it is kept.
    fn kept(&self, field: &FieldRef) -> Option<FieldRef> {
        match (self, field.data_type()) {
            _ if self.drops() => None,
            (Self::Treat(treated), _) => Some(Arc::new(treated.kept(field))),
            (Self::Parts(parts), DataType::Struct(fields)) => {
                let data_type = DataType::Struct(kept_fields(fields, parts));
                Some(Arc::new(field.as_ref().clone().with_data_type(data_type)))
            }
            (Self::Items(branch), DataType::List(item)) => {
                let data_type = DataType::List(branch.kept(item)?);
                Some(Arc::new(field.as_ref().clone().with_data_type(data_type)))
            }
            _ => Some(Arc::clone(field)),
        }
    }

    fn treat(&self, array: &ArrayRef, sealing: &Sealing<'_>) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Treat(treated) => treated.treat(array, sealing),
            Self::Parts(parts) => column::in_struct(
                array,
                |children| treat_all(children, parts, sealing),
                |fields| kept_fields(fields, parts),
            ),
            Self::Items(branch) => column::in_list(
                array,
                sealing,
                |items, sealing| branch.treat(items, sealing),
                |item| branch.kept(item).unwrap_or_else(|| Arc::clone(item)),
            ),
        }
    }
}

fn branch_of(branches: &[(usize, Branch)], at: usize) -> Option<&Branch> {
    branches.iter().find(|(index, _)| *index == at).map(|(_, branch)| branch)
}

fn kept_fields(fields: &Fields, branches: &[(usize, Branch)]) -> Fields {
    let all = fields.iter().enumerate();
    all.filter_map(|(at, field)| {
        branch_of(branches, at).map_or(Some(Arc::clone(field)), |branch| branch.kept(field))
    })
    .collect()
}

fn treat_all(
    arrays: &[ArrayRef],
    branches: &[(usize, Branch)],
    sealing: &Sealing<'_>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut kept = Vec::with_capacity(arrays.len());
    for (at, array) in arrays.iter().enumerate() {
        match branch_of(branches, at) {
            None => kept.push(Arc::clone(array)),
            Some(branch) if branch.drops() => {}
            Some(branch) => kept.push(branch.treat(array, sealing)?),
        }
    }
    Ok(kept)
}

/// The path of child indexes of a field that has a column of its own, through structs.
fn path(fields: &Fields, steps: &[String]) -> Option<Vec<usize>> {
    let (first, rest) = steps.split_first()?;
    let at = fields.iter().position(|field| field.name() == first)?;
    let mut path = vec![at];
    if !rest.is_empty() {
        let DataType::Struct(children) = fields[at].data_type() else { return None };
        path.extend(self::path(children, rest)?);
    }
    Some(path)
}

type Wrong = (&'static str, String, &'static str);

/// Puts a rule at its place among the columns.
fn plant(
    branches: &mut Vec<(usize, Branch)>,
    fields: &Fields,
    steps: &[String],
    rule: &PrivacyRule,
) -> Result<(), Wrong> {
    let Some((step, rest)) = steps.split_first() else {
        return Err(("field", "is the whole event".to_owned(), "name a field, such as `/participant`"));
    };
    let Some((at, field)) = fields.iter().enumerate().find(|(_, field)| field.name() == step) else {
        let message = format!("`{}` names no property of the schema", rule.field);
        return Err(("field", message, "correct the pointer, or describe the field in the schema"));
    };
    let known = branches.iter().position(|(index, _)| *index == at);
    let existing = known.map(|known| branches.swap_remove(known).1);
    branches.push((at, grow(existing, field, rest, rule)?));
    Ok(())
}

/// A branch with a rule on it.
fn grow(
    existing: Option<Branch>,
    field: &FieldRef,
    steps: &[String],
    rule: &PrivacyRule,
) -> Result<Branch, Wrong> {
    let twice = || {
        let message = format!("`{}` lies within or around the field of another rule", rule.field);
        ("field", message, "leave one of the two")
    };
    if steps.is_empty() {
        return match existing {
            None => TreatedField::new(field, rule).map(Branch::Treat),
            Some(_) => Err(twice()),
        };
    }
    match (field.data_type(), existing) {
        (_, Some(Branch::Treat(_))) => Err(twice()),
        (DataType::Struct(fields), existing) => {
            let mut parts = if let Some(Branch::Parts(parts)) = existing { parts } else { Vec::new() };
            plant(&mut parts, fields, steps, rule)?;
            Ok(Branch::Parts(parts))
        }
        (DataType::List(item), existing) if steps[0] == "*" => {
            let existing = if let Some(Branch::Items(branch)) = existing { Some(*branch) } else { None };
            grow(existing, item, &steps[1..], rule).map(|branch| Branch::Items(Box::new(branch)))
        }
        (DataType::List(_), _) => {
            let message = format!("`{}` leads into an array", rule.field);
            Err(("field", message, "write `*` for every item of it, such as `/contacts/*/phone`"))
        }
        _ if field.metadata().contains_key(JSON_COLUMN) => {
            let message = format!("`{}` is a part of `{}`, which is kept as JSON", rule.field, field.name());
            Err(("field", message, "treat all of it, or describe its members in the schema"))
        }
        _ => {
            let message = format!("`{}` names no property of the schema", rule.field);
            Err(("field", message, "correct the pointer, or describe the field in the schema"))
        }
    }
}
