//! Columns as windows read them: a typed view by row, without copies.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{AnyDictionaryArray, Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_array::{Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use super::scalar::{Float, Scalar};

/// What a column holds, as far as windows care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
    Time,
    Text,
}

impl Kind {
    /// The kind of a column; None for columns that are no scalars.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => Some(Self::Bool),
            DataType::Int64 => Some(Self::Int),
            DataType::Float64 => Some(Self::Float),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Some(Self::Time),
            DataType::Utf8 => Some(Self::Text),
            DataType::Dictionary(_, values) if **values == DataType::Utf8 => Some(Self::Text),
            _ => None,
        }
    }

    /// The type of the column that such values are put out in.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text => DataType::Utf8,
        }
    }
}

/// A column, by row.
pub(crate) enum View<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Time(&'a TimestampMicrosecondArray),
    Text(&'a StringArray),
    /// Keys into words; a null has any key.
    Word(&'a dyn AnyDictionaryArray, Vec<usize>, &'a StringArray),
}

impl<'a> View<'a> {
    /// The column at a path of child indexes through structs.
    pub(crate) fn of(batch: &'a RecordBatch, path: &[usize]) -> Result<Self, ArrowError> {
        let missing = || ArrowError::SchemaError("a window's field is not among the batch's columns".into());
        let (first, rest) = path.split_first().ok_or_else(missing)?;
        let mut array: &ArrayRef = batch.columns().get(*first).ok_or_else(missing)?;
        for child in rest {
            array =
                array.as_struct_opt().and_then(|array| array.columns().get(*child)).ok_or_else(missing)?;
        }
        Ok(match Kind::of(array.data_type()).ok_or_else(missing)? {
            Kind::Bool => Self::Bool(array.as_boolean()),
            Kind::Int => Self::Int(array.as_primitive::<Int64Type>()),
            Kind::Float => Self::Float(array.as_primitive::<Float64Type>()),
            Kind::Time => Self::Time(array.as_primitive::<TimestampMicrosecondType>()),
            Kind::Text => match array.as_any_dictionary_opt() {
                Some(words) if words.values().is_empty() => {
                    Self::Word(words, Vec::new(), words.values().as_string())
                }
                Some(words) => Self::Word(words, words.normalized_keys(), words.values().as_string()),
                None => Self::Text(array.as_string()),
            },
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Bool(array) => *array,
            Self::Int(array) => *array,
            Self::Float(array) => *array,
            Self::Time(array) => *array,
            Self::Text(array) => *array,
            Self::Word(array, ..) => *array,
        }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array().is_null(row)
    }

    /// Whether no row is null, so that rows needn't be asked.
    pub(crate) fn has_nulls(&self) -> bool {
        self.array().null_count() > 0
    }

    fn text(&self, row: usize) -> &str {
        match self {
            Self::Text(array) => array.value(row),
            Self::Word(_, keys, words) => words.value(keys[row]),
            _ => "",
        }
    }

    /// A number, if there is one.
    pub(crate) fn number(&self, row: usize) -> Option<f64> {
        if self.is_null(row) {
            return None;
        }
        match self {
            Self::Int(array) => Some(array.value(row) as f64),
            // Minus zero plus zero is zero.
            Self::Float(array) => Some(array.value(row) + 0.0),
            _ => None,
        }
    }

    pub(crate) fn scalar(&self, row: usize) -> Scalar {
        if self.is_null(row) {
            return Scalar::Null;
        }
        match self {
            Self::Bool(array) => Scalar::Bool(array.value(row)),
            Self::Int(array) => Scalar::Int(array.value(row)),
            Self::Float(array) => Scalar::Float(Float::new(array.value(row))),
            Self::Time(array) => Scalar::Time(array.value(row)),
            Self::Text(_) | Self::Word(..) => Scalar::Text(self.text(row).into()),
        }
    }

    /// Appends bytes that are the same for equal values only.
    pub(crate) fn write_key(&self, row: usize, key: &mut Vec<u8>) {
        if self.is_null(row) {
            key.push(0);
            return;
        }
        key.push(1);
        match self {
            Self::Bool(array) => key.push(u8::from(array.value(row))),
            Self::Int(array) => key.extend_from_slice(&array.value(row).to_le_bytes()),
            Self::Float(array) => key.extend_from_slice(&(array.value(row) + 0.0).to_le_bytes()),
            Self::Time(array) => key.extend_from_slice(&array.value(row).to_le_bytes()),
            Self::Text(_) | Self::Word(..) => {
                let text = self.text(row);
                key.extend_from_slice(&(text.len() as u32).to_le_bytes());
                key.extend_from_slice(text.as_bytes());
            }
        }
    }
}
