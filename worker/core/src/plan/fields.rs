//! The fields of an event that carry its id, key and time: found in the plan once, so that a decoder only notes where
//! their values stand.

use std::sync::Arc;

use transect_config::{EventFields, Pointer, TimeFormat};

use super::PlanError;
use super::node::{Node, ObjectNode, Rest, Types};

/// Where a field's value is found in an event.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The field as the manifest names it.
    pub(crate) pointer: Pointer,
    /// The slot in which a decoder notes the innermost value on the way that the plan has a node for; None for the
    /// event as a whole.
    pub(crate) slot: Option<usize>,
    /// The number of steps from there.
    pub(crate) rest: usize,
}

impl Target {
    /// The steps below the slot's value.
    pub(crate) fn rest(&self) -> &[String] {
        let steps = self.pointer.steps();
        &steps[steps.len() - self.rest..]
    }
}

/// The fields with a meaning to the pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    pub(crate) time: Target,
    pub(crate) time_format: TimeFormat,
    pub(crate) id: Vec<Target>,
    pub(crate) key: Vec<Target>,
    /// The number of slots.
    pub(crate) slots: usize,
}

impl Targets {
    /// Of events that are only checked.
    pub(crate) fn none() -> Self {
        let time = Target { pointer: Pointer::default(), slot: None, rest: 0 };
        Self { time, time_format: TimeFormat::Rfc3339, id: Vec::new(), key: Vec::new(), slots: 0 }
    }
}

/// Finds the fields, and gives the properties that hold them a slot.
pub(crate) fn locate(root: &mut Node, event: &EventFields) -> Result<Targets, PlanError> {
    let mut slots = 0;
    let scalar = Types::STRING.or(Types::NUMBER).or(Types::BOOLEAN);
    let time = match event.time_format {
        TimeFormat::Rfc3339 => Types::STRING,
        TimeFormat::UnixSeconds | TimeFormat::UnixMillis | TimeFormat::UnixMicros => Types::NUMBER,
    };
    let mut find = |field: &str, pointer: &Pointer, wanted: Types| {
        let step = target(root, pointer, &mut slots).and_then(|(target, types)| {
            if types.and(wanted) == Types::NONE {
                let (is, needs) = (types.describe(), wanted.describe());
                return Err(format!("is {is} by the schema, but must be {needs}; name another field"));
            }
            Ok(target)
        });
        step.map_err(|message| PlanError::of("", "", format!("event.{field} `{pointer}` {message}")))
    };
    let id = event.id.iter().map(|pointer| find("id", pointer, scalar)).collect::<Result<_, _>>()?;
    let key = event.key.iter().map(|pointer| find("key", pointer, scalar)).collect::<Result<_, _>>()?;
    let time = find("time", &event.time, time)?;
    Ok(Targets { time, time_format: event.time_format, id, key, slots })
}

/// Follows a pointer as far as the plan has nodes; also the types that its value may have.
fn target(root: &mut Node, pointer: &Pointer, slots: &mut usize) -> Result<(Target, Types), String> {
    let steps = pointer.steps();
    let mut node = root;
    let mut slot = None;
    for (at, step) in steps.iter().enumerate() {
        let here = || Pointer::from_steps(steps[..at].to_vec());
        if node.types.and(Types::OBJECT.or(Types::ARRAY)) == Types::NONE {
            return Err(format!(
                "names a member of `{}`, which is {} by the schema",
                here(),
                node.types.describe()
            ));
        }
        let open = node.partly || node.types.has(Types::ARRAY) && at > 0;
        let found = node.object.as_mut().map(|object| member(object, step, open));
        match found {
            Some(Ok(property)) => {
                slot = Some(*property.0.get_or_insert_with(|| {
                    *slots += 1;
                    *slots - 1
                }));
                node = property.1;
            }
            Some(Err(Some(message))) => return Err(message),
            // Beyond what the schema names the value is looked for in the event.
            Some(Err(None)) | None => {
                return Ok((Target { pointer: pointer.clone(), slot, rest: steps.len() - at }, Types::ALL));
            }
        }
    }
    if steps.is_empty() {
        return Err("names the event as a whole; name a field, such as `/time`".to_owned());
    }
    Ok((Target { pointer: pointer.clone(), slot, rest: 0 }, node.types))
}

/// The slot and node of a member. An error with a message if the schema has no such member, and without one if it may
/// have it but doesn't name it.
fn member<'n>(
    object: &'n mut ObjectNode,
    name: &str,
    open: bool,
) -> Result<(&'n mut Option<usize>, &'n mut Node), Option<String>> {
    if let Some(at) = object.properties.iter().position(|property| *property.name == *name) {
        // Shared with nobody as yet.
        let property = Arc::get_mut(&mut object.properties[at]).ok_or(None)?;
        return Ok((&mut property.slot, &mut property.node));
    }
    let described = open || object.pattern.is_some() || matches!(object.rest, Rest::Checked(_));
    if described || object.properties.is_empty() && matches!(object.rest, Rest::Any) {
        return Err(None);
    }
    Err(Some(unknown_property(object, name)))
}

/// That an object's schema has no member of a name, and which one may be meant.
pub(crate) fn unknown_property(object: &ObjectNode, name: &str) -> String {
    let hint = match nearest(object.properties.iter().map(|property| &*property.name), name) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => "; correct the pointer, or describe the field in the schema".to_owned(),
    };
    format!("names no property of the schema{hint}")
}

/// The name that may be meant by another, if one is near enough.
pub(crate) fn nearest<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> Option<&'n str> {
    let (distance, nearest) = names.map(|known| (distance(known, name), known)).min()?;
    (distance <= name.len().max(3) / 2).then_some(nearest)
}

/// The number of letters to insert, drop or change to make one name of another (Levenshtein), case set aside.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let change = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in
            [("", "abc", 3), ("time", "tme", 1), ("Time", "time", 0), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
