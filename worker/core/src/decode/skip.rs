//! The part of the pass that reads values of which the schema says nothing: strictly, but without checks.

use super::content::{self, Word};
use super::pass::{Pass, Place, Step, Stop, beyond_double};
use super::reader::Text;
use crate::reject::RejectReason;

impl Pass<'_> {
    /// Reads a value that may be anything.
    pub(crate) fn skip(&mut self, place: &Place<'_>) -> Result<(), Stop> {
        let start = self.reader.pos();
        match self.reader.peek() {
            Some(b'"') => {
                let text = self.reader.string()?;
                let value = self.reader.value(text, &mut self.work.unescaped);
                self.content.text(self.key, place.path, value);
            }
            Some(b'{') => self.skip_object(place)?,
            Some(b'[') => self.skip_array(place)?,
            Some(b'n') => {
                self.reader.word("null")?;
                self.content.word(self.key, place.path, Word::Null);
            }
            Some(b't') => {
                self.reader.word("true")?;
                self.content.word(self.key, place.path, Word::True);
            }
            Some(b'f') => {
                self.reader.word("false")?;
                self.content.word(self.key, place.path, Word::False);
            }
            _ => {
                let reader = self.reader;
                let literal = self.reader.number()?;
                let end = self.reader.pos();
                let text = || reader.slice(start, end);
                let Some(float) = literal.float(text) else { return Err(beyond_double(start)) };
                self.content.number(self.key, place.path, &literal, float, text);
            }
        }
        Ok(())
    }

    pub(crate) fn skip_object(&mut self, place: &Place<'_>) -> Result<(), Stop> {
        self.enter(place, Word::Object)?;
        let names = self.work.names.begin();
        let mut more = !self.reader.take(b'}');
        while more {
            let name = self.name()?;
            let hash = self.key.name(self.reader.value(name, &mut self.work.unescaped));
            self.work.names.note(hash, name);
            self.reader.colon()?;
            self.skip(&place.part(Step::Other(name.start - 1), content::member(place.path, hash)))?;
            more = self.reader.more(b'}')?;
        }
        self.depth -= 1;
        self.end_names(names)
    }

    pub(crate) fn skip_array(&mut self, place: &Place<'_>) -> Result<(), Stop> {
        self.enter(place, Word::Array)?;
        let mut more = !self.reader.take(b']');
        let mut index = 0;
        while more {
            self.skip(&place.part(Step::Item(index), content::item(place.path, index)))?;
            index += 1;
            more = self.reader.more(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Ends the list of an object's names.
    pub(crate) fn end_names(&mut self, begin: usize) -> Result<(), Stop> {
        match self.work.names.end(begin, &self.reader) {
            Some(name) => Err(self.repeated(name)),
            None => Ok(()),
        }
    }

    /// A member that an object has twice.
    #[cold]
    pub(crate) fn repeated(&self, name: Text) -> Stop {
        let shown = super::violation::cut(self.reader.raw(name));
        let message = format!("expected each member once, found `{shown}` twice in one object");
        Stop::new(RejectReason::Malformed, name.start - 1, message)
    }
}
