//! Which version an event is of: what it says itself, else what its source says, else the newest.

use transect_config::Pointer;

use super::Versions;
use crate::decode::{Peeked, peek_version};
use crate::reject::{Reject, RejectReason};

impl Versions {
    /// Position of an event's version in [`Versions::all`]. `stated` is the version that its source says.
    ///
    /// An event that can't be read far enough is of the stated version: decoding says what is wrong with it.
    #[inline]
    pub fn choose(&self, event: &[u8], stated: Option<u32>) -> Result<usize, Reject> {
        // Asked for each event, and mostly there is nothing to choose.
        if self.field.is_none() && stated.is_none() {
            return Ok(0);
        }
        self.choose_by(|field| peek_version(event, field), stated)
    }

    /// The same, where something else reads the field that says the version.
    pub(crate) fn choose_by(
        &self,
        read: impl FnOnce(&Pointer) -> Peeked,
        stated: Option<u32>,
    ) -> Result<usize, Reject> {
        if let Some(field) = &self.field {
            match read(field) {
                Peeked::Nothing => {}
                Peeked::Version(version) => return self.position(version, field.to_string()),
                Peeked::Other => {
                    let found = "the event's version is no integer, nor digits as text";
                    return Err(self.unknown(field.to_string(), found));
                }
            }
        }
        stated.map_or(Ok(0), |version| self.position(version, String::new()))
    }

    /// Position of a version by its number.
    fn position(&self, version: u32, pointer: String) -> Result<usize, Reject> {
        let found = self.all().iter().position(|known| known.number == version);
        found.ok_or_else(|| {
            let by = if pointer.is_empty() { "the source" } else { "the event" };
            self.unknown(pointer, &format!("{by} says {version}"))
        })
    }

    fn unknown(&self, pointer: String, found: &str) -> Reject {
        let known: Vec<String> = self.all().iter().rev().map(|version| version.number.to_string()).collect();
        Reject {
            reason: RejectReason::UnknownSchemaVersion,
            pointer,
            keyword: String::new(),
            message: format!("expected one of the schema versions {}; {found}", known.join(", ")),
            offset: None,
        }
    }
}
