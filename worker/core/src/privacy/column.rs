//! What a treatment does to a column.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, ListArray, StringArray, StructArray};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields};
use jiff::Timestamp;
use jiff::tz::Offset;
use transect_config::{PrivacyRule, TimeUnit, Treatment};

use super::keys::{DataKey, KeyRing};
use crate::plan::JSON_COLUMN;

const HOUR: i64 = 3_600_000_000;

/// A field, and what is done to it.
#[derive(Debug)]
pub(super) struct TreatedField {
    /// Its pointer, as the rule has it.
    field: String,
    pub(super) treatment: Treatment,
}

/// What sealing and hashing need of each row.
pub(super) struct Sealing<'a> {
    pub(super) ring: &'a KeyRing,
    /// By row.
    pub(super) identities: &'a [u128],
    /// By row; empty if nothing is encrypted.
    pub(super) keys: &'a [Option<Arc<DataKey>>],
    /// By item of a list: its row, and its position there. None outside of lists.
    pub(super) items: Option<&'a [(u32, u32)]>,
}

impl Sealing<'_> {
    /// The row of a value, and its position in it.
    fn place(&self, at: usize) -> (usize, u32) {
        self.items
            .map_or((at, 0), |items| items.get(at).map_or((at, 0), |(row, item)| (*row as usize, *item)))
    }
}

impl TreatedField {
    /// A rule for a field, if the treatment goes with its type.
    pub(super) fn new(
        field: &Field,
        rule: &PrivacyRule,
    ) -> Result<Self, (&'static str, String, &'static str)> {
        let name = &rule.field;
        let is_json = field.metadata().contains_key(JSON_COLUMN);
        let text = matches!(field.data_type(), DataType::Utf8 | DataType::Dictionary(..)) && !is_json;
        let of_parts = matches!(field.data_type(), DataType::Struct(_) | DataType::List(_));
        let wrong = |part, message: &str, fix| Err((part, format!("{message}, but `{name}` is none"), fix));
        match rule.treatment {
            Treatment::Drop {} => {}
            Treatment::Mask { .. } if !text => {
                return wrong(
                    "treatment",
                    "Mask hides the characters of a text",
                    "write Drop, Pseudonymise or Encrypt",
                );
            }
            Treatment::KeepFirst { .. } if !text => {
                return wrong(
                    "generalise",
                    "keepFirst shortens a text",
                    "write step for numbers, timeUnit for times",
                );
            }
            Treatment::Step { .. } if !matches!(field.data_type(), DataType::Int64 | DataType::Float64) => {
                return wrong(
                    "generalise",
                    "step rounds a number",
                    "write timeUnit for times, keepFirst for texts",
                );
            }
            Treatment::Step { step } if *field.data_type() == DataType::Int64 && step.fract() != 0.0 => {
                let message = format!("step {step} is no whole number, but `{name}` is an integer");
                return Err(("generalise", message, "write a whole number, such as 10"));
            }
            Treatment::Cut { .. } if !matches!(field.data_type(), DataType::Timestamp(..)) => {
                let fix =
                    "write keepFirst for texts, such as 7 for the month of a date, and step for numbers";
                return wrong("generalise", "timeUnit cuts a date-time", fix);
            }
            Treatment::Pseudonymise {} | Treatment::Encrypt {} if of_parts => {
                let message = format!("{} needs one value, but `{name}` has parts", rule.treatment.as_str());
                return Err((
                    "treatment",
                    message,
                    "name each part, with `*` for every item of an array, or write Drop",
                ));
            }
            Treatment::Pseudonymise {} if is_json => {
                let message = format!("Pseudonymise needs one value, but `{name}` is kept as JSON");
                return Err((
                    "treatment",
                    message,
                    "write Drop or Encrypt, or give the field one type in the schema",
                ));
            }
            _ => {}
        }
        Ok(Self { field: name.to_string(), treatment: rule.treatment })
    }

    /// The field as it is kept.
    pub(super) fn kept(&self, field: &Field) -> Field {
        match self.treatment {
            Treatment::Drop {} | Treatment::Step { .. } | Treatment::Cut { .. } => field.clone(),
            _ => Field::new(field.name(), DataType::Utf8, true),
        }
    }

    /// The column as it is kept.
    pub(super) fn treat(&self, array: &ArrayRef, sealing: &Sealing<'_>) -> Result<ArrayRef, ArrowError> {
        Ok(match self.treatment {
            Treatment::Drop {} => arrow_array::new_null_array(array.data_type(), array.len()),
            Treatment::Mask { keep_last } => each(&texts(array)?, |_, text, out| mask(text, keep_last, out)),
            Treatment::KeepFirst { characters } => each(&texts(array)?, |_, text, out| {
                out.push_str(
                    text.char_indices().nth(characters as usize).map_or(text, |(end, _)| &text[..end]),
                );
            }),
            Treatment::Step { step } => round_down(array, step),
            Treatment::Cut { unit } => cut(array, unit),
            Treatment::Pseudonymise {} => {
                each(&texts(array)?, |_, text, out| out.push_str(&sealing.ring.pseudonym(text)))
            }
            Treatment::Encrypt {} => {
                each(&texts(array)?, |at, text, out| self.encrypt(at, text, sealing, out))
            }
        })
    }

    fn encrypt(&self, at: usize, text: &str, sealing: &Sealing<'_>, out: &mut String) {
        let (row, item) = sealing.place(at);
        // Rows without a key are refused before; should one come here, what is left of its value is its length.
        if let Some(Some(key)) = sealing.keys.get(row) {
            out.push_str(&key.encrypt(sealing.identities[row], &self.field, item, text));
        }
    }
}

/// The values of a column as texts, as an event would have them between quotes.
pub(super) fn texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    let texts = match array.data_type() {
        // Whole numbers are the same as those of an integer column.
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            return Ok(floats.iter().map(|value| value.map(|value| value.to_string())).collect());
        }
        DataType::Timestamp(..) => {
            let text = |micros| Timestamp::from_microsecond(micros).unwrap_or_default().to_string();
            let times = array.as_primitive::<TimestampMicrosecondType>();
            return Ok(times.iter().map(|value| value.map(text)).collect());
        }
        _ => cast(array, &DataType::Utf8)?,
    };
    Ok(texts.as_string::<i32>().clone())
}

/// Makes another text of each that is there.
fn each(texts: &StringArray, make: impl Fn(usize, &str, &mut String)) -> ArrayRef {
    let mut out = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut made = String::new();
    for (at, text) in texts.iter().enumerate() {
        made.clear();
        match text {
            Some(text) => {
                make(at, text, &mut made);
                out.append_value(&made);
            }
            None => out.append_null(),
        }
    }
    Arc::new(out.finish())
}

fn mask(text: &str, keep_last: u32, out: &mut String) {
    let hidden = text.chars().count().saturating_sub(keep_last as usize);
    out.extend(text.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }));
}

fn round_down(array: &ArrayRef, step: f64) -> ArrayRef {
    if let Some(ints) = array.as_primitive_opt::<Int64Type>() {
        let step = (step as i64).max(1);
        return Arc::new(ints.unary::<_, Int64Type>(|value| value.div_euclid(step).saturating_mul(step)));
    }
    // By the reciprocal where that is whole: 0.3 is nearer to 3 ÷ 10 than to 3 × 0.1.
    let parts = (1.0 / step).round();
    let by_parts = step < 1.0 && ((parts * step) - 1.0).abs() < 1e-9;
    let floats = array.as_primitive::<Float64Type>();
    Arc::new(floats.unary::<_, Float64Type>(|value| {
        let steps = if by_parts { value * parts } else { value / step };
        // What is a multiple but for rounding stays.
        let near = steps.round();
        let steps = if (steps - near).abs() <= 1e-9 * near.abs().max(1.0) { near } else { steps.floor() };
        if by_parts { steps / parts } else { steps * step }
    }))
}

fn cut(array: &ArrayRef, unit: TimeUnit) -> ArrayRef {
    let begin = |micros: i64| match unit {
        TimeUnit::Hour => micros.div_euclid(HOUR) * HOUR,
        TimeUnit::Day => micros.div_euclid(24 * HOUR) * (24 * HOUR),
        TimeUnit::Month | TimeUnit::Year => begin_of(micros, unit),
    };
    let times = array.as_primitive::<TimestampMicrosecondType>();
    let zone = if let DataType::Timestamp(_, zone) = array.data_type() { zone.clone() } else { None };
    Arc::new(times.unary::<_, TimestampMicrosecondType>(begin).with_timezone_opt(zone))
}

/// The beginning of a time's month or year; 0 for a time that no calendar has.
fn begin_of(micros: i64, unit: TimeUnit) -> i64 {
    let Ok(moment) = Timestamp::from_microsecond(micros) else { return 0 };
    let date = Offset::UTC.to_datetime(moment).date();
    let date = if unit == TimeUnit::Year { date.first_of_year() } else { date.first_of_month() };
    Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_or(0, Timestamp::as_microsecond)
}

/// A struct with other parts.
pub(super) fn in_struct(
    array: &ArrayRef,
    treat: impl FnOnce(&[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError>,
    fields: impl FnOnce(&Fields) -> Fields,
) -> Result<ArrayRef, ArrowError> {
    let parts = array.as_struct();
    let (fields, treated) = (fields(parts.fields()), treat(parts.columns())?);
    let nulls = parts.nulls().cloned();
    if fields.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(array.len(), nulls)));
    }
    Ok(Arc::new(StructArray::try_new(fields, treated, nulls)?))
}

/// A list with other items.
pub(super) fn in_list(
    array: &ArrayRef,
    sealing: &Sealing<'_>,
    treat: impl FnOnce(&ArrayRef, &Sealing<'_>) -> Result<ArrayRef, ArrowError>,
    field: impl FnOnce(&FieldRef) -> FieldRef,
) -> Result<ArrayRef, ArrowError> {
    let lists = array.as_list::<i32>();
    let DataType::List(item) = lists.data_type() else { return Ok(Arc::clone(array)) };
    let mut items = vec![(0, 0); lists.values().len()];
    for at in 0..lists.len() {
        let (row, outer) = sealing.place(at);
        let (start, end) = (lists.value_offsets()[at] as usize, lists.value_offsets()[at + 1] as usize);
        for (position, place) in items[start..end].iter_mut().enumerate() {
            // Of a list in a list, the outer item's position counts more.
            *place = (row as u32, outer.wrapping_mul(1 << 16).wrapping_add(position as u32));
        }
    }
    let within = Sealing { items: Some(&items), ..*sealing };
    let treated = treat(lists.values(), &within)?;
    let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(field(item), offsets, treated, nulls)?))
}
