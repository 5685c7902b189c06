//! How a file is written, and its head: what stands before its events and is needed to read them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use transect_config::InputFormat;
use transect_core::format::csv::{self, Scan};
use transect_core::format::{Format, avro};

use super::error::InputError;
use super::position::ReadState;
use super::progress::Progress;
use super::raw_bytes::RawBytes;

/// A head is at most so long.
const HEAD_BYTES_MAX: usize = 1024 * 1024;

/// How a file is written by its name, with or without `.gz` and `.zst`; None where only its content can tell.
pub(super) fn by_name(path: &Path) -> Option<InputFormat> {
    match extension_of(path)?.as_str() {
        "csv" | "tsv" => Some(InputFormat::Csv),
        "avro" => Some(InputFormat::Avro),
        _ => None,
    }
}

/// What stands between the cells of a CSV file.
fn delimiter(path: &Path) -> u8 {
    if extension_of(path).as_deref() == Some("tsv") { b'\t' } else { b',' }
}

/// What ends a file's name, in small letters, without that of a compression.
fn extension_of(path: &Path) -> Option<String> {
    let lower =
        |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match lower(path)?.as_str() {
        "gz" | "zst" => lower(Path::new(path.file_stem()?)),
        other => Some(other.to_owned()),
    }
}

/// The head of a file and its length in bytes, from the file's beginning; None if it goes on beyond the buffer.
pub(super) fn head(
    written_as: InputFormat,
    path: &Path,
    buffer: &[u8],
    at_end: bool,
) -> Result<Option<(Format, usize)>, InputError> {
    let found = match written_as {
        InputFormat::Csv => csv_head(path, buffer, at_end)?,
        InputFormat::Avro => {
            let failed = |problem| InputError::Head { path: path.display().to_string(), line: 1, problem };
            let found = avro::Head::parse(buffer).map_err(failed)?;
            found.map(|(head, length)| (Format::Avro(Arc::new(head)), length))
        }
        InputFormat::CloudEvents => Some((Format::CloudEvents, 0)),
        InputFormat::Json => Some((Format::Json, 0)),
    };
    if found.is_none() && buffer.len() > HEAD_BYTES_MAX {
        let path = path.display().to_string();
        let problem = format!("it is longer than {HEAD_BYTES_MAX} bytes");
        return Err(InputError::Head { path, line: 1, problem });
    }
    Ok(found)
}

/// Reads the head of a file that is read on in its middle.
pub(super) fn head_again(
    state: ReadState,
    written_as: Option<InputFormat>,
    path: &Path,
) -> Result<Format, InputError> {
    let written_as = match state {
        ReadState::Record => InputFormat::Csv,
        ReadState::Block => InputFormat::Avro,
        _ if written_as == Some(InputFormat::CloudEvents) => InputFormat::CloudEvents,
        _ => InputFormat::Json,
    };
    if matches!(written_as, InputFormat::Json | InputFormat::CloudEvents) {
        return Ok(if written_as == InputFormat::Json { Format::Json } else { Format::CloudEvents });
    }
    let failed = |source| InputError::Io { doing: "read", path: path.display().to_string(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = RawBytes::open(file, 0, Progress::default()).map_err(failed)?;
    let (mut buffer, mut at_end) = (BytesMut::new(), false);
    loop {
        if let Some((format, _)) = head(written_as, path, &buffer, at_end)? {
            return Ok(format);
        }
        if at_end {
            let problem = "its head is not whole any more".to_owned();
            return Err(InputError::Replaced { path: path.display().to_string(), problem });
        }
        let read = buffer.len();
        at_end = bytes.fill(&mut buffer, read, (2 * read).max(4096)).map_err(failed)?;
    }
}

/// The first line that is not blank; a byte order mark is passed over.
fn csv_head(path: &Path, buffer: &[u8], at_end: bool) -> Result<Option<(Format, usize)>, InputError> {
    let mut start = if buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut line = 1;
    while let Some(end) = memchr::memchr(b'\n', &buffer[start..])
        && buffer[start..start + end].trim_ascii().is_empty()
    {
        start += end + 1;
        line += 1;
    }
    let delimiter = delimiter(path);
    let length = match Scan::new(delimiter).end(&buffer[start..]) {
        Some(end) => end + 1,
        None if at_end && !buffer[start..].trim_ascii().is_empty() => buffer.len() - start,
        None => return Ok(None),
    };
    let text = &buffer[start..start + length];
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let head = csv::Head::parse(Bytes::copy_from_slice(text), delimiter).map_err(|error| {
        InputError::Head { path: path.display().to_string(), line, problem: error.to_string() }
    })?;
    Ok(Some((Format::Csv(Arc::new(head)), start + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_csv_compressed_or_not() {
        for name in ["a.csv", "a.CSV.gz", "b/a.tsv.zst"] {
            assert_eq!(by_name(Path::new(name)), Some(InputFormat::Csv), "{name}");
        }
        for name in ["a.ndjson", "csv", "csv.gz", "a.csv.bak", "a.json.gz"] {
            assert_eq!(by_name(Path::new(name)), None, "{name}");
        }
        assert_eq!(delimiter(Path::new("a.tsv.gz")), b'\t');
    }
}
