//! Keys, and how they seal. A pipeline has master keys, numbered; of each others are derived by HMAC-SHA-256 (RFC 2104), as
//! HKDF expands (RFC 5869). Data is sealed with AES-256-GCM-SIV (RFC 8452), which stays safe where a nonce comes twice.
//!
//! No nonce is random: the same data at the same place gives the same bytes, so that a replay changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const VERSION_BYTES: usize = 4;
/// The version of participants' keys: each is made once. It stands before what they encrypt.
const VERSION: u8 = 1;
/// Two values share a pseudonym with a probability of 2⁻¹²⁸.
const PSEUDONYM_BYTES: usize = 16;

/// The bytes of a key; wiped when they are let go.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl MasterKey {
    /// A key from its bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(secret)")
    }
}

/// Why something sealed can't be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The master key that has sealed it is not there.
    #[error("it is sealed with master key {version}, which is not in the folder of keys")]
    NoKey {
        /// Its number.
        version: u32,
    },
    /// Another key has sealed it, for another purpose, or it was changed.
    #[error("it is sealed with another key, or was changed")]
    Wrong,
}

/// The master keys of a pipeline, at least one. The newest seals, all open.
#[derive(Debug)]
pub struct KeyRing {
    newest: u32,
    keys: BTreeMap<u32, Keys>,
}

/// What is made of one master key.
struct Keys {
    pseudonyms: Hmac<Sha256>,
    sealer: Sealer,
    fingerprint: String,
}

impl KeyRing {
    /// A ring of numbered keys; None if there is none.
    pub fn new(masters: &BTreeMap<u32, MasterKey>) -> Option<Self> {
        let newest = *masters.keys().next_back()?;
        Some(Self { newest, keys: masters.iter().map(|(version, key)| (*version, Keys::of(key))).collect() })
    }

    /// The number of the newest key.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// By number of the key, what tells it from any other and tells nothing else of it.
    pub fn fingerprints(&self) -> impl Iterator<Item = (u32, &str)> {
        self.keys.iter().map(|(version, keys)| (*version, keys.fingerprint.as_str()))
    }

    /// What stands for a text: `<version>-<32 hex digits>`.
    pub fn pseudonym(&self, text: &str) -> String {
        self.keys.get(&self.newest).map(|keys| keys.pseudonym(self.newest, text)).unwrap_or_default()
    }

    /// What has stood for a text under each key.
    pub fn pseudonyms(&self, text: &str) -> Vec<String> {
        self.keys.iter().map(|(version, keys)| keys.pseudonym(*version, text)).collect()
    }

    /// Seals with the newest key, for a purpose: version, nonce, ciphertext and tag.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let mut sealed = self.newest.to_be_bytes().to_vec();
        if let Some(keys) = self.keys.get(&self.newest) {
            sealed.extend(keys.sealer.seal(purpose, plain));
        }
        sealed
    }

    /// Opens what `seal` gave for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (version, sealed) = sealed.split_first_chunk::<VERSION_BYTES>().ok_or(OpenError::Wrong)?;
        let version = u32::from_be_bytes(*version);
        let keys = self.keys.get(&version).ok_or(OpenError::NoKey { version })?;
        keys.sealer.open(purpose, sealed).ok_or(OpenError::Wrong)
    }
}

impl Keys {
    fn of(master: &MasterKey) -> Self {
        let fingerprint = derive(master.bytes(), "fingerprint");
        Self {
            pseudonyms: mac_under(&*derive(master.bytes(), "pseudonyms")),
            sealer: Sealer::new(&derive(master.bytes(), "seal")),
            fingerprint: hex::encode(&fingerprint[..8]),
        }
    }

    fn pseudonym(&self, version: u32, text: &str) -> String {
        let mac = self.pseudonyms.clone().chain_update(text).finalize().into_bytes();
        format!("{version}-{}", hex::encode(&mac[..PSEUDONYM_BYTES]))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.fingerprint)
    }
}

/// The key of one participant.
pub struct DataKey(Sealer);

impl DataKey {
    /// A key from its bytes.
    pub fn new(key: &MasterKey) -> Self {
        Self(Sealer::new(key.bytes()))
    }

    /// Seals for a purpose.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        self.0.seal(purpose, plain)
    }

    /// Encrypts the value of a field of an event, under a nonce that is made of the event's identity, the field, the key's
    /// version, and, where the field is in a list, the item's position: `<version>.<base64url>`.
    pub fn encrypt(&self, identity: u128, field: &str, item: u32, value: &str) -> String {
        let place = [&[VERSION], &identity.to_be_bytes()[..], &item.to_be_bytes(), field.as_bytes()];
        let sealed = self.0.seal_under(&self.0.nonce(&place), field, value.as_bytes());
        format!("{VERSION}.{}", BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was encrypted of a field; None if it is something else, or another key's.
    pub fn decrypt(&self, field: &str, value: &str) -> Option<String> {
        let (version, sealed) = value.split_once('.')?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok().filter(|_| version == VERSION.to_string())?;
        String::from_utf8(self.0.open(field, &sealed)?).ok()
    }

    /// Opens what was sealed for a purpose; None if it was another key's.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(purpose, sealed)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(secret)")
    }
}

/// Seals and opens: nonce, ciphertext, tag.
struct Sealer {
    cipher: Aes256GcmSiv,
    nonces: Hmac<Sha256>,
}

impl Sealer {
    fn new(key: &[u8; KEY_BYTES]) -> Self {
        let cipher = Aes256GcmSiv::new((&*derive(key, "cipher")).into());
        Self { cipher, nonces: mac_under(&*derive(key, "nonces")) }
    }

    fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        self.seal_under(&self.nonce(&[purpose.as_bytes(), &[0], plain]), purpose, plain)
    }

    fn seal_under(&self, nonce: &[u8; NONCE_BYTES], purpose: &str, plain: &[u8]) -> Vec<u8> {
        let mut sealed = nonce.to_vec();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        // It fails beyond 64 GiB only; then there is nothing that could be opened.
        sealed.extend(self.cipher.encrypt(Nonce::from_slice(nonce), payload).unwrap_or_default());
        sealed
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher.decrypt(Nonce::from_slice(nonce), Payload { msg, aad: purpose.as_bytes() }).ok()
    }

    fn nonce(&self, parts: &[&[u8]]) -> [u8; NONCE_BYTES] {
        let mut mac = self.nonces.clone();
        parts.iter().for_each(|part| mac.update(part));
        let bytes = mac.finalize().into_bytes();
        std::array::from_fn(|at| bytes[at])
    }
}

fn mac_under(key: &[u8]) -> Hmac<Sha256> {
    // Unlike a cipher, it takes a key of any length. Both traits have a `new_from_slice`.
    match <Hmac<Sha256> as Mac>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => <Hmac<Sha256> as Mac>::new(&Default::default()),
    }
}

fn derive(key: &[u8; KEY_BYTES], what: &str) -> Zeroizing<[u8; KEY_BYTES]> {
    let mac = mac_under(key).chain_update("transect/").chain_update(what).chain_update([1]);
    Zeroizing::new(mac.finalize().into_bytes().into())
}
