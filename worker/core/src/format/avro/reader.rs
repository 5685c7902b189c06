//! The primitive types of Avro's binary encoding.

use crate::format::malformed;
use crate::reject::{Reject, RejectReason};

/// Reads bytes from their beginning on.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why something can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end too early.
    End {
        /// JSON Pointer to what was being read.
        pointer: String,
    },
    /// They are none of this schema.
    Bad {
        /// JSON Pointer to what was being read.
        pointer: String,
        /// What was expected and found.
        message: String,
    },
    /// They are of the schema that they were written with, and can't be read as what is wanted.
    Unresolved {
        /// JSON Pointer to what was being read.
        pointer: String,
        /// What was expected and found.
        message: String,
    },
}

impl Fault {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Bad { pointer: String::new(), message: message.into() }
    }

    pub(super) fn unresolved(message: impl Into<String>) -> Self {
        Self::Unresolved { pointer: String::new(), message: message.into() }
    }

    /// The same as seen from one step further out.
    pub(super) fn within(self, step: &str) -> Self {
        let step = step.replace('~', "~0").replace('/', "~1");
        match self {
            Self::End { pointer } => Self::End { pointer: format!("/{step}{pointer}") },
            Self::Bad { pointer, message } => Self::Bad { pointer: format!("/{step}{pointer}"), message },
            Self::Unresolved { pointer, message } => {
                Self::Unresolved { pointer: format!("/{step}{pointer}"), message }
            }
        }
    }

    pub(super) fn into_reject(self) -> Reject {
        let (pointer, message) = match self {
            Self::End { pointer } => (pointer, "the datum goes on beyond the end of its block".to_owned()),
            Self::Bad { pointer, message } => (pointer, message),
            Self::Unresolved { pointer, message } => {
                let (reason, keyword) = (RejectReason::SchemaViolation, "resolution".to_owned());
                return Reject { reason, pointer, keyword, message, offset: None };
            }
        };
        Reject { pointer, ..malformed(message) }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or(Fault::End { pointer: String::new() })?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| Fault::End { pointer: String::new() })
    }

    /// A `long`: zigzag, of variable length.
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Fault::bad("expected an integer of at most 10 bytes"))
    }

    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| Fault::bad(format!("expected an int of 32 bits; found {long}")))
    }

    /// A length, or a position among some.
    pub(super) fn size(&mut self) -> Result<usize, Fault> {
        let long = self.long()?;
        usize::try_from(long).map_err(|_| Fault::bad(format!("expected a length; found {long}")))
    }

    /// `bytes` and `string`: their length first.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.size()?;
        self.take(length)
    }

    /// The number of items in the next block of an array or a map; none at its end.
    pub(super) fn items(&mut self) -> Result<u64, Fault> {
        let count = self.long()?;
        if count < 0 {
            // Then the block's length in bytes stands here, for those who skip it.
            self.long()?;
        }
        Ok(count.unsigned_abs())
    }
}
