//! The files that commands on schemas read, as `transect up` reads its inputs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use transect_config::{InputFormat, Limits};
use transect_worker::input::{FileInput, InputError, Progress};

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

/// Opens a file or standard input; without a format, its name and its content say how it is written.
pub(super) fn open(
    path: &Path,
    written_as: Option<InputFormat>,
    limits: Limits,
) -> Result<FileInput, InputError> {
    let name = path.to_string_lossy();
    if name == STANDARD_INPUT {
        return Ok(FileInput::of_stream(io::stdin(), STANDARD_INPUT, limits)?.written_as(written_as));
    }
    let source: Arc<str> = name.as_ref().into();
    FileInput::open(path, source, None, written_as, limits, None, Progress::default())
}
