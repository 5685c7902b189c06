//! One file of the archive: events of one source in one format, so that what was received can be read again.

use std::io::{self, Write};

use transect_core::format::Format;
use zstd::stream::write::Encoder;

use super::sealed;
use crate::sink::SinkError;
use crate::sink::publish::{FileName, Files, Temporary};

const LEVEL: i32 = 3;

/// A file in the making.
pub(super) struct ArchiveFile {
    writer: Writer,
    format: Format,
    /// Whether what is written is sealed.
    is_sealed: bool,
    /// Number of its first event.
    first: u64,
    bytes: u64,
}

impl ArchiveFile {
    /// Creates a file in a source's folder, and writes what stands before the events.
    pub(super) fn create(
        files: &Files,
        source: &str,
        format: &Format,
        is_sealed: bool,
        first: u64,
    ) -> Result<Self, SinkError> {
        // The last event's number isn't known yet: `seal` gives the file its name.
        let file = files.create(&name(files, source, format, is_sealed, first, u64::MAX >> 1))?;
        let path = file.path().to_owned();
        let failed = |error: io::Error| SinkError::io("write", &path)(error);
        let writer = Writer::new(file, format, is_sealed).map_err(failed)?;
        let mut file = Self { writer, format: format.clone(), is_sealed, first, bytes: 0 };
        let written = match format {
            _ if is_sealed => file.write(&sealed::head()),
            Format::Csv(head) => file.write(head.line()).and_then(|()| file.write(b"\n")),
            Format::Avro(head) => file.write(head.bytes()),
            Format::Json | Format::CloudEvents => Ok(()),
        };
        written.map_err(failed)?;
        Ok(file)
    }

    /// Whether events of this format may follow in it.
    pub(super) fn takes(&self, format: &Format) -> bool {
        self.format == *format
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        match &mut self.writer {
            Writer::Zstd(encoder) => encoder.write_all(bytes),
            Writer::Plain(file) => file.write_all(bytes),
        }
    }

    /// Ends the file after the event of this number; it will be part of the next commit.
    pub(super) fn seal(self, files: &Files, source: &str, last: u64) -> Result<(), SinkError> {
        let name = name(files, source, &self.format, self.is_sealed, self.first, last);
        let file = match self.writer {
            Writer::Zstd(encoder) => encoder.finish().map_err(SinkError::io("write", name.as_ref()))?,
            Writer::Plain(file) => file,
        };
        files.seal(files.rename(file, &name)?);
        Ok(())
    }
}

/// Blocks of a container are compressed already, or sealed, and tools read it as it is.
enum Writer {
    Zstd(Encoder<'static, Temporary>),
    Plain(Temporary),
}

impl Writer {
    fn new(file: Temporary, format: &Format, is_sealed: bool) -> io::Result<Self> {
        if is_sealed || matches!(format, Format::Avro(_)) {
            return Ok(Self::Plain(file));
        }
        let mut encoder = Encoder::new(file, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Zstd(encoder))
    }
}

fn name(files: &Files, source: &str, format: &Format, is_sealed: bool, first: u64, last: u64) -> String {
    let extension = match format {
        _ if is_sealed => "sealed.avro",
        Format::Json => "ndjson.zst",
        Format::Avro(_) => "avro",
        Format::CloudEvents => "cloudevents.ndjson.zst",
        Format::Csv(head) if head.delimiter() == b'\t' => "tsv.zst",
        Format::Csv(_) => "csv.zst",
    };
    let partition = files.partition();
    format!("{source}/{}", FileName { stem: "events", partition, first, last, extension })
}
