//! The names of members that no schema names, kept while their object is open, to see that none is there twice.

use super::reader::{Reader, Text};

/// Names by their hash; those of an inner object stand on those of the outer ones.
#[derive(Debug, Default)]
pub(crate) struct Names {
    seen: Vec<(u64, Text)>,
}

impl Names {
    /// Begins an object; what is returned ends it.
    #[inline]
    pub(crate) fn begin(&self) -> usize {
        self.seen.len()
    }

    /// Notes a name.
    #[inline]
    pub(crate) fn note(&mut self, hash: u64, name: Text) {
        self.seen.push((hash, name));
    }

    /// Forgets everything.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }

    /// Ends an object; a name that was there twice, where it was the second time.
    #[inline]
    pub(crate) fn end(&mut self, begin: usize, reader: &Reader<'_>) -> Option<Text> {
        let repeated = if self.seen.len() - begin > 1 { self.repeated(begin, reader) } else { None };
        self.seen.truncate(begin);
        repeated
    }

    fn repeated(&mut self, begin: usize, reader: &Reader<'_>) -> Option<Text> {
        let seen = &mut self.seen[begin..];
        seen.sort_unstable_by_key(|(hash, name)| (*hash, name.start));
        let twice = seen.windows(2).find(|pair| match pair {
            [(a, first), (b, second)] => a == b && same(reader, *first, *second),
            _ => false,
        });
        twice.map(|pair| pair[1].1)
    }
}

/// Whether two names are the same once their escapes are undone.
fn same(reader: &Reader<'_>, a: Text, b: Text) -> bool {
    reader.value(a, &mut String::new()) == reader.value(b, &mut String::new())
}
