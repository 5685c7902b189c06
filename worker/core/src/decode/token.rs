//! Bytes that are expected often, compared by words.

/// Bytes to compare with those of an event.
#[derive(Debug)]
pub(crate) struct Token {
    bytes: Box<[u8]>,
    /// The first eight bytes as a word; zeros where there are fewer.
    head: u64,
    /// Ones where the head has bytes.
    mask: u64,
    /// The last eight bytes as a word, where there are more than eight.
    tail: u64,
}

const WORD: usize = 8;

impl Token {
    pub(crate) fn new(text: &str) -> Self {
        let bytes: Box<[u8]> = text.as_bytes().into();
        let (mut head, mut mask) = ([0; WORD], [0; WORD]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(&bytes) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        let tail = bytes.last_chunk().map_or(0, |tail| u64::from_le_bytes(*tail));
        Self { head: u64::from_le_bytes(head), mask: u64::from_le_bytes(mask), tail, bytes }
    }

    /// The number of bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a text starts with these bytes.
    #[inline]
    pub(crate) fn starts(&self, text: &[u8]) -> bool {
        let Some(first) = text.first_chunk::<WORD>() else { return text.starts_with(&self.bytes) };
        if (u64::from_le_bytes(*first) ^ self.head) & self.mask != 0 {
            return false;
        }
        let len = self.bytes.len();
        if len <= WORD {
            return true;
        }
        let Some(text) = text.get(..len) else { return false };
        let last = text.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
        // What is left between head and tail is compared by words too, the last of which may reach into the tail.
        let mut pairs =
            text[WORD..].as_chunks::<WORD>().0.iter().zip(self.bytes[WORD..].as_chunks::<WORD>().0);
        last == self.tail
            && pairs.all(|(found, wanted)| u64::from_le_bytes(*found) == u64::from_le_bytes(*wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn compares_tokens_of_every_length() {
        let text = "abcdefghijklmnopqrstuvwxyz";
        for len in 0..=text.len() {
            let token = Token::new(&text[..len]);
            for end in 0..=text.len() {
                assert_eq!(token.starts(&text.as_bytes()[..end]), end >= len, "{len} in {end}");
            }
            for wrong in 0..len {
                let mut other = text.as_bytes().to_vec();
                other[wrong] = b'!';
                assert!(!token.starts(&other), "{len} with another byte at {wrong}");
            }
        }
    }
}
