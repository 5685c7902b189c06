//! The files that commands on schemas read, as `transect up` reads its inputs.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use transect_config::{InputFormat, Limits};
use transect_core::format::avro::is_single_object;
use transect_core::input::EventBatch;
use transect_worker::input::{FileInput, InputError, Progress};

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

/// A single object is read as one piece; no event may be larger.
const OBJECT_BYTES_MAX: u64 = 64 * 1024 * 1024;

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

/// The event of a file that is one single object of Avro; None for any other file.
pub(super) fn single_object(path: &Path) -> anyhow::Result<Option<EventBatch>> {
    if path.to_string_lossy() == STANDARD_INPUT {
        return Ok(None);
    }
    let named = || path.display().to_string();
    let mut file = File::open(path).with_context(named)?;
    let mut bytes = Vec::new();
    (&mut file).take(2).read_to_end(&mut bytes).with_context(named)?;
    if !is_single_object(&bytes) {
        return Ok(None);
    }
    file.take(OBJECT_BYTES_MAX).read_to_end(&mut bytes).with_context(named)?;
    let batch = EventBatch::of_single_object(&bytes).map_err(|problem| anyhow!("{}: {problem}", named()))?;
    Ok(Some(batch))
}
