//! The columns of a plan, as they are in Arrow.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::node::ColumnId;

/// Field metadata that marks a column of JSON text, with the value `true`.
pub const JSON_COLUMN: &str = "transect:json";

/// One column, or one node of a nested one. All are nullable: absent and null are both null.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    Boolean,
    Int64,
    Float64,
    /// Microseconds, UTC.
    Timestamp,
    Text,
    /// Text that is a JSON value.
    Json,
    /// One of these strings.
    Dictionary(Vec<Box<str>>),
    Struct(Vec<(String, ColumnId)>),
    List(ColumnId),
}

/// The Arrow field of a column.
pub(crate) fn field(layouts: &[Layout], name: &str, id: ColumnId) -> Field {
    let data_type = match &layouts[id] {
        Layout::Boolean => DataType::Boolean,
        Layout::Int64 => DataType::Int64,
        Layout::Float64 => DataType::Float64,
        Layout::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Layout::Text => DataType::Utf8,
        Layout::Json => {
            let metadata = [(JSON_COLUMN.to_owned(), "true".to_owned())].into();
            return Field::new(name, DataType::Utf8, true).with_metadata(metadata);
        }
        Layout::Dictionary(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Layout::Struct(children) => DataType::Struct(fields(layouts, children)),
        Layout::List(item) => DataType::List(Arc::new(field(layouts, "item", *item))),
    };
    Field::new(name, data_type, true)
}

/// The Arrow fields of some named columns.
pub(crate) fn fields(layouts: &[Layout], children: &[(String, ColumnId)]) -> Fields {
    children.iter().map(|(name, id)| field(layouts, name, *id)).collect()
}
