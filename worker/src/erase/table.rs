//! Encrypted values of the table that a key opens.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use transect_config::Pointer;
use transect_core::privacy::DataKey;

use super::files;
use crate::role::RoleError;

/// How many values there are of them.
pub(super) fn opened_by(folder: &Path, key: Option<&DataKey>) -> Result<u64, RoleError> {
    let Some(key) = key else { return Ok(0) };
    let mut opened = 0;
    for path in files(folder, ".parquet")? {
        let count = in_file(&path, key).map_err(|error| format!("{}: {error}", path.display()))?;
        opened += count;
    }
    Ok(opened)
}

fn in_file(path: &Path, key: &DataKey) -> Result<u64, RoleError> {
    let mut opened = 0;
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()? {
        let batch = batch?;
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            opened += in_column(column, &Pointer::default().child(field.name()), key);
        }
    }
    Ok(opened)
}

fn in_column(array: &ArrayRef, field: &Pointer, key: &DataKey) -> u64 {
    match array.data_type() {
        DataType::Utf8 => {
            let (texts, field) = (array.as_string::<i32>(), field.to_string());
            texts.iter().flatten().filter(|text| key.decrypt(&field, text).is_some()).count() as u64
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct().columns().iter().zip(fields);
            parts.map(|(part, named)| in_column(part, &field.child(named.name()), key)).sum()
        }
        DataType::List(_) => in_column(array.as_list::<i32>().values(), &field.child("*"), key),
        _ => 0,
    }
}
