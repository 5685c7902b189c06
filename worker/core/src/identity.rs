//! Identities and keys: 128-bit keyed hashes, so that topics hold neither ids nor keys in the clear.
//!
//! SipHash-2-4-128 under a key that is made once for a pipeline and never rotated. It is a MAC for short inputs; two
//! different inputs share a value with probability 2⁻¹²⁸, by Aumasson and Bernstein, "SipHash: a fast short-input
//! PRF" (2012).

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

/// The secret under which a pipeline's identities are hashed.
#[derive(Clone)]
pub struct PipelineKey([u8; 16]);

impl PipelineKey {
    /// A key from its bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 128-bit MAC of some bytes.
    pub fn mac(&self, bytes: &[u8]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(bytes);
        hasher.finish128().as_u128()
    }
}

impl std::fmt::Debug for PipelineKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PipelineKey(secret)")
    }
}
