//! The content of an event as a number: the sum of one keyed hash for each value, made of the value and of the names
//! that lead to it. So neither white space nor the order of members counts, nor how a number or a string is spelled.
//!
//! The hashes of text are XXH3, whose output is fixed by its specification. Seeds come from the pipeline's key, so that
//! nobody without it can make two contents collide on purpose.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::canonical::Canonical;
use super::number::Literal;
use crate::identity::PipelineKey;
use crate::plan::Plan;

/// What stands for the kind of a value. Odd numbers without a pattern (digits of the golden ratio, π, e, √2, √3, √5, √7).
const TEXT: u64 = 0x9e37_79b9_7f4a_7c15;
const NUMBER: u64 = 0x2436_3f84_a885_a309;
const DECIMAL: u64 = 0xb7e1_5162_8aed_2a6b;
const NEGATIVE: u64 = 0x6a09_e667_f3bc_c909;
const WORD: u64 = 0xbb67_ae85_84ca_a73b;
const NAME: u64 = 0x3c6e_f372_fe94_f82b;
const ITEM: u64 = 0xa54f_f53a_5f1d_36f1;

/// The seeds, and the hashes of all names that a plan knows.
pub(crate) struct ContentKey {
    root: u64,
    second: u64,
    names: Vec<u64>,
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(secret)")
    }
}

/// A value without parts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    Null,
    True,
    False,
    /// An object, whatever its members.
    Object,
    /// An array, whatever its items.
    Array,
}

/// The sum so far: 64 bits, and 64 more where they serve as an identity.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Content {
    low: u64,
    high: u64,
    wide: bool,
}

impl ContentKey {
    /// The seeds of a pipeline.
    pub(crate) fn new(plan: &Plan, key: &PipelineKey) -> Self {
        let seed = key.mac(b"transect content 1");
        let mut this = Self { root: seed as u64, second: (seed >> 64) as u64, names: Vec::new() };
        this.names = plan.property_names.iter().map(|name| this.name(name)).collect();
        this
    }

    /// The path of the event as a whole.
    pub(crate) fn root(&self) -> u64 {
        self.root
    }

    /// The hash of a name.
    #[inline]
    pub(crate) fn name(&self, name: &str) -> u64 {
        xxh3_64_with_seed(name.as_bytes(), self.root ^ NAME)
    }

    /// The hash of a property's name.
    #[inline]
    pub(crate) fn property(&self, number: usize) -> u64 {
        self.names[number]
    }
}

/// The path of a member, from that of its object and the hash of its name.
#[inline]
pub(crate) fn member(object: u64, name: u64) -> u64 {
    mix(object ^ name, NAME)
}

/// The path of an item, from that of its array.
#[inline]
pub(crate) fn item(array: u64, index: usize) -> u64 {
    mix(array ^ ITEM, (index as u64).wrapping_add(TEXT))
}

impl Content {
    /// Nothing yet; `wide` for 128 bits.
    pub(crate) fn new(wide: bool) -> Self {
        Self { wide, ..Self::default() }
    }

    /// Adds a string.
    #[inline]
    pub(crate) fn text(&mut self, key: &ContentKey, path: u64, text: &str) {
        self.low = self.low.wrapping_add(xxh3_64_with_seed(text.as_bytes(), path ^ TEXT));
        if self.wide {
            let seed = mix(path, key.second | 1);
            self.high = self.high.wrapping_add(xxh3_64_with_seed(text.as_bytes(), seed));
        }
    }

    /// Adds a number; `text` gives its literal's.
    #[inline(always)]
    pub(crate) fn number<'t>(
        &mut self,
        key: &ContentKey,
        path: u64,
        literal: &Literal,
        float: f64,
        text: impl FnOnce() -> &'t str,
    ) {
        match literal.short_bits(float) {
            Some(bits) => self.add(key, path ^ NUMBER, bits),
            None => self.number_in_full(key, path, literal, float, text()),
        }
    }

    #[cold]
    fn number_in_full(&mut self, key: &ContentKey, path: u64, literal: &Literal, float: f64, text: &str) {
        let canonical = literal.canonical(|| text);
        if canonical.is_short() {
            return self.add(key, path ^ NUMBER, (float + 0.0).to_bits());
        }
        let path = path ^ DECIMAL ^ if literal.negative { NEGATIVE } else { 0 };
        match canonical {
            Canonical::Int(int) => self.add(key, path, int),
            Canonical::Decimal(mantissa, exponent) => {
                self.add(key, path ^ mix(DECIMAL, i64::from(exponent) as u64 ^ ITEM), mantissa);
            }
            Canonical::Long(digits) => self.text(key, path, &digits),
        }
    }

    /// Adds a value without parts.
    #[inline]
    pub(crate) fn word(&mut self, key: &ContentKey, path: u64, word: Word) {
        self.add(key, path ^ WORD, word as u64);
    }

    /// Adds what another one has.
    #[inline]
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.low = self.low.wrapping_add(other.low);
        self.high = self.high.wrapping_add(other.high);
    }

    #[inline(always)]
    fn add(&mut self, key: &ContentKey, path: u64, value: u64) {
        self.low = self.low.wrapping_add(mix(path, value ^ key.second));
        if self.wide {
            self.high = self.high.wrapping_add(mix(path ^ key.second.rotate_left(32), value ^ key.root));
        }
    }

    /// The content in 64 bits.
    pub(crate) fn hash(&self) -> u64 {
        // Once more through the mixer: a sum of few terms shows them.
        mix(self.low ^ NUMBER, TEXT)
    }

    /// The content in 128 bits.
    pub(crate) fn digest(&self) -> [u8; 16] {
        (u128::from(self.low) | u128::from(self.high) << 64).to_le_bytes()
    }
}

/// Both halves of a 128-bit product, folded: the mixer of wyhash.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
