//! Whether steps fit one another and the schema, found before any event is read.
//!
//! The schema describes events after all steps, so that each field is followed through the renames to come and looked up
//! there. What is not certain is let pass: an event then shows it.

use jsonschema::Validator;
use serde_json::{Value, json};
use transect_config::{
    CastType, CleanseAction, CleanseStep, EventTypeConfig, FromUnit, Limits, Pointer, Unlisted,
};

use super::error::CleanseError;
use super::place::{allowed, locate};
use super::{CleansePlan, Cleanser, Stop};
use crate::plan::Plan;
use crate::plan::node::{Node, Types};

/// What is wrong with the cleansing of an event type. Nothing is said against a schema that is wrong itself.
pub fn check(event_type: &EventTypeConfig, limits: &Limits) -> Vec<CleanseError> {
    if event_type.cleanse.is_empty() {
        return Vec::new();
    }
    let plan = match CleansePlan::compile(&event_type.cleanse) {
        Ok(plan) => plan,
        Err(errors) => return errors,
    };
    let Ok((schema, validator)) = Plan::for_checks(&event_type.schema, &event_type.family, limits) else {
        return Vec::new();
    };
    let cleanser = Cleanser::new(plan.into());
    let mut fit = Fit {
        steps: &event_type.cleanse,
        read_before: [
            ("type", "which steps apply", event_type.event.event_type.as_ref()),
            ("version", "which schema they lead to", event_type.event.version.as_ref()),
        ],
        schema: &schema,
        validator: &validator,
        cleanser,
        errors: Vec::new(),
    };
    for at in 0..event_type.cleanse.len() {
        fit.step(at);
    }
    fit.errors
}

struct Fit<'c> {
    steps: &'c [CleanseStep],
    /// The fields that are read before cleansing, with what they say.
    read_before: [(&'static str, &'static str, Option<&'c Pointer>); 2],
    schema: &'c Plan,
    validator: &'c Validator,
    cleanser: Cleanser,
    errors: Vec<CleanseError>,
}

impl Fit<'_> {
    fn step(&mut self, at: usize) {
        let CleanseStep { field, action } = &self.steps[at];
        let found = self.is_there(at, "field", field).and_then(|()| match action {
            CleanseAction::Rename(name) => self.rename(at, field, name),
            CleanseAction::Convert { from: FromUnit::Field(unit), .. } => {
                self.is_there(at, "convert.fromField", unit)?;
                self.place(at, "convert.fromField", unit).map(|_| ())
            }
            _ => Ok(()),
        });
        let part = if matches!(action, CleanseAction::Rename(_)) { "rename" } else { "field" };
        let found = found.and_then(|()| self.place(at, part, field));
        let node = match found {
            Ok(node) => node,
            Err(error) => return self.errors.push(*error),
        };
        if let Err(error) = self.types(at, node) {
            return self.errors.push(*error);
        }
        match action {
            CleanseAction::Default(value) => self.value(at, "default", value),
            CleanseAction::Map { values, .. } => {
                for (index, (_, to)) in values.iter().enumerate() {
                    self.value(at, &format!("map.values[{index}].to"), to);
                }
            }
            _ => {}
        }
    }

    /// That the steps before leave a field of this name.
    fn is_there(&self, at: usize, part: &str, field: &Pointer) -> Result<(), Box<CleanseError>> {
        let read_before = self.read_before.iter().find(|(.., read)| *read == Some(field));
        if let Some((name, what, _)) = read_before.filter(|_| part == "field") {
            let message = format!("`{field}` is event.{name}, which says {what}, and so is read before them");
            return Err(error(at, part, message, "leave it as it comes"));
        }
        let mut gone: Option<(usize, Pointer)> = None;
        for (before, step) in self.steps[..at].iter().enumerate() {
            let CleanseAction::Rename(name) = &step.action else { continue };
            let renamed = sibling(&step.field, name);
            if starts_with(field, &step.field) && renamed != step.field {
                gone = Some((before, moved(field, &step.field, &renamed)));
            } else if starts_with(field, &renamed) {
                gone = None;
            }
        }
        match gone {
            Some((before, renamed)) => {
                let message = format!("`{field}` is not there any more: cleanse[{before}] renames it");
                Err(error(at, part, message, format!("write `{renamed}`, or put this step before that one")))
            }
            None => Ok(()),
        }
    }

    fn rename(&self, at: usize, field: &Pointer, name: &str) -> Result<(), Box<CleanseError>> {
        let renamed = sibling(field, name);
        if renamed == *field {
            let message = format!("renames `{field}` to the name that it has");
            return Err(error(at, "rename", message, "write another name, or remove the step"));
        }
        let last = field.steps().last().map(String::as_str).unwrap_or_default();
        let parent = Pointer::from_steps(field.steps()[..field.steps().len() - 1].to_vec());
        let holder = locate(&self.schema.root, &self.after(at, &parent));
        let is_array =
            holder.as_ref().is_ok_and(|node| node.is_some_and(|node| !node.types.has(Types::OBJECT)));
        if last == "*" && is_array {
            let message = format!("`{field}` are the items of an array, which have no names");
            return Err(error(at, "field", message, "name a member, such as `/readings/*/value`"));
        }
        for (before, step) in self.steps[..at].iter().enumerate() {
            if let CleanseAction::Rename(taken) = &step.action
                && self.through(before + 1..at, &sibling(&step.field, taken)) == renamed
            {
                let message = format!("renames to `{name}`, as cleanse[{before}] does");
                let fix = "an event can't have both; choose another name for one of them";
                return Err(error(at, "rename", message, fix));
            }
        }
        let object = holder.ok().flatten().and_then(|node| node.object.as_ref());
        let required = object
            .and_then(|object| object.properties.iter().find(|property| *property.name == *last))
            .is_some_and(|property| property.required);
        let filled = self.steps[at + 1..].iter().any(|step| match &step.action {
            CleanseAction::Default(_) => step.field == *field,
            CleanseAction::Rename(name) => sibling(&step.field, name) == *field,
            _ => false,
        });
        if required && !filled {
            let message = format!("takes `{field}` away, which the schema requires");
            return Err(error(at, "rename", message, format!("describe `{renamed}` in the schema instead")));
        }
        Ok(())
    }

    /// What the schema says of a field after all steps; None where it may be anything.
    fn place(&self, at: usize, part: &str, field: &Pointer) -> Result<Option<&Node>, Box<CleanseError>> {
        let place = self.after(at, field);
        let fix = "correct the pointer, or describe the field in the schema";
        locate(&self.schema.root, &place).map_err(|wrong| {
            let (message, hint) = wrong.split_once("; ").unwrap_or((&wrong, fix));
            let message = if place == *field {
                format!("`{field}` {message}")
            } else {
                format!("`{field}`, after all steps `{place}`, {message}")
            };
            error(at, part, message, hint)
        })
    }

    /// That what a step makes is of a type that the next one takes, and the schema after the last.
    fn types(&self, at: usize, node: Option<&Node>) -> Result<(), Box<CleanseError>> {
        let step = &self.steps[at];
        let (made, null) = makes(&step.action);
        let mut field = step.field.clone();
        let (mut made, mut null) = (made, null);
        for (next, after) in self.steps.iter().enumerate().skip(at) {
            if next > at && after.field == field {
                let takes = takes(&after.action);
                if made.is_some_and(|made| made.and(takes) == Types::NONE) {
                    let message = format!(
                        "needs {}, but cleanse[{at}] makes {} of `{}`",
                        takes.describe(),
                        made.unwrap_or(Types::NONE).describe(),
                        step.field
                    );
                    let fix = "put a cast between the two, or remove one of them";
                    return Err(error(next, name(&after.action), message, fix));
                }
                // What follows is judged with the step that makes it.
                match makes(&after.action) {
                    (Some(_), _) => made = None,
                    _ if matches!(after.action, CleanseAction::Default(_)) => null = false,
                    _ => {}
                }
            }
            if let CleanseAction::Rename(name) = &after.action {
                field = moved(&field, &after.field, &sibling(&after.field, name));
            }
        }
        let Some(node) = node else { return Ok(()) };
        let part = name(&step.action);
        if let Some(made) = made.filter(|made| made.and(node.kinds()) == Types::NONE) {
            let message = format!(
                "makes {} of `{}`, but the schema has {} there",
                made.describe(),
                step.field,
                allowed(node)
            );
            let fix =
                format!("allow {} there, or make something else of it in a later step", made.describe());
            return Err(error(at, part, message, fix));
        }
        if null && !node.takes_null() {
            let message =
                format!("makes null of `{}`, but the schema has {} there", step.field, allowed(node));
            let fix = "allow null there, or add a default in a later step";
            return Err(error(at, part, message, fix));
        }
        Ok(())
    }

    /// That the steps after this one take a value of the manifest, and the schema what they make of it.
    fn value(&mut self, at: usize, part: &str, value: &Value) {
        let place = self.through(at + 1..self.steps.len(), &self.steps[at].field);
        let mut event = value.clone();
        for step in self.steps[at].field.steps().iter().rev() {
            event = if step == "*" { json!([event]) } else { json!({ step: event }) };
        }
        let text = event.to_string();
        let cleansed = match self.cleanser.cleanse(&text, at + 1) {
            Ok(false) => event,
            Ok(true) => serde_json::from_str(&self.cleanser.out).unwrap_or(Value::Null),
            Err(Stop::Failed(reject)) => {
                let message = format!("{value} can't go through the steps that follow: {}", reject.message);
                return self.errors.push(*error(at, part, message, "write a value that they take"));
            }
            Err(Stop::Malformed) => return,
        };
        let here = place.to_string().replace("/*", "/0");
        let broken = self.validator.iter_errors(&cleansed).find(|broken| {
            let at = broken.instance_path().to_string();
            let below = at.strip_prefix(&here).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            // Such parts depend on fields that are not here.
            let certain = broken.schema_path().as_str().split('/').all(|step| {
                !matches!(step, "if" | "then" | "else" | "not" | "dependentSchemas" | "dependencies")
            });
            below && certain
        });
        if let Some(broken) = broken {
            let message = format!("{value} breaks the schema at `{place}`: {broken}");
            self.errors.push(*error(at, part, message, "write a value that the schema takes"));
        }
    }

    /// A field's name after all steps from one on.
    fn after(&self, at: usize, field: &Pointer) -> Pointer {
        self.through(at..self.steps.len(), field)
    }

    /// A field's name after some steps.
    fn through(&self, steps: std::ops::Range<usize>, field: &Pointer) -> Pointer {
        self.steps[steps].iter().fold(field.clone(), |field, step| match &step.action {
            CleanseAction::Rename(name) => moved(&field, &step.field, &sibling(&step.field, name)),
            _ => field,
        })
    }
}

fn error(
    step: usize,
    part: impl Into<String>,
    message: impl Into<String>,
    fix: impl Into<String>,
) -> Box<CleanseError> {
    Box::new(CleanseError::new(step, part, message, fix))
}

fn name(action: &CleanseAction) -> &'static str {
    match action {
        CleanseAction::Trim => "trim",
        CleanseAction::Case(_) => "case",
        CleanseAction::NullIf(_) => "nullIf",
        CleanseAction::Cast(_) => "cast",
        CleanseAction::Convert { .. } => "convert",
        CleanseAction::Rename(_) => "rename",
        CleanseAction::Map { .. } => "map",
        CleanseAction::ParseTime { .. } => "parseTime",
        CleanseAction::Default(_) => "default",
    }
}

/// The types of what a step makes, if it is known, and whether it makes null.
fn makes(action: &CleanseAction) -> (Option<Types>, bool) {
    match action {
        CleanseAction::Trim | CleanseAction::Case(_) | CleanseAction::ParseTime { .. } => {
            (Some(Types::STRING), false)
        }
        CleanseAction::Cast(to) => {
            let made = match to {
                CastType::String => Types::STRING,
                CastType::Integer => Types::INTEGER,
                CastType::Number => Types::NUMBER,
                CastType::Boolean => Types::BOOLEAN,
            };
            (Some(made), false)
        }
        CleanseAction::Convert { .. } => (Some(Types::FRACTION), false),
        CleanseAction::NullIf(_) => (None, true),
        CleanseAction::Map { otherwise, .. } => (None, *otherwise == Unlisted::Null),
        CleanseAction::Rename(_) | CleanseAction::Default(_) => (None, false),
    }
}

/// The types that a step takes.
fn takes(action: &CleanseAction) -> Types {
    match action {
        CleanseAction::Convert { .. } => Types::NUMBER,
        CleanseAction::ParseTime { .. } => Types::NUMBER.or(Types::STRING),
        CleanseAction::Trim
        | CleanseAction::Case(_)
        | CleanseAction::NullIf(_)
        | CleanseAction::Cast(_)
        | CleanseAction::Rename(_)
        | CleanseAction::Map { .. }
        | CleanseAction::Default(_) => Types::ALL,
    }
}

/// A member beside a field.
pub(crate) fn sibling(field: &Pointer, name: &str) -> Pointer {
    let steps = field.steps();
    Pointer::from_steps(steps[..steps.len() - 1].to_vec()).child(name)
}

fn starts_with(field: &Pointer, start: &Pointer) -> bool {
    field.steps().starts_with(start.steps())
}

/// Where a field is after what it is or lies in was renamed.
fn moved(field: &Pointer, from: &Pointer, to: &Pointer) -> Pointer {
    match field.steps().strip_prefix(from.steps()) {
        Some(rest) => Pointer::from_steps([to.steps(), rest].concat()),
        None => field.clone(),
    }
}
