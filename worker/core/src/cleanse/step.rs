//! One step, compiled: where its field is, and what becomes of the value there.

use serde_json::Value;
use transect_config::{CastType, CleanseAction, CleanseStep, FromUnit, TextCase, Unlisted};

use super::cast::{cast, takes};
use super::error::CleanseError;
use super::scalar::{Constant, Scalar, quoted};
use super::time::{BadTime, TimeReader};
use super::tree::PathStep;
use super::unit::{Conversion, Unit};

/// A step, ready to run.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) path: Vec<PathStep>,
    pub(super) action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Action {
    /// Makes another scalar of each value.
    Change(Change),
    /// Converts by the unit that the event says: the number of steps that field and unit share, the steps from there to
    /// each, and the unit to convert to.
    ConvertBy { shared: usize, unit: Vec<PathStep>, to: Unit },
    /// Gives another name.
    Rename(Box<str>),
    /// The JSON text of what is absent or null.
    Default(String),
}

/// What is made of a scalar.
#[derive(Debug)]
pub(super) enum Change {
    Trim,
    Case(TextCase),
    NullIf(Vec<Constant>),
    Cast(CastType),
    Convert(Conversion),
    Map { values: Vec<(Constant, String)>, otherwise: Unlisted },
    ParseTime(TimeReader),
}

impl Step {
    /// Compiles the step at a position.
    pub(super) fn compile(at: usize, step: &CleanseStep) -> Result<Self, CleanseError> {
        let path: Vec<PathStep> = step.field.steps().iter().map(|step| PathStep::new(step)).collect();
        let error = |part: &str, message: String, fix: &str| CleanseError::new(at, part, message, fix);
        let constant = |value: &Value, part: &str| {
            Constant::of(value).ok_or_else(|| {
                let message = format!("{value} is no text, number or boolean");
                error(part, message, "write one of those")
            })
        };
        let unit =
            |code: &str, part: &str| Unit::parse(code).map_err(|bad| error(part, bad.message, &bad.fix));
        let action = match &step.action {
            CleanseAction::Trim => Action::Change(Change::Trim),
            CleanseAction::Case(case) => Action::Change(Change::Case(*case)),
            CleanseAction::NullIf(values) => {
                let each = values.iter().enumerate();
                let values = each.map(|(index, value)| constant(value, &format!("nullIf[{index}]")));
                Action::Change(Change::NullIf(values.collect::<Result<_, _>>()?))
            }
            CleanseAction::Cast(to) => Action::Change(Change::Cast(*to)),
            CleanseAction::Convert { from: FromUnit::Code(from), to } => {
                let (from, to) = (unit(from, "convert.from")?, unit(to, "convert.to")?);
                let conversion =
                    Conversion::new(&from, &to).map_err(|bad| error("convert", bad.message, &bad.fix))?;
                Action::Change(Change::Convert(conversion))
            }
            CleanseAction::Convert { from: FromUnit::Field(field), to } => {
                let to = unit(to, "convert.to")?;
                let steps = step.field.steps().iter().zip(field.steps());
                let shared = steps.take_while(|(a, b)| a == b).count().min(path.len() - 1);
                let unit: Vec<PathStep> =
                    field.steps()[shared..].iter().map(|step| PathStep::new(step)).collect();
                if unit.iter().any(|step| &*step.name == "*") {
                    let message = format!("`{field}` leads to several units for one number");
                    let fix = "write `*` only where `field` has it too";
                    return Err(error("convert.fromField", message, fix));
                }
                Action::ConvertBy { shared, unit, to }
            }
            CleanseAction::Rename(name) => Action::Rename(name.as_str().into()),
            CleanseAction::Map { values, otherwise } => {
                let each = values.iter().enumerate();
                let values = each.map(|(index, (from, to))| {
                    let from = constant(from, &format!("map.values[{index}].from"))?;
                    constant(to, &format!("map.values[{index}].to"))?;
                    Ok((from, to.to_string()))
                });
                let values = values.collect::<Result<_, CleanseError>>()?;
                Action::Change(Change::Map { values, otherwise: *otherwise })
            }
            CleanseAction::ParseTime { formats, time_zone, ambiguous, skipped } => {
                let reader = TimeReader::compile(formats, time_zone, *ambiguous, *skipped);
                Action::Change(Change::ParseTime(
                    reader.map_err(|bad| bad_time(at, bad, formats, time_zone))?,
                ))
            }
            CleanseAction::Default(value) => {
                constant(value, "default")?;
                Action::Default(value.to_string())
            }
        };
        Ok(Self { path, action })
    }

    /// Its name in manifests.
    pub(super) fn name(&self) -> &'static str {
        match &self.action {
            Action::Change(change) => match change {
                Change::Trim => "trim",
                Change::Case(_) => "case",
                Change::NullIf(_) => "nullIf",
                Change::Cast(_) => "cast",
                Change::Convert(_) => "convert",
                Change::Map { .. } => "map",
                Change::ParseTime(_) => "parseTime",
            },
            Action::ConvertBy { .. } => "convert",
            Action::Rename(_) => "rename",
            Action::Default(_) => "default",
        }
    }
}

fn bad_time(at: usize, bad: BadTime, formats: &[String], zone: &str) -> CleanseError {
    match bad {
        BadTime::Zone => CleanseError::new(
            at,
            "parseTime.timeZone",
            format!("`{zone}` is no time zone of the IANA database"),
            "write a name such as `Europe/Berlin` or `UTC`",
        ),
        BadTime::Format { at: index, message } => CleanseError::new(
            at,
            format!("parseTime.formats[{index}]"),
            format!("`{}` {message}", formats[index]),
            "write a date and, where there is one, a time of day, such as `%Y-%m-%d %H:%M:%S` or `%d/%m/%Y %I:%M %p`",
        ),
    }
}

impl Change {
    /// The JSON text that a scalar becomes; None if it stays as it is. An error says what was expected and found.
    pub(super) fn of(&self, scalar: &Scalar<'_>) -> Result<Option<String>, String> {
        match (self, scalar) {
            (_, Scalar::Null) => Ok(None),
            (Self::Trim, Scalar::Text(text)) => {
                let trimmed = text.trim();
                Ok((trimmed.len() < text.len()).then(|| quoted(trimmed)))
            }
            (Self::Case(case), Scalar::Text(text)) => {
                let written = match case {
                    TextCase::Lower => text.to_lowercase(),
                    TextCase::Upper => text.to_uppercase(),
                };
                Ok((written != **text).then(|| quoted(&written)))
            }
            // What is no text has no white space and no letters; whether it may be there is for the schema to say.
            (Self::Trim | Self::Case(_), _) => Ok(None),
            (Self::NullIf(values), scalar) => {
                Ok(values.iter().any(|value| value.is(scalar)).then(|| "null".to_owned()))
            }
            (Self::Cast(to), scalar) => match cast(scalar, *to) {
                Some(json) => Ok(Some(json)),
                None => Err(expected(takes(*to), scalar)),
            },
            (Self::Convert(conversion), scalar) => convert(conversion, scalar).map(Some),
            (Self::Map { values, otherwise }, scalar) => {
                match (values.iter().find(|(from, _)| from.is(scalar)), otherwise) {
                    (Some((_, to)), _) => Ok(Some(to.clone())),
                    (None, Unlisted::Keep) => Ok(None),
                    // What is below an array or object has not been read, and may be wrong.
                    (None, Unlisted::Null) if matches!(scalar, Scalar::Composite(_)) => {
                        Err(expected("a string, a number or a boolean", scalar))
                    }
                    (None, Unlisted::Null) => Ok(Some("null".to_owned())),
                    (None, Unlisted::Reject) => Err(expected("a value that map.values lists", scalar)),
                }
            }
            (Self::ParseTime(reader), Scalar::Text(text)) => time(reader, text, scalar).map(Some),
            // Dates are written as numbers, too: 20260131.
            (Self::ParseTime(reader), Scalar::Number(_, text)) => time(reader, text, scalar).map(Some),
            (Self::ParseTime(reader), _) => Err(expected(&reader.takes(), scalar)),
        }
    }
}

/// The JSON text of a number in another unit.
pub(super) fn convert(conversion: &Conversion, scalar: &Scalar<'_>) -> Result<String, String> {
    let Scalar::Number(literal, text) = scalar else {
        return Err(expected("a number", scalar));
    };
    let converted = literal.float(|| text).and_then(|value| conversion.of(value));
    converted.ok_or_else(|| expected("a number that stays within a double when converted", scalar))
}

fn time(reader: &TimeReader, text: &str, scalar: &Scalar<'_>) -> Result<String, String> {
    match reader.read(text) {
        Ok(time) => Ok(quoted(&time)),
        Err(None) => Err(expected(&reader.takes(), scalar)),
        Err(Some(message)) => Err(format!("{message}; found {}", scalar.found())),
    }
}

/// What was expected, and what was found.
pub(super) fn expected(expected: &str, found: &Scalar<'_>) -> String {
    format!("expected {expected}, found {}", found.found())
}
