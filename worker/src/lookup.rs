//! Reads the tables that rules look values up in: once, before the first event.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use transect_config::{LookupConfig, LookupPlace};
use transect_core::lookup::{BYTES_MAX, LookupError, Lookups, Table};

/// All tables of a pipeline; the first that can't be read is the error.
pub fn read_all(configs: &[LookupConfig]) -> Result<Lookups, LookupError> {
    let tables = configs.iter().map(read).collect::<Result<Vec<Table>, LookupError>>()?;
    Ok(Lookups::new(tables))
}

/// Reads one table from where it is.
pub fn read(config: &LookupConfig) -> Result<Table, LookupError> {
    match &config.place {
        LookupPlace::Text(text) => Table::read(config, text.as_bytes()),
        LookupPlace::File(path) => {
            let text = bytes(path).map_err(|error| LookupError {
                lookup: config.name.clone(),
                line: 0,
                message: format!("{} can't be read: {error}", path.display()),
                fix: "correct the path, or the file's permissions".to_owned(),
            })?;
            Table::read(config, &text)
        }
    }
}

/// A file's content, and no more of one that is too large than shows it.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
