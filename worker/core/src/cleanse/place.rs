//! What the schema says of the place that a pointer names.

use transect_config::Pointer;

use super::tree::PathStep;
use crate::plan::Plan;
use crate::plan::fields::unknown_property;
use crate::plan::node::{Node, Rest, Types};

/// What the schema says of a place; None where it may be anything. An error says why no event that fits the schema has it.
pub(super) fn locate<'p>(root: &'p Node, field: &Pointer) -> Result<Option<&'p Node>, String> {
    let mut node = root;
    for (at, step) in field.steps().iter().enumerate() {
        let (is_object, is_array) = (node.types.has(Types::OBJECT), node.types.has(Types::ARRAY));
        let here = || Pointer::from_steps(field.steps()[..at].to_vec());
        if !is_object && !is_array {
            return Err(format!(
                "is a member of `{}`, which is {} by the schema",
                here(),
                node.types.describe()
            ));
        }
        let is_item = PathStep::new(step).is_item();
        if !is_object && !is_item {
            return Err(format!(
                "is a member of `{}`, which is an array; write `*` for every item of it",
                here()
            ));
        }
        let next = if is_array && is_item { item(node) } else { member(node, step, is_array)? };
        match next {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

/// Whether the schema of an event type describes a field.
pub(crate) fn is_described(plan: &Plan, field: &Pointer) -> bool {
    matches!(locate(&plan.root, field), Ok(Some(_)))
}

/// What all items of an array must be, if the schema says it of all of them.
fn item(array: &Node) -> Option<&Node> {
    let items = array.array.as_ref().filter(|items| items.prefix.is_empty() && !array.partly)?;
    match &items.rest {
        Rest::Checked(node) => Some(node),
        Rest::Any | Rest::Closed(_) => None,
    }
}

fn member<'p>(node: &'p Node, name: &str, is_array: bool) -> Result<Option<&'p Node>, String> {
    let Some(object) = &node.object else { return Ok(None) };
    if let Some(property) = object.properties.iter().find(|property| *property.name == *name) {
        return Ok(Some(&property.node));
    }
    let open = node.partly || is_array || object.pattern.is_some() || matches!(object.rest, Rest::Checked(_));
    if open || object.properties.is_empty() && matches!(object.rest, Rest::Any) {
        return Ok(None);
    }
    Err(unknown_property(object, name))
}

/// The types that the schema has at a place, in words.
pub(super) fn allowed(node: &Node) -> String {
    let null = if node.takes_null() { Types::NULL } else { Types::NONE };
    node.kinds().or(null).describe()
}
