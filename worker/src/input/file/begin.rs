//! How a file begins: in which format its events are, and what stands before them.

use transect_config::InputFormat;
use transect_core::format::Format;
use transect_core::format::avro::Head;

use super::FileInput;
use crate::input::error::InputError;
use crate::input::format;
use crate::input::position::ReadState;

impl FileInput {
    /// Finds out the format; false while there is only white space.
    pub(super) fn begin(&mut self) -> Result<bool, InputError> {
        match self.written_as {
            Some(written_as @ (InputFormat::Csv | InputFormat::Avro)) => self.begin_with_head(written_as),
            None if Head::is_at(&self.rest) => self.begin_with_head(InputFormat::Avro),
            Some(InputFormat::CloudEvents) => {
                self.format = Format::CloudEvents;
                Ok(self.begin_json())
            }
            _ => Ok(self.begin_json()),
        }
    }

    fn begin_json(&mut self) -> bool {
        let bom = if self.rest.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let Some(first) = self.rest[bom..].iter().position(|byte| !byte.is_ascii_whitespace()) else {
            self.skip(self.rest.len());
            return false;
        };
        let first = bom + first;
        match self.rest[first] {
            b'[' => {
                self.skip(first + 1);
                self.position.state = ReadState::First;
            }
            // An object whose first line is a lone brace is printed over several lines.
            b'{' if alone_on_line(&self.rest[first + 1..]) => {
                self.skip(first);
                self.position.state = ReadState::Value;
            }
            _ => {
                self.skip(bom);
                self.position.state = ReadState::Line;
            }
        }
        true
    }

    /// Reads the head, in which a file may say how it is to be read; false if there is none, because the file is empty.
    fn begin_with_head(&mut self, written_as: InputFormat) -> Result<bool, InputError> {
        loop {
            let at_end = self.ended && self.trouble.is_none();
            match format::head(written_as, &self.path, &self.rest, at_end)? {
                Some((format, bytes)) => {
                    self.skip(bytes);
                    let is_avro = matches!(format, Format::Avro(_));
                    self.position.state = if is_avro { ReadState::Block } else { ReadState::Record };
                    if is_avro {
                        self.position.line = 1;
                    }
                    self.format = format;
                    return Ok(true);
                }
                None if self.ended => {
                    self.skip(self.rest.len());
                    return Ok(false);
                }
                None => self.fill(2 * self.rest.len()),
            }
        }
    }
}

/// Whether only blanks follow up to a line end.
fn alone_on_line(after: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', after);
    end.is_some_and(|end| after[..end].iter().all(u8::is_ascii_whitespace))
}
